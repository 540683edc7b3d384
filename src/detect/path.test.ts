import { expect, test } from "vitest";
import { PATH_LIMIT_MS, type PathReading, type PathSeen, pathVerdict, QUIET_MS } from "./path.ts";

interface Story {
  /** Packets since the first reading: entered, reached, left, returned. */
  readonly passed?: readonly [number, number, number, number];
  /** Of those that entered: in the last QUIET_MS. */
  readonly lately?: number;
  readonly ms?: number;
  /** Before the first reading: entered, returned. */
  readonly before?: readonly [number, number];
  /** Requests, and whether one was answered; null: no address. */
  readonly asked?: readonly [number, boolean] | null;
}

function seenOf({
  passed = [0, 0, 0, 0],
  lately = passed[0],
  ms = PATH_LIMIT_MS,
  before = [10_000, 9_000],
  asked = [20, true],
}: Story): PathSeen {
  const first: PathReading = { atMs: 50_000, entered: before[0], reached: 700, left: 800, returned: before[1] };
  const [entered, reached, left, returned] = passed;
  const last = {
    atMs: first.atMs + ms,
    entered: first.entered + entered,
    reached: first.reached + reached,
    left: first.left + left,
    returned: first.returned + returned,
  };
  const recent = ms < QUIET_MS ? first : { ...last, atMs: last.atMs - QUIET_MS, entered: last.entered - lately };
  return { first, recent, last, asking: asked && { requests: asked[0], isAnswered: asked[1] } };
}

for (const [what, story, want] of [
  ["one packet each way is enough", { passed: [1, 1, 1, 1], ms: 20 }, "verified by traffic"],
  ["a service that says more than it is told", { passed: [2, 2, 900, 900], ms: 20 }, "verified by traffic"],
  ["they come back, whether it answers ARP or not", { passed: [9, 9, 9, 9], asked: [3, false] }, "verified by traffic"],
  ["they reach it and have not come back yet", { passed: [9, 9, 0, 0], ms: 200 }, "not yet"],
  ["nobody sends, it answers; too early to know that nobody sends", { ms: QUIET_MS - 1 }, "not yet"],
  ["nobody sends, it answers", { ms: QUIET_MS }, "verified by probe"],
  ["a host says something at first, then nobody sends", { passed: [8, 8, 0, 0], lately: 0, ms: 1_000 }, "verified by probe"],
  ["users send: that it answers ARP is no answer to them", { passed: [60, 60, 0, 0], ms: 600 }, "not yet"],
  ["users send, and are not answered as they were", { passed: [300, 300, 0, 0] }, "unverified, silent"],
  ["a kernel speaks for its dead application", { passed: [300, 300, 3, 3] }, "unverified, silent"],
  [
    "the same where they never were answered: a service that only takes",
    { passed: [300, 300, 0, 0], before: [10_000, 12] },
    "unseen",
  ],
  ["the same on a switch that has just begun to count", { passed: [300, 300, 0, 0], before: [0, 0] }, "unseen"],
  [
    "users send, and it is deaf to ARP too",
    { passed: [300, 300, 0, 0], before: [0, 0], asked: [20, false] },
    "unverified, silent",
  ],
  ["what enters does not reach it: no fault of the member", { passed: [300, 0, 0, 0] }, "unverified"],
  ["what left it does not come back: no fault of the member", { passed: [300, 300, 300, 0] }, "unverified"],
  ["users send a little, it answers ARP: too few to tell", { passed: [12, 12, 0, 0], lately: 5 }, "not yet"],
  ["nobody sends, nobody answers", { asked: [20, false] }, "unverified, silent"],
  ["nobody sends, it was asked too seldom", { asked: [2, false] }, "unseen"],
  ["nobody sends, and there is no address to ask", { asked: null }, "unseen"],
  ["nobody sends, it answers nothing and yet speaks", { passed: [0, 0, 4, 4], asked: [20, false] }, "unseen"],
] as const satisfies readonly (readonly [string, Story, string])[])
  test(`${what}: ${want}`, () => {
    const verdict = pathVerdict(seenOf(story));
    const { state, how, isSilent } = verdict ?? { state: "not yet", how: null, isSilent: false };
    expect(`${state}${how ? ` by ${how}` : ""}${isSilent ? ", silent" : ""}`).toBe(want);
    if (verdict) expect(verdict.why).not.toBe("");
  });

test("what was taken off too early makes no negative number of packets", () => {
  expect(pathVerdict(seenOf({ passed: [300, 300, -1, 0] }))?.why).toContain("300 reached the member, 0 left it, 0 came back");
});
