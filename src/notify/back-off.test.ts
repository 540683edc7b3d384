import { expect, test } from "vitest";
import { backOffMs } from "./back-off.ts";

test("rests grow from a second to a minute, and differ by chance", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 50, 5_000].map((n) => backOffMs(n, 0.999_999, null)).map(Math.round)).toEqual([
    1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000,
  ]);
  expect(backOffMs(1, 0, null)).toBe(500);
  expect(backOffMs(99, 0, null)).toBe(30_000);
});

test("a subscriber that asks for time gets it, up to ten minutes", () => {
  expect(backOffMs(1, 0.5, 20_000)).toBe(20_000);
  expect(backOffMs(1, 0.5, 10)).toBe(750);
  expect(backOffMs(1, 0.5, 86_400_000)).toBe(600_000);
});
