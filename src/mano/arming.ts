import { type FailurePlan, failurePlans } from "../decide/command.ts";
import { isAlike } from "../lib/alike.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ArmedMember, ArmedPlan, ArmedProtection, Fired } from "../model/armed.ts";
import type { ServerId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Member, ProtectionGroup, ProtectionPolicy } from "../model/protection.ts";
import type { EventStream } from "../notify/stream.ts";
import type { VimConnector } from "../vimconn/connector.ts";
import { type Guard, type GuardedMember, unansweredSince } from "./guard.ts";

/** After a decision, before the VIM is told: the next tens of milliseconds belong to the traffic. Sooner than the pass that follows (`lib/loop.ts`), which asks a large VIM for much. */
const SETTLE_MS = 80;
/** Of its probe: members are asked for the first time at any moment of an interval, so that not all are asked at once. */
const FIRST_ANSWER_INTERVALS = 2;
/** A VIM without protections gets them with an upgrade, not by being asked every pass. */
const UNSUPPORTED_REST_MS = 60_000;
/** How long a command waits for what is armed to follow it. */
const COMMAND_WAIT_MS = 2_000;

/** What shall lie in the VIM; its revision is given when it is laid there. */
export type WantedProtection = Omit<ArmedProtection, "revision">;

/** What lies in the VIM of a group. `isCurrent`: it is what is wanted now. `why`: what keeps it from being so. */
export interface ArmedState {
  /** Null: nothing, or nobody knows (`isKnown`). */
  readonly revision: number | null;
  /** False where the VIM was not asked yet, or it is not known what has become of the last request. */
  readonly isKnown: boolean;
  readonly isCurrent: boolean;
  readonly plans: readonly ArmedPlan[];
  readonly why: string | null;
}

interface Course {
  readonly vim: VimAccountId;
  wanted: WantedProtection;
  /** What it was worked out of, where nothing was amiss; null: something was. */
  calm: Calm | null;
  /** Undefined: the VIM was not asked yet in this run. */
  armed: ArmedProtection | null | undefined;
  /** A plan of the armed revision was carried out: it does not fire again before a higher revision is armed. */
  isSpent: boolean;
  why: string | null;
  notBeforeMs: number;
  running: Promise<void> | null;
}

/**
 * What a group would do if each of its members failed now, as one of its VIMs is to know it, and how the members there are probed. Where
 * members are in several VIMs the one that traffic enters has all plans: it notices the end of those that are there, and the loss of the way
 * to the others. The others only know their own: what ends there is told to us, and moved by command. Pure.
 */
export function wantedProtection(guard: Guard, nowMs: number, vim: VimAccountId = guard.vim): WantedProtection {
  const { group, members, view, command } = guard;
  const plans = vim === guard.vim ? plansOf(guard, failurePlans(group, view, command, nowMs)) : [];
  return {
    id: group.id,
    name: group.name,
    holdOffMs: group.policy.holdOffMs,
    members: members.flatMap(({ member, serverId }) => armedIn(vim, guard.vim, member, serverId)),
    plans,
    probe: group.policy.probe,
    guestHeartbeat: group.policy.guestHeartbeat,
    traffic: group.policy.traffic,
  };
}

function plansOf(guard: Guard, plans: readonly FailurePlan[]): ArmedPlan[] {
  const armed = plans.map(({ failed, decision, orElse }) => {
    const moves = decision.moves
      .filter((m) => m.from === failed)
      .map(({ trafficNet, to }) => ({ trafficNet, to, orElse: orElse.filter((id) => id !== to) }));
    return { failed, moves, because: moves.map((m) => sentence(guard, failed, m)) };
  });
  return armed.filter((p) => p.moves.length > 0);
}

/** A member as a VIM knows it: by its server there, or by the way to it; not at all where traffic neither enters nor goes to. */
function armedIn(vim: VimAccountId, enters: VimAccountId, member: Member, serverId: ServerId): ArmedMember[] {
  const { vnfcId: id, name, capacity, dataNet, vimAccountId, away } = member;
  if (vim === enters) return [{ id, name, serverId: away ? null : serverId, dataNet, capacity }];
  if (vim !== vimAccountId || !away) return [];
  return [{ id, name, serverId, dataNet: away.homeNet, capacity: null }];
}

/** Not the decision's own reason: that names moments and causes, and would make every plan differ from the one before it. */
function sentence({ group }: Guard, failed: VnfcId, { trafficNet, to }: ArmedPlan["moves"][number]): string {
  const nameOf = (id: VnfcId) => group.members.find((m) => m.vnfcId === id)?.name ?? id;
  const net = group.trafficNets.find((n) => n.netId === trafficNet)?.name ?? trafficNet;
  return `armed beforehand: when ${nameOf(failed)} fails, ${net} goes to ${nameOf(to)}`;
}

/** A group in which nothing is amiss, that nobody asks anything of and that shares nobody with others: what it would do if a member failed hangs on this alone, and on no moment. */
interface Calm {
  readonly group: ProtectionGroup;
  /** Since when each of its members is up. */
  readonly upSinceMs: readonly number[];
}

/** Null: it is not so. Pure. */
export function calmOf(guard: Guard): Calm | null {
  const { group, members, command, sharers } = guard;
  if (command !== null || sharers.length > 0) return null;
  const isWell = ({ health, rest, isStale }: GuardedMember) => health.state === "up" && rest.rest === "awake" && !isStale;
  if (!members.every(isWell) || !group.trafficNets.every((n) => guard.servedBy(n.netId) === n.normal)) return null;
  return { group, upSinceMs: members.map((of) => of.health.sinceMs) };
}

/** Nothing was heard of it yet, since nobody could ask it or its first answer may still be on its way (one interval, and the time to ask): so far its silence says nothing. Pure. */
export function isOnlyUnheard(of: GuardedMember, probe: ProtectionPolicy["probe"], nowMs: number): boolean {
  if (of.health.state !== "unknown") return false;
  if (of.isStale) return true;
  const sinceMs = of.isAwaited ? unansweredSince(of) : null;
  return sinceMs !== null && probe !== null && nowMs - sinceMs < FIRST_ANSWER_INTERVALS * probe.intervalMs;
}

const isSameCalm = (a: Calm | null, b: Calm | null): boolean =>
  a !== null && a.group === b?.group && isAlike(a.upSinceMs, b.upSinceMs);

/** Lays into each VIM what its groups would decide, so that it acts without a round trip, and without us. */
export class Arming {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stream: EventStream;
  readonly #mode: "push" | "poll";
  readonly #connectorOf: (vim: VimAccountId) => VimConnector;
  readonly #onArmed: (guard: Guard) => void;
  /** By group and VIM. */
  readonly #courses = new Map<string, Course>();
  readonly #stopped = new AbortController();

  constructor(
    clock: Clock,
    log: Log,
    stream: EventStream,
    mode: "push" | "poll",
    connectorOf: (vim: VimAccountId) => VimConnector,
    onArmed: (guard: Guard) => void = () => {},
  ) {
    this.#onArmed = onArmed;
    this.#clock = clock;
    this.#log = log;
    this.#stream = stream;
    this.#mode = mode;
    this.#connectorOf = connectorOf;
  }

  /** After each decision of the group. Does nothing where what is armed is right; else begins to arm, after the traffic had its time. */
  want(guard: Guard): void {
    // A VIM that was just started has not heard of its links yet, and has asked its members only now: what lies there stays until it has, and they had the time to answer.
    const now = this.#clock.now();
    if (!guard.isWatched || guard.members.some((of) => isOnlyUnheard(of, guard.group.policy.probe, now))) return;
    for (const course of this.#coursesOf(guard)) {
      if (course.running !== null || isCurrent(course) || now < course.notBeforeMs) continue;
      void this.#begin(course, async () => {
        await this.#clock.sleep(SETTLE_MS, this.#stopped.signal).catch(() => {});
        await this.#follow(guard, course);
      });
    }
  }

  /** Brings the VIM up to date at once: a lockout that is acknowledged must not be overtaken by an older plan. Gives what keeps it from being so. */
  async settle(guard: Guard): Promise<string | null> {
    const course = this.#courseOf(guard, guard.vim); // The only one that moves anything.
    if (this.#clock.now() < course.notBeforeMs) return null; // It has no protections.
    const done = new AbortController();
    await Promise.race([
      this.#begin(course, () => this.#follow(guard, course)),
      this.#clock.sleep(COMMAND_WAIT_MS, AbortSignal.any([done.signal, this.#stopped.signal])).catch(() => {}),
    ]);
    done.abort();
    if (isCurrent(course) || course.armed === null) return null; // Nothing lies there that could speak against it.
    return course.why ?? `the VIM has not answered within ${COMMAND_WAIT_MS} ms`;
  }

  /** In the VIM that its traffic enters. */
  stateOf(guard: Guard): ArmedState {
    const course = this.#courses.get(keyOf(guard, guard.vim));
    const isKnown = course?.armed !== undefined;
    if (!course?.armed) return { revision: null, isKnown, isCurrent: false, plans: [], why: course?.why ?? this.#notYet() };
    const { revision, plans } = course.armed;
    return { revision, isKnown, isCurrent: isCurrent(course), plans: course.isSpent ? [] : plans, why: course.why };
  }

  /** Plans are laid into the VIM that its traffic enters: not where polling leads, nor where that VIM takes none. */
  takesPlans(guard: Guard): boolean {
    return this.#mode === "push" && this.#clock.now() >= (this.#courses.get(keyOf(guard, guard.vim))?.notBeforeMs ?? 0);
  }

  /** Whether a member is known to what lies in a VIM, as far as we know that: at all, or as one that a plan leads traffic to. */
  mayKnow(guard: Guard, id: VnfcId, as: "member" | "target", vim: VimAccountId = guard.vim): boolean {
    if (!this.takesPlans(guard)) return false;
    const armed = this.#courses.get(keyOf(guard, vim))?.armed;
    if (!armed) return armed === undefined;
    if (as === "member") return armed.members.some((m) => m.id === id);
    return armed.plans.some((p) => p.moves.some((m) => m.to === id || m.orElse.includes(id)));
  }

  /** The VIM carried a plan out: the next one needs a higher revision, also where it says the same. */
  fired(guard: Guard, fired: Fired): void {
    const course = this.#courses.get(keyOf(guard, guard.vim));
    if (course?.armed && fired.revision >= course.armed.revision) course.isSpent = true;
  }

  /** Nothing shall fire in this VIM any more: before servers are taken away, and for ever. Throws VIM_UNREACHABLE. */
  async disarm(guard: Guard, vim: VimAccountId, signal: AbortSignal): Promise<void> {
    const course = this.#courses.get(keyOf(guard, vim));
    this.#courses.delete(keyOf(guard, vim));
    await course?.running; // What is on its way must not arrive after.
    try {
      await this.#connectorOf(vim).disarm(guard.group.id, signal);
    } catch (e) {
      // Its binds are taken off before its servers, so that a plan which stays finds nothing to move.
      if (!(e instanceof Fault) || e.code !== "VIM_REFUSED") throw e;
      this.#log.warn({ err: e, group: guard.group.name }, "a protection could not be disarmed");
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  #notYet(): string {
    return this.#mode === "poll" ? "not armed: the reference mode acts by polling only" : "the VIM was not asked yet";
  }

  #coursesOf(guard: Guard): Course[] {
    return guard.vims.map((vim) => this.#courseOf(guard, vim));
  }

  #courseOf(guard: Guard, vim: VimAccountId): Course {
    const key = keyOf(guard, vim);
    const had = this.#courses.get(key);
    const calm = calmOf(guard);
    if (had && isSameCalm(calm, had.calm)) return had; // As in every pass over most groups.
    const wanted = wantedProtection(guard, this.#clock.now(), vim);
    if (had) return Object.assign(had, { wanted, calm });
    const made = { vim, wanted, calm, armed: undefined, isSpent: false, why: null, notBeforeMs: 0, running: null };
    this.#courses.set(key, made);
    return made;
  }

  /** One after another: two requests on their way would have one revision. */
  #begin(course: Course, work: () => Promise<void>): Promise<void> {
    const mine = (course.running ?? Promise.resolve()).then(work).finally(() => {
      if (course.running === mine) course.running = null;
    });
    course.running = mine;
    return mine;
  }

  /** Arms until what lies there is what is wanted; a failure is told, and tried again after the next decision or pass. */
  async #follow(guard: Guard, course: Course): Promise<void> {
    try {
      const isLeft = () => this.#courses.get(keyOf(guard, course.vim)) !== course;
      if (this.#stopped.signal.aborted || isLeft()) return;
      const connector = this.#connectorOf(course.vim);
      if (this.#mode === "poll") return await this.#leave(guard, course, connector);
      while (!isCurrent(course) && !isLeft()) await this.#step(guard, course, connector);
      course.why = null;
    } catch (e) {
      if (this.#stopped.signal.aborted) return;
      if (!(e instanceof Fault)) this.#log.error({ err: e }, "arming failed by a bug");
      this.#failed(guard, course, e);
    }
  }

  /** Of an earlier run in the other mode: the reference must not be helped. */
  async #leave(guard: Guard, course: Course, connector: VimConnector): Promise<void> {
    if (course.armed === undefined) await connector.disarm(guard.group.id, this.#stopped.signal);
    course.armed = null;
    course.why = this.#notYet();
    course.notBeforeMs = Number.POSITIVE_INFINITY;
  }

  async #step(guard: Guard, course: Course, connector: VimConnector): Promise<void> {
    if (course.armed === undefined) {
      course.armed = await connector.armed(guard.group.id, this.#stopped.signal);
      return;
    }
    const protection = { ...course.wanted, revision: (course.armed?.revision ?? 0) + 1 };
    const wasSpent = course.isSpent;
    await connector.arm(protection, this.#stopped.signal);
    course.armed = protection;
    if (wasSpent) course.isSpent = false;
    this.#stream.push({ type: "protection.armed", groupId: guard.group.id, revision: protection.revision });
    this.#onArmed(guard);
  }

  #failed(guard: Guard, course: Course, e: unknown): void {
    const status = e instanceof Fault ? e.about.status : undefined;
    const words = e instanceof Error ? e.message : String(e);
    const why = status === 404 ? "not armed: this VIM has no protections" : `not armed: ${words}`;
    // Somebody else has armed it, or it is not known what has become of our request: what lies there is read before the next try.
    course.armed = status === 404 ? null : undefined;
    if (status === 404) course.notBeforeMs = this.#clock.now() + UNSUPPORTED_REST_MS;
    if (course.why !== why) this.#log.warn({ err: e, group: guard.group.name }, "a protection could not be armed");
    course.why = why;
  }
}

const keyOf = ({ group }: Guard, vim: VimAccountId): string => `${group.id} ${vim}`;

const isCurrent = ({ armed, wanted, isSpent }: Course): boolean => !!armed && !isSpent && isSame(armed, wanted);

const CONTENT = ["name", "holdOffMs", "members", "plans", "probe", "guestHeartbeat", "traffic"] as const;

/** Asked of every group in every pass, so nothing is made for it where they are the same to the letter. What the VIM has shown may be so in other letters. */
const isSame = (armed: WantedProtection, wanted: WantedProtection): boolean =>
  CONTENT.every((key) => isAlike(armed[key], wanted[key])) || contentOf(armed) === contentOf(wanted);

/** Everything but the revision, as one text, whatever the order of members in the objects. */
const contentOf = (p: WantedProtection): string =>
  JSON.stringify([
    p.name,
    p.holdOffMs,
    p.members.map((m) => [m.id, m.name, m.serverId, m.dataNet, m.capacity]),
    p.plans.map((plan) => [plan.failed, plan.moves.map((m) => [m.trafficNet, m.to, m.orElse]), plan.because]),
    p.probe && [p.probe.intervalMs, p.probe.misses, p.probe.of, p.probe.icmp],
    p.probe && [p.probe.udpPort, p.probe.tcpPort ?? null, p.probe.sourceIp ?? null],
    p.guestHeartbeat && [p.guestHeartbeat.intervalMs, p.guestHeartbeat.misses, p.guestHeartbeat.of],
    p.traffic?.silentMs,
  ]);
