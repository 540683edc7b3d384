import { type StartedMove, startMoves } from "../act/binds.ts";
import { decide } from "../decide/decide.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Fired } from "../model/armed.ts";
import type { NetId, NsId, ServerId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Failover } from "../model/mano-event.ts";
import type { Decision, ProtectionCommand, ProtectionGroup } from "../model/protection.ts";
import type { VimEvent } from "../model/vim-event.ts";
import type { EventStream } from "../notify/stream.ts";
import type { VimConnector } from "../vimconn/connector.ts";
import type { AlarmBook, AlarmCause } from "./alarms.ts";
import type { FailoverBook } from "./failover-book.ts";
import {
  type Guard,
  type GuardedMember,
  type HealthChange,
  isUnknownFor,
  isWell,
  silentBy,
  UNKNOWN_ALARM_MS,
  unansweredSince,
} from "./guard.ts";
import { someOf } from "./some-of.ts";
import { type Subject, Subjects } from "./subjects.ts";

/** Why a timer ends before its time. Without a reason of its own each end would make an error with its stack. */
const DECIDED = Symbol("decided before");

type FiredEvent = VimEvent & { readonly type: "protection.fired" | "protection.confirmed" | "protection.refused" };

export interface ReactionParts {
  readonly clock: Clock;
  /** How this MANO learns of failures; what its timers decide is recorded so. */
  readonly mode: "push" | "poll";
  readonly log: Log;
  readonly stream: EventStream;
  readonly alarms: AlarmBook;
  readonly book: FailoverBook;
  connectorOf(id: VimAccountId): VimConnector;
  /** Sends what wakes the spares of a decision; nothing is awaited. */
  wakeSpares(guard: Guard, decision: Decision): void;
  /** After each decision, off the reaction path. `command`: the one it was made under. */
  onDecided(guard: Guard, decision: Decision, command: ProtectionCommand | null): void;
  /** The VIM carried out a plan that lay armed in it. */
  onFired(guard: Guard, fired: Fired): void;
  /** Asks for a pass of the slow loop. */
  wake(id: VimAccountId): void;
}

/**
 * The reaction path: evidence → health → decision → the change of binds, in one go. Until the requests are on their way nothing is
 * awaited, written or logged; what happened is told right after.
 */
export class Reaction {
  readonly #parts: ReactionParts;
  readonly #guards = new Map<string, Guard>();
  readonly #subjects = new Subjects();
  readonly #timers = new Map<Guard, AbortController>();
  readonly #unprotected = new Map<Guard, ReadonlySet<NetId>>();

  constructor(parts: ReactionParts) {
    this.#parts = parts;
  }

  get guards(): readonly Guard[] {
    return [...this.#guards.values()];
  }

  guardOf(groupId: string): Guard | undefined {
    return this.#guards.get(groupId);
  }

  /** By id or by name. Throws NOT_FOUND with those there are. */
  find(idOrName: string): Guard {
    const found = this.guardOf(idOrName) ?? this.guards.find((g) => g.group.name === idOrName);
    if (found) return found;
    const there = someOf(this.guards.map((g) => g.group.name));
    throw new Fault("NOT_FOUND", `there is no protection group ${idOrName}; there are: ${there}`, { id: idOrName });
  }

  /** Of one network service. */
  guardsOf(nsId: NsId): readonly Guard[] {
    return this.#subjects.ofNs(nsId);
  }

  add(guard: Guard): void {
    this.#guards.set(guard.group.id, guard);
    this.#subjects.add(guard);
  }

  remove(guard: Guard): void {
    this.#guards.delete(guard.group.id);
    this.#unprotected.delete(guard);
    this.#stopTimer(guard);
    this.#subjects.remove(guard);
  }

  /** It has other members from now on. */
  regroup(guard: Guard, group: ProtectionGroup, servers: ReadonlyMap<VnfcId, ServerId>): void {
    this.#subjects.remove(guard);
    guard.regroup(group, servers);
    this.#subjects.add(guard);
  }

  /** After an inventory: evidence about ports that became known is found from here on. */
  observed(guard: Guard): void {
    this.#subjects.refresh(guard);
  }

  /** Events as they came in with one read of the socket: all are heard, then each group they touch is decided once. */
  onEvents(events: readonly VimEvent[]): void {
    const told = this.#parts.clock.now();
    const touched = new Set<Guard>();
    const heard: Subject[] = [];
    const records: (() => void)[] = [];
    for (const event of events) {
      if (event.type === "net.bound") {
        const guard = this.#subjects.ofNet(event.netId);
        guard?.bindSeen(event.netId, event.bindNet, event.monoMs);
        if (guard) touched.add(guard);
      } else if (event.type === "evidence") {
        const found = this.#subjects.find(event.evidence.about.id);
        if (!found) continue;
        found.guards[0]!.hear(found.of, event.evidence); // Once: a member of several groups is one.
        for (const guard of found.guards) touched.add(guard);
        heard.push(found);
      } else if (event.type === "path.verified" || event.type === "path.unverified" || event.type === "path.unseen") {
        this.#subjects.ofNet(event.path.netId)?.pathSeen(event.path); // What hangs on it is settled by the pass that it wakes.
      } else if (
        event.type === "protection.fired" ||
        event.type === "protection.confirmed" ||
        event.type === "protection.refused"
      ) {
        const guard = this.#guards.get(event.fired.protectionId);
        if (!guard) continue;
        touched.add(guard);
        records.push(() => this.#hearFired(guard, event, told));
      }
    }
    for (const guard of [...touched]) for (const sharer of guard.sharers) touched.add(sharer); // What a spare carries concerns all.
    for (const guard of touched) this.decideNow(guard, "push", told);
    // After the record of what we decided ourselves: it becomes the record of this.
    for (const record of records) setImmediate(record);
    if (heard.length > 0) setImmediate(() => this.#refreshBooks(heard));
  }

  /** Judges, decides and acts for one group. `told`: when what led here arrived. */
  decideNow(guard: Guard, mode: Failover["mode"], told: number): Decision | null {
    const changes = guard.judgeAll(told);
    if (!guard.isWatched || !guard.isObserved) return null;
    const { clock } = this.#parts;
    const { command } = guard;
    const decision = decide(guard.group, guard.viewAt(clock.now()), command, clock.now());
    const decided = clock.now();
    const moves = decision.moves.filter((m) => !guard.isMoving(m.trafficNet));
    const started = moves.length === 0 ? [] : startMoves(this.connectorOf(guard), guard.group, moves);
    for (const { trafficNet, to } of moves) guard.moveStarted(trafficNet, to);
    if (decision.wake.length > 0) this.#parts.wakeSpares(guard, decision);
    const toldOf = guard.memberOf(moves[0]?.from ?? guard.group.members[0]!.vnfcId)?.toldAt ?? told;
    for (const s of started) this.#followMove(guard, s);
    setImmediate(() => {
      if (started.length > 0) {
        this.#parts.book.record(guard, decision, started, mode, { told: toldOf, decided });
        this.#parts.stream.push({ type: "decision.made", groupId: guard.group.id, moves, because: decision.because });
      }
      this.#tell(guard, changes, decision);
      this.#parts.onDecided(guard, decision, command);
      // What a spare has room for has changed for the others that it stands in for. It ends: who moves nothing asks nobody.
      if (started.length > 0) for (const sharer of guard.sharers) this.decideNow(sharer, mode, told);
    });
    this.#setTimer(guard, decision.againAt);
    return decision;
  }

  /** A VIM answers (`why` null), or does not: what is known of members there changes, for those whose traffic enters elsewhere. */
  see(vim: VimAccountId, why: string | null): void {
    const now = this.#parts.clock.now();
    for (const guard of this.guards) {
      if (guard.vim === vim || !guard.isIn(vim)) continue;
      guard.see(vim, why, now);
      this.decideNow(guard, this.#parts.mode, now);
    }
  }

  /** Ends all timers. */
  stop(): void {
    for (const guard of this.#timers.keys()) this.#stopTimer(guard);
  }

  connectorOf(guard: Guard): VimConnector {
    return this.#parts.connectorOf(guard.vim);
  }

  #hearFired(guard: Guard, event: FiredEvent, told: number): void {
    const { book, onFired } = this.#parts;
    if (event.type === "protection.refused") book.refused(guard, event.fired, event.why);
    else book.fired(guard, event.fired, told);
    if (event.type === "protection.fired") onFired(guard, event.fired);
  }

  #followMove(guard: Guard, { move, done }: StartedMove): void {
    const { clock, log } = this.#parts;
    done.then(
      () => {
        guard.moveEnded(move.trafficNet, clock.now());
        this.#parts.wake(guard.vim); // The bind is read back before the record is closed.
      },
      (err: unknown) => {
        guard.moveEnded(move.trafficNet, clock.now(), { vnfc: move.from });
        log.warn({ err, move }, "a bind could not be changed; the next pass looks again");
      },
    );
  }

  #refreshBooks(heard: readonly Subject[]): void {
    for (const { guards, of } of heard) for (const guard of guards) this.#parts.book.refresh(guard, of.member.vnfcId);
  }

  /** Health to the journal, and the alarms as they should be now: raised or cleared, each cause once. */
  #tell(guard: Guard, changes: readonly HealthChange[], decision: Decision): void {
    const { alarms, stream } = this.#parts;
    for (const { of, from, to } of changes)
      stream.push({ type: "health.changed", vnfcId: of.member.vnfcId, from: from.state, to });
    for (const of of guard.members) this.#tellMember(guard, of);
    const now = this.#parts.clock.now();
    const lost = guard.members.filter((m) => m.health.state === "down" || isUnknownFor(m, UNKNOWN_ALARM_MS, now));
    const details = lost.map(
      (m) => `${m.member.name} is ${m.health.state}${m.health.state === "unknown" ? `: ${m.health.why}` : ""}`,
    );
    const groupId = guard.group.id;
    if (lost.length > 0) raise(alarms, groupId, "REDUNDANCY_LOST", details);
    else if (guard.members.every(isWell)) alarms.clear(groupId, "REDUNDANCY_LOST");
    this.#tellUnprotected(guard, decision);
  }

  #tellMember(guard: Guard, of: GuardedMember): void {
    const { alarms, book } = this.#parts;
    const { member, health } = of;
    if (isWell(of)) {
      alarms.clear(member.vnfcId, "VNFC_DOWN");
      book.isUp(guard, member.vnfcId);
    }
    if (health.state !== "down" || alarms.isRaised(member.vnfcId, "VNFC_DOWN")) return;
    const details = [`${member.name} of ${guard.group.name} is down: ${health.why}`];
    void alarms.raise(member.vnfcId, "VNFC_DOWN", details).then(() => book.refresh(guard, member.vnfcId));
  }

  #tellUnprotected(guard: Guard, decision: Decision): void {
    const { alarms, stream } = this.#parts;
    const had = this.#unprotected.get(guard) ?? new Set();
    for (const netId of decision.unprotected)
      if (!had.has(netId)) stream.push({ type: "net.unprotected", groupId: guard.group.id, netId });
    this.#unprotected.set(guard, new Set(decision.unprotected));
    const silent = silentService(guard, this.#parts.clock.now());
    if (decision.unprotected.length > 0) raise(alarms, guard.group.id, "SERVICE_DOWN", decision.because);
    else if (silent.length > 0) raise(alarms, guard.group.id, "SERVICE_DOWN", silent);
    else if (isServed(guard)) alarms.clear(guard.group.id, "SERVICE_DOWN");
  }

  /** Time alone will change the answer: hold-off or wait-to-restore ends at `againAt`. */
  #setTimer(guard: Guard, againAt: number | null): void {
    this.#stopTimer(guard);
    if (againAt === null) return;
    const { clock, mode } = this.#parts;
    const stopped = new AbortController();
    this.#timers.set(guard, stopped);
    clock.sleep(Math.max(0, againAt - clock.now()), stopped.signal).then(
      () => this.decideNow(guard, mode, clock.now()),
      () => {}, // Stopped.
    );
  }

  #stopTimer(guard: Guard): void {
    this.#timers.get(guard)?.abort(DECIDED);
    this.#timers.delete(guard);
  }
}

/** Every traffic net is on a member that is up; one that is only started again serves nobody yet. */
const isServed = (guard: Guard): boolean =>
  guard.group.trafficNets.every(({ netId }) => {
    const owner = guard.servedBy(netId);
    return owner !== null && guard.memberOf(owner)?.health.state === "up";
  });

/**
 * Why nobody is served although nobody is seen to be down: who serves is called silent, or has not answered for longer than a boot takes,
 * and no other member is known to be up.
 */
function silentService(guard: Guard, nowMs: number): string[] {
  if (guard.members.some((m) => m.health.state === "up")) return [];
  return guard.group.trafficNets.flatMap(({ netId, name }) => {
    const owner = guard.memberOf(guard.servedBy(netId) ?? ("" as VnfcId));
    if (owner?.health.state !== "unknown" || !(silentBy(owner).length > 0 || isUnansweredFor(owner, nowMs))) return [];
    return [`${name} is on ${owner.member.name}: ${owner.health.why}, and no other member is known to be up`];
  });
}

function isUnansweredFor(of: GuardedMember, nowMs: number): boolean {
  const sinceMs = of.isAwaited ? unansweredSince(of) : null;
  return sinceMs !== null && nowMs - sinceMs >= UNKNOWN_ALARM_MS;
}

const raise = (alarms: AlarmBook, id: string, cause: AlarmCause, details: readonly string[]): void =>
  void alarms.raise(id, cause, details);
