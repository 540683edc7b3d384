import { lastResort, type SilentMember } from "../decide/last-resort.ts";
import { fenceableFrom } from "../decide/opinion.ts";
import { isBackBehindFence, judge } from "../detect/judge.ts";
import { silencesOfWay } from "../detect/way.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Source } from "../model/evidence.ts";
import type { VimAccountId, VnfcId } from "../model/ids.ts";
import type { VimConnector } from "../vimconn/connector.ts";
import { type Guard, type GuardedMember, isFenced, isOutOfSight, silentBy, UNKNOWN_ALARM_MS, unansweredSince } from "./guard.ts";

/** The VIM fences a silent member by its armed plan, after one run of misses. Where it has not after this many, it is told to. */
const RUNS_OF_MISSES = 4;
/** The same for one that packets go to and none comes from, which was looked at for as long as its policy says before it was told. */
const TRAFFIC_PATIENCE_MS = 1_000;
/** Between two requests for the same member. */
const AGAIN_AFTER_MS = 2_000;
/** The same where the VIM did not do it: by its own clock the one to take over may be a moment short of having proven himself. */
const REFUSED_REST_MS = 500;
/** Why a timer ends before its time. Without a reason of its own each end would make an error with its stack. */
const LOOKED_AT = Symbol("looked at before");

export interface FenceParts {
  readonly clock: Clock;
  readonly log: Log;
  connectorOf(vim: VimAccountId): VimConnector;
  /** Sources for whose opinions nobody is to be fenced now, and why: what they see points at ourselves. */
  suspended(guard: Guard): ReadonlyMap<Source, string>;
  /** Healing it was given up. */
  isGivenUp(vnfcId: VnfcId): boolean;
  /** A heal of it has begun and not ended: it has its new life, and its first answer is waited for. */
  isBeingHealed(vnfcId: VnfcId): boolean;
}

/**
 * An unknown that is held too long is fenced, by command: silence alone never moves traffic, but a member that answers nothing and is
 * not replaced serves nobody. Only where each traffic net it serves would go to somebody who has proven himself, or, when the silence has
 * lasted, who is up (decide/opinion.ts): a fence is for replacing. Where nobody is up, one of those that answer nothing is given a new life, or one that was closed for an opinion and
 * answers again is opened (decide/last-resort.ts).
 */
export class Fences {
  readonly #parts: FenceParts;
  readonly #clock: Clock;
  readonly #notBeforeMs = new Map<VnfcId, number>();
  readonly #timers = new Map<Guard, AbortController>();
  readonly #stopped = new AbortController();
  readonly #gone = new WeakSet<Guard>();

  constructor(parts: FenceParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
  }

  /** After each decision: fences who is due, and looks again when the next one is. */
  look(guard: Guard): void {
    this.#timers.get(guard)?.abort(LOOKED_AT);
    this.#timers.delete(guard);
    if (this.#stopped.signal.aborted || this.#gone.has(guard)) return;
    const now = this.#clock.now();
    for (const of of guard.members) if (mayOpen(of)) this.#open(guard, of, now);
    const due = guard.members.map((of) => ({ of, atMs: this.#dueAt(guard, of, now) }));
    for (const { of, atMs } of due)
      if (atMs <= now) this.#fence(guard, of, "it does not answer and nobody has fenced it", "unlessLast");
    const lastAt = this.#lookAtAll(guard, now);
    const next = Math.min(...due.map((d) => d.atMs).filter((atMs) => atMs > now), lastAt);
    if (Number.isFinite(next)) this.#lookIn(guard, next - now);
  }

  /** Of a group that is no more: an answer that is under way begins nothing again. */
  forget(guard: Guard): void {
    this.#gone.add(guard);
    this.#timers.get(guard)?.abort(LOOKED_AT);
    this.#timers.delete(guard);
    for (const { member } of guard.members) this.#notBeforeMs.delete(member.vnfcId);
  }

  stop(): void {
    this.#stopped.abort();
    for (const timer of this.#timers.values()) timer.abort(LOOKED_AT);
  }

  #open(guard: Guard, { member }: GuardedMember, now: number): void {
    if ((this.#notBeforeMs.get(member.vnfcId) ?? 0) > now) return;
    this.#notBeforeMs.set(member.vnfcId, now + AGAIN_AFTER_MS);
    this.#parts
      .connectorOf(guard.vim)
      .liftFence(guard.group.id, member.vnfcId, this.#stopped.signal)
      .catch((err: unknown) => {
        if (!this.#stopped.signal.aborted)
          this.#parts.log.warn({ err, member: member.name }, "the way to it could not be opened; the next pass looks again");
      });
  }

  /** Where nobody is up. Gives when to look again. */
  #lookAtAll(guard: Guard, now: number): number {
    const said = lastResort(
      guard.members.map((of) => silentMemberOf(guard, of, this.#silentBy(guard, of), this.#parts)),
      now,
    );
    if (said.do === "wait") return said.untilMs;
    const of = said.do === "nothing" ? undefined : guard.memberOf(said.vnfcId);
    if (of === undefined) return Number.POSITIVE_INFINITY;
    const notBeforeMs = this.#notBeforeMs.get(of.member.vnfcId) ?? 0;
    if (notBeforeMs > now) return notBeforeMs;
    if (said.do === "fence") this.#fence(guard, of, said.because, "always");
    else {
      this.#parts.log.warn({ member: of.member.name, why: said.because }, "asking the VIM to open the port of a member again");
      this.#open(guard, of, now);
    }
    return now + AGAIN_AFTER_MS;
  }

  /** What sources say that count now; of the others the next pass hears again. */
  #silentBy(guard: Guard, of: GuardedMember): Silences {
    const suspended = this.#parts.suspended(guard);
    return silentBy(of).filter((s) => !suspended.has(s.source));
  }

  #dueAt(guard: Guard, of: GuardedMember, now: number): number {
    if (of.health.state !== "unknown" || isFenced(of)) return Number.POSITIVE_INFINITY;
    const silences = this.#silentBy(guard, of);
    const tooLongAt = Math.min(silentTooLongAt(guard, of, silences), this.#unansweredTooLongAt(guard, of));
    if (tooLongAt === Number.POSITIVE_INFINITY) return tooLongAt;
    return Math.max(tooLongAt, this.#notBeforeMs.get(of.member.vnfcId) ?? 0, replaceableFrom(guard, of, now, silences));
  }

  /** It has not answered since its life or its link began, so nobody probes it: while it serves, no longer than a guest's boot explains. */
  #unansweredTooLongAt(guard: Guard, of: GuardedMember): number {
    const isServing = guard.group.trafficNets.some((n) => guard.servedBy(n.netId) === of.member.vnfcId);
    const isHeard = !this.#parts.suspended(guard).has("probe"); // Its first answer would come the same way.
    const sinceMs = unansweredSince(of);
    return isServing && isHeard && sinceMs !== null ? sinceMs + UNKNOWN_ALARM_MS : Number.POSITIVE_INFINITY;
  }

  #lookIn(guard: Guard, ms: number): void {
    const ended = new AbortController();
    this.#timers.set(guard, ended);
    this.#clock.sleep(ms, ended.signal).then(
      () => this.look(guard),
      () => {}, // Looked at again before, or stopped.
    );
  }

  /**
   * Where its port is closed, or the way to it where its own VIM does not answer or nothing comes over the way. `unlessLast`: the VIM that its
   * traffic enters looks once more, in the moment of the fence, whether somebody could take over; others do not know who could.
   */
  #fence(guard: Guard, of: GuardedMember, why: string, when: "always" | "unlessLast"): void {
    const { log } = this.#parts;
    const { member } = of;
    this.#notBeforeMs.set(member.vnfcId, this.#clock.now() + AGAIN_AFTER_MS);
    log.warn({ member: member.name, group: guard.group.name, why }, "asking the VIM to fence a member");
    const closer = closerOf(guard, of);
    this.#parts
      .connectorOf(closer)
      .fence(guard.group.id, member.vnfcId, this.#stopped.signal, { unlessLast: when === "unlessLast" && closer === guard.vim })
      .catch((err: unknown) => {
        if (this.#stopped.signal.aborted || this.#gone.has(guard)) return;
        log.warn({ err, member: member.name }, "it could not be fenced; it is looked at again");
        this.#notBeforeMs.set(member.vnfcId, this.#clock.now() + REFUSED_REST_MS);
        this.look(guard); // Others of it may be due before.
      });
  }
}

/** Its own VIM, unless that does not answer, or it is the way that is silent: then the one that its traffic enters. */
function closerOf(guard: Guard, of: GuardedMember): VimAccountId {
  const isOfWay = of.away !== null && (isOutOfSight(of) || silencesOfWay(of.away).length > 0);
  return isOfWay ? guard.vim : of.member.vimAccountId;
}

/** The way to it was closed, and it has begun a new life and answers since. */
const mayOpen = ({ away, words, rest }: GuardedMember): boolean =>
  away?.cut?.lifeEnded === true && rest.rest === "awake" && judge(words).state === "up";

/** Counted from when we heard of it: what is told long after it was seen may be over, and the VIM has its chance to say so. */
function silentTooLongAt({ group: { policy } }: Guard, of: GuardedMember, silences: Silences): number {
  // In another VIM no plan lies that would fence it: nobody is before us.
  const runs = of.away === null ? RUNS_OF_MISSES : 0;
  const runsMs = (rule: { readonly misses: number; readonly intervalMs: number } | null) =>
    rule === null ? Number.POSITIVE_INFINITY : rule.misses * rule.intervalMs * runs;
  const patienceMs = (source: Source) =>
    source === "probe" ? runsMs(policy.probe) : source === "guestHeartbeat" ? runsMs(policy.guestHeartbeat) : TRAFFIC_PATIENCE_MS;
  return Math.min(...silences.map(({ source, sinceMs }) => Math.max(sinceMs, of.unknownAt ?? sinceMs) + patienceMs(source)));
}

type Silences = ReturnType<typeof silentBy>;

function silentMemberOf(
  guard: Guard,
  of: GuardedMember,
  silences: Silences,
  { isGivenUp, isBeingHealed, suspended }: FenceParts,
): SilentMember {
  const { vnfcId, name } = of.member;
  const silentSinceMs = isFenced(of) ? null : (silences[0]?.sinceMs ?? null);
  const traffic = of.words.port.get("traffic");
  const hasRoom = of.member.capacity === null || guard.carriedBy(vnfcId) < of.member.capacity;
  const passesPackets = silentSinceMs !== null && traffic?.evidence.says === "answers" && traffic.lastMs > silentSinceMs;
  const isUnanswered = of.isAwaited && !isFenced(of) && !isBeingHealed(vnfcId) && !suspended(guard).has("probe");
  return {
    vnfcId,
    name,
    health: of.health,
    silentSinceMs,
    unansweredSinceMs: isUnanswered ? unansweredSince(of) : null,
    passesPackets,
    isGivenUp: isGivenUp(vnfcId),
    serves: guard.carriedBy(vnfcId),
    hasRoom,
    isBack: of.away === null && of.rest.rest === "awake" && isBackBehindFence(of.words) && !isBeingHealed(vnfcId),
  };
}

/**
 * A spare of several groups only where each of them can do without it. That it has lasted counts of a probe alone: an agent that died in a guest that
 * answers is no member that serves nobody.
 */
function replaceableFrom(guard: Guard, { member: { vnfcId } }: GuardedMember, nowMs: number, silences: Silences): number {
  const silentSinceMs = silences.find((s) => s.source === "probe")?.sinceMs ?? null;
  return Math.max(
    ...guard.groupsWith(vnfcId).map((g) => fenceableFrom(g.group, g.view, g.command, vnfcId, nowMs, silentSinceMs)),
  );
}
