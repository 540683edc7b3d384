import type { GroupId, NetId, ServerId, VnfcId } from "./ids.ts";

/**
 * What the MANO has decided beforehand and laid into a VIM: which binds move when a member fails, and how its members are
 * probed. The VIM carries it out without a round trip; the decision stays the MANO's.
 */
export interface ArmedProtection {
  /** The protection group's id. */
  readonly id: GroupId;
  readonly name: string;
  /** Grows with every change; a plan fires once per revision. A lower one is refused: it is an older leader's. */
  readonly revision: number;
  /** How long a failure must last before a plan fires, ms. */
  readonly holdOffMs: number;
  readonly members: readonly ArmedMember[];
  /** At most one for each member; none: nothing is moved when that member fails. */
  readonly plans: readonly ArmedPlan[];
  /** How members are asked in-band whether they live; null: not at all. */
  readonly probe: ProbePolicy | null;
  /** How often the agents inside the members' guests are asked; null: they are not. */
  readonly guestHeartbeat: GuestHeartbeatPolicy | null;
  /** Whether and how port counters tell that a member serves nobody any more; null: they do not. */
  readonly traffic: TrafficPolicy | null;
}

export interface ArmedMember {
  readonly id: VnfcId;
  readonly name: string;
  /** Null: it is in another VIM, and reached over the outside ports of its data net, as of a link between the two. */
  readonly serverId: ServerId | null;
  /** The net of its service link port in this VIM, or of the way to it. */
  readonly dataNet: NetId;
  /** How many traffic nets may be led to it, by whichever protection or bind; null: any number. */
  readonly capacity: number | null;
}

export interface ArmedPlan {
  readonly failed: VnfcId;
  readonly moves: readonly ArmedMove[];
  /** The decision's reasons, for the record. */
  readonly because: readonly string[];
}

export interface ArmedMove {
  readonly trafficNet: NetId;
  readonly to: VnfcId;
  /** Where it goes instead, the best first, if `to` cannot take it by then: it has failed too, or others have filled it. */
  readonly orElse: readonly VnfcId[];
}

/** An in-band probe (docs/decisions): a member is silent when `misses` of the last `of` requests were not answered within one interval. */
export interface ProbePolicy {
  /** 10 to 1,000 ms. */
  readonly intervalMs: number;
  readonly misses: number;
  readonly of: number;
  /** ICMP echo (RFC 792) to the service address beside ARP; a member must answer both. */
  readonly icmp: boolean;
  /** A datagram to this UDP port of the service address, which any datagram from that port answers; null: none. */
  readonly udpPort: number | null;
  /** A connection to this TCP port of the service address, which is accepted and ended at once, before any application sees it; null: none. */
  readonly tcpPort: number | null;
  /** An address of the members' own subnet that nobody else has: all probes but ARP come from it. They are not asked without one. */
  readonly sourceIp: string | null;
}

/**
 * The agent in a member's guest is asked over the hypervisor's own channel, past its networks: it is silent when `misses` of the last `of`
 * requests were not answered within one interval, or were refused. Counted from its first answer on.
 */
export interface GuestHeartbeatPolicy {
  /** 100 to 10,000 ms. */
  readonly intervalMs: number;
  readonly misses: number;
  readonly of: number;
}

/** A member is silent when for so long packets go to its service port and none comes from it: for a service that answers what it gets. */
export interface TrafficPolicy {
  /** 200 to 60,000 ms. */
  readonly silentMs: number;
}

/** A plan was carried out. Times are monotonic ms of the VIM's machine; `barrierAt` null: the switch has not confirmed (yet). */
export interface Fired {
  readonly protectionId: GroupId;
  readonly revision: number;
  readonly failed: VnfcId;
  /** As they were made. */
  readonly moves: readonly Pick<ArmedMove, "trafficNet" | "to">[];
  readonly because: readonly string[];
  readonly firedAt: number;
  readonly onWireAt: number | null;
  readonly barrierAt: number | null;
}

/** That a plan was carried out, as the VIM keeps it: the last time for each member. */
export interface PlanFired {
  readonly failed: VnfcId;
  readonly revision: number;
  /** ISO 8601 of the wall clock, for people. */
  readonly at: string;
}

/** A protection as the VIM keeps it. */
export interface KeptProtection extends ArmedProtection {
  readonly fired: readonly PlanFired[];
}

/** A protection as the VIM shows it. */
export interface ProtectionView extends ArmedProtection {
  readonly members: readonly (ArmedMember & { readonly fenced: boolean })[];
  readonly plans: readonly PlanView[];
}

export interface PlanView extends ArmedPlan {
  /** `fired`: in this revision. */
  readonly state: "armed" | "fired";
  /** Whether it would move everything, something or nothing if the member failed now. */
  readonly ready: "all" | "part" | "none";
  /** The same in words, with what stands in the way. */
  readonly readiness: string;
  readonly lastFired: PlanFired | null;
}
