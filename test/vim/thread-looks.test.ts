import { expect, test } from "vitest";
import type { VimPortId } from "../../src/model/ids.ts";
import type { ThreadTimes } from "../../src/model/thread-times.ts";
import type { ProbeTarget } from "../../src/vim/probe-targets.ts";
import { ProbedPort } from "../../src/vim/probed-port.ts";
import { ThreadLooks } from "../../src/vim/thread-looks.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";

const MEMBERS = 1_000;
/** What one look takes on a loaded machine, ms. */
const LOOK_MS = 0.3;
const policy = { intervalMs: 100, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null };
const waiting: ThreadTimes[] = [{ id: 1, ranMs: 0, waitedMs: 0, runs: 1, isRunnable: true }];
const frames = probeFrames("02:00:00:00:00:ff");

/** A thousand members that fell silent at once; each look at one takes its time. */
function thousand() {
  let nowMs = 0;
  const looked: string[] = [];
  const clock = { now: () => nowMs, wall: () => new Date(nowMs), sleep: () => Promise.reject(new Error("nobody sleeps here")) };
  const looks = new ThreadLooks(clock, ({ portId }: ProbeTarget) => {
    nowMs += LOOK_MS;
    looked.push(portId);
    return waiting;
  });
  const ports = Array.from({ length: MEMBERS }, (_, i) => {
    const target = {
      portId: `p${i}` as VimPortId,
      switchPort: `t${i}`,
      ip: "10.0.0.1",
      mac: null,
      policy,
      hostId: null,
      serverId: null,
    };
    const port = new ProbedPort(target, frames, 0);
    for (const ms of [0, 100, 200]) port.ask(ms, () => {});
    port.judge(300, 300);
    return port;
  });
  /** Looks, and gives whom at and how long it took. */
  const look = (how: (at: number) => void, at: number) => {
    nowMs = at;
    looked.length = 0;
    how(at);
    return { ports: [...looked], tookMs: nowMs - at };
  };
  return { ports, looks, look };
}

test("a thousand fall silent at once: what is looked at does not grow with them, and the others are silent by their misses", () => {
  const { ports, looks, look } = thousand();
  const first = look((ms) => looks.withCounters(ports, ms), 300);
  expect(first.tookMs).toBeLessThanOrEqual(10 + LOOK_MS);
  expect(first.ports.length).toBeGreaterThan(20);

  const second = look((ms) => looks.withCounters(ports.toReversed(), ms), 400);
  expect(second.ports.toSorted()).toEqual(first.ports.toSorted()); // One look alone tells nothing.
  const held = (ms: number) => ports.filter((p) => !p.isSilent(ms) || !p.hadItsTurn(ms)).map((p) => p.target.portId as string);
  expect(held(400).toSorted()).toEqual(first.ports.toSorted()); // They wait for a core: so the two looks say.
  expect(held(800)).toEqual([]);
});

test("after a round of requests it is a few at most, and a slow look is the last one", () => {
  const { ports, looks, look } = thousand();
  expect(look((ms) => looks.afterRound(ports, ms), 300)).toMatchObject({ ports: ["p0", "p1", "p2", "p3"] });
});

test("who answers, and who is told already, is not looked at", () => {
  const { ports, looks, look } = thousand();
  ports[0]!.told = "silent";
  ports[1]!.heard({ kind: "arp", ip: "10.0.0.1", mac: "02:00:00:00:00:01" }, 301);
  ports[2]!.isGone = true;
  expect(look((ms) => looks.afterRound(ports.slice(0, 4), ms), 310).ports).toEqual(["p3"]);
});
