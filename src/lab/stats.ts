/** Three numbers of a sample: what is usual, what is rare, what was worst. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The nearest-rank percentile: the smallest value that at least `percent` of all values do not exceed. Always a value that was
 * measured, never one in between. Null of nothing. Throws RangeError outside 0 < percent <= 100.
 */
export function percentile(values: ArrayLike<number>, percent: number): number | null {
  if (!(percent > 0 && percent <= 100)) throw new RangeError(`not a percentage: ${percent}`);
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? null;
}

export const median = (values: ArrayLike<number>): number | null => percentile(values, 50);

/** Null of nothing. */
export function spreadOf(values: ArrayLike<number>): Spread | null {
  if (values.length === 0) return null;
  return { p50: percentile(values, 50)!, p99: percentile(values, 99)!, max: percentile(values, 100)! };
}
