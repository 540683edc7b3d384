import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { clockId, clockOf, clockText } from "../lib/clock-id.ts";
import { VimClock } from "./vim-clock.ts";

const ID = "0123456789abcdef";
const shows = (ms: number, id = ID) => `${id} ${ms}`;

describe("the header", () => {
  test("is read as it is written", () => {
    const told = clockOf(clockText(systemClock));
    expect(told?.id).toBe(clockId());
    expect(Math.abs(told!.ms - systemClock.now())).toBeLessThan(1_000);
  });

  test.each(["", "x", ID, `${ID} `, `${ID} 1e9`, `${ID} -1`, `${ID} 1 2`, `${ID.toUpperCase()} 1`])("%j is none", (text) => {
    expect(clockOf(text)).toBeNull();
  });
});

describe("a VIM's times in ours", () => {
  test("of one that tells no clock, or has ours: as they are", () => {
    const clock = new VimClock();
    for (const text of [undefined, "nonsense", shows(5, clockId())]) {
      clock.heard(text, 100, 110);
      expect([clock.ours(7, 110), clock.uncertaintyMs(110)]).toEqual([7, 0]);
    }
  });

  test("no later than now, and as late as they may have been", () => {
    const clock = new VimClock();
    clock.heard(shows(1_000_005), 100, 110); // Ahead by 999,895 to 999,905.
    expect(clock.uncertaintyMs(110)).toBe(10);
    expect([clock.ours(1_000_000, 110), clock.ours(1_000_010, 110)]).toEqual([105, 110]);
  });

  test("the shortest way there and back says most; others narrow it on either side", () => {
    const clock = new VimClock();
    clock.heard(shows(1_050), 0, 100);
    clock.heard(shows(1_101), 100, 102);
    clock.heard(shows(1_102), 102, 180);
    expect(clock.uncertaintyMs(102)).toBeLessThan(2.1);
    expect(clock.ours(1_101, 200)).toBeCloseTo(102, 0);
  });

  test("its machine started anew, or has slept: what was known before is forgotten", () => {
    const clock = new VimClock();
    clock.heard(shows(1_000_000), 0, 1);
    clock.heard(shows(50, "fedcba9876543210"), 100, 102);
    expect(clock.ours(49, 102)).toBe(101);
    clock.heard(shows(5_000, "fedcba9876543210"), 200, 202);
    expect(clock.ours(5_000, 202)).toBe(202);
    expect(clock.uncertaintyMs(202)).toBe(2);
  });

  test("a moment is never older than it was, nor younger than the best answer is uncertain", () => {
    const answers = fc.array(fc.record({ there: fc.nat(50), back: fc.nat(50), rest: fc.nat(2_000) }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(answers, fc.integer({ min: 0, max: 1e9 }), fc.nat(5_000), (told, aheadMs, agoMs) => {
        const clock = new VimClock();
        let now = 10_000;
        for (const { there, back, rest } of told) {
          const askedAt = now + rest;
          now = askedAt + there + back;
          clock.heard(shows(askedAt + there + aheadMs), askedAt, now);
        }
        const trueMs = now - agoMs;
        const found = clock.ours(trueMs + aheadMs, now);
        expect(found).toBeGreaterThanOrEqual(trueMs - 1e-6);
        expect(found).toBeLessThanOrEqual(trueMs + clock.uncertaintyMs(now) + 1e-6);
        expect(found).toBeLessThanOrEqual(now);
      }),
    );
  });
});
