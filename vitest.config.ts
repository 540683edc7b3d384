import { defineConfig } from "vitest/config";

/** For what hangs alone: a test that waits for something says itself what it waited for, and well before (until, test/vim/rig.ts). */
const limits = { testTimeout: 300_000, hookTimeout: 180_000 };

/**
 * Real hypervisors, guests and switches that forward packets, and what counts its work by the cores: one file at a time, so that two cores
 * are enough for each, and what one leaves behind is seen by the next.
 */
const alone = [
  "src/hosts/*.peer.test.ts",
  "src/lab/viewer.test.ts",
  "test/chaos/chaos.test.ts",
  "test/lab/{image,leftovers,owners,relay}.test.ts",
  "test/mano/{operations,sol-subscriptions}-kill.test.ts",
  "test/scenario/**/*.test.ts",
  "test/switch/real-controller.test.ts",
  "test/vim/**/*.test.ts",
];
/** Of those in test/vim: what asks an API or a store in its own process, or a switch that forwards nothing (type dummy). */
const notAlone = [
  "access",
  "ahead",
  "audit",
  "bad-input",
  "booking",
  "config",
  "console-reader",
  "controllers",
  "controllers-tls",
  "dialect",
  "duplicated",
  "event-stream",
  "every-frame",
  "fabric",
  "fabric-steps",
  "fast-failover",
  "fuzz",
  "guest-end",
  "held-taps",
  "hold-off",
  "hung-disks",
  "lead",
  "led-around",
  "member-elsewhere",
  "nets",
  "openapi",
  "path-watch",
  "places",
  "pools",
  "port-counts",
  "port-security",
  "probed-port",
  "protections",
  "pure",
  "replug",
  "sender-table",
  "server-usages",
  "stale",
  "store",
  "store-full",
  "store-hangs",
  "subscriptions",
  "tenant-compute",
  "tenants",
  "test-mode",
  "thread-looks",
  "traffic-watch",
  "unled",
].map((name) => `test/vim/${name}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "alone",
          include: alone,
          exclude: notAlone,
          fileParallelism: false,
          sequence: { groupOrder: 0 },
          ...limits,
        },
      },
      {
        test: {
          name: "side by side",
          include: ["src/**/*.test.ts", "test/!(vim)/**/*.test.ts", "test/*.test.ts", ...notAlone],
          exclude: alone.filter((pattern) => !pattern.startsWith("test/vim/")),
          maxWorkers: 5, // They mostly wait: each has a core for about a third of its time.
          sequence: { groupOrder: 1 },
          ...limits,
        },
      },
    ],
  },
});
