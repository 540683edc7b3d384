import type { GroupId, NsdId, NsId, ServerId, VimAccountId, VnfcId } from "./ids.ts";
import type { Occurrence } from "./occurrence.ts";
import type { Health, Member, ProtectionPolicy, Scheme, TrafficNet } from "./protection.ts";
import type { Stitch } from "./stitch.ts";
import type { MadeFrom } from "./vnf-snapshot.ts";

/** A VIM the MANO may use, and as which tenant. */
export interface VimAccount {
  readonly id: VimAccountId;
  readonly name: string;
  readonly url: string;
  readonly adminUrl: string;
  /** Name or id of the tenant in that VIM. */
  readonly tenant: string;
  /** What it takes to be let in there; left out: nothing. */
  readonly access?: VimAccess;
}

/** Paths of files: secrets stand in no settings and in no store. */
export interface VimAccess {
  readonly tokenFile: string | null;
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** SOL005 6.5.2.8 `nsState`, with the ways between the two written out and FAILED, which says why in `detail`. */
export type NsState = "NOT_INSTANTIATED" | "INSTANTIATING" | "INSTANTIATED" | "TERMINATING" | "FAILED";

export interface Ns {
  readonly id: NsId;
  readonly name: string;
  readonly description: string;
  /** Of a sole VNF the record of its VNFD. */
  readonly nsdId: NsdId;
  /** Where its traffic enters, and all of it is but what `vimAccounts` says. */
  readonly vimAccountId: VimAccountId;
  /** VNFC → VIM account, of those that are in another one. */
  readonly vimAccounts: Readonly<Record<string, VimAccountId>>;
  readonly state: NsState;
  /** What it waits for, or why it failed. */
  readonly detail: string | null;
  readonly createdAt: string;
  readonly modifiedAt: string;
  /** The VNF that it is nothing but the life cycle of: SOL003 knows that VNF, and SOL005 no such NS. Left out: an NS that somebody made. */
  readonly soleVnf?: string;
}

/** States of `instance_vms.status` (dissertation, Tabela 3). Not health: health is judged from evidence. */
export type VnfcStatus =
  | "ACTIVE:NoMgmtIP"
  | "ACTIVE"
  | "INACTIVE"
  | "BUILD"
  | "ERROR"
  | "VIM_ERROR"
  | "PAUSED"
  | "SUSPENDED"
  | "DELETED";

/** One VNFC as the MANO keeps it: the row of the dissertation's `instance_vms` with its three added columns. */
export interface Vnfc {
  readonly id: VnfcId;
  readonly nsId: NsId;
  /** Its name in the descriptor. */
  readonly name: string;
  readonly vdu: string;
  /** Its name in the VIM, `<ns>-<vnfc>`. */
  readonly serverName: string;
  /** Chosen before the VIM is asked, so that asking twice makes one server. */
  readonly vimServerId: ServerId;
  readonly vimAccountId: VimAccountId;
  readonly highAvailability: Scheme | null;
  readonly replicated: VnfcId | null;
  readonly serviceInterface: string | null;
  readonly status: VnfcStatus;
  readonly previousStatus: VnfcStatus | null;
  readonly errorMsg: string | null;
  /** A warm spare that we have paused ourselves, or are about to: since when. Null: it is not meant to rest. */
  readonly restsSince: string | null;
  /** Left out: it is made from its VNFD's image. */
  readonly madeFrom?: MadeFrom;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** A protection group as it runs. */
export interface RunningGroup {
  readonly id: GroupId;
  readonly name: string;
  readonly scheme: Scheme;
  readonly policy: ProtectionPolicy;
  readonly members: readonly Member[];
  /** `servedBy` null: nobody, or not known yet; `since`: wall-clock time of the last change that is known. */
  readonly trafficNets: readonly (TrafficNet & { readonly servedBy: VnfcId | null; readonly since: string | null })[];
}

/** An NS with all that is known of it. `health` is null for a VNFC that is in no protection group. */
export interface NsView extends Ns {
  readonly vnfcs: readonly (Vnfc & { readonly health: Health | null })[];
  /** What joins its parts where they are in several VIMs. */
  readonly stitches: readonly Stitch[];
  readonly protectionGroups: readonly RunningGroup[];
  /** The life cycle operation that was asked for and is not at its end; null: none. */
  readonly underWay: Pick<Occurrence, "id" | "operation" | "state" | "warnings" | "error"> | null;
}

/** A VIM account and whether the VIM answers. */
export interface VimAccountView extends VimAccount {
  readonly reachable: boolean;
  /** Its event stream is open; always false in the mode that polls. */
  readonly streaming: boolean;
  readonly why: string | null;
}
