import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { VimEvent, VimEventBody } from "../model/vim-event.ts";
import { insertEvents, pruneEvents, readEventsSince, readLastSeq } from "../store/vim-events.ts";
import type { VimStore } from "../store/vim-picture.ts";
import { RECORD_DELAY_MS } from "./picture.ts";

/** What a run may have told and not written when it was killed; its numbers are left out, so no number is used twice. */
const SEQ_GAP = 100_000;
/** Events kept: some weeks of an ordinary VIM, some minutes of one whose every port flaps. */
const EVENTS_KEPT = 100_000;
const PRUNE_EVERY = 1_000;
/** Rows of one insert: SQLite takes 32,766 values in a statement. */
const BATCH_MAX = 1_000;

/** Must not throw and not wait. */
export type VimListener = (event: VimEvent) => void;

/**
 * The one stream of what this VIM says. Live subscribers hear an event before it is written: their reaction must not wait
 * for a disk. `seq` grows over restarts too.
 */
export class VimEvents {
  readonly #db: VimStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<VimListener>();
  #unwritten: VimEvent[] = [];
  #writing: Promise<void> | null = null;
  #seq: number;

  private constructor(db: VimStore, clock: Clock, log: Log, lastSeq: number) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#seq = lastSeq === 0 ? 0 : lastSeq + SEQ_GAP;
  }

  static async open(db: VimStore, clock: Clock, log: Log): Promise<VimEvents> {
    return new VimEvents(db, clock, log, await readLastSeq(db));
  }

  get lastSeq(): number {
    return this.#seq;
  }

  /** Monotonic ms, on the scale of the events. */
  now(): number {
    return this.#clock.now();
  }

  push(body: VimEventBody): void {
    const event: VimEvent = { seq: ++this.#seq, at: this.#clock.wall().toISOString(), monoMs: this.#clock.now(), ...body };
    for (const listener of this.#listeners) listener(event);
    this.#unwritten.push(event);
    this.#writing ??= this.#write();
  }

  /** Tells every event from now on; the answer unsubscribes. */
  subscribe(listener: VimListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was told after `seq`, oldest first. */
  async since(seq: number, limit: number): Promise<VimEvent[]> {
    await this.flush();
    return readEventsSince(this.#db, seq, limit);
  }

  /** Resolves when all that was told until now is written, or could not be (the log says so). */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #write(): Promise<void> {
    await this.#clock.sleep(RECORD_DELAY_MS);
    while (this.#unwritten.length > 0) await this.#writeSome(this.#unwritten.splice(0, BATCH_MAX));
    this.#writing = null;
  }

  async #writeSome(batch: VimEvent[]): Promise<void> {
    const last = batch.at(-1)!.seq;
    try {
      await insertEvents(this.#db, batch);
      if (Math.floor(last / PRUNE_EVERY) !== Math.floor((batch[0]!.seq - 1) / PRUNE_EVERY))
        await pruneEvents(this.#db, last, EVENTS_KEPT);
    } catch (err) {
      this.#log.error({ err, count: batch.length }, "events could not be written; live subscribers have them");
    }
  }
}
