import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { Source } from "../model/evidence.ts";
import type { VimAccount } from "../model/ns.ts";
import type { VimCondition } from "../model/vim-condition.ts";
import type { VimEvent } from "../model/vim-event.ts";
import type { EventStream } from "../notify/stream.ts";
import type { Inventory, VimConnector } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import type { Site } from "./lifecycle-parts.ts";

/** Between passes when nothing happens: what no event told is found by then. */
const PASS_EVERY_MS = 5_000;
/** Between passes while something is being deployed, removed, or waits to be confirmed. */
const PASS_BUSY_MS = 500;
/** After a pass over a large VIM requests have the thread for as long as it took, up to this. */
const LEAVES_MS = 500;
/** Between passes while the VIM does not answer. */
const PASS_LOST_MS = 1_000;
/** What was seen before that is not gone by: passes come as often as this, unless they take long. */
const SEEN_MAX_MS = 2 * PASS_EVERY_MS;
/** A daemon that restarts is back within this; then it is no alarm. */
const LOST_ALARM_AFTER_MS = 3_000;
/** First and longest rest before the event stream is opened again. The first is short: a cut stream blinds the reaction path. */
const REOPEN_FIRST_MS = 50;
const REOPEN_MAX_MS = 2_000;

/** The switch's counters commonly say sooner whether it is the members; then it is no alarm. */
const STOPPED_ALARM_AFTER_MS = 1_000;
/** For the person who reads the alarm. */
const WHAT_TO_LOOK_AT = [
  "nobody is fenced or moved for silence alone until members answer again; what is seen to end still moves traffic at once",
  "look at: the load of the compute hosts, the switch's session with the VIM (ovs-vsctl show), its flow table (ovs-ofctl dump-flows)",
];

export interface WatchParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly stream: EventStream;
  readonly alarms: AlarmBook;
  readonly mode: "push" | "poll";
  readonly pollIntervalMs: number;
  onEvents(events: readonly VimEvent[]): void;
  /** Everything of one pass that comes after the inventory. */
  onInventory(seen: Inventory, signal: AbortSignal): Promise<void>;
  /** A pass whose inventory failed, and why. */
  onLost(why: string): void;
  /** It answers again, after so long. */
  onBack(awayMs: number): void;
  /** Something is under way that the next pass should not leave waiting. */
  isBusy(): boolean;
}

/** The watch over one VIM: its event stream (push), and the slow loop that reads the whole truth when woken and every so often. */
export class VimWatch {
  readonly account: VimAccount;
  readonly connector: VimConnector;
  readonly #parts: WatchParts;
  readonly #loop: Loop;
  #cursor: number | null;
  #seen: Inventory | null = null;
  #isOpen = false;
  #lastHeardMs: number;
  #isLost = false;
  /** It could not be looked at. One that only leaves a request unanswered is there. */
  #isAway = false;
  /** Why the last pass or stream failed; null while the VIM answers. */
  #why: string | null = null;
  #suspended: ReadonlyMap<Source, string> = new Map();
  /** Grows with every word of the stream about them: what was asked for before is older then. */
  #suspendedTold = 0;
  #counted = new AbortController();
  #signal: AbortSignal = AbortSignal.abort();
  readonly #ended = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(account: VimAccount, connector: VimConnector, cursor: number | null, parts: WatchParts) {
    this.account = account;
    this.connector = connector;
    this.#parts = parts;
    this.#cursor = cursor;
    this.#lastHeardMs = parts.clock.now();
    this.#loop = new Loop(
      parts.clock,
      () => this.#pass(),
      (err) => parts.log.error({ err, vim: account.name }, "a pass failed"),
      { leavesMs: LEAVES_MS },
    );
  }

  /** The last event taken in. */
  get cursor(): number | null {
    return this.#cursor;
  }

  /** What the VIM had when it was last looked at; null: it does not answer, or was not looked at for too long. */
  get site(): Site | null {
    const seen = this.#seen;
    if (this.#why !== null || seen === null || this.#parts.clock.now() - seen.startedAt > SEEN_MAX_MS) return null;
    return { vim: this.account.id, connector: this.connector, seen, signal: this.#signal };
  }

  /** What the VIM had when it was last looked at, however long ago; null: it was not looked at yet. */
  get lastSeen(): Inventory | null {
    return this.#seen;
  }

  /** Sources of this VIM whose opinions do not count now, and why: they point at itself, or so many at once are silent that they may. */
  get suspended(): ReadonlyMap<Source, string> {
    return this.#suspended;
  }

  get reachable(): { readonly ok: boolean; readonly why: string | null; readonly isStreaming: boolean } {
    return { ok: !this.#isLost && this.#why === null, why: this.#why, isStreaming: this.#isOpen };
  }

  wake(): void {
    this.#loop.wake();
  }

  /** As `wake`, for what somebody has asked for and waits for. */
  wakeNow(): void {
    this.#loop.wakeNow();
  }

  /** Ends with the signal, or by `end`. */
  run(stopped: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopped, this.#ended.signal]);
    this.#signal = signal;
    const listening = this.#parts.mode === "push" ? this.#listen(signal) : undefined;
    this.#running = Promise.all([this.#loop.run(() => this.#restMs(), signal), listening]);
    return this.#running.then(() => {});
  }

  /** This VIM is used no more. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#running;
    this.connector[Symbol.dispose]();
  }

  #restMs(): number {
    if (this.#why !== null) return PASS_LOST_MS;
    if (this.#parts.mode === "poll") return this.#parts.pollIntervalMs;
    return this.#parts.isBusy() ? PASS_BUSY_MS : PASS_EVERY_MS;
  }

  async #pass(): Promise<void> {
    const told = this.#suspendedTold;
    let seen: Inventory;
    try {
      seen = await this.connector.inventory(this.#signal);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      if (!this.#signal.aborted) {
        this.#isAway = true;
        this.#lost(e.message);
      }
      return;
    }
    this.#seen = seen;
    this.#found();
    if (seen.condition !== null && told === this.#suspendedTold) this.#suspend(suspendedOf(seen.condition));
    await this.#parts.onInventory(seen, this.#signal).catch((e: unknown) => {
      if (this.#signal.aborted) return;
      if (e instanceof Fault && e.code === "VIM_UNREACHABLE") this.#lost(e.message);
      else throw e;
    });
  }

  async #listen(signal: AbortSignal): Promise<void> {
    let restMs = REOPEN_FIRST_MS;
    while (!signal.aborted) {
      const onOpen = () => {
        restMs = REOPEN_FIRST_MS;
        this.#opened();
      };
      await this.connector
        .subscribe(this.#cursor, { onOpen, onEvents: (events) => this.#take(events) }, signal)
        .catch((e: unknown) => {
          if (!(e instanceof Fault)) throw e;
          this.#closed(e.message);
        });
      await this.#parts.clock.sleep(restMs, signal).catch(() => {});
      restMs = Math.min(restMs * 2, REOPEN_MAX_MS);
    }
  }

  #take(events: readonly VimEvent[]): void {
    this.#parts.onEvents(events);
    for (const event of events) this.#hearOfOpinions(event);
    // A number below the last one means another store behind the same address: its numbering is followed from here on.
    this.#cursor = events.at(-1)?.seq ?? this.#cursor;
    // Evidence is acted on already, and the record of a request tells nothing new; the others say that there is something to read.
    if (events.some((e) => e.type !== "evidence" && e.type !== "api.changed")) this.wake();
  }

  #hearOfOpinions(event: VimEvent): void {
    const next = new Map(this.#suspended);
    if (event.type === "opinions.suspended") next.set(event.source ?? "probe", event.why);
    else if (event.type === "opinions.counted") next.delete(event.source ?? "probe");
    else if (event.type === "vim.started") next.clear();
    else return;
    this.#suspendedTold++;
    this.#suspend(next);
  }

  /** What is suspended now. Each pass says it anew: a run that was not told, or was told of an earlier run of the VIM, learns it there. */
  #suspend(next: ReadonlyMap<Source, string>): void {
    const had = this.#suspended;
    this.#suspended = next;
    if (next.size === 0) {
      this.#counted.abort();
      this.#parts.alarms.clear(this.account.id, "AUTOMATION_STOPPED");
    } else if (had.size === 0) this.#tellSuspended();
  }

  #tellSuspended(): void {
    const { alarms, clock } = this.#parts;
    const { id, name } = this.account;
    this.#counted = new AbortController();
    clock.sleep(STOPPED_ALARM_AFTER_MS, AbortSignal.any([this.#counted.signal, this.#signal])).then(
      () => {
        if (this.#suspended.size === 0) return; // It was over in the same instant.
        const why = [...this.#suspended].map(([source, words]) => `VIM ${name}, ${source}: ${words}`);
        void alarms.raise(id, "AUTOMATION_STOPPED", [...why, ...WHAT_TO_LOOK_AT]);
      },
      () => {}, // It was over soon, or we are.
    );
  }

  #opened(): void {
    this.#isOpen = true;
    this.#parts.stream.push({ type: "vim.connected", vimAccountId: this.account.id });
    this.wake(); // What happened while nobody listened: the events tell some of it, the inventory all.
  }

  #closed(why: string): void {
    if (this.#isOpen && !this.#signal.aborted) this.#parts.stream.push({ type: "vim.lost", vimAccountId: this.account.id, why });
    this.#isOpen = false;
    this.wake();
  }

  #found(): void {
    const now = this.#parts.clock.now();
    if (this.#isAway) this.#parts.onBack(now - this.#lastHeardMs);
    this.#isAway = false;
    this.#lastHeardMs = now;
    this.#why = null;
    this.#isLost = false;
    this.#parts.alarms.clear(this.account.id, "VIM_UNREACHABLE");
  }

  #lost(why: string): void {
    this.#why = why;
    this.#isLost = this.#parts.clock.now() - this.#lastHeardMs > LOST_ALARM_AFTER_MS;
    if (this.#isLost) void this.#parts.alarms.raise(this.account.id, "VIM_UNREACHABLE", [`VIM ${this.account.name}: ${why}`]);
    this.#parts.onLost(why);
  }
}

const suspendedOf = ({ suspended }: VimCondition): ReadonlyMap<Source, string> =>
  new Map(Object.entries(suspended) as [Source, string][]);
