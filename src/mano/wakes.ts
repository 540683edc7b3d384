import type { Clock } from "../lib/clock.ts";
import type { VimAccountId } from "../model/ids.ts";

/** One more pass over a VIM by some moment; the earliest wish counts. */
export class Wakes {
  readonly #clock: Clock;
  readonly #wake: (vim: VimAccountId) => void;
  readonly #stopped: AbortSignal;
  /** When the next pass was asked for, monotonic ms. */
  readonly #atMs = new Map<VimAccountId, number>();

  constructor(clock: Clock, wake: (vim: VimAccountId) => void, stopped: AbortSignal) {
    this.#clock = clock;
    this.#wake = wake;
    this.#stopped = stopped;
  }

  /** Null: none is asked for. */
  in(ms: number | null, vim: VimAccountId): void {
    if (ms === null) return;
    const atMs = this.#clock.now() + ms;
    if (atMs >= (this.#atMs.get(vim) ?? Number.POSITIVE_INFINITY)) return;
    this.#atMs.set(vim, atMs);
    this.#clock.sleep(ms, this.#stopped).then(
      () => {
        if (this.#atMs.get(vim) === atMs) this.#atMs.delete(vim);
        this.#wake(vim);
      },
      () => {}, // Stopped.
    );
  }
}
