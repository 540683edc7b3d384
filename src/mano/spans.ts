import type { Alarm, Failover } from "../model/mano-event.ts";
import type { Period, Reading } from "./reading.ts";

// From when to when something was, by records of it, in ms of the monotonic clock; and how much of a period that is. Pure.

type Span = readonly [fromMs: number, toMs: number];

/** Records are read so long after a reading at most: what is of then is later than it. */
const READ_WITHIN_MS = 60_000;

/** How much of a period spans cover, ms; two at the same time count once. */
export function coveredMs(spans: readonly Span[], [before, after]: Period): number {
  const [fromMs, toMs] = [before.monoMs, after.monoMs];
  const parts = spans
    .map(([a, b]) => [Math.max(a, fromMs), Math.min(b, toMs)] as const)
    .filter(([a, b]) => a < b)
    .sort(([a], [b]) => a - b);
  let [sum, end] = [0, fromMs];
  for (const [a, b] of parts) {
    sum += Math.max(0, b - Math.max(a, end));
    end = Math.max(end, b);
  }
  return Math.round(sum * 1_000) / 1_000;
}

/** A time far beyond now is of an earlier boot, and so long ago. */
const known = (ms: number, now: Reading): number => (ms > now.monoMs + READ_WITHIN_MS ? Number.NEGATIVE_INFINITY : ms);
const ofWall = (iso: string, now: Reading): number => known(Date.parse(iso) - now.wallMs + now.monoMs, now);

/**
 * Of a failover, for how long traffic was led to a member that had failed: from the first sight of the fault until packets were seen to pass, or, where nobody
 * could see, until the switch confirmed; while the record is open, until now.
 */
export const spanOf =
  (now: Reading) =>
  ({ times, openedAt, closedAt }: Failover): Span => {
    const seen = [...Object.values(times.seen), times.told, times.decided].filter((t) => t !== null);
    const since = seen.length > 0 ? known(Math.min(...seen), now) : ofWall(openedAt, now);
    if (times.verified !== null) return [since, known(times.verified, now)];
    if (closedAt === null) return [since, now.monoMs];
    return [since, times.barrier === null ? ofWall(closedAt, now) : known(times.barrier, now)];
  };

/** While it is active, until now. */
export const alarmSpanOf =
  (now: Reading) =>
  ({ raisedAt, clearedAt }: Pick<Alarm, "raisedAt" | "clearedAt">): Span => [
    ofWall(raisedAt, now),
    clearedAt === null ? now.monoMs : ofWall(clearedAt, now),
  ];
