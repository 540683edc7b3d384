import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { type Ran, run } from "./run.ts";
import { type Range, runAll, runElsewhere } from "./seeds.ts";

const SEEDS = Number(process.env.CHAOS_SEEDS ?? 10_000);
const FROM = Number(process.env.CHAOS_FROM ?? 1);
/** So few are not worth the start of another process. */
const ALONE_MAX = 20;

/** As many parts as there are cores, each a comb of the seeds, so that all take about as long. */
function partsOf(count: number): Range[] {
  const step = Math.min(availableParallelism(), count);
  return Array.from({ length: step }, (_, i) => ({ from: FROM + i, count: Math.ceil((count - i) / step), step }));
}

test(`${SEEDS} runs of the whole system with faults from their seeds, from ${FROM} on`, { timeout: 3_600_000 }, async () => {
  const found =
    SEEDS <= ALONE_MAX
      ? [await runAll({ from: FROM, count: SEEDS, step: 1 })]
      : await Promise.all(partsOf(SEEDS).map(runElsewhere));
  const failed = found.flatMap((f) => f.failed);
  expect(failed.join("\n\n")).toBe("");
  expect(found.reduce((sum, f) => sum + f.ran, 0)).toBe(SEEDS);
});

test("a seed replays: the same faults, steps and end, whatever ids are drawn", async () => {
  const seed = 4; // Some with faults of several kinds.
  const masked = ({ steps, simulatedMs }: Ran) => ({ simulatedMs, steps: steps.map((s) => s.replaceAll(/[0-9a-f]{4,}/g, "#")) });
  expect(masked(await run(seed, true))).toEqual(masked(await run(seed, true)));
});
