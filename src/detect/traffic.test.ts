import { describe, expect, test } from "vitest";
import { type PortReading, readOn, trafficVerdict } from "./traffic.ts";

const SILENT_MS = 1_000;
const STEP_MS = 250;

interface Step {
  /** Packets of the service that went in and came out since the reading before; of ours too, which stand among them in the counters. */
  readonly in?: number;
  readonly out?: number;
  readonly asked?: number;
  readonly answered?: number;
  /** Answers that the switch has counted and that have not reached us. */
  readonly onTheWay?: number;
  readonly ms?: number;
  readonly restarts?: boolean;
}

/** Readings as they would be, each taken in as it comes. Gives the verdict after the last. */
function after(...steps: readonly Step[]): ReturnType<typeof trafficVerdict> {
  let [tx, rx, sent, heard, atMs] = [7_000, 9_000, 40, 38, 100_000];
  let readings: readonly PortReading[] = [{ atMs, tx, rx, sent, heard }];
  for (const s of steps) {
    if (s.restarts) [tx, rx] = [0, 0];
    atMs += s.ms ?? STEP_MS;
    [sent, heard] = [sent + (s.asked ?? 0), heard + (s.answered ?? 0)];
    [tx, rx] = [tx + (s.in ?? 0) + (s.asked ?? 0), rx + (s.out ?? 0) + (s.answered ?? 0)];
    readings = readOn(readings, { atMs, tx, rx: rx + (s.onTheWay ?? 0), sent, heard }, SILENT_MS);
  }
  return trafficVerdict(readings, SILENT_MS);
}
const times = (n: number, step: Step): Step[] => new Array<Step>(n).fill(step);
const FED = { in: 250 };
const SERVES = { in: 250, out: 250 };

describe("packets go in and none comes out", () => {
  for (const [what, steps, want] of [
    ["a stream that is answered", times(4, SERVES), "answers"],
    ["nothing at all", times(8, {}), null],
    ["one reading", [], null],
    ["fed and silent, for less than the time", times(3, FED), null],
    ["fed and silent for the time", times(4, FED), "silent"],
    ["as long, but looked at too seldom", times(2, { ...FED, ms: 500 }), null],
    ["served, then silent: the time is not over", [...times(8, SERVES), ...times(3, FED)], "answers"],
    ["served, then silent for the time", [...times(8, SERVES), ...times(4, FED)], "silent"],
    ["silent, then out again", [...times(5, FED), SERVES], "answers"],
    ["answers to our probes are not the service's", times(4, { ...FED, asked: 25, answered: 25 }), "silent"],
    ["nor are they where some are on their way", times(4, { ...FED, asked: 75, answered: 75, onTheWay: 6 }), "silent"],
    ["our probes are not what users send", times(8, { asked: 75 }), null],
    ["what a kernel says for a dead application", times(4, { ...FED, out: 1 }), "silent"],
    ["a host that is plugged in and gets no answer", times(4, { in: 4 }), null],
    ["nothing went in during one step: a stream that begins, or pauses", [{}, ...times(3, { in: 900 })], null],
    ["a service that is used little: 5 packets a second, answered", times(8, { in: 1.25, out: 1.25 }), null],
    [
      "the counters begin anew: what was before says nothing",
      [...times(3, FED), { ...FED, restarts: true }, ...times(3, FED)],
      null,
    ],
    ["the counters began anew long ago", [{ ...FED, restarts: true }, ...times(4, FED)], "silent"],
  ] as const)
    test(`${what}: ${want}`, () => expect(after(...steps)).toBe(want));

  test("no more is looked back on than is needed", () => {
    let readings: readonly PortReading[] = [];
    for (let i = 0; i < 100; i++) readings = readOn(readings, { atMs: i * STEP_MS, tx: i, rx: 0, sent: 0, heard: 0 }, SILENT_MS);
    expect(readings.map((r) => r.tx)).toEqual([95, 96, 97, 98, 99]);
  });
});
