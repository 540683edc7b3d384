/** The first rest after a refusal, ms; each further one is twice as long. */
const FIRST_MS = 1_000;
/** The longest rest: a subscriber that was away for hours hears from us within a minute of its return. */
const LONGEST_MS = 60_000;
/** A subscriber may ask for more time (`Retry-After`), but not for ever. */
const ASKED_MAX_MS = 600_000;

/**
 * How long to rest after so many refusals in a row (from 1), ms. `chance` in [0, 1) spreads subscribers that failed together over half
 * of it, so that they do not come back together. `askedMs`: what the subscriber asked for, null where it did not.
 */
export function backOffMs(failures: number, chance: number, askedMs: number | null): number {
  const whole = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return Math.max(whole * (0.5 + chance / 2), Math.min(askedMs ?? 0, ASKED_MAX_MS));
}
