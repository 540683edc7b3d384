import fc from "fast-check";
import { expect, test } from "vitest";
import { Wheel } from "./wheel.ts";

test("each is taken once, not before it is due and at most one step after, however the turns fall", () => {
  const step = fc.integer({ min: 1, max: 5 });
  const delays = fc.array(fc.double({ min: 0, max: 1100, noNaN: true }), { maxLength: 30 });
  const turns = fc.array(fc.tuple(fc.double({ min: 0, max: 5000, noNaN: true }), delays), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(step, turns, fc.double({ min: 0, max: 1e6, noNaN: true }), (stepMs, story, startMs) => {
      const wheel = new Wheel<{ dueMs: number }>(startMs);
      const waiting = new Set<{ dueMs: number }>();
      let now = startMs;
      for (const [passMs, puts] of [...story, [1200, []] as const]) {
        now += passMs;
        const next = wheel.nextMs();
        const taken = wheel.take(now);
        expect(next === null || next > now).toBe(taken.length === 0);
        for (const item of taken) {
          expect(item.dueMs).toBeLessThanOrEqual(now);
          expect(waiting.delete(item)).toBe(true);
        }
        for (const { dueMs } of waiting) expect(dueMs + stepMs + 1).toBeGreaterThan(now);
        for (const delay of puts) {
          const item = { dueMs: now + delay };
          waiting.add(item);
          wheel.put(item, item.dueMs, stepMs);
        }
      }
      expect([...waiting].filter((item) => item.dueMs + stepMs + 1 <= now)).toEqual([]);
    }),
  );
});

test("what is overdue is taken by the next turn", () => {
  const wheel = new Wheel<string>(100);
  wheel.put("late", 50, 5);
  expect(wheel.nextMs()).toBe(101);
  expect(wheel.take(101)).toEqual(["late"]);
});

test("a delay that the wheel cannot hold is a mistake of ours", () => {
  expect(() => new Wheel(0).put("x", 5000, 1)).toThrow(RangeError);
});
