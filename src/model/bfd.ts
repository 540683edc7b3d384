/** What BFD (RFC 5880) on a switch port is asked for. The slower of what both ends ask for counts, each way by itself. */
export interface BfdTimers {
  readonly minTxMs: number;
  readonly minRxMs: number;
  /** So many intervals without a packet end the session. */
  readonly detectMult: number;
}

/** What the switch says of a session of its own (`bfd_status` of Open vSwitch). */
export interface BfdStatus {
  readonly state: string;
  readonly remoteState: string;
  /** Packets may take this link: the session is up and neither end says that its path beyond is down. */
  readonly isForwarding: boolean;
  readonly diagnostic: string;
  readonly remoteDiagnostic: string;
  /** How often it began or ceased to forward since the switch runs it; 0: its peer was never heard. */
  readonly flapCount: number;
}

/** What a session means for the link it runs on. */
export interface BfdWord {
  /** null: it says nothing of the link. */
  readonly says: "linkUp" | "linkDown" | null;
  /** A loss would be found as fast as the timers promise. */
  readonly isProtecting: boolean;
  /** Why it is not, or why the link is down; null where all is well. */
  readonly why: string | null;
}

/** BFD on a port: what is asked for, what the switch says, and whether that protects. */
export interface BfdView extends Omit<BfdWord, "says"> {
  readonly timers: BfdTimers;
  readonly status: BfdStatus | null;
}

/** BFD in the tunnels that lead to the switch of a port's host: whether they would find the loss of that host in time. */
export interface TunnelBfdView extends Omit<BfdWord, "says"> {
  readonly timers: BfdTimers;
}
