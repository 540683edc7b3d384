import type { Verdict } from "./misses.ts";

/** A port's counters as one reading has them. Packets since the port exists; of `sent` and `heard` since our session began. */
export interface PortReading {
  /** Monotonic ms of the detector. */
  readonly atMs: number;
  /** Packets that the switch sent to what is behind the port, taken or not, and that came from it. */
  readonly tx: number;
  readonly rx: number;
  /** What of them was ours: requests of our probes, and answers to them that have reached us. */
  readonly sent: number;
  readonly heard: number;
}

/** A verdict looks back on so many steps between readings: N of N, with N readings and one before them. */
export const READINGS = 4;
/**
 * So few packets may come out within `silentMs` of a member that serves nobody. Answers to our own requests may be counted by the switch
 * and not have reached us yet (three kinds, 10 ms apart, 20 ms on their way: six), and a kernel whose application died tells each peer so once a second
 * (icmp(7), icmp_ratelimit).
 */
export const OUT_MAX = 8;
/** Fewer packets going in within `silentMs` say nothing: a host that is plugged in sends some that nobody answers (mDNS, MLD, router solicitation). */
export const IN_MIN = 50;

/** Packets of others between two readings of one port: `to` what is behind it, and `from` it. */
export function passed(a: PortReading, b: PortReading): { readonly to: number; readonly from: number } {
  return { to: b.tx - b.sent - (a.tx - a.sent), from: b.rx - b.heard - (a.rx - a.heard) };
}

/** The readings to look back on, with one more. None of before a restart of the counters, nor older than the one that is `silentMs` ago. */
export function readOn(readings: readonly PortReading[], next: PortReading, silentMs: number): readonly PortReading[] {
  const last = readings.at(-1);
  if (last !== undefined && (next.tx < last.tx || next.rx < last.rx)) return [next];
  const base = readings.findLastIndex((r) => next.atMs - r.atMs >= silentMs);
  return [...readings.slice(Math.max(0, base)), next];
}

/**
 * What the readings of one port say of a member that is to answer what it gets. Silent: for `silentMs` packets went in, at each look, and none
 * came out. Null: nothing went in, or not long enough. Pure.
 */
export function trafficVerdict(readings: readonly PortReading[], silentMs: number): Verdict | null {
  const [first, last] = [readings[0], readings.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const { to, from } = passed(first, last);
  if (from > OUT_MAX) return "answers";
  const isLong = last.atMs - first.atMs >= silentMs && readings.length > READINGS;
  const isFed = to >= IN_MIN && readings.every((r, i) => i === 0 || passed(readings[i - 1]!, r).to > 0);
  return isLong && isFed ? "silent" : null;
}
