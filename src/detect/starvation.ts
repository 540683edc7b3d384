import type { ThreadTimes } from "../model/thread-times.ts";

/**
 * A silence is held back for so long at most, ms, because the host had no core for the guest: who gets none for longer serves nobody either,
 * and whoever waits for the service has waited long enough.
 */
export const STARVED_MS_MAX = 500;
/** Waits of this share of the interval between two requests are nothing: every thread that is woken waits a little. */
const SLACK_SHARE = 0.2;
/** A request passes two threads in turn: the one that reads what the switch sends, and the one that runs the guest's CPU. */
const THREADS_IN_TURN = 2;

interface Wait {
  readonly atMs: number;
  readonly ranMs: number;
}

interface Seen {
  readonly first: ThreadTimes;
  readonly last: ThreadTimes;
  readonly lastAtMs: number;
  /** It has wanted to run at each look since then, and was given a core at no time in between. */
  readonly wantsSince: Wait | null;
}

/**
 * How long the threads of one guest's process waited for a core since the first look at them: a lower bound, as what the kernel counts of a wait
 * is known when the wait is over, and of one that goes on only what lies between two looks. What a thread runs is counted at each tick of its
 * core, so that one that has its core all the time may seem to have waited since the last one: for 10 ms at most, and not longer with each look.
 * A process that is stopped waits for nothing; neither do the threads of a guest whose CPUs are paused or halted. Times are monotonic ms. No I/O.
 */
export class Starvation {
  #sinceMs: number | null = null;
  #untilMs = 0;
  /** What they had waited before a standstill of whoever looks. */
  #keptMs = 0;
  #keptLeftMs = 0;
  readonly #seen = new Map<ThreadTimes["id"], Seen>();

  look(threads: readonly ThreadTimes[], atMs: number): void {
    this.#sinceMs ??= atMs;
    this.#untilMs = atMs;
    for (const last of threads) {
      const before = this.#seen.get(last.id);
      this.#seen.set(last.id, { first: before?.first ?? last, last, lastAtMs: atMs, wantsSince: wantsSince(before, last, atMs) });
    }
  }

  /** Whoever looks stood still until now: what they waited meanwhile counts neither way, and what they had waited before stays. */
  stalled(): void {
    [this.#keptMs, this.#keptLeftMs] = [this.waitedMs, this.leftMs];
    this.#sinceMs = null;
    this.#seen.clear();
  }

  /** Of the time since the first look what is not known to have been waited, ms. */
  get leftMs(): number {
    return this.#keptLeftMs + this.#passedMs - this.#waitedSinceMs;
  }

  get #passedMs(): number {
    return this.#untilMs - (this.#sinceMs ?? this.#untilMs);
  }

  /** The sum over the two that waited longest; never more than has passed. */
  get waitedMs(): number {
    return this.#keptMs + this.#waitedSinceMs;
  }

  get #waitedSinceMs(): number {
    const passedMs = this.#passedMs;
    const waits = [...this.#seen.values()].map((seen) => Math.min(passedMs, waitOf(seen))).sort((a, b) => b - a);
    return Math.min(
      passedMs,
      waits.slice(0, THREADS_IN_TURN).reduce((sum, ms) => sum + ms, 0),
    );
  }
}

/** On a core without a tick one that has its core all the time looks like one that waits for it: there only waits that are over count. */
function wantsSince(before: Seen | undefined, { isRunnable, isTickless, runs, ranMs }: ThreadTimes, atMs: number): Wait | null {
  if (!isRunnable || isTickless) return null;
  const isSameWait = before?.last.isRunnable === true && before.last.runs === runs;
  return isSameWait ? before.wantsSince : { atMs, ranMs };
}

/** What it ran of a wait that goes on is none of it: one that has its core all the time is never given another. */
function waitOf({ first, last, lastAtMs, wantsSince }: Seen): number {
  const now = wantsSince === null ? 0 : lastAtMs - wantsSince.atMs - (last.ranMs - wantsSince.ranMs);
  return Math.max(0, last.waitedMs - first.waitedMs) + Math.max(0, now);
}

/** A silence that the misses alone have made. */
export interface Missed {
  /** When they had added up to it, monotonic ms. */
  readonly silentAtMs: number;
  readonly intervalMs: number;
  /** How long its threads waited for a core since it missed its first request, ms. */
  readonly waitedMs: number;
}

/**
 * The clock of the misses stands still while the host has no core for the guest: a silence is believed when it has lasted as much longer as its
 * threads waited, and no later than `STARVED_MS_MAX` after it would have been without. Pure and total.
 */
export const isBelieved = (missed: Missed, nowMs: number): boolean =>
  Math.min(missed.waitedMs, STARVED_MS_MAX) - (nowMs - missed.silentAtMs) <= SLACK_SHARE * missed.intervalMs;

/** What is to be said of the waits beside a silence that is believed; null: nothing worth a word. */
export function starvedWhy({ waitedMs, intervalMs }: Missed): string | null {
  if (waitedMs <= SLACK_SHARE * intervalMs) return null;
  const forMs = `its host had no core for it for ${Math.round(waitedMs)} ms`;
  return waitedMs > STARVED_MS_MAX
    ? `${forMs}, and no more than ${STARVED_MS_MAX} are waited for`
    : `${forMs}, which do not count`;
}
