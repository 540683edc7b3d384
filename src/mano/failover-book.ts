import { randomUUID } from "node:crypto";
import type { StartedMove } from "../act/binds.ts";
import type { Clock } from "../lib/clock.ts";
import type { NetId, VnfcId } from "../model/ids.ts";
import type { Failover, FailoverTimes } from "../model/mano-event.ts";
import type { Decision, Move, ProtectionGroup } from "../model/protection.ts";
import type { EventStream } from "../notify/stream.ts";
import { upsertFailover } from "../store/mano-records.ts";
import type { Bound } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import { type Guard, seenOf } from "./guard.ts";
import type { WriteQueue } from "./writes.ts";

/** How long later sources of the same fault are added to its record: libvirt is up to 2 s late (limits, "which signal says first"). */
const LATE_SOURCES_MS = 3_000;
/** A failover that is not done by then needs a person. */
const STUCK_AFTER_MS = 30_000;

/** How far the moves of an open record are: what the VIM has answered for each net. */
type Progress = "sent" | "confirmed" | "pending" | "failed";

interface Entry {
  failover: Failover;
  readonly openedMs: number;
  readonly progress: Map<NetId, Progress>;
  /** When the last answer came; only an inventory begun later reads the bind back. */
  answeredMs: number;
}

/** When a decision came about, monotonic ms. */
export interface Reached {
  readonly told: number | null;
  readonly decided: number;
}

/** The member a move is about: who went down, or who came back. */
function aboutOf(group: ProtectionGroup, move: Move): VnfcId {
  if (move.kind === "failback") return move.to;
  return move.from ?? group.trafficNets.find((n) => n.netId === move.trafficNet)?.normal ?? move.to;
}

/** One record for each fault, whatever the number of sources, moves, tries and restarts; closed when traffic is led as decided. */
export class FailoverBook {
  readonly #clock: Clock;
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  readonly #alarms: AlarmBook;
  readonly #open = new Map<string, Entry>();
  /** Closed ones to which late sources may still be added, and what each traffic net was last led to, by record. */
  readonly #recent = new Set<Entry>();

  constructor(clock: Clock, stream: EventStream, writes: WriteQueue, alarms: AlarmBook) {
    this.#clock = clock;
    this.#stream = stream;
    this.#writes = writes;
    this.#alarms = alarms;
  }

  /** Takes up a record that an earlier run left open. */
  resume(failover: Failover): void {
    const progress = new Map(failover.moves.map((m) => [m.trafficNet, "confirmed" as Progress]));
    const now = this.#clock.now();
    this.#open.set(keyOf(failover.groupId, failover.kind, failover.about), {
      failover,
      openedMs: now,
      progress,
      answeredMs: now,
    });
  }

  /** Writes down moves that are on their way. Moves of a fault that has an open record go into that one. */
  record(guard: Guard, decision: Decision, started: readonly StartedMove[], mode: Failover["mode"], reached: Reached): void {
    for (const [about, own] of byAbout(guard.group, started)) {
      const { kind } = own[0]!.move;
      const moves = own.map((s) => s.move);
      const key = keyOf(guard.group.id, kind, about);
      const entry = this.#open.get(key) ?? this.#opened(guard, kind, about, decision, mode, reached);
      this.#open.set(key, entry);
      this.#add(entry, moves);
      for (const { move, done } of own) this.#await(guard, entry, move, done);
    }
  }

  /** What a run that was killed in between did and could not write down: seen from who serves what now. */
  recordFound(guard: Guard, move: Move, because: string): void {
    const reached = { told: null, decided: this.#clock.now() };
    const decision = { moves: [move], because: [because], heal: [], unprotected: [], command: null, againAt: null };
    const entry = this.#opened(guard, move.kind, aboutOf(guard.group, move), decision, "restart", reached);
    this.#add(entry, [move]);
    this.#close(guard, entry, []);
  }

  /** More was heard of a member: adds sources and the telling of the alarm to the records about it. */
  refresh(guard: Guard, about: VnfcId): void {
    const member = guard.memberOf(about);
    for (const entry of [...this.#open.values(), ...this.#recent]) {
      const { failover } = entry;
      if (failover.groupId !== guard.group.id || failover.about !== about || failover.kind !== "failover" || !member) continue;
      if (this.#clock.now() - entry.openedMs > LATE_SOURCES_MS) continue;
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
      const isServed = entry.failover.moves.every((m) => guard.servedBy(m.trafficNet) === m.to);
      const isConfirmed = [...entry.progress.values()].every((p) => p === "confirmed");
      if (isServed && isConfirmed) this.#close(guard, entry, []);
      else if (!isServed && isOvertaken(guard, entry.failover, decision)) {
        this.#close(guard, entry, ["overtaken: traffic is led otherwise by now, and that is right"]);
      }
    }
  }

  /** Moves of open records that the VIM took in while it had no switch: to be asked for again until a switch has confirmed. */
  pendingMoves(guard: Guard): Move[] {
    const own = [...this.#open.values()].filter((e) => e.failover.groupId === guard.group.id);
    return own.flatMap((e) =>
      e.failover.moves.filter((m) => e.progress.get(m.trafficNet) === "pending" && guard.servedBy(m.trafficNet) === m.to),
    );
  }

  /** Something is not confirmed yet. */
  get isWaiting(): boolean {
    return this.#open.size > 0;
  }

  /** An open record wants this net to be led there. */
  explains(guard: Guard, net: NetId, to: VnfcId): boolean {
    return [...this.#open.values()].some(
      (e) => e.failover.groupId === guard.group.id && e.failover.moves.some((m) => m.trafficNet === net && m.to === to),
    );
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
      this.#change(entry, { state: "stuck" });
      void this.#alarms.raise(failover.groupId, "FAILOVER_STUCK", [
        `failover ${failover.id} is not confirmed after ${STUCK_AFTER_MS} ms`,
        ...failover.because,
      ]);
    }
  }

  /** Forgets the group of an NS that is no more; its open records end with it. */
  abandon(guard: Guard): void {
    for (const entry of this.#open.values()) {
      if (entry.failover.groupId === guard.group.id) this.#close(guard, entry, ["the network service was terminated"]);
    }
  }

  #opened(guard: Guard, kind: Move["kind"], about: VnfcId, decision: Decision, mode: Failover["mode"], reached: Reached): Entry {
    const member = guard.memberOf(about);
    const failover: Failover = {
      id: randomUUID(),
      nsId: guard.group.nsId,
      groupId: guard.group.id,
      kind,
      about,
      state: "open",
      moves: [],
      because: decision.because,
      mode,
      openedAt: this.#clock.wall().toISOString(),
      closedAt: null,
      times: {
        seen: kind === "failover" && member ? seenOf(member) : {},
        told: kind === "failover" ? reached.told : null,
        decided: reached.decided,
        onWire: null,
        barrier: null,
        alarmTold: this.#alarms.toldAt(about, "VNFC_DOWN"),
      },
    };
    return { failover, openedMs: this.#clock.now(), progress: new Map(), answeredMs: Number.POSITIVE_INFINITY };
  }

  #add(entry: Entry, moves: readonly Move[]): void {
    const nets = new Set(moves.map((m) => m.trafficNet));
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
    entry.progress.set(move.trafficNet, progress);
    if (![...entry.progress.values()].includes("sent")) entry.answeredMs = this.#clock.now();
    if (at) this.#change(entry, { times: laterOf(entry.failover.times, at) });
  }

  #close(guard: Guard, entry: Entry, why: readonly string[]): void {
    const { failover } = entry;
    this.#open.delete(keyOf(failover.groupId, failover.kind, failover.about));
    this.#recent.add(entry);
    for (const old of this.#recent) if (this.#clock.now() - old.openedMs > LATE_SOURCES_MS) this.#recent.delete(old);
    this.#change(entry, { state: "closed", closedAt: this.#clock.wall().toISOString(), because: [...failover.because, ...why] });
    for (const move of failover.moves)
      if (guard.servedBy(move.trafficNet) === move.to) guard.setSince(move.trafficNet, failover.openedAt);
    if (![...this.#open.values()].some((e) => e.failover.groupId === guard.group.id))
      this.#alarms.clear(guard.group.id, "FAILOVER_STUCK");
  }

  /** Subscribers are told when the state or the moves change; times that are added later are in the record. */
  #change(entry: Entry, change: Partial<Failover>): void {
    const failover = { ...entry.failover, ...change };
    entry.failover = failover;
    this.#writes.push((tx) => upsertFailover(tx, failover));
    if (change.state !== undefined || change.moves !== undefined) this.#stream.push({ type: "failover", failover });
  }
}

const keyOf = (groupId: string, kind: string, about: string): string => `${groupId} ${kind} ${about}`;

/** Of several moves the last one counts: the fault is over when all traffic flows. */
const laterOf = (times: FailoverTimes, at: { onWireMs: number; barrierMs: number }): FailoverTimes => ({
  ...times,
  onWire: Math.max(times.onWire ?? 0, at.onWireMs),
  barrier: Math.max(times.barrier ?? 0, at.barrierMs),
});

function byAbout(group: ProtectionGroup, started: readonly StartedMove[]): Map<VnfcId, StartedMove[]> {
  return Map.groupBy(started, (s) => aboutOf(group, s.move));
}

/** Traffic is not led as the record wanted, nothing is on its way, and the decision of now does not want it either. */
function isOvertaken(guard: Guard, failover: Failover, decision: Decision): boolean {
  return failover.moves.every(
    (m) =>
      guard.servedBy(m.trafficNet) === m.to ||
      (!guard.isMoving(m.trafficNet) && !decision.moves.some((d) => d.trafficNet === m.trafficNet && d.to === m.to)),
  );
}
