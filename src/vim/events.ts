import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { TenantId } from "../model/ids.ts";
import type { VimEvent, VimEventBody } from "../model/vim-event.ts";
import { insertEvents, pruneEvents, readEventsSince, readJournalState } from "../store/vim-events.ts";
import type { VimStore } from "../store/vim-picture.ts";
import { RECORD_DELAY_MS } from "./picture.ts";

/** What a run may have told and not written when it was killed; its numbers are left out, so no number is used twice. */
const SEQ_GAP = 100_000;
/** Events kept: some weeks of an ordinary VIM, some minutes of one whose every port flaps. */
const EVENTS_KEPT = 100_000;
/** So many more are let stand, so that few writes forget any. */
const PRUNE_EVERY = 1_000;
/** After a full disk or a lock held too long. */
const AGAIN_AFTER_MS = 1_000;
/** Events that wait while the store takes none; of more the oldest are given up. */
const WAITING_MAX = 10_000;
/** Rows of one insert: SQLite takes 32,766 values in a statement. */
const BATCH_MAX = 1_000;

/** Must not throw and not wait. */
export type VimListener = (event: VimEvent) => void;

export interface VimEventsParts {
  readonly db: VimStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Whose thing it is that something happened to. It must be short: it is asked before anybody is told. */
  readonly tenantOf?: (body: VimEventBody) => TenantId | null;
  /** Events kept, however old. */
  readonly keep?: number;
}

type JournalState = Awaited<ReturnType<typeof readJournalState>>;

/**
 * The one stream of what this VIM says. Live subscribers hear an event before it is written: their reaction must not wait
 * for a disk. `seq` grows over restarts too.
 */
export class VimEvents {
  readonly #db: VimStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #tenantOf: (body: VimEventBody) => TenantId | null;
  readonly #keep: number;
  readonly #listeners = new Set<VimListener>();
  #written: (events: readonly VimEvent[]) => void = () => {};
  #count: number;
  #prunedTo: number;
  #unwritten: VimEvent[] = [];
  #writing: Promise<void> | null = null;
  #isWritable = true;
  readonly #ended = new AbortController();
  #seq: number;

  private constructor({ db, clock, log, tenantOf = () => null, keep = EVENTS_KEPT }: VimEventsParts, kept: JournalState) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#tenantOf = tenantOf;
    this.#keep = keep;
    this.#seq = kept.lastSeq === 0 ? 0 : kept.lastSeq + SEQ_GAP;
    this.#count = kept.count;
    this.#prunedTo = kept.prunedTo;
  }

  static async open(parts: VimEventsParts): Promise<VimEvents> {
    return new VimEvents(parts, await readJournalState(parts.db));
  }

  /** Events up to this number are kept no more. */
  get prunedTo(): number {
    return this.#prunedTo;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  /** Monotonic ms, on the scale of the events. */
  now(): number {
    return this.#clock.now();
  }

  push(body: VimEventBody): void {
    const tenantId = this.#tenantOf(body);
    const about = tenantId === null ? body : { ...body, tenantId };
    const event: VimEvent = { seq: ++this.#seq, at: this.#clock.wall().toISOString(), monoMs: this.#clock.now(), ...about };
    for (const listener of this.#listeners) listener(event);
    this.#unwritten.push(event);
    if (!this.#isWritable && this.#unwritten.length > WAITING_MAX) this.#unwritten.shift();
    this.#writing ??= this.#write();
  }

  /** The store does not answer, in these words: what is told waits for it. Null: it does, and that is told when it has taken what waits. */
  storeSilent(why: string | null): void {
    if (why === null) return;
    this.#log.error({ why }, "the store does not answer; failovers go on, and what is to be written waits");
    this.#notWritable(why);
  }

  /** Tells every event from now on; the answer unsubscribes. */
  subscribe(listener: VimListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Who is handed what is on the disk, after it is. One listener; it must not throw and not wait. */
  onWritten(listener: (events: readonly VimEvent[]) => void): void {
    this.#written = listener;
  }

  /** What was told after `seq`, oldest first. */
  async since(seq: number, limit: number): Promise<VimEvent[]> {
    await this.flush();
    return readEventsSince(this.#db, seq, limit);
  }

  /** Resolves when all that was told until now is written, or could not be once more (`store.status` says so). */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** As flush; what the store refuses now is not tried again. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.flush();
  }

  async #write(): Promise<void> {
    await new Promise(setImmediate); // Who reacts to it has its turn first.
    await this.#clock.sleep(RECORD_DELAY_MS);
    while (this.#unwritten.length > 0) if (!(await this.#writeSome(this.#unwritten.splice(0, BATCH_MAX)))) break;
    this.#writing = null;
  }

  /** False where the store did not take them: they wait until it is tried again, after a while or with the next event. */
  async #writeSome(batch: VimEvent[]): Promise<boolean> {
    try {
      await insertEvents(this.#db, batch);
    } catch (err) {
      this.#refused(batch, err);
      return false;
    }
    this.#count += batch.length;
    this.#written(batch);
    await this.#prune(this.#count - this.#keep);
    if (!this.#isWritable) this.push({ type: "store.status", status: "writable" });
    this.#isWritable = true;
    return true;
  }

  #refused(batch: VimEvent[], err: unknown): void {
    this.#unwritten = [...batch, ...this.#unwritten];
    const over = this.#unwritten.splice(0, Math.max(0, this.#unwritten.length - WAITING_MAX)).length;
    this.#log.error({ err, count: this.#unwritten.length, over }, "events could not be written; live subscribers have them");
    const again = () => {
      this.#writing ??= this.#write();
    };
    this.#clock.sleep(AGAIN_AFTER_MS, this.#ended.signal).then(again, () => {}); // Ended.
    this.#notWritable(err instanceof Error ? err.message : String(err));
  }

  #notWritable(why: string): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    this.push({ type: "store.status", status: "notWritable", why });
  }

  async #prune(over: number): Promise<void> {
    if (over < PRUNE_EVERY) return;
    try {
      this.#prunedTo = await pruneEvents(this.#db, over);
      this.#count -= over;
    } catch (err) {
      this.#log.error({ err, over }, "old events could not be forgotten; with the next ones it is tried again");
    }
  }
}
