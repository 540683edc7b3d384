/** What one port last did, as far as all kinds of requests to it tell. Monotonic ms. */
export interface Answerer {
  /** -Infinity: never. */
  readonly answeredAtMs: number;
  /** When its youngest missed request was sent; null when anything at all came from it since. */
  readonly missedAtMs: number | null;
}

/** Fewer ports that miss together may do so by chance. */
const MASS_MIN = 2;

/**
 * True where the silence of a port that missed a request sent at `missedAtMs` is more likely ours than its own: more than half of
 * the ports that could tell since then miss requests too. Who has not been due since says nothing.
 */
export function isMass(missedAtMs: number, ports: Iterable<Answerer>): boolean {
  let missing = 0;
  let answering = 0;
  for (const port of ports) {
    if (port.missedAtMs !== null) missing++;
    else if (port.answeredAtMs >= missedAtMs) answering++;
  }
  return missing >= MASS_MIN && missing > answering;
}

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
