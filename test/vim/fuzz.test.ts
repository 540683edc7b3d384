import { expect, test } from "vitest";
import { fuzz } from "../../bench/fuzz/run.ts";

test("no request of thousands brings a 500, a stray answer or a row that does not fit", { timeout: 120_000 }, async () => {
  const { statuses, findings } = await fuzz({ seed: 20_261, requests: 1_500, lookEvery: 10 });
  expect(findings).toEqual([]);
  // The course reaches what it is about: things are made, and refused for all that there is to refuse.
  expect(statuses.get(200)).toBeGreaterThan(500);
  for (const status of [400, 401, 404, 405, 406, 409, 414, 422]) expect(statuses.get(status), String(status)).toBeGreaterThan(0);
});
