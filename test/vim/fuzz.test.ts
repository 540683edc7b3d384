import { expect, test } from "vitest";
import { fuzz } from "../../bench/fuzz/run.ts";

const SLOW = { timeout: 120_000 };

test("no request of a thousand brings a 500, a stray answer or a row that does not fit", SLOW, async () => {
  const { statuses, findings } = await fuzz({ seed: 20_261, requests: 800, lookEvery: 10 });
  expect(findings).toEqual([]);
  // The course reaches what it is about, whatever routes there are: things are made, and refused for all sorts of reasons.
  expect(statuses.get(200)).toBeGreaterThan(100);
  for (const status of [400, 401, 404, 405, 409]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0);
});

test("with tokens nobody gets more than its role allows, hears of others or changes what is theirs", SLOW, async () => {
  const { statuses, findings } = await fuzz({ seed: 20_262, requests: 800, lookEvery: 10, tokens: true });
  expect(findings).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(50);
  for (const status of [400, 401, 403, 404]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0);
});

test("whatever comes at once, the rows agree with each other and with the store", SLOW, async () => {
  const { statuses, findings } = await fuzz({ seed: 20_263, requests: 1_000, lookEvery: 1, atOnce: 20 });
  expect(findings).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(100);
});
