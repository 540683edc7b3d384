import { expect, test } from "vitest";
import { measure } from "./meter.ts";
import { PacketLog } from "./packet-log.ts";
import { type DemoRun, summarise, type ViewerResult, viewerResult } from "./result.ts";

/** What a viewer says when `from` serves until 1000 and `to` from 1000 + gapMs. */
function viewer(name: string, isHit: boolean, gapMs: number): ViewerResult {
  const log = new PacketLog(2_000);
  for (let ms = 900; ms <= 1_000; ms++) log.push(ms, ms, 0);
  for (let ms = 1_000 + gapMs; ms <= 1_500; ms++) log.push(ms, ms, isHit ? 1 : 0);
  const window = { fromMs: 900, toMs: 1_500, faultMs: 1_000.25 };
  return viewerResult(name, measure(log.between(0, 2_000), ["relay-a", "relay-b"], [], 0, window), window.faultMs, isHit);
}

const run = (mode: string, ...viewers: ViewerResult[]): DemoRun => ({
  fault: "kill",
  mode,
  scheme: "ACTIVE_ACTIVE",
  verified: true,
  viewers,
  times: { fault: 0, seen: {}, told: null, decided: null, onWire: null, barrier: null, firstPacket: null, alarmTold: null },
});

test("a measurement becomes a result whose times count from the fault", () => {
  expect(viewer("viewer-a", true, 5)).toMatchObject({
    interruptionMs: 5,
    lost: 4,
    silence: { fromMs: -0.25, toMs: 4.75 },
    servedBefore: "relay-a",
    servedAfter: "relay-b",
    firstPacketMs: 4.75,
    isServedAgain: true,
    stretches: [
      { member: "relay-a", fromMs: -100.25, toMs: -0.25, packets: 101 },
      { member: "relay-b", fromMs: 4.75, toMs: 499.75, packets: 496 },
    ],
  });
});

test("a summary is over the viewers that were hit; the others are told apart", () => {
  const runs = [3, 5, 9].map((gap) => run("push", viewer("viewer-a", true, gap), viewer("viewer-b", false, 1)));
  expect(summarise(runs)).toEqual({
    n: 3,
    missed: 0,
    interruptionMs: { p50: 5, p99: 9, max: 9 },
    lost: { p50: 4, max: 8 },
    others: { interruptionMs: { p50: 1, p99: 1, max: 1 }, lost: { p50: 0, max: 0 } },
  });
});

test("a viewer that is never served again makes its run a missed one, and is in no percentile", () => {
  const runs = [run("push", viewer("viewer-a", true, 4)), run("push", viewer("viewer-a", true, 1_000))];
  expect(summarise(runs)).toMatchObject({ n: 2, missed: 1, interruptionMs: { p50: 4, max: 4 } });
  expect(summarise([]).interruptionMs).toBeNull();
});

test("several modes are summed up one by one as well", () => {
  const runs = [run("push", viewer("viewer-a", true, 4)), run("poll", viewer("viewer-a", true, 400))];
  const { n, byMode } = summarise(runs);
  expect(n).toBe(2);
  expect(byMode).toMatchObject({ push: { n: 1, interruptionMs: { max: 4 } }, poll: { n: 1, interruptionMs: { max: 400 } } });
});
