import { expect, test } from "vitest";
import { rehearse } from "../../src/compose/vim-rehearsal.ts";

test("a failover is rehearsed from its evidence to the word of a switch, and nothing of it is left", async () => {
  const had = process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP"));
  const tookMs = await rehearse();
  expect(tookMs).toHaveLength(5);
  expect(tookMs.every((ms) => ms > 0)).toBe(true);
  await expect
    .poll(() => process.getActiveResourcesInfo().filter((kind) => kind.startsWith("TCP")), { timeout: 10_000 })
    .toEqual(had);
});
