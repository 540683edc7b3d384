import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ThreadTimes } from "../model/thread-times.ts";
import { isBelieved, STARVED_MS_MAX, Starvation, starvedWhy } from "./starvation.ts";

/** What a thread does, one after the other: sleeps (or is stopped), waits for a core, runs; ms. */
type Part = readonly ["sleeps" | "waits" | "runs", number];

/** What the kernel says of a thread at this moment: a wait is counted when it is over. */
function at(id: number, life: readonly Part[], ms: number): ThreadTimes {
  const seen = { ranMs: 0, waitedMs: 0, runs: 0, isRunnable: false };
  let fromMs = 0;
  let queuedMs = 0;
  for (const [does, forMs] of life) {
    if (fromMs > ms) break;
    seen.isRunnable = does !== "sleeps";
    if (does === "waits") queuedMs = forMs;
    if (does === "runs") {
      seen.runs++;
      seen.waitedMs += queuedMs;
      queuedMs = 0;
      seen.ranMs += Math.min(forMs, ms - fromMs);
    }
    fromMs += forMs;
  }
  return { id, ...seen };
}

function waitedOf(lives: readonly (readonly Part[])[], looks: readonly number[]): number {
  const starvation = new Starvation();
  for (const ms of looks)
    starvation.look(
      lives.map((life, id) => at(id, life, ms)),
      ms,
    );
  return starvation.waitedMs;
}

const LONG = 10_000;
const asleep: Part[] = [["sleeps", LONG]];

describe("how long a guest's threads waited, looked at after 10, 20 and 30 ms", () => {
  for (const [what, lives, want] of [
    ["it is stopped", [asleep, asleep], 0],
    [
      "it is stopped after it had waited for 5 ms",
      [
        [
          ["waits", 5],
          ["runs", 1],
          ["sleeps", LONG],
        ],
      ],
      0,
    ],
    [
      "it waits all the time",
      [
        [
          ["sleeps", 1],
          ["waits", LONG],
        ],
        asleep,
      ],
      20,
    ],
    ["it runs all the time", [[["runs", LONG]]], 0],
    [
      "it was given a core after 25 ms, and sleeps",
      [
        [
          ["sleeps", 2],
          ["waits", 23],
          ["runs", 1],
          ["sleeps", LONG],
        ],
      ],
      20,
    ],
    [
      "it waits anew since 22 ms: that is not known yet",
      [
        [
          ["waits", 14],
          ["runs", 6],
          ["sleeps", 2],
          ["waits", LONG],
        ],
      ],
      14,
    ],
    [
      "it was pushed from its core after 15 ms",
      [
        [
          ["runs", 15],
          ["waits", LONG],
        ],
      ],
      15,
    ],
    [
      "one thread waits, then the other",
      [
        [
          ["waits", 18],
          ["runs", 1],
          ["sleeps", LONG],
        ],
        [
          ["sleeps", 19],
          ["waits", 8],
          ["runs", 1],
          ["sleeps", LONG],
        ],
      ],
      20,
    ],
    ["three wait at once: no more than has passed", [[["waits", LONG]], [["waits", LONG]], [["waits", LONG]]], 20],
    [
      "many wait for 2 ms each: two of them count",
      new Array(9).fill([
        ["sleeps", 12],
        ["waits", 2],
        ["runs", 1],
        ["sleeps", LONG],
      ]),
      4,
    ],
  ] as [string, Part[][], number][])
    test(`${what}: ${want} ms`, () => expect(waitedOf(lives, [10, 20, 30])).toBe(want));

  test("one look says nothing", () => expect(waitedOf([[["waits", LONG]]], [10])).toBe(0));

  test("a thread that came between two looks has waited since it came, and one that ended counts on", () => {
    const starvation = new Starvation();
    starvation.look(
      [
        at(
          1,
          [
            ["waits", 5],
            ["runs", 1],
          ],
          2,
        ),
      ],
      2,
    );
    starvation.look(
      [
        at(
          1,
          [
            ["waits", 5],
            ["runs", 1],
          ],
          6,
        ),
        at(2, [["waits", LONG]], 6),
      ],
      6,
    );
    starvation.look([at(2, [["waits", LONG]], 16)], 16);
    expect(starvation.waitedMs).toBe(14); // 4 of the first, since it was looked at, and 10.
  });
});

const partOf = (does: Part[0]) => fc.integer({ min: 1, max: 40 }).map((ms): Part => [does, ms]);
/** Nobody stops waiting without a core. */
const life = fc
  .array(fc.oneof(fc.tuple(partOf("sleeps")), fc.tuple(partOf("waits"), partOf("runs")), fc.tuple(partOf("runs"))), {
    maxLength: 12,
  })
  .map((parts): Part[] => [...parts.flat(), ["sleeps", LONG]]);
const looksAt = fc
  .uniqueArray(fc.integer({ min: 0, max: 600 }), { minLength: 2, maxLength: 20 })
  .map((ms) => ms.sort((a, b) => a - b));

/** Of each wait: what of it lies between the two looks, and all of it where it began before the first. */
function waitsBetween(parts: readonly Part[], fromMs: number, untilMs: number): { inside: number; whole: number } {
  let [ms, inside, whole] = [0, 0, 0];
  for (const [does, forMs] of parts) {
    const within = Math.max(0, Math.min(ms + forMs, untilMs) - Math.max(ms, fromMs));
    if (does === "waits") inside += within;
    if (does === "waits" && within > 0) whole += Math.min(ms + forMs, untilMs) - ms;
    ms += forMs;
  }
  return { inside, whole };
}

test("it is a lower bound at each look, and right when nothing waits any more", () => {
  fc.assert(
    fc.property(life, looksAt, (parts, looks) => {
      const [fromMs, untilMs] = [looks[0]!, looks.at(-1)!];
      const waited = waitedOf([parts], looks);
      const { inside, whole } = waitsBetween(parts, fromMs, untilMs);
      expect(waited).toBeLessThanOrEqual(Math.min(whole, untilMs - fromMs));
      expect(waitedOf([parts], [...looks, LONG])).toBeGreaterThanOrEqual(inside);
    }),
  );
});

describe("whether a silence of 10 ms × 3 is believed", () => {
  for (const [what, waitedMs, laterMs, want] of [
    ["no wait", 0, 0, true],
    ["a wait as on every busy machine", 2, 0, true],
    ["its threads waited for 20 ms", 20, 0, false],
    ["… and 10 ms later it still does not answer", 20, 10, false],
    ["… and 20 ms later", 20, 20, true],
    ["it waits on and on", 300, 270, false],
    ["… for longer than is waited for", 530, 500, true],
  ] as const)
    test(`${what}: ${want ? "yes" : "no"}`, () =>
      expect(isBelieved({ silentAtMs: 1_000, intervalMs: 10, waitedMs }, 1_000 + laterMs)).toBe(want));
});

test("what it waited is told where it mattered", () => {
  const missed = { silentAtMs: 0, intervalMs: 10 };
  expect(starvedWhy({ ...missed, waitedMs: 1.5 })).toBeNull();
  expect(starvedWhy({ ...missed, waitedMs: 21.2 })).toBe("its host had no core for it for 21 ms, which do not count");
  expect(starvedWhy({ ...missed, waitedMs: 511 })).toBe(
    "its host had no core for it for 511 ms, and no more than 500 are waited for",
  );
});

test("a hang is believed as soon as it has lasted as much longer as it waited, whatever it waited for, and no later than the bound", () => {
  const missed = fc.record({
    silentAtMs: fc.nat(LONG),
    intervalMs: fc.integer({ min: 10, max: 1_000 }),
    waitedMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  });
  fc.assert(
    fc.property(missed, fc.nat(2_000), (of, laterMs) => {
      const isNow = isBelieved(of, of.silentAtMs + laterMs);
      if (laterMs >= Math.min(of.waitedMs, STARVED_MS_MAX)) expect(isNow).toBe(true);
      if (isNow) expect(isBelieved(of, of.silentAtMs + laterMs + 1)).toBe(true);
      if (isNow && of.waitedMs <= STARVED_MS_MAX)
        expect(laterMs).toBeGreaterThanOrEqual(of.waitedMs - 0.2 * of.intervalMs - 1e-6);
    }),
  );
});

describe("what is not held against a guest, nor for it", () => {
  const waits = (runs: number, waitedMs: number): ThreadTimes => ({ id: 1, ranMs: 0, waitedMs, runs, isRunnable: true });

  test("whoever looks stood still: what they waited before stays, what they waited meanwhile does not count", () => {
    const starvation = new Starvation();
    starvation.look([waits(1, 0)], 0);
    starvation.look([waits(1, 0)], 20);
    starvation.stalled();
    expect(starvation.waitedMs).toBe(20);
    starvation.look([waits(2, 1_020)], 1_020);
    expect(starvation.waitedMs).toBe(20);
    starvation.look([waits(2, 1_020)], 1_030);
    expect(starvation.waitedMs).toBe(30);
  });

  test("on a core without a tick one that spins is no one that waits; a wait that is over counts as ever", () => {
    const starvation = new Starvation();
    const tickless = (runs: number, waitedMs: number): ThreadTimes => ({ ...waits(runs, waitedMs), isTickless: true });
    starvation.look([tickless(1, 0)], 0);
    starvation.look([tickless(1, 0)], 400);
    expect(starvation.waitedMs).toBe(0);
    starvation.look([tickless(2, 7)], 410);
    expect(starvation.waitedMs).toBe(7);
  });
});
