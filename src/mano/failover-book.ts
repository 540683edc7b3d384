import { randomUUID } from "node:crypto";
import type { StartedMove } from "../act/binds.ts";
import type { Clock } from "../lib/clock.ts";
import type { Fired } from "../model/armed.ts";
import type { NetId, VnfcId } from "../model/ids.ts";
import type { Failover } from "../model/mano-event.ts";
import type { Decision, Move } from "../model/protection.ts";
import type { EventStream } from "../notify/stream.ts";
import { upsertFailover } from "../store/mano-records.ts";
import type { Bound } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import {
  aboutOf,
  byAbout,
  type Entry,
  fireOf,
  isFaultOf,
  isOvertaken,
  isStillDue,
  isUnconfirmed,
  keyOf,
  laterOf,
  type Progress,
  type Reached,
} from "./failover-entry.ts";
import { type Guard, seenOf } from "./guard.ts";
import { verificationOf } from "./verification.ts";
import type { WriteQueue } from "./writes.ts";

/** How long later sources of the same fault are added to its record: libvirt is up to 2 s late (limits, "which signal says first"). */
const LATE_SOURCES_MS = 3_000;
/** A failover that is not done by then needs a person. */
const STUCK_AFTER_MS = 30_000;

/** One record for each fault, whatever the number of sources, moves, tries and restarts; closed when traffic is led as decided and seen to pass. */
export class FailoverBook {
  readonly #clock: Clock;
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  readonly #alarms: AlarmBook;
  readonly #open = new Map<string, Entry>();
  /** The one of each key that was closed last: late sources may still be added, and its VIM may tell of it at any time later. */
  readonly #closed = new Map<string, Entry>();
  /** Who serves each traffic net by the last record about it, of earlier runs too. */
  readonly #led = new Map<NetId, VnfcId>();
  /** Armed plans that were carried out and are on record, of earlier runs too: a VIM tells its events again after a restart. */
  readonly #fires = new Set<string>();
  /** Told of every record that is new or otherwise than before. */
  readonly #onRecord: (failover: Failover) => void;

  constructor(clock: Clock, stream: EventStream, writes: WriteQueue, alarms: AlarmBook, onRecord = (_: Failover) => {}) {
    this.#onRecord = onRecord;
    this.#clock = clock;
    this.#stream = stream;
    this.#writes = writes;
    this.#alarms = alarms;
  }

  /** Takes up a record of an earlier run. */
  resume(failover: Failover): void {
    for (const { trafficNet, to } of failover.moves) this.#led.set(trafficNet, to);
    if (failover.mode === "armed") this.#fires.add(fireOf(failover.groupId, failover.about, failover.times.decided));
    const isClosed = failover.state === "closed";
    const progress = new Map(failover.moves.map((m) => [m.trafficNet, "confirmed" as Progress]));
    const now = this.#clock.now();
    (isClosed ? this.#closed : this.#open).set(keyOf(failover.groupId, failover.kind, failover.about), {
      failover,
      openedMs: isClosed ? Number.NEGATIVE_INFINITY : now,
      isOver: !this.#alarms.isRaised(failover.about, "VNFC_DOWN"),
      progress,
      byVim: new Set(),
      wasRefused: false,
      answeredMs: now,
    });
  }

  /**
   * The VIM has carried out an armed plan (and, told again, the switch has confirmed it). One record for its fault: that of our own
   * decision for the same, where there is one, or of what was found after a restart, or a new one.
   */
  fired(guard: Guard, fired: Fired, told: number): void {
    const fire = fireOf(guard.group.id, fired.failed, fired.firedAt);
    const had = this.#entryOf(guard, fired);
    if (!had && this.#fires.has(fire)) return; // Told again, and long closed.
    this.#fires.add(fire);
    const why = guard.memberOf(fired.failed)?.health;
    const because = [
      ...(why?.state === "down" ? [`${this.#nameOf(guard, fired.failed)} is down: ${why.why}`] : []),
      ...fired.because,
    ];
    const entry = had ?? this.#opened(guard, "failover", fired.failed, because, "armed", { told, decided: fired.firedAt });
    if (!had) this.#open.set(keyOf(guard.group.id, "failover", fired.failed), entry);
    const isOwn = had !== undefined && had.failover.mode !== "armed"; // Until now the record of our own decision.
    for (const { trafficNet } of fired.moves) {
      entry.byVim.add(trafficNet);
      // Asked for again by the next pass, should the switch never confirm.
      if (entry.progress.get(trafficNet) !== "confirmed")
        entry.progress.set(trafficNet, fired.barrierAt === null ? "pending" : "confirmed");
    }
    if (![...entry.progress.values()].includes("sent")) entry.answeredMs = this.#clock.now();
    const { times } = entry.failover;
    const at = { onWire: fired.onWireAt, barrier: fired.barrierAt };
    // What we sent for the same came second, and found it done.
    const isAllByVim = entry.failover.moves.every((m) => entry.byVim.has(m.trafficNet));
    const own = isOwn && isAllByVim ? { ...times, onWire: null, barrier: null } : times;
    const armed = { ...laterOf(own, at), told: times.told ?? told, decided: fired.firedAt };
    this.#change(entry, {
      mode: "armed",
      times: armed,
      ...(isOwn && { because: [...because, ...had.failover.because] }),
    });
    const { moves } = entry.failover;
    if (!fired.moves.every((f) => moves.some((m) => m.trafficNet === f.trafficNet && m.to === f.to)))
      this.#add(
        entry,
        fired.moves.map((m) => ({ ...m, from: fired.failed, kind: "failover" as const })),
      );
  }

  /** The switch refused a plan that the VIM carried out, and the VIM took it back: what is decided now is sent as ever, into the same record. */
  refused(guard: Guard, fired: Fired, why: string): void {
    const entry = this.#open.get(keyOf(guard.group.id, "failover", fired.failed));
    if (!entry) return;
    for (const { trafficNet } of fired.moves) if (entry.byVim.delete(trafficNet)) entry.progress.set(trafficNet, "failed");
    entry.answeredMs = this.#clock.now();
    entry.wasRefused = true;
    this.#change(entry, { because: [...entry.failover.because, `the switch refused what was armed: ${why}`] });
  }

  /** Writes down moves that are on their way. Moves of a fault that has an open record go into that one. */
  record(guard: Guard, decision: Decision, started: readonly StartedMove[], mode: Failover["mode"], reached: Reached): void {
    for (const [about, own] of byAbout(guard.group, started)) {
      const { kind } = own[0]!.move;
      const moves = own.map((s) => s.move);
      const key = keyOf(guard.group.id, kind, about);
      const entry = this.#ongoing(key, decision.because) ?? this.#opened(guard, kind, about, decision.because, mode, reached);
      this.#open.set(key, entry);
      this.#add(entry, moves);
      for (const { move, done } of own) this.#await(guard, entry, move, done);
    }
  }

  /** What a run that was killed in between did and could not write down: seen from who serves what now. One record for each member. */
  recordFound(guard: Guard, found: readonly { readonly move: Move; readonly because: string }[]): void {
    for (const own of Map.groupBy(found, ({ move }) => `${move.kind} ${aboutOf(guard.group, move)}`).values()) {
      const reached = { told: null, decided: this.#clock.now() };
      const because = own.map((f) => f.because);
      const { move } = own[0]!;
      const about = aboutOf(guard.group, move);
      const key = keyOf(guard.group.id, move.kind, about);
      const entry = this.#ongoing(key, because) ?? this.#opened(guard, move.kind, about, because, "restart", reached);
      this.#open.set(key, entry);
      entry.answeredMs = Number.NEGATIVE_INFINITY; // It was read back: that is how it was found.
      this.#add(
        entry,
        own.map((f) => f.move),
      );
    }
  }

  /** A member is up: the faults it had are over. */
  isUp(guard: Guard, about: VnfcId): void {
    const key = keyOf(guard.group.id, "failover", about);
    for (const entry of [this.#open.get(key), this.#closed.get(key)]) if (entry) entry.isOver = true;
  }

  /** More was heard of a member: adds sources and the telling of the alarm to the records about it. */
  refresh(guard: Guard, about: VnfcId): void {
    const member = guard.memberOf(about);
    const key = keyOf(guard.group.id, "failover", about);
    for (const entry of [this.#open.get(key), this.#closed.get(key)]) {
      if (!entry || !member || this.#clock.now() - entry.openedMs > LATE_SOURCES_MS) continue;
      const { failover } = entry;
      const seen = { ...seenOf(member), ...failover.times.seen };
      const alarmTold = failover.times.alarmTold ?? this.#alarms.toldAt(about, "VNFC_DOWN");
      const isNew = Object.keys(seen).length > Object.keys(failover.times.seen).length || alarmTold !== failover.times.alarmTold;
      if (isNew) this.#change(entry, { times: { ...failover.times, seen, alarmTold } });
    }
  }

  /** After an inventory begun at `readBackMs` was taken in and decided on: closes what is done, tells what is stuck. */
  settle(guard: Guard, decision: Decision, readBackMs: number): void {
    for (const entry of this.#open.values()) {
      if (entry.failover.groupId !== guard.group.id || readBackMs <= entry.answeredMs) continue;
      if (entry.failover.moves.some((m) => guard.isMoving(m.trafficNet))) continue;
      const isServed = entry.failover.moves.every((m) => guard.servedBy(m.trafficNet) === m.to);
      const isConfirmed = [...entry.progress.values()].every((p) => p === "confirmed");
      if (isServed && isConfirmed) this.#verify(guard, entry);
      else if (!isServed && !isStillDue(guard, entry) && isOvertaken(guard, entry.failover, decision)) {
        this.#close(guard, entry, ["overtaken: traffic is led otherwise by now, and that is right"]);
      }
    }
  }

  /** Closes what packets were seen to pass, or of which nobody can tell; a person is told where they should pass and do not. */
  #verify(guard: Guard, entry: Entry): void {
    const { failover } = entry;
    const found = verificationOf(guard, failover.moves);
    if (found.state === "verified") this.#close(guard, entry, [], { ...failover.times, verified: found.at });
    else if (found.state === "unseen") this.#close(guard, entry, found.because);
    else if (found.state === "unverified" && failover.state !== "stuck") this.#stuck(entry, found.because);
  }

  /** Moves of open records that no switch has confirmed (the VIM had none, or it refused once): to be asked for again until one has. */
  pendingMoves(guard: Guard): Move[] {
    const own = [...this.#open.values()].filter((e) => e.failover.groupId === guard.group.id);
    const isDue = (e: Entry, m: Move) => isUnconfirmed(e.progress.get(m.trafficNet)) && !guard.isMoving(m.trafficNet);
    return own.flatMap((e) => e.failover.moves.filter((m) => isDue(e, m) && guard.servedBy(m.trafficNet) === m.to));
  }

  /** Something is not confirmed yet. */
  get isWaiting(): boolean {
    return this.#open.size > 0;
  }

  /** The open records of a group's failovers that the switch has not confirmed. */
  waiting({ group }: Guard): Failover[] {
    const own = [...this.#open.values()].filter(({ failover: f }) => f.groupId === group.id && f.kind === "failover");
    return own.filter((e) => [...e.progress.values()].some(isUnconfirmed)).map((e) => e.failover);
  }

  /** Records of faults that go on name the incident that they are of. Gives the ids of those that do. */
  assign(incidentId: string, isOf: (failover: Failover) => boolean): string[] {
    const entries = [...this.#open.values(), ...this.#closed.values()].filter((e) => !e.isOver && isOf(e.failover));
    for (const e of entries)
      if (e.failover.kind === "failover" && e.failover.incidentId === undefined) this.#change(e, { incidentId });
    return entries.flatMap(({ failover }) => (failover.incidentId === incidentId ? [failover.id] : []));
  }

  isClosed(id: string): boolean {
    return ![...this.#open.values()].some((e) => e.failover.id === id);
  }

  /** Who serves this net by the records; undefined: it was never moved. */
  ledTo(net: NetId): VnfcId | undefined {
    return this.#led.get(net);
  }

  /** An open record is about this net: what becomes of it is that one's story. */
  isAbout(guard: Guard, net: NetId): boolean {
    const own = [...this.#open.values()].filter((e) => e.failover.groupId === guard.group.id);
    return own.some((e) => e.failover.moves.some((m) => m.trafficNet === net));
  }

  /** The same moves, asked for again. */
  retried(guard: Guard, started: readonly StartedMove[]): void {
    for (const { move, done } of started) {
      const entry = this.#open.get(keyOf(guard.group.id, move.kind, aboutOf(guard.group, move)));
      if (entry) this.#await(guard, entry, move, done);
    }
  }

  /** Raises the alarm for every open record that takes too long. */
  tellStuck(): void {
    for (const entry of this.#open.values()) {
      const { failover } = entry;
      if (failover.state === "stuck" || this.#clock.now() - entry.openedMs < STUCK_AFTER_MS) continue;
      this.#stuck(entry, [`not confirmed and verified after ${STUCK_AFTER_MS} ms`]);
    }
  }

  #stuck(entry: Entry, why: readonly string[]): void {
    const { id, groupId, kind, because } = entry.failover;
    this.#change(entry, { state: "stuck", because: [...because, ...why] });
    void this.#alarms.raise(groupId, "FAILOVER_STUCK", [`${kind} ${id} is stuck`, ...why, ...because]);
  }

  /** Forgets the group of an NS that is no more; its open records end with it. */
  abandon(guard: Guard): void {
    for (const entry of this.#open.values()) {
      if (entry.failover.groupId === guard.group.id) this.#close(guard, entry, ["the network service was terminated"]);
    }
  }

  /** The record of the fault that this fire was for; decided by us at the same time, or found after a restart. */
  #entryOf(guard: Guard, fired: Fired): Entry | undefined {
    const key = keyOf(guard.group.id, "failover", fired.failed);
    const closed = this.#closed.get(key);
    if (!this.#open.has(key) && closed && isFaultOf(closed.failover, fired)) return closed;
    return this.#ongoing(key, fired.because);
  }

  /** The record of a fault that goes on: one that was closed opens again when its member, still not up, has to be left once more. */
  #ongoing(key: string, because: readonly string[]): Entry | undefined {
    const open = this.#open.get(key);
    const closed = this.#closed.get(key);
    if (open || !closed || closed.isOver || closed.failover.kind !== "failover") return open;
    this.#closed.delete(key);
    this.#open.set(key, closed);
    closed.openedMs = this.#clock.now();
    const times = { ...closed.failover.times, verified: null };
    this.#change(closed, { state: "open", closedAt: null, because: [...closed.failover.because, ...because], times });
    return closed;
  }

  #nameOf(guard: Guard, id: VnfcId): string {
    return guard.memberOf(id)?.member.name ?? id;
  }

  #opened(
    guard: Guard,
    kind: Move["kind"],
    about: VnfcId,
    because: readonly string[],
    mode: Failover["mode"],
    reached: Reached,
  ): Entry {
    const member = guard.memberOf(about);
    const failover: Failover = {
      id: randomUUID(),
      nsId: guard.group.nsId,
      groupId: guard.group.id,
      kind,
      about,
      state: "open",
      moves: [],
      because,
      mode,
      openedAt: this.#clock.wall().toISOString(),
      closedAt: null,
      times: {
        seen: kind === "failover" && member ? seenOf(member) : {},
        told: kind === "failover" ? reached.told : null,
        decided: reached.decided,
        onWire: null,
        barrier: null,
        verified: null,
        alarmTold: this.#alarms.toldAt(about, "VNFC_DOWN"),
      },
    };
    return {
      failover,
      openedMs: this.#clock.now(),
      isOver: false,
      progress: new Map(),
      byVim: new Set(),
      wasRefused: false,
      answeredMs: Number.POSITIVE_INFINITY,
    };
  }

  #add(entry: Entry, moves: readonly Move[]): void {
    const nets = new Set(moves.map((m) => m.trafficNet));
    for (const { trafficNet, to } of moves) this.#led.set(trafficNet, to);
    this.#change(entry, { moves: [...entry.failover.moves.filter((m) => !nets.has(m.trafficNet)), ...moves] });
  }

  #await(guard: Guard, entry: Entry, move: Move, done: Promise<Bound>): void {
    entry.progress.set(move.trafficNet, "sent");
    entry.answeredMs = Number.POSITIVE_INFINITY;
    done
      .then(
        (bound) => this.#answered(entry, move, bound.pending ? "pending" : "confirmed", bound.pending ? null : bound),
        () => this.#answered(entry, move, "failed", null),
      )
      .then(() => this.refresh(guard, entry.failover.about))
      .catch((e: unknown) => {
        throw e; // A bug of ours: it must end the process, not vanish.
      });
  }

  #answered(entry: Entry, move: Move, progress: Progress, at: { onWireMs: number; barrierMs: number } | null): void {
    // Our request failed where the VIM had done it already: what it has confirmed stands, and the rest is asked for again.
    const isDoneByVim = progress === "failed" && entry.byVim.has(move.trafficNet);
    if (!isDoneByVim) entry.progress.set(move.trafficNet, progress);
    else if (entry.progress.get(move.trafficNet) === "sent") entry.progress.set(move.trafficNet, "pending");
    if (![...entry.progress.values()].includes("sent")) entry.answeredMs = this.#clock.now();
    if (at && !entry.byVim.has(move.trafficNet))
      this.#change(entry, { times: laterOf(entry.failover.times, { onWire: at.onWireMs, barrier: at.barrierMs }) });
  }

  #close(guard: Guard, entry: Entry, why: readonly string[], times = entry.failover.times): void {
    const { failover } = entry;
    const key = keyOf(failover.groupId, failover.kind, failover.about);
    this.#open.delete(key);
    this.#closed.set(key, entry);
    const closedAt = this.#clock.wall().toISOString();
    this.#change(entry, { state: "closed", closedAt, because: [...failover.because, ...why], times });
    for (const { trafficNet, to } of failover.moves) {
      const served = guard.servedBy(trafficNet);
      if (served !== null) this.#led.set(trafficNet, served);
      if (served === to) guard.setSince(trafficNet, failover.openedAt);
    }
    if (![...this.#open.values()].some((e) => e.failover.groupId === guard.group.id))
      this.#alarms.clear(guard.group.id, "FAILOVER_STUCK");
  }

  /** Subscribers are told when the state or the moves change; times that are added later are in the record. */
  #change(entry: Entry, change: Partial<Failover>): void {
    const failover = { ...entry.failover, ...change };
    entry.failover = failover;
    this.#writes.push((tx) => upsertFailover(tx, failover));
    this.#onRecord(failover);
    if (change.state !== undefined || change.moves !== undefined) this.#stream.push({ type: "failover", failover });
  }
}
