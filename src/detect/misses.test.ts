import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMass, isMassOver } from "./mass.ts";
import { Course, type MissRule } from "./misses.ts";

/** Requests every 10 ms, a tick with each: "sent n", "answered n@ms", "stall a-b", "doubt", "reset"; the verdicts as they come. */
function play(rule: MissRule, story: string): string[] {
  const course = new Course(rule);
  const told: string[] = [];
  for (const step of story.split(/,\s*/)) {
    const [what, first, second] = step.split(/[ @-]/) as [string, string?, string?];
    const at = Number(second ?? Number(first) * 10);
    const news =
      what === "sent"
        ? (course.tick(at) ?? course.sent(Number(first), at))
        : what === "tick"
          ? course.tick(Number(first))
          : what === "answered"
            ? course.answered(Number(first), at)
            : what === "stall"
              ? course.stalled(Number(first), at)
              : what === "doubt"
                ? course.doubt()
                : course.reset();
    if (news) told.push(`${news}@${what === "tick" ? first : at}`);
  }
  return told;
}

const three: MissRule = { misses: 3, of: 3, waitMs: 8 };
const threeOfFive: MissRule = { ...three, of: 5 };

describe("N of M", () => {
  for (const [what, rule, story, want] of [
    ["nothing heard yet", three, "sent 0, tick 5", []],
    ["an answer", three, "sent 0, answered 0@1", ["answers@1"]],
    ["answers are told once", three, "sent 0, answered 0@1, sent 1, answered 1@11", ["answers@1"]],
    ["two misses are not three", three, "sent 0, answered 0@1, sent 1, sent 2, tick 30", ["answers@1"]],
    ["three misses", three, "sent 0, answered 0@1, sent 1, sent 2, sent 3, tick 38", ["answers@1", "silent@38"]],
    ["one that never answered", three, "sent 1, sent 2, sent 3, tick 40", ["silent@40"]],
    ["silence is told once", three, "sent 1, sent 2, sent 3, sent 4, sent 5, tick 60", ["silent@40"]],
    ["the wait is not over", three, "sent 1, sent 2, sent 3, tick 37", []],
    [
      "two, an answer, one more: it starts anew",
      three,
      "sent 0, answered 0@1, sent 1, sent 2, sent 3, answered 3@31, sent 4, tick 50",
      ["answers@1"],
    ],
    [
      "three of five, not in a row",
      threeOfFive,
      "sent 0, answered 0@1, sent 1, sent 2, answered 2@21, sent 3, sent 4, answered 4@41, sent 5, tick 60",
      ["answers@1", "silent@60"],
    ],
    [
      "the first of the three is too long ago",
      threeOfFive,
      "sent 0, sent 1, answered 1@11, sent 2, answered 2@21, sent 3, answered 3@31, sent 4, sent 5, tick 60",
      ["answers@11"],
    ],
    [
      "always too late, yet alive",
      three,
      "sent 0, sent 1, answered 0@15, sent 2, answered 1@25, sent 3, answered 2@35, sent 4, answered 3@45, tick 50",
      ["answers@15"],
    ],
    [
      "an answer, however late, ends a silence",
      three,
      "sent 1, sent 2, sent 3, tick 40, answered 1@55, tick 60",
      ["silent@40", "answers@55"],
    ],
    [
      "after a silence it takes as many misses again",
      three,
      "sent 1, sent 2, sent 3, tick 40, answered 3@45, sent 5, sent 6, sent 7, tick 80",
      ["silent@40", "answers@45", "silent@80"],
    ],
    ["what waited during our own standstill does not count", three, "sent 1, sent 2, sent 3, stall 31-90, tick 100", []],
    [
      "what was missed before a standstill does",
      three,
      "sent 1, sent 2, tick 30, sent 3, stall 31-90, sent 10, tick 110",
      ["silent@110"],
    ],
    [
      "doubted: one more miss decides",
      three,
      "sent 1, sent 2, sent 3, tick 40, doubt, sent 5, tick 60",
      ["silent@40", "silent@60"],
    ],
    [
      "doubted, and it answers",
      three,
      "sent 1, sent 2, sent 3, tick 40, doubt, sent 5, answered 5@51",
      ["silent@40", "answers@51"],
    ],
    ["after a reset nothing is known", three, "sent 1, sent 2, tick 30, reset, sent 3, sent 4, tick 50", []],
  ] as const)
    test(`${what}: ${story}`, () => expect(play(rule, story)).toEqual(want));
});

describe("properties of N of M", () => {
  const INTERVAL_MS = 10;
  const arbitraryRule = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 4 }))
    .map(([misses, more]): MissRule => ({ misses, of: misses + more, waitMs: 8 }));
  /** How long each answer takes; null: it never comes. */
  const delays = fc.array(fc.option(fc.integer({ min: 0, max: 35 }), { nil: null }), { maxLength: 60 });

  /** Runs requests one interval apart, their answers in the order of time, and a tick before each request. */
  function run(rule: MissRule, answers: readonly (number | null)[], seen: (what: string, atMs: number) => void): Course {
    const course = new Course(rule);
    const steps = answers.flatMap((delay, n) => [
      { at: n * INTERVAL_MS, n, is: "ask" },
      ...(delay === null ? [] : [{ at: n * INTERVAL_MS + delay + 0.5, n, is: "answer" }]),
    ]);
    for (const { at, n, is } of steps.sort((a, b) => a.at - b.at)) {
      if (is === "answer") {
        course.answered(n, at);
        seen("answer", at);
        continue;
      }
      if (course.tick(at) === "silent") seen("silent", at);
      course.sent(n, at);
    }
    return course;
  }

  test("never silent without N requests really missed among the last M, and no late answer after them", () => {
    fc.assert(
      fc.property(arbitraryRule, delays, (rule, answers) => {
        let latest = Number.NEGATIVE_INFINITY;
        run(rule, answers, (what, at) => {
          if (what === "answer") {
            latest = at;
            return;
          }
          const asked = answers.slice(0, at / INTERVAL_MS);
          const missed = asked.slice(-rule.of).filter((d) => d === null || d + 0.5 >= rule.waitMs);
          expect(missed.length).toBeGreaterThanOrEqual(rule.misses);
          if (rule.of === rule.misses) expect(at - latest).toBeGreaterThan((rule.misses - 1) * INTERVAL_MS);
        });
      }),
    );
  });

  test("N requests in a row without any answer make it silent by the next tick", () => {
    fc.assert(
      fc.property(arbitraryRule, delays, (rule, answers) => {
        const lost = [...answers, null, null, null, null, ...new Array(rule.misses).fill(null)];
        const course = run(rule, lost, () => {});
        course.tick(lost.length * INTERVAL_MS);
        expect(course.says).toBe("silent");
      }),
    );
  });

  test("an answer always ends a silence, whichever request it is for", () => {
    fc.assert(
      fc.property(arbitraryRule, delays, fc.integer({ min: -5, max: 70 }), (rule, answers, id) => {
        const course = run(rule, answers, () => {});
        course.answered(id, answers.length * INTERVAL_MS);
        expect(course.says).toBe("answers");
      }),
    );
  });

  test("a detector that stands still alone never makes a port silent", () => {
    const stalls = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 200 })), { maxLength: 20 });
    fc.assert(
      fc.property(arbitraryRule, stalls, (rule, standstills) => {
        const course = new Course(rule);
        let now = 0;
        let n = 0;
        for (const [requests, stallMs] of standstills) {
          for (let i = 0; i < requests; i++, now += INTERVAL_MS) {
            expect(course.tick(now)).not.toBe("silent");
            course.sent(++n, now);
            if (i < requests - 1) course.answered(n, now + 1);
          }
          // Its last answer lies unread, and is read after the tick that came first.
          course.stalled(now - INTERVAL_MS, now + stallMs);
          expect(course.tick(now + stallMs)).not.toBe("silent");
          course.answered(n, now + stallMs);
          now += stallMs;
        }
      }),
    );
  });
});

describe("many at once", () => {
  const answering = (answeredAtMs: number) => ({ answeredAtMs, missedAtMs: null, hostId: null });
  const missing = { answeredAtMs: 0, missedAtMs: 90, hostId: null };
  for (const [what, ports, want] of [
    ["one alone", [missing], false],
    ["one of two", [missing, answering(95)], false],
    ["both of two", [missing, missing], true],
    ["half", [missing, missing, answering(95), answering(96)], false],
    ["more than half", [missing, missing, missing, answering(95), answering(96)], true],
    ["those who were not due since say nothing", [missing, missing, answering(50), answering(60), answering(70)], true],
  ] as const)
    test(`${what}: ${want ? "our fault" : "its own"}`, () => expect(isMass(90, ports)).toBe(want));

  for (const [what, ports, want] of [
    ["nobody answers", [missing, missing], false],
    ["one of three is back", [missing, missing, answering(110)], false],
    ["half are back", [missing, missing, answering(110), answering(111)], true],
    ["one that answered only before is not back", [missing, answering(80)], false],
    ["nobody is missed any more", [], true],
  ] as const)
    test(`over: ${what}`, () => expect(isMassOver(100, ports)).toBe(want));
});
