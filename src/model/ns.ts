import type { NetId, NsdId, NsId, ServerId, VimAccountId, VnfcId } from "./ids.ts";
import type { Scheme } from "./protection.ts";

/** A VIM the MANO may use, and as which tenant. */
export interface VimAccount {
  readonly id: VimAccountId;
  readonly name: string;
  readonly url: string;
  readonly adminUrl: string;
  /** Name or id of the tenant in that VIM. */
  readonly tenant: string;
}

/** SOL005 6.5.2.8 `nsState`, with the ways between the two written out and FAILED, which says why in `detail`. */
export type NsState = "NOT_INSTANTIATED" | "INSTANTIATING" | "INSTANTIATED" | "TERMINATING" | "FAILED";

export interface Ns {
  readonly id: NsId;
  readonly name: string;
  readonly nsdId: NsdId;
  readonly vimAccountId: VimAccountId;
  readonly state: NsState;
  /** What it waits for, or why it failed. */
  readonly detail: string | null;
  readonly createdAt: string;
  readonly modifiedAt: string;
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
  readonly highAvailability: Scheme | null;
  readonly replicated: VnfcId | null;
  readonly serviceInterface: string | null;
  readonly status: VnfcStatus;
  readonly previousStatus: VnfcStatus | null;
  readonly errorMsg: string | null;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** Who serves a traffic net: `vnfcId` null means nobody. */
export interface Serving {
  readonly netId: NetId;
  readonly vnfcId: VnfcId | null;
  /** Wall-clock time of the last change that is known. */
  readonly since: string;
}
