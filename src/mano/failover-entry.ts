import type { StartedMove } from "../act/binds.ts";
import type { Fired } from "../model/armed.ts";
import type { NetId, VnfcId } from "../model/ids.ts";
import type { Failover, FailoverTimes } from "../model/mano-event.ts";
import type { Decision, Move, ProtectionGroup } from "../model/protection.ts";
import type { Guard } from "./guard.ts";

/** How far the moves of an open record are: what the VIM has answered for each net. */
export type Progress = "sent" | "confirmed" | "pending" | "failed";

/** A record in the book, with what is not written of it. */
export interface Entry {
  failover: Failover;
  openedMs: number;
  /** The member it is about has been up since: what fails next is another fault. */
  isOver: boolean;
  readonly progress: Map<NetId, Progress>;
  /** Nets that the VIM moved by an armed plan: its times count, not those of our request for the same. */
  readonly byVim: Set<NetId>;
  /** The switch refused what the VIM had carried out: the fault is not over before its member is up or traffic is led. */
  wasRefused: boolean;
  /** When the last answer came; only an inventory begun later reads the bind back. */
  answeredMs: number;
}

/** When a decision came about, monotonic ms. */
export interface Reached {
  readonly told: number | null;
  readonly decided: number;
}

/** How long before the VIM we may decide on the same fault, by the timer of a hold-off, ms. */
const EARLIER_MS = 500;
/** How long after it: the switch had refused, or nothing came through. */
const LATER_MS = 30_000;

/** A record of the member's fault: whether an armed plan that was carried out, of which may be heard at any time later, was for the same. */
export function isFaultOf({ mode, times: { decided } }: Failover, { firedAt }: Fired): boolean {
  if (mode === "armed" || decided === null) return decided === firedAt;
  return decided >= firedAt - EARLIER_MS && (mode === "restart" || decided <= firedAt + LATER_MS);
}

/** The member a move is about: who went down, who came back, or whom a command gave traffic. */
export function aboutOf(group: ProtectionGroup, move: Move): VnfcId {
  if (move.kind !== "failover") return move.to;
  return move.from ?? group.trafficNets.find((n) => n.netId === move.trafficNet)?.normal ?? move.to;
}

export const keyOf = (groupId: string, kind: string, about: string): string => `${groupId} ${kind} ${about}`;

/** Of several moves the last one counts: the fault is over when all traffic flows. */
export const laterOf = (
  times: FailoverTimes,
  at: { readonly onWire: number | null; readonly barrier: number | null },
): FailoverTimes => ({
  ...times,
  onWire: later(times.onWire, at.onWire),
  barrier: later(times.barrier, at.barrier),
});

const later = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

export function byAbout(group: ProtectionGroup, started: readonly StartedMove[]): Map<VnfcId, StartedMove[]> {
  return Map.groupBy(started, (s) => aboutOf(group, s.move));
}

/** Traffic is not led as the record wanted, nothing is on its way, and the decision of now does not want it either. */
export function isOvertaken(guard: Guard, failover: Failover, decision: Decision): boolean {
  return failover.moves.every(
    (m) =>
      guard.servedBy(m.trafficNet) === m.to ||
      (!guard.isMoving(m.trafficNet) && !decision.moves.some((d) => d.trafficNet === m.trafficNet && d.to === m.to)),
  );
}

/** One carrying out of an armed plan. */
export const fireOf = (groupId: string, failed: string, firedAt: number | null): string => `${groupId} ${failed} ${firedAt}`;

/** Taken back for a refusal, and the member it is about is not up again: the same fault will be acted on once more. */
export const isStillDue = (guard: Guard, { wasRefused, failover }: Entry) =>
  wasRefused && guard.memberOf(failover.about)?.health.state !== "up";

export const isUnconfirmed = (progress: Progress | undefined) => progress === "pending" || progress === "failed";
