import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reportHtml } from "./report.ts";
import { placeMarks } from "./report-plot.ts";
import { listText, msText, numberText } from "./report-text.ts";
import { type DemoResult, type DemoRun, summarise, type ViewerResult } from "./result.ts";

const viewer = (more: Partial<ViewerResult>): ViewerResult => ({
  name: "viewer-a",
  isHit: true,
  isServedAgain: true,
  interruptionMs: 4.2,
  silence: { fromMs: -0.4, toMs: 3.8 },
  normalGapMs: 1,
  sent: 100,
  received: 97,
  lost: 3,
  duplicates: 0,
  reordered: 0,
  socketDrops: 0,
  overlapMs: 0,
  servedBefore: "relay-a",
  servedAfter: "relay-b",
  firstPacketMs: 3.8,
  roundTrips: { sent: 50, answered: 49, longestGapMs: 25, usualMs: 1.2 },
  stretches: [
    { member: "relay-a", fromMs: -50, toMs: -0.4, packets: 50 },
    { member: "relay-b", fromMs: 3.8, toMs: 50, packets: 47 },
  ],
  packets: {
    members: ["relay-a", "relay-b"],
    points: [
      [-0.4, 0, 0],
      [3.8, 4, 1],
    ],
  },
  ...more,
});
const untouched = viewer({
  name: "viewer-b",
  isHit: false,
  interruptionMs: 1.1,
  lost: 0,
  servedBefore: "relay-b",
  servedAfter: null,
});

const run = (more: Partial<DemoRun> = {}): DemoRun => ({
  fault: "kill",
  mode: "push",
  scheme: "ACTIVE_ACTIVE",
  failed: "relay-a",
  verified: true,
  viewers: [viewer({}), untouched],
  times: {
    fault: 0,
    seen: { processExit: 1.3, libvirt: 209 },
    told: 1.6,
    decided: 1.8,
    onWire: 2.1,
    barrier: 2.3,
    firstPacket: 3.8,
    alarmTold: 5,
  },
  ...more,
});

const page = (runs: readonly DemoRun[], more: Partial<DemoResult> = {}): string =>
  reportHtml({ runs: [...runs], summary: summarise(runs), machine: { cores: 2 }, versions: { sempre: "0.1.0" }, ...more });
const headline = (html: string): string => /<h1[^>]*>(.*?)<\/h1>/.exec(html)![1]!;

describe("the verdict", () => {
  const missed = run({
    viewers: [viewer({ isServedAgain: false, servedAfter: null, firstPacketMs: null }), untouched],
    verified: false,
    note: "gone",
  });
  const slow = run({ mode: "poll", viewers: [viewer({ interruptionMs: 420, lost: 419 }), untouched] });

  test.each([
    ["nothing", [], "Nothing was run"],
    ["one run", [run()], "The stream was back after 4.2 ms"],
    ["one that is not verified", [run({ verified: false })], "The stream was back after 4.2 ms; 1 not verified"],
    [
      "several",
      [run(), run(), run({ viewers: [viewer({ interruptionMs: 9 })] })],
      "3 of 3 failovers: back after 4.2 ms, at most 9.0 ms",
    ],
    ["a missed one", [run(), missed], "1 of 2 failovers missed: a viewer was not served again"],
    ["with a reference", [run(), run(), slow], "2 of 2 failovers: back after 4.2 ms, at most 4.2 ms"],
    ["the reference alone", [slow], "The stream was back after 420 ms"],
    ["nobody hit", [run({ viewers: [untouched] })], "No viewer was hit by the fault"],
  ])("%s", (_, runs, expected) => {
    expect(headline(page(runs))).toBe(expected);
  });

  test("a missed run says what is known of it, and does not count what is not", () => {
    const html = page([missed]);
    expect(html).toContain('<h1 class="missed">');
    expect(html).toContain("gone");
    expect(html).toContain("not served again");
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("push and poll are compared", () => {
    expect(page([run(), slow])).toContain("By push the stream is back 100 times sooner than by polling.");
  });
});

describe("the page", () => {
  test("needs nothing from outside and runs nothing", () => {
    const html = page([run(), run({ mode: "poll" })]);
    expect(html).not.toMatch(/https?:|<script|<link|url\(|@import/);
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("shows every time and both viewers", () => {
    const html = page([run()]);
    for (const word of ["processExit 1.3", "libvirt 209", "on the wire 2.1", "first packet 3.8", "viewer-a", "viewer-b", "0.1.0"])
      expect(html).toContain(word);
  });

  test("a run without packets has its times and no plot", () => {
    const { packets: _, stretches: __, ...bare } = viewer({});
    expect(page([run({ viewers: [bare] })])).not.toContain("<svg");
  });

  test("names are text, never markup", () => {
    const html = page([run({ failed: "<b>x</b>", note: '"&<i>' })], { machine: { "<u>": "<s>" } });
    expect(html).not.toMatch(/<b>x|<i>"|<u>|<s>/);
  });
});

test("no label of a plot covers another one", () => {
  const mark = fc.record({ ms: fc.double({ min: 0, max: 100, noNaN: true }), label: fc.string({ minLength: 1, maxLength: 30 }) });
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 12 }), (marks) => {
      const placed = placeMarks(
        marks.map((m) => ({ ...m, kind: "step" as const })),
        (ms) => 100 + ms * 8,
      );
      for (const [i, a] of placed.entries()) {
        for (const b of placed.slice(i + 1)) {
          const isBeside = a.start + a.label.length * 6 <= b.start || b.start + b.label.length * 6 <= a.start;
          expect(isBeside || a.row !== b.row).toBe(true);
        }
      }
    }),
  );
});

test.each([
  [null, "–", "–"],
  [0, "0", "0 ms"],
  [0.123, "0.12", "0.12 ms"],
  [4.24, "4.2", "4.2 ms"],
  [99.96, "100", "100 ms"],
  [-1.5, "−1.5", "−1.5 ms"],
  [682.4, "682", "682 ms"],
  [4_005, "4005", "4.00 s"],
])("%d ms is written %s and %s", (ms, number, words) => {
  expect(numberText(ms)).toBe(number);
  expect(msText(ms)).toBe(words);
});

test("a list is written as one reads it", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listText)).toEqual(["", "a", "a and b", "a, b and c"]);
});
