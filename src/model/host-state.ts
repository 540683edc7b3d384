/**
 * Whether a compute host can be asked. `unreachable` is an opinion: libvirt does not answer, which says nothing of the servers there.
 * `gone` is a fact: what the switch sees says the same. Times are monotonic ms.
 */
export interface HostState {
  readonly state: "up" | "unreachable" | "gone";
  readonly why: string | null;
  readonly sinceMs: number;
}

/** The link of one switch port, as whoever spoke last says. */
export interface LinkSeen {
  /** null: nobody has said anything of it. */
  readonly isUp: boolean | null;
  /** When it was last lost; null: not since this daemon looks. */
  readonly lostMs: number | null;
}
