import type { Clock } from "./clock.ts";

/**
 * How long after a wake-up its pass begins, ms. What wakes a loop is often a failure, and then the next tens of milliseconds belong to
 * the traffic: to the switch, and to the member that takes over on the same cores. It also makes one pass of many wake-ups.
 */
const SETTLE_MS = 100;

/**
 * Runs `pass` when woken and every so often anyhow. A wake-up carries no data on purpose: a pass reads the whole truth itself, so a
 * lost, repeated or reordered event changes when we look and never what we see. After a restart the same pass runs.
 */
export class Loop {
  #wake: () => void = () => {};
  #isWoken = false;
  #isAwaited = false;
  /** Ends the settling. */
  #begin: () => void = () => {};
  readonly #clock: Clock;
  readonly #pass: () => Promise<void>;
  readonly #onFailure: (e: unknown) => void;
  readonly #leavesMs: number;

  /** `leavesMs`: after a pass the others have the thread for as long as it took, up to this, before one that was woken begins, and nobody waits for. */
  constructor(clock: Clock, pass: () => Promise<void>, onFailure: (e: unknown) => void, { leavesMs = 0 } = {}) {
    this.#clock = clock;
    this.#pass = pass;
    this.#onFailure = onFailure;
    this.#leavesMs = leavesMs;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** As `wake`, for what somebody has asked for and waits for: its pass begins as soon as the one that runs is over. */
  wakeNow(): void {
    this.#isAwaited = true;
    this.wake();
    this.#begin();
  }

  /** `restMs` is asked after each pass. Ends when `signal` is aborted and the pass that runs then is over. */
  async run(restMs: () => number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#isWoken = this.#isAwaited = false; // Before the pass: a wake during it means one more.
      const begunMs = this.#clock.now();
      await this.#pass().catch(this.#onFailure); // No retry here: the next pass is the retry.
      const endedMs = this.#clock.now();
      const notBeforeMs = endedMs + Math.min(endedMs - begunMs, this.#leavesMs);
      if (!this.#isWoken) await this.#rest(restMs(), signal, (end) => (this.#wake = end));
      const settleMs = Math.max(SETTLE_MS, notBeforeMs - this.#clock.now());
      if (this.#isWoken && !this.#isAwaited) await this.#rest(settleMs, signal, (end) => (this.#begin = end));
    }
  }

  /** `endBy` is given what ends it before its time. */
  async #rest(ms: number, signal: AbortSignal, endBy: (end: () => void) => void): Promise<void> {
    const woken = new AbortController();
    const end = () => woken.abort(WOKEN);
    endBy(end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    await this.#clock.sleep(ms, woken.signal).catch(() => {});
    signal.removeEventListener("abort", end);
  }
}

/** A reason of its own: without one each wake-up would make an error with its stack. */
const WOKEN = Symbol("woken");
