import type { GuestHeartbeatPolicy, ProbePolicy, TrafficPolicy } from "./armed.ts";
import type { Source } from "./evidence.ts";
import type { GroupId, NetId, NsId, VimAccountId, VimPortId, VnfcId } from "./ids.ts";

/**
 * ETSI NFV-MAN 001 `vdu:high_availability` (leaf 0..1). ACTIVE_ACTIVE: every member serves traffic of its own and takes over
 * the other's. ACTIVE_PASSIVE: one member serves all, the others wait. DUPLICATED is ours: both members serve every traffic net at the
 * same time (1+1 with a permanent bridge, G.8031), and whoever receives drops what comes twice; `servedBy` is the one that counts.
 */
export type Scheme = "ACTIVE_ACTIVE" | "ACTIVE_PASSIVE" | "DUPLICATED" | "N_PLUS_M";

/** `hot`: it runs, and may be given traffic at any moment. `warm`: a spare that was booted, has answered, and is paused until it is needed. */
export type Standby = "hot" | "warm";

/** Where a warm spare is. Only one that we have paused ourselves rests. */
export type Rest = "awake" | "goingToRest" | "resting";

export interface Member {
  readonly vnfcId: VnfcId;
  readonly name: string;
  readonly vimAccountId: VimAccountId;
  /** The net its service connection point is on: what a traffic net is bound to when this member serves it. */
  readonly dataNet: NetId;
  /** How many traffic nets it may carry, those of other groups included (a spare of an N+M pool); null: any number. */
  readonly capacity: number | null;
  readonly standby: Standby;
  /** Where it is reached, if it is in another VIM than the one its traffic enters; left out: it is in that one. */
  readonly away?: MemberAway;
  /** It is to be taken away (its VNF is scaled in), or to begin anew (it is reverted to a snapshot): what it serves is given to others, and nothing is led to it. */
  readonly isLeaving?: true;
}

/** A member in another VIM: `dataNet` is then the net of the way to it, in the VIM where its traffic enters. */
export interface MemberAway {
  /** The net its service connection point is on, in its own VIM. */
  readonly homeNet: NetId;
  /** The outside ports of the way, here and there. */
  readonly ports: readonly VimPortId[];
}

export interface TrafficNet {
  readonly netId: NetId;
  readonly name: string;
  /** Who serves it when nothing is wrong. */
  readonly normal: VnfcId;
  /** Who that was before its VNF was scaled, and may serve it still; left out: it was nobody else. */
  readonly formerly?: VnfcId;
}

/** Linear protection in the words of ITU-T G.8031. */
export interface ProtectionPolicy {
  /** Return to the normal member when it is up again. */
  readonly revertive: boolean;
  /** How long a failure must last before it is acted on, ms (G.8031 11.13 "hold-off timer"). */
  readonly holdOffMs: number;
  /** How long a member must have been up before traffic returns to it, ms (G.8031 11.14 "wait-to-restore timer"). */
  readonly waitToRestoreMs: number;
  /** How its members are asked in-band whether they live; null: not at all. */
  readonly probe: ProbePolicy | null;
  /** How the agents inside its members' guests are asked; null: not at all. */
  readonly guestHeartbeat: GuestHeartbeatPolicy | null;
  /** Whether packets that go in while none comes out speak against a member; null: they do not. */
  readonly traffic: TrafficPolicy | null;
}

export interface ProtectionGroup {
  readonly id: GroupId;
  readonly nsId: NsId;
  readonly name: string;
  readonly scheme: Scheme;
  readonly members: readonly Member[];
  readonly trafficNets: readonly TrafficNet[];
  readonly policy: ProtectionPolicy;
  /** The VIM whose switch its traffic enters, and which binds it; left out: the one of its members. */
  readonly enters?: VimAccountId;
}

/**
 * Three values, never two. `unknown` is what silence gives; nothing fails over on it. `sinceMs` is monotonic.
 */
export type Health =
  | { readonly state: "up"; readonly sinceMs: number }
  | { readonly state: "down"; readonly sinceMs: number; readonly seenBy: readonly Source[]; readonly why: string }
  | { readonly state: "unknown"; readonly sinceMs: number; readonly why: string };

/**
 * What an operator may ask of a group, in the order of precedence of ITU-T G.8031 (table 11-1). Signal fail stands between
 * `force` and `manual`; wait-to-restore below `exercise`. `clear` ends a command, and a wait-to-restore with it.
 */
export type CommandKind = "lockout" | "force" | "manual" | "exercise" | "clear";

export interface ProtectionCommand {
  readonly kind: CommandKind;
  /** Where `force` and `manual` lead traffic; null for the others. */
  readonly to: VnfcId | null;
  /** The traffic nets it is about; null: all of the group. */
  readonly trafficNets: readonly NetId[] | null;
}

/** A command as it was given. Times are of the wall clock, for people. */
export interface GivenCommand extends ProtectionCommand {
  readonly id: string;
  readonly groupId: GroupId;
  readonly givenAt: string;
  /** Who gave it, in words. */
  readonly givenBy: string;
}

/** Lead a traffic net to a member. */
export interface Move {
  readonly trafficNet: NetId;
  readonly from: VnfcId | null;
  readonly to: VnfcId;
  readonly kind: "failover" | "failback" | "command";
}

/** How a command stands. `overridden`: something of higher precedence speaks; it comes back when that is over. `ended`: it does not. */
export interface CommandState {
  readonly state: "active" | "overridden" | "ended";
  readonly because: string;
}

/** What to do and why; `because` is never empty, also when there is nothing to do. */
export interface Decision {
  readonly moves: readonly Move[];
  /** Members that are down and should be started again. */
  readonly heal: readonly VnfcId[];
  /** Warm spares that are to be resumed at once, and those that are to be put to rest. */
  readonly wake: readonly VnfcId[];
  readonly rest: readonly VnfcId[];
  /** Traffic nets that no member known to be up can serve. */
  readonly unprotected: readonly NetId[];
  readonly because: readonly string[];
  /** How the operator's command stands; null where there is none. */
  readonly command: CommandState | null;
  /** Monotonic ms of the moment at which time alone would change this answer; null when it would not. */
  readonly againAt: number | null;
}
