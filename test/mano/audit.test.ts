import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RefusalRoom } from "../../src/api/refusal-room.ts";
import { createToken } from "../../src/cli/token.ts";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningMano, startMano } from "../../src/mano.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";

// Who changed what, and who was not let: over a MANO that asks everybody for a token.
const dir = mkdtempSync(join(tmpdir(), "sempre-audit-"));
const store = { daemon: "mano" as const, path: join(dir, "mano.db"), migrationsDir: join(import.meta.dirname, "../../sql/mano") };
let mano: RunningMano;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  const settings = { mano: { listen: { port: 0 }, store: store.path, auth: { onLoopback: "tokens" } } };
  mano = await startMano(parseConfig(settings).mano!, { clock: systemClock, log: silent });
  for (const role of ["viewer", "operator", "admin"] as const)
    tokens[role] = (await createToken(store, { role, name: `the-${role}` })).text;
});
afterAll(async () => {
  await mano[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

async function ask(method: string, path: string, token: string | undefined, body?: string) {
  const headers = { "user-agent": "audited/1", ...(token && { authorization: `Bearer ${token}` }) };
  const res = await fetch(`http://127.0.0.1:${mano.port}${path}`, { method, headers, ...(body !== undefined && { body }) });
  return { status: res.status, text: await res.text() };
}

type Refused = Extract<ManoEvent, { type: "api.refused" }>;
const refused = async (): Promise<Refused[]> =>
  JSON.parse((await ask("GET", "/mano/v1/events?since=0", tokens.admin)).text).events.filter(
    (e: ManoEvent) => e.type === "api.refused",
  );

test("a change that is refused is on record with who asked, and what it was asked with is not", async () => {
  const nobody = `sempre_${"0".repeat(16)}_a-Secret-word`;
  const cases = [
    ["POST", "/mano/v1/ns_instances", undefined, 401, /^audited\/1 at /],
    ["POST", "/mano/v1/ns_instances?note=a-Secret-word", nobody, 401, /^audited\/1 at /],
    ["POST", "/mano/v1/ns_instances", tokens.viewer, 403, /^the-viewer \(token \w+\), audited/],
    ["POST", "/openmano/tenants", tokens.viewer, 403, /^the-viewer \(token \w+\), audited/],
    ["DELETE", "/mano/v1/descriptors/nothing", tokens.operator, 404, /^the-operator \(token \w+\), audited/],
  ] as const;
  for (const [method, path, token, status] of cases)
    expect([path, (await ask(method, path, token, method === "POST" ? "note: a-Secret-word" : undefined)).status]).toEqual([
      path,
      status,
    ]);
  const told = await refused();
  expect(told.map((e) => [e.method, e.path, e.status, e.by])).toEqual(
    cases.map(([method, path, , status, by]) => [method, path.split("?")[0], status, expect.stringMatching(by)]),
  );
  expect(JSON.stringify(told)).not.toContain("Secret");
});

test("what is malformed, what only looks, and what is let are not among them", async () => {
  const before = (await refused()).length;
  expect((await ask("POST", "/mano/v1/ns_instances", tokens.operator, "{}")).status).toBe(400);
  expect((await ask("GET", "/mano/v1/ns_instances", undefined)).status).toBe(401);
  expect((await ask("GET", "/mano/v1/ns_instances/nothing", tokens.viewer)).status).toBe(404);
  expect(await refused()).toHaveLength(before);
});

test("who is refused through one interface has used up what is written of it through the other", async () => {
  for (const path of ["/mano/v1/ns_instances", "/openmano/tenants"])
    for (let i = 0; i < 10; i++) expect((await ask("POST", path, tokens.viewer)).status).toBe(403);
  const written = (await refused()).filter((e) => e.by.startsWith("the-viewer")).length;
  expect(written).toBeGreaterThanOrEqual(10);
  expect(written).toBeLessThan(15); // Ten, and one more for each minute that this has taken.
});

test("a flood takes little room, another client's refusal is still written, and what was left out is counted", () => {
  let now = 0;
  const room = new RefusalRoom(() => now);
  const written = Array.from({ length: 1_000 }, () => room.take("a")).filter((n) => n !== null);
  expect(written).toEqual(new Array(10).fill(0));
  expect(room.take("b")).toBe(990);
  now = 60_000;
  expect([room.take("a"), room.take("a"), room.take("a")]).toEqual([0, null, null]);
  expect(room.take("b")).toBe(2);
  const others = Array.from({ length: 5_000 }, (_, i) => room.take(`c${i}`)).filter((n) => n !== null);
  expect(others.length).toBeLessThanOrEqual(100);
});
