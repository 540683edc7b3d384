import type { Clock } from "../lib/clock.ts";
import type { ThreadTimes } from "../model/thread-times.ts";
import type { ProbeTarget } from "./probe-targets.ts";
import type { ProbedPort } from "./probed-port.ts";

/** How the threads of the guest behind a port fare with its host's scheduler, at once; null: nobody can tell. */
export type ThreadsOf = (target: ProbeTarget) => readonly ThreadTimes[] | null;

/** After a round of requests so many guests' threads are looked at; of more that miss at once the fault is hardly theirs (`mayBeOurs`). */
const AFTER_A_ROUND = { most: 4, forMs: 2 };
/** When the switch's counters are read: the failover of all that are silent waits for it. */
const WITH_THE_COUNTERS = { most: Number.POSITIVE_INFINITY, forMs: 10 };

/**
 * Looks at the threads of guests that miss requests (detect/starvation.ts), for a time that does not grow with how many they are: a thousand have
 * ten thousand threads, and all wait for the one that looks. Whom the time does not suffice for is like one of whom nobody can tell.
 */
export class ThreadLooks {
  readonly #clock: Clock;
  readonly #threadsOf: ThreadsOf;

  constructor(clock: Clock, threadsOf: ThreadsOf) {
    this.#clock = clock;
    this.#threadsOf = threadsOf;
  }

  afterRound(ports: readonly ProbedPort[], nowMs: number): void {
    this.#look(ports, nowMs, AFTER_A_ROUND);
  }

  withCounters(ports: readonly ProbedPort[], nowMs: number): void {
    this.#look(ports, nowMs, WITH_THE_COUNTERS);
  }

  /** Whoever was looked at before goes first: one look alone tells nothing. */
  #look(ports: readonly ProbedPort[], nowMs: number, { most, forMs }: typeof AFTER_A_ROUND): void {
    const missing = ports.filter((p) => p.isMissing && p.told !== "silent" && !p.isGone);
    const [before, anew] = [missing.filter((p) => p.isLookedAt), missing.filter((p) => !p.isLookedAt)];
    const startMs = this.#clock.now();
    for (const [i, port] of [...before, ...anew].entries()) {
      if (i >= most || this.#clock.now() - startMs >= forMs) return;
      port.lookAtThreads(this.#threadsOf(port.target), nowMs);
    }
  }
}
