import type { HostId } from "../model/ids.ts";
import type { PortReading } from "./traffic.ts";

/** What one port last did, as far as all kinds of requests to it tell. Monotonic ms. */
export interface Answerer {
  /** -Infinity: never. */
  readonly answeredAtMs: number;
  /** When its youngest missed request was sent; null when anything at all came from it since. */
  readonly missedAtMs: number | null;
  /** The compute host behind it; null: not known. */
  readonly hostId: HostId | null;
}

/** Fewer ports that miss together may do so by chance. */
const MASS_MIN = 2;

/**
 * True where the silence of a port that missed a request sent at `missedAtMs` is more likely ours than its own: more than half of
 * the ports that could tell since then miss requests too. Who has not been due since says nothing. It is not ours where all that miss
 * are on one host and somebody on another answers: the way to that host's guests is the same.
 */
export function isMass(missedAtMs: number, ports: Iterable<Answerer>): boolean {
  let missing = 0;
  let answering = 0;
  const missingOn = new Set<HostId | null>();
  const answeringOn = new Set<HostId | null>();
  for (const port of ports) {
    if (port.missedAtMs !== null) {
      missing++;
      missingOn.add(port.hostId);
    } else if (port.answeredAtMs >= missedAtMs) {
      answering++;
      answeringOn.add(port.hostId);
    }
  }
  return missing >= MASS_MIN && missing > answering && !isOneHost(missingOn, answeringOn);
}

function isOneHost(missingOn: ReadonlySet<HostId | null>, answeringOn: ReadonlySet<HostId | null>): boolean {
  const [host = null] = missingOn;
  return missingOn.size === 1 && host !== null && [...answeringOn].some((other) => other !== null && other !== host);
}

/**
 * Whether the silence of one that missed a request sent at `missedAtMs` may be ours: most that could tell miss requests too, or it is the last of
 * all. `untold`: those that are not called silent yet, itself among them; `asked`: how many are asked at all.
 */
export function mayBeOurs(missedAtMs: number, untold: readonly Answerer[], asked: number): boolean {
  const isLast = untold.length === 1 && asked > 1;
  return isLast || isMass(missedAtMs, untold);
}

/**
 * Between two readings of its counters the switch sent at least `requests` packets to what is behind a port, and nothing at all came from
 * it. That needs no packet to reach us, so it tells a guest that hangs from a way to us that is broken.
 */
export const isMute = (before: PortReading, after: PortReading, requests: number): boolean =>
  after.tx - before.tx >= requests && after.rx === before.rx;

/**
 * Those that were mute in a look that began at `fromMs` are all that are, so that they can be told together and nothing is led from one
 * of them to another. One that has not answered since, and is not found mute, fell silent in the middle of the look, or its requests
 * were late by our fault: the next look shows it. It is waited for once: two looks that agree are believed.
 */
export const isWholeOf = <T extends Answerer>(
  mute: readonly T[],
  lastMute: readonly T[],
  ports: readonly T[],
  fromMs: number,
): boolean => ports.every((p) => p.answeredAtMs >= fromMs || mute.includes(p)) || mute.every((p) => lastMute.includes(p));

/** True when of the ports that speak since `sinceMs`, when the mass silence was found, at least half answer again. */
export function isMassOver(sinceMs: number, ports: Iterable<Answerer>): boolean {
  let missing = 0;
  let back = 0;
  for (const port of ports) {
    if (port.missedAtMs !== null) missing++;
    else if (port.answeredAtMs >= sinceMs) back++;
  }
  return missing <= back;
}
