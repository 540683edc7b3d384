/** Attempts that may fail in a row before their address is asked to wait: a test suite shows some tens of bad tokens on purpose. */
const BURST = 100;
/** One more is forgiven this often, ms. */
const FORGIVEN_EVERY_MS = 6_000;
/** Addresses remembered: an attacker with more of them is slowed by nothing here, and must not fill our memory. */
const ADDRESSES_MAX = 10_000;

/** How often each address has shown a token that is none. Guessing 256 bits is hopeless anyhow: this keeps the log and the cores free. */
export class FailedAttempts {
  readonly #now: () => number;
  readonly #failed = new Map<string, { readonly count: number; readonly atMs: number }>();

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How long it is to wait, ms; null: it may try. */
  waitOf(address: string): number | null {
    const over = this.#countOf(address) - (BURST - 1);
    return over > 0 ? over * FORGIVEN_EVERY_MS : null;
  }

  failed(address: string): void {
    const count = Math.min(this.#countOf(address) + 1, BURST);
    this.#failed.delete(address); // It goes to the end: the oldest are forgotten first.
    this.#failed.set(address, { count, atMs: this.#now() });
    if (this.#failed.size > ADDRESSES_MAX) this.#failed.delete(this.#failed.keys().next().value!);
  }

  #countOf(address: string): number {
    const { count = 0, atMs = 0 } = this.#failed.get(address) ?? {};
    return Math.max(0, count - (this.#now() - atMs) / FORGIVEN_EVERY_MS);
  }
}
