import type { Clock } from "../lib/clock.ts";
import { readRunning, writeRunning } from "../store/mano-running.ts";
import type { ManoStore } from "../store/mano-schema.ts";

const DAY_MS = 86_400_000;
/** A wall clock that is set back by more is on record at once. */
const SET_BACK_MS = 60_000;

interface RunningParts {
  readonly db: ManoStore;
  readonly clock: Clock;
}

/**
 * How long the MANO has run, by the monotonic clock, and what its wall clock showed meanwhile. From both comes which moments of the wall clock are
 * surely so many days ago, whatever it shows now and whenever it was set (decision 0081).
 */
export class Running {
  readonly #db: ManoStore;
  readonly #clock: Clock;
  /** By day of running, the least that the wall clock was ahead of the running time, ms. */
  readonly #ahead: Map<number, number>;
  #livedMs: number;
  #lookedMs: number;
  #writtenMs = Number.POSITIVE_INFINITY;

  private constructor({ db, clock }: RunningParts, ahead: Map<number, number>, livedMs: number) {
    this.#db = db;
    this.#clock = clock;
    this.#ahead = ahead;
    this.#livedMs = livedMs;
    this.#lookedMs = clock.now();
  }

  /** What ran after the last `write` of the run before is not counted. */
  static async load(parts: RunningParts): Promise<Running> {
    const rows = await readRunning(parts.db);
    return new Running(parts, new Map(rows.map((r) => [r.day, r.ahead_ms])), rows.at(-1)?.lived_ms ?? 0);
  }

  /** Reads both clocks. A record that is stamped while the wall clock is wrong is only known for such where that was looked at. */
  async look(): Promise<void> {
    const now = this.#clock.now();
    this.#livedMs += now - this.#lookedMs;
    this.#lookedMs = now;
    const ahead = Math.floor(this.#clock.wall().getTime() - this.#livedMs);
    const least = Math.min(ahead, this.#ahead.get(this.#day) ?? ahead);
    this.#ahead.set(this.#day, least);
    if (least < this.#writtenMs - SET_BACK_MS) await this.write();
  }

  /** What was looked at is on the disk when it resolves. */
  async write(keptDays = Number.POSITIVE_INFINITY): Promise<void> {
    const from = Math.max(0, this.#day - keptDays - 1);
    for (const day of this.#ahead.keys()) if (day < from) this.#ahead.delete(day);
    const ahead = this.#ahead.get(this.#day)!;
    await writeRunning(this.#db, { day: this.#day, lived_ms: Math.floor(this.#livedMs), ahead_ms: ahead }, from);
    this.#writtenMs = ahead;
  }

  /** What was stamped before this moment is `days` old by the wall clock as it is and as it was at every moment that it ran in so many days. */
  before(days: number): Date {
    const first = Math.floor(this.#livedMs / DAY_MS) - days;
    const ahead = [...this.#ahead].flatMap(([day, ms]) => (day >= first ? [ms] : []));
    return new Date(Math.max(0, this.#livedMs - days * DAY_MS + Math.min(...ahead)));
  }

  get #day(): number {
    return Math.floor(this.#livedMs / DAY_MS);
  }
}
