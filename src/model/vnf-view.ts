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
  /** It is of no NS that anybody knows. */
  readonly isSole: boolean;
  readonly isInstantiated: boolean;
  /** Where it is, and what the VIM is called here. */
  readonly vims: readonly { readonly id: VimAccountId; readonly name: string; readonly url: string }[];
  readonly vnfcViews: readonly VnfcView[];
  /** Its scaling aspects: the level that it is meant to be at, and the highest. */
  readonly aspects: readonly { readonly id: string; readonly level: number; readonly max: number }[];
  /** Ids of the deployment flavours of its VNFD; none: it has one, or its form has none. */
  readonly flavours: readonly string[];
}

/** An NS as ETSI's interfaces show it. */
export interface NsInstanceView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** The id in the NSD, and the record of it. */
  readonly nsdId: string;
  readonly nsdInfoId: string;
  /** Of the NSD. */
  readonly flavourId: string;
  readonly isInstantiated: boolean;
  readonly vnfs: readonly VnfView[];
  /** The level that each of its own scaling aspects is at; one that is between levels is left out. */
  readonly scaleStatus: readonly { readonly aspect: string; readonly level: string }[];
  /** Nets of the VIM that it is on, by name. */
  readonly links: readonly { readonly net: string; readonly vimAccountId: VimAccountId }[];
  /** Of its VNFs. */
  readonly snapshotIds?: readonly string[];
  readonly modifiedAt: string;
}

/** What clients reach a VNF by: a connection point of one VNFC, or those that twins share, by the id that it has there. */
export interface ExternalCp {
  readonly id: string;
  readonly cps: readonly (VnfcCpView & { readonly vnfc: VnfcView })[];
}

export const vipIdOf = (vdu: string, cpd: string): string => `vip-${vdu}-${cpd}`;
export const externalIdOf = (id: string): string => `ext-${id}`;

/** All of a VNF. */
export function externalCpsOf({ vnfcViews }: Pick<VnfView, "vnfcViews">): ExternalCp[] {
  const all = vnfcViews.flatMap((vnfc) => vnfc.cps.map((cp) => ({ ...cp, vnfc })));
  const byId = Map.groupBy(all, (cp) => (cp.isService ? vipIdOf(cp.vnfc.vdu, cp.cpd) : cp.id));
  return [...byId].map(([id, cps]) => ({ id: externalIdOf(id), cps }));
}
