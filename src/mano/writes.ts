import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import type { Journal } from "../notify/stream.ts";
import { insertJournal, type JournalExtent, type JournalTable, pruneJournal, readJournalSince } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";

export interface Keeping {
  /** Where its events go. */
  readonly table: JournalTable;
  /** Writes held in memory while the store cannot be written. */
  readonly waitingMax: number;
}

export type Write = (tx: ManoStore) => Promise<void>;

interface Waiting {
  readonly write: Write;
  /** What it writes, where that is an event. */
  readonly event: ManoEvent | null;
}

/** Events taken out of the journal at once, when it has so many too many: some ms of work. */
const PRUNED_AT_ONCE = 100;

/** Events kept in the journal: years of an ordinary MANO. */
const EVENTS_KEPT = 100_000;
/** After a full disk or a lock held too long. */
const AGAIN_AFTER_MS = 1_000;
/** Records held in memory while the store cannot be written; beyond it the oldest are given up, and the log says so. */
const WAITING_MAX = 50_000;
const NOTHING: JournalExtent = { count: 0, prunedTo: 0 };
const RECORDS: Keeping = { table: "journal", waitingMax: WAITING_MAX };

/**
 * What is written after the act: records wait here so that no act waits for a disk. All that waits goes into one transaction, in
 * order. What a kill -9 takes from here is found again by the first pass of the next run, from the world itself.
 */
export class WriteQueue implements Journal {
  readonly #db: ManoStore;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #keeping: Keeping;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  /** Null: nothing was written in this run yet. */
  #isRefused: boolean | null = null;
  #tellRefusal: (why: string | null) => void = () => {};
  #isSilent = false;
  /** Who waits until what was pushed is on the disk. */
  readonly #flushing = new Set<() => void>();
  readonly #hearing: ((events: readonly ManoEvent[]) => void)[] = [];
  #prunedTo: number;
  /** What the last batch took out, once it is on the disk. */
  #pruning = 0;
  /** Events that the journal has, or is about to have. */
  #kept: number;

  /** `had`: what the journal has, and up to which number it has nothing any more. */
  constructor(db: ManoStore, log: Log, clock: Clock, had: JournalExtent = NOTHING, keeping = RECORDS) {
    this.#keeping = keeping;
    this.#prunedTo = had.prunedTo;
    this.#kept = had.count;
    this.#db = db;
    this.#log = log;
    this.#clock = clock;
  }

  /** Who is told when the store begins to refuse, in its words, and with null when it takes again, or takes the first time: a run before may have been refused. */
  onRefusal(listener: (why: string | null) => void): void {
    this.#tellRefusal = listener;
  }

  /**
   * The store does not answer, in these words: who waits for it goes on as where it has refused. Null: it does again, and what waits is
   * written.
   */
  silent(why: string | null): void {
    this.#isSilent = why !== null;
    if (why === null) return;
    this.#log.error({ why, count: this.#waiting.length }, "the store does not answer; records wait");
    if (this.#isRefused !== true) this.#tellRefusal(why);
    this.#isRefused = true;
    for (const goOn of this.#flushing) goOn();
  }

  /** Who is handed events when they are on the disk, in order. It must not throw and not wait. */
  onWritten(listener: (events: readonly ManoEvent[]) => void): void {
    this.#hearing.push(listener);
  }

  /** Events up to this number are kept no more. */
  get prunedTo(): number {
    return this.#prunedTo;
  }

  /** Something is not on the disk yet. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#writing !== null;
  }

  push(write: Write): void {
    this.#wait({ write, event: null });
  }

  append(event: ManoEvent): void {
    this.#wait({ write: (tx) => insertJournal(tx, event, this.#keeping.table), event });
    if (++this.#kept < EVENTS_KEPT + PRUNED_AT_ONCE) return;
    this.#kept -= PRUNED_AT_ONCE;
    void this.done(async (tx) => {
      const to = await pruneJournal(tx, PRUNED_AT_ONCE, this.#keeping.table);
      this.#pruning = Math.max(this.#pruning, to);
    });
  }

  /** Resolves when it is on the disk, or when the store has refused it, which keeps it waiting. */
  async done(write: Write): Promise<void> {
    this.push(write);
    await this.flush();
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#isSilent) this.#giveUpOldest();
    this.#writing ??= this.#drain();
  }

  async since(seq: number, limit: number): Promise<ManoEvent[]> {
    await this.flush();
    return readJournalSince(this.#db, seq, limit, this.#keeping.table);
  }

  /** Resolves when all that was pushed until now is on the disk, or when the store has refused it once more, or does not answer. */
  async flush(): Promise<void> {
    if (this.#writing === null || this.#isSilent) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushing.add(resolve);
    void this.#writing.then(resolve);
    await promise;
    this.#flushing.delete(resolve);
  }

  async #drain(): Promise<void> {
    await new Promise(setImmediate); // What comes with the same wake-up goes into the same transaction.
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      if (await this.#writeAll(batch)) continue;
      this.#keep(batch);
      void this.#clock.sleep(AGAIN_AFTER_MS).then(() => {
        this.#writing ??= this.#drain();
      });
      break;
    }
    this.#writing = null;
  }

  async #writeAll(batch: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#db.transaction().execute(async (tx) => {
        for (const { write } of batch) await write(tx);
      });
    } catch (err) {
      this.#log.error({ err, count: batch.length }, "records could not be written; they wait");
      if (this.#isRefused !== true) this.#tellRefusal(err instanceof Error ? err.message : String(err));
      this.#isRefused = true;
      this.#pruning = 0;
      return false;
    }
    // Not within: what is on the disk would be written once more.
    if (this.#isRefused !== false) this.#tellRefusal(null);
    this.#isRefused = false;
    this.#tell(batch.flatMap(({ event }) => event ?? []));
    return true;
  }

  #tell(events: readonly ManoEvent[]): void {
    this.#prunedTo = Math.max(this.#prunedTo, this.#pruning);
    if (events.length === 0) return;
    for (const hear of this.#hearing) {
      try {
        hear(events);
      } catch (err) {
        this.#log.error({ err }, "a bug of ours: who hears of what is on the disk failed");
      }
    }
  }

  #keep(batch: Waiting[]): void {
    this.#waiting = [...batch, ...this.#waiting];
    this.#giveUpOldest();
  }

  #giveUpOldest(): void {
    const over = this.#waiting.length - this.#keeping.waitingMax;
    if (over <= 0) return;
    this.#waiting.splice(0, over);
    this.#log.error({ count: over }, "records given up: the store has not been writable for too long");
  }
}
