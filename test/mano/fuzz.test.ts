import { expect, test } from "vitest";
import { fuzzMano } from "../../bench/fuzz/mano-run.ts";

test("no request of some hundred brings a 500, nor an answer that ETSI's definitions do not have", {
  timeout: 120_000,
}, async () => {
  const { statuses, findings } = await fuzzMano({ seed: 20_264, requests: 300 });
  expect(findings).toEqual([]);
  // The course reaches what it is about: things are found and made, and refused for all sorts of reasons.
  for (const status of [200, 201, 400, 404]) expect(statuses.get(status) ?? 0, String(status)).toBeGreaterThan(0);
});
