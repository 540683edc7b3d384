import type { VimAccountId, VnfcId } from "./ids.ts";

/** What several members failed of together. */
export interface IncidentCause {
  readonly kind: "host" | "storage" | "switch";
  readonly vimAccountId: VimAccountId;
  /** The host's id; `switch`, since a VIM leads one; the storage's name, behind its host's id where it is that host's. */
  readonly resourceId: string;
  /** In words of an operator. */
  readonly name: string;
}

/** One cause and all that failed of it: its root alarm, the members, and their failover records, which name it by its id. */
export interface Incident {
  readonly id: string;
  readonly cause: IncidentCause;
  readonly alarmId: string | null;
  /** `closed`: the cause is over, and so is each of its failovers. */
  readonly state: "open" | "closed";
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly members: readonly VnfcId[];
  /** Ids of failover records; a member that served nothing has none. */
  readonly failovers: readonly string[];
}
