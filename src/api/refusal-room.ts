import { systemClock } from "../lib/clock.ts";

/** Refusals of one client, and of all, that are written down at once; then one more each so often, ms. So 100,000 events of a journal last for a month at least. */
const OF_ONE = { burst: 10, everyMs: 60_000 };
const OF_ALL = { burst: 100, everyMs: 30_000 };
/** Clients remembered: who comes under more names is held by what is for all. */
const CLIENTS_MAX = 1_000;

interface Bucket {
  readonly taken: number;
  readonly atMs: number;
}

/** How many refusals are written down: who is refused a million times must not push everything else out of the record. */
export class RefusalRoom {
  readonly #now: () => number;
  readonly #clients = new Map<string, Bucket>();
  #all: Bucket = { taken: 0, atMs: 0 };
  #leftOut = 0;

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many were left out since the last that was not; null: this one is left out too. */
  take(client: string): number | null {
    const now = this.#now();
    const mine = taken(this.#clients.get(client), OF_ONE.everyMs, now);
    const all = taken(this.#all, OF_ALL.everyMs, now);
    if (mine + 1 > OF_ONE.burst || all + 1 > OF_ALL.burst) {
      this.#leftOut++;
      return null;
    }
    this.#clients.delete(client); // It goes to the end: the oldest are forgotten first.
    this.#clients.set(client, { taken: mine + 1, atMs: now });
    if (this.#clients.size > CLIENTS_MAX) this.#clients.delete(this.#clients.keys().next().value!);
    this.#all = { taken: all + 1, atMs: now };
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}

export const refusalRoom = (): RefusalRoom => new RefusalRoom(() => systemClock.now());

const taken = (bucket: Bucket | undefined, everyMs: number, now: number): number =>
  bucket === undefined ? 0 : Math.max(0, bucket.taken - (now - bucket.atMs) / everyMs);
