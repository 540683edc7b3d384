import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import {
  deleteRecords,
  endOfRetention,
  type LookedThrough,
  RECORD_KINDS,
  type RecordKind,
  type RecordPlace,
} from "../store/retention.ts";
import { Running } from "./running.ts";

/** How long what is over is kept: `days`, and of each kind of record the newest `records`, whichever ends first. */
export interface Keeping {
  readonly days: number;
  readonly records: number;
}

/** A MANO that has just started has other things to do. */
const FIRST_MS = 600_000;
const EVERY_MS = 3_600_000;
/** Records that are looked at in one go of some ms, and then everybody else: also where most of them stay. */
const AT_ONCE = 100;
const REST_MS = 200;
/** Between looks at the clocks. */
const LOOK_MS = 10_000;

export interface RetentionParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly keeping: Keeping;
}

/** Takes away records of what has long been over, a few at a time. What is open, or what something open needs, stays however old it is. */
export class Retention {
  readonly #parts: RetentionParts;
  #running: Running | null = null;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** Ends with the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    for (let dueMs = clock.now() + FIRST_MS; !signal.aborted; ) {
      const isDue = clock.now() >= dueMs;
      if (isDue) dueMs = clock.now() + EVERY_MS;
      // The next time is the retry: a store that refuses is told of by what cannot wait.
      const done: Promise<unknown> = isDue ? this.pass(signal) : this.#look();
      await done.catch((err: unknown) => {
        if (isDue) log.warn({ err }, "old records could not be taken away");
      });
      await clock.sleep(LOOK_MS, signal).catch(() => {});
    }
  }

  /** All that is due now. Gives how many records went. */
  async pass(signal: AbortSignal): Promise<number> {
    const { days } = this.#parts.keeping;
    const running = await this.#look();
    await running.write(days);
    const oldest = running.before(days).toISOString();
    let gone = 0;
    for (const kind of RECORD_KINDS) gone += await this.#passOver(kind, oldest, signal);
    return gone;
  }

  async #look(): Promise<Running> {
    this.#running ??= await Running.load(this.#parts);
    await this.#running.look();
    return this.#running;
  }

  async #passOver(kind: RecordKind, oldest: string, signal: AbortSignal): Promise<number> {
    const { db, clock, keeping } = this.#parts;
    const before = await endOfRetention(db, kind, oldest, keeping.records);
    let gone = 0;
    for (let behind: RecordPlace | null = null; !signal.aborted; ) {
      const looked: LookedThrough = await deleteRecords(db, kind, before, AT_ONCE, behind);
      gone += looked.gone;
      behind = looked.to;
      if (behind === null) break;
      await clock.sleep(REST_MS, signal).catch(() => {});
    }
    return gone;
  }
}
