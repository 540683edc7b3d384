import { expect, test } from "vitest";
import { STARVED_MS_MAX } from "../../src/detect/starvation.ts";
import type { VimPortId } from "../../src/model/ids.ts";
import type { ThreadTimes } from "../../src/model/thread-times.ts";
import type { ProbeTarget } from "../../src/vim/probe-targets.ts";
import { ProbedPort } from "../../src/vim/probed-port.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";

const INTERVAL_MS = 10;
const TARGET: ProbeTarget = {
  portId: "p" as VimPortId,
  switchPort: "tap",
  ip: "10.0.0.1",
  mac: null,
  policy: { intervalMs: INTERVAL_MS, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null },
  hostId: null,
  serverId: null,
};
const ANSWER = { kind: "arp", ip: TARGET.ip, mac: "02:00:00:00:00:01" } as const;
/** It wants to run and is given no core, as the kernel says it in each look. */
const waiting: ThreadTimes[] = [{ id: 1, ranMs: 0, waitedMs: 0, runs: 1, isRunnable: true }];
const stopped: ThreadTimes[] = [{ ...waiting[0]!, isRunnable: false }];

/** Asks it every 10 ms from `fromMs` on, as the prober does: request, barrier, look. Gives when it is silent; null: not until `untilMs`. */
function silentAt(port: ProbedPort, fromMs: number, untilMs: number, threads: readonly ThreadTimes[] | null): number | null {
  for (let ms = fromMs; ms <= untilMs; ms += INTERVAL_MS) {
    port.ask(ms, () => {});
    port.judge(ms, ms);
    if (port.isMissing) port.lookAtThreads(threads, ms);
    if (port.isSilent(ms)) return ms;
  }
  return null;
}

function answering(): ProbedPort {
  const port = new ProbedPort(TARGET, probeFrames("02:00:00:00:00:ff"), 0);
  port.ask(0, () => {});
  port.heard(ANSWER, 1);
  return port;
}

test.each([
  ["nobody can tell how its threads fare", null],
  ["it is stopped", stopped],
] as const)("%s: it is silent after three misses", (_, threads) => {
  const port = answering();
  expect(silentAt(port, 10, 1_000, threads)).toBe(40);
  expect(port.why).toBe("3 of the last 3 ARP requests, one every 10 ms, were not answered");
});

test("its threads wait on and on: it is silent no later than the bound, for that reason", () => {
  const port = answering();
  expect(silentAt(port, 10, 2_000, waiting)).toBe(40 + STARVED_MS_MAX);
  expect(port.why).toMatch(/; its host had no core for it for 5\d0 ms, and no more than 500 are waited for$/);
});

test("it waited, and then hangs: it is silent by so much later", () => {
  const port = answering();
  expect(silentAt(port, 10, 140, waiting)).toBeNull();
  expect(port.says).toBe("silent");
  const atMs = silentAt(port, 150, 1_000, [{ ...stopped[0]!, runs: 2, waitedMs: 125 }])!;
  expect(atMs).toBeGreaterThanOrEqual(40 + 120);
  expect(atMs).toBeLessThanOrEqual(40 + 130);
  expect(port.why).toMatch(/; its host had no core for it for 125 ms, which do not count$/);
});

test("one answer, however late, and what it waited before counts no more", () => {
  const port = answering();
  expect(silentAt(port, 10, 400, waiting)).toBeNull();
  port.heard(ANSWER, 405);
  expect(port.says).toBe("answers");
  expect(silentAt(port, 410, 1_000, stopped)).toBe(440);
});

test("we stood still while a silence was held back: it is told after one more miss, and has not lasted meanwhile", () => {
  const port = answering();
  expect(silentAt(port, 10, 100, waiting)).toBeNull();
  expect(port.says).toBe("silent");
  port.stalled(100, 1_100);
  const [later] = [{ ...waiting[0]!, runs: 2, waitedMs: 1_090 }];
  port.ask(1_100, () => {});
  port.judge(1_100, 1_100);
  port.lookAtThreads([later!], 1_100);
  expect(port.isSilent(1_100)).toBe(false);
  // It hangs from here on: until 100 it had lasted for 60 ms and waited for 80, the rest of which is to come.
  const atMs = silentAt(port, 1_110, 3_000, [{ ...later!, isRunnable: false }])!;
  expect(atMs).toBeGreaterThanOrEqual(1_110);
  expect(atMs).toBeLessThanOrEqual(1_140);
});

test("who stopped before we stood still is told when it has missed a request that was sent after", () => {
  const port = answering();
  expect(silentAt(port, 10, 30, stopped)).toBeNull();
  port.stalled(35, 5_000);
  port.ask(5_000, () => {});
  port.judge(5_000, 5_000);
  expect(port.isSilent(5_000)).toBe(false);
  port.judge(5_010, 5_010);
  expect(port.isSilent(5_010)).toBe(true);
});

test("doubted: what it waited before does not hold the next silence back", () => {
  const port = answering();
  expect(silentAt(port, 10, 400, waiting)).toBeNull();
  port.doubt();
  expect(silentAt(port, 410, 2_000, stopped)).toBe(420);
});
