import { defineConfig } from "vitest/config";

/** For what hangs alone: a test that waits for something says itself what it waited for, and well before (until, test/vim/rig.ts). */
const limits = { testTimeout: 180_000, hookTimeout: 180_000 };
/** Their time goes into waiting (heals, rests, cool-downs), not into work: no process is started, and none asks how quickly something was done. */
const waiting = [
  "arming",
  "commands",
  "failover",
  "incidents",
  "other-host",
  "pool",
  "roots",
  "several-vims",
  "spare",
  "verification",
].map((name) => `test/mano/${name}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        // Real peers share two cores: one file at a time keeps their timings honest.
        test: {
          name: "alone",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: waiting,
          fileParallelism: false,
          sequence: { groupOrder: 0 },
          ...limits,
        },
      },
      { test: { name: "side by side", include: waiting, maxWorkers: 3, sequence: { groupOrder: 1 }, ...limits } },
    ],
  },
});
