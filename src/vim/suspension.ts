import type { Log } from "../lib/log.ts";
import type { Source } from "../model/evidence.ts";
import type { Facts } from "./facts.ts";

/** Why opinions that come by way of the switch do not count while it has none. */
export const NO_SWITCH = "the switch has no session with this VIM: what comes by way of it is not heard";

/** Whether the silence that one source of opinions finds is told: not while what it sees may be our own fault. */
export class Suspension {
  readonly #source: Source;
  readonly #facts: Facts;
  readonly #log: Log;
  #now: { readonly why: string; readonly sinceMs: number } | null = null;

  constructor(source: Source, { facts, log }: { facts: Facts; log: Log }) {
    this.#source = source;
    this.#facts = facts;
    this.#log = log;
  }

  /** Null: what it sees is told. Each suspension is another thing. */
  get now(): { readonly why: string; readonly sinceMs: number } | null {
    return this.#now;
  }

  begin(why: string, nowMs: number): void {
    if (this.#now !== null) return;
    this.#now = { why, sinceMs: nowMs };
    this.#facts.suspended(this.#source, why);
    this.#log.warn({ source: this.#source, why }, "opinions of this source do not count now");
  }

  end(nowMs: number): void {
    if (this.#now === null) return;
    this.#log.info({ source: this.#source, forMs: Math.round(nowMs - this.#now.sinceMs) }, "opinions of this source count again");
    this.#now = null;
    this.#facts.suspended(this.#source, null);
  }
}
