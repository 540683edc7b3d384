import type { ServerId, VimAccountId, VnfcId } from "./ids.ts";
import type { VnfInstance } from "./occurrence.ts";

/** A connection point of one VNFC: `id` is unique in its VNF. */
export interface VnfcCpView {
  readonly id: string;
  readonly cpd: string;
  /** The VIM's net that it is on, by name. */
  readonly net: string;
  readonly ip: string | null;
  /** The service is reached through it: twins share its address. */
  readonly isService: boolean;
}

export interface VnfcView {
  readonly id: VnfcId;
  readonly name: string;
  readonly vdu: string;
  readonly vimAccountId: VimAccountId;
  readonly serverId: ServerId;
  readonly serverName: string;
  readonly cps: readonly VnfcCpView[];
}

/** A VNF with all that is known of it. */
export interface VnfView extends VnfInstance {
  readonly nsName: string;
  readonly isInstantiated: boolean;
  /** Where it is, and what the VIM is called here. */
  readonly vims: readonly { readonly id: VimAccountId; readonly name: string; readonly url: string }[];
  readonly vnfcViews: readonly VnfcView[];
}

/** An NS as ETSI's interfaces show it. */
export interface NsInstanceView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The id in the NSD, and the record of it. */
  readonly nsdId: string;
  readonly nsdInfoId: string;
  readonly isInstantiated: boolean;
  readonly vnfs: readonly VnfView[];
  /** Nets of the VIM that it is on, by name. */
  readonly links: readonly { readonly net: string; readonly vimAccountId: VimAccountId }[];
  readonly modifiedAt: string;
}
