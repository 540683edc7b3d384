import fc from "fast-check";
import { expect, test } from "vitest";
import { median, percentile, spreadOf } from "./stats.ts";

test.each([
  // values, percent, percentile (the usual example of nearest rank: five scores)
  [[15, 20, 35, 40, 50], 5, 15],
  [[15, 20, 35, 40, 50], 30, 20],
  [[15, 20, 35, 40, 50], 40, 20],
  [[50, 15, 40, 20, 35], 50, 35],
  [[15, 20, 35, 40, 50], 100, 50],
  [[7], 1, 7],
  [[], 50, null],
])("of %j the percentile %d is %j", (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected);
});

test("what is no percentage is refused", () => {
  for (const percent of [0, -1, 101, Number.NaN]) expect(() => percentile([1], percent)).toThrow(RangeError);
});

test("a percentile is one of the values, and at least that share of them is not above it", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const found = percentile(values, percent)!;
      expect(values.some((v) => v === found)).toBe(true);
      expect(values.filter((v) => v <= found).length).toBeGreaterThanOrEqual(Math.floor((percent / 100) * values.length));
    }),
  );
});

test("a spread of nothing is nothing; the middle of an even number is the lower one", () => {
  expect(spreadOf([])).toBeNull();
  expect(spreadOf([3, 1, 2, 4])).toEqual({ p50: 2, p99: 4, max: 4 });
  expect(median([4, 1])).toBe(1);
});
