import { setTimeout as delay } from "node:timers/promises";

/** Time comes in through here, so that a test of a 30-second wait takes no seconds. */
export interface Clock {
  /** Monotonic milliseconds (CLOCK_MONOTONIC), with fractions: the same scale in every process of one machine. */
  now(): number;
  /** Wall-clock time, for people and records only: it may jump, so nothing is decided by it. */
  wall(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Nanoseconds of hrtime in a millisecond. */
const NS_PER_MS = 1e6;

export const systemClock: Clock = {
  // hrtime and not performance.now(): its zero is the machine's boot, so times of two daemons can be subtracted.
  now: () => Number(process.hrtime.bigint()) / NS_PER_MS,
  wall: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};
