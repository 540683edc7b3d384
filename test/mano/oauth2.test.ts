import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createToken, revokeTokenOf } from "../../src/cli/token.ts";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningMano, startMano } from "../../src/mano.ts";
import type { Role } from "../../src/model/token.ts";

// RFC 6749 as SOL013 8.3 uses it: over a MANO that asks everybody for a token.
const dir = mkdtempSync(join(tmpdir(), "sempre-oauth2-"));
const store = { daemon: "mano" as const, path: join(dir, "mano.db"), migrationsDir: join(import.meta.dirname, "../../sql/mano") };
let mano: RunningMano;

const start = async () => {
  const settings = { mano: { listen: { port: 0 }, store: store.path, auth: { onLoopback: "tokens", accessTokenSeconds: 600 } } };
  mano = await startMano(parseConfig(settings).mano!, { clock: systemClock, log: silent });
};
beforeAll(start);
afterAll(async () => {
  await mano[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

async function clientOf(role: Role, expiresAt?: string): Promise<{ id: string; text: string; secret: string }> {
  const { text } = await createToken(store, { role, name: `client-${role}`, expiresAt });
  const [, id, secret] = /^sempre_([0-9a-f]+)_(.+)$/.exec(text)!;
  return { id: id!, text, secret: secret! };
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}`,
});

async function fetchToken(form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const body = typeof form === "string" ? form : String(new URLSearchParams(form));
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const res = await fetch(`http://127.0.0.1:${mano.port}/oauth2/token`, {
    method: "POST",
    headers: { ...type, ...headers },
    body,
  });
  const answer = (await res.json()) as Record<string, unknown> & { readonly access_token: string };
  return { status: res.status, headers: res.headers, body: answer };
}

const ask = (token: string | null, method = "GET", path = "/mano/v1/vims") =>
  fetch(`http://127.0.0.1:${mano.port}${path}`, {
    method,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  }).then((res) => res.status);

const GRANT = { grant_type: "client_credentials" };

test("a client of the store gets a token by Basic authentication or in the form, and is let in with it", async () => {
  const { id, secret, text } = await clientOf("viewer");
  const got = await fetchToken(GRANT, basic(id, secret));
  expect(got).toMatchObject({ status: 200, body: { token_type: "Bearer", expires_in: 600, scope: "viewer" } });
  expect(got.headers.get("cache-control")).toBe("no-store");
  expect(got.headers.get("content-type")).toMatch("application/json");
  expect(got.body.access_token).not.toContain(secret);
  expect(await ask(got.body.access_token)).toBe(200);
  expect(await ask(null)).toBe(401);
  for (const sent of [
    await fetchToken(GRANT, basic(id, text)),
    await fetchToken({ ...GRANT, client_id: id, client_secret: secret }),
    await fetchToken({ ...GRANT, client_id: id }, basic(id, secret)),
  ])
    expect(await ask(sent.body.access_token)).toBe(200);
});

test("no token is 401 however often, what cannot be read as one is 400, and the challenge says which (RFC 6750, 3.1)", async () => {
  const told = async (headers: Record<string, string>) => {
    const res = await fetch(`http://127.0.0.1:${mano.port}/nsd/v2/ns_descriptors`, { headers: { version: "2.3.0", ...headers } });
    const { headers: h } = res;
    expect([h.get("content-type"), h.get("version")]).toEqual(["application/problem+json", "2.3.0"]);
    return [res.status, h.get("www-authenticate")];
  };
  const challenge = 'Bearer realm="mano"';
  for (let i = 0; i < 120; i++) expect(await told({})).toEqual([401, challenge]);
  expect(await told(basic("someone", "secret"))).toEqual([401, challenge]);
  for (const authorization of ["Bear sometoken", "Bearer", "Bearer a b", 'Bearer "a"', "sometoken"])
    expect([authorization, ...(await told({ authorization }))]).toEqual([
      authorization,
      400,
      `${challenge}, error="invalid_request"`,
    ]);
  expect(await told({ authorization: "Bearer negativetoken" })).toEqual([401, `${challenge}, error="invalid_token"`]);
});

test("its role is its client's, or what is asked for less", async () => {
  const { id, secret } = await clientOf("operator");
  const whole = (await fetchToken(GRANT, basic(id, secret))).body;
  const less = (await fetchToken({ ...GRANT, scope: "viewer" }, basic(id, secret))).body;
  expect([whole.scope, less.scope]).toEqual(["operator", "viewer"]);
  const gone = "/mano/v1/ns_instances/none";
  expect(await ask(whole.access_token, "DELETE", gone)).toBe(404);
  expect(await ask(less.access_token, "DELETE", gone)).toBe(403);
  expect(await ask(whole.access_token, "POST", "/mano/v1/vims")).toBe(403);
});

test.for([
  ["no grant", {}, 400, "invalid_request", /grant_type is missing/],
  ["another grant", { grant_type: "password" }, 400, "unsupported_grant_type", /no grant password/],
  ["twice", "grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request", /more than once/],
  ["too wide a scope", { ...GRANT, scope: "viewer admin" }, 400, "invalid_scope", /may not be admin/],
  ["an unknown scope", { ...GRANT, scope: "everything" }, 400, "invalid_scope", /no scope everything/],
  ["a secret twice", { ...GRANT, client_secret: "x" }, 400, "invalid_request", /twice/],
  ["another id", { ...GRANT, client_id: "x" }, 400, "invalid_request", /another one/],
] as const)("%s: %j → %i %s", async ([, form, status, error, why]) => {
  const { id, secret } = await clientOf("viewer");
  const refused = await fetchToken(form, basic(id, secret));
  expect(refused).toMatchObject({ status, body: { error, error_description: expect.stringMatching(why) } });
});

test("JSON is not what the endpoint takes", async () => {
  const { id, secret } = await clientOf("viewer");
  const refused = await fetchToken(JSON.stringify(GRANT), { ...basic(id, secret), "content-type": "application/json" });
  expect(refused).toMatchObject({ status: 400, body: { error: "invalid_request" } });
});

test("a client that is revoked takes its tokens with it, and gets none", async () => {
  const { id, secret } = await clientOf("admin");
  const { access_token } = (await fetchToken(GRANT, basic(id, secret))).body;
  expect(await ask(access_token)).toBe(200);
  await revokeTokenOf(store, id);
  expect(await ask(access_token)).toBe(401);
  expect(await fetchToken(GRANT, basic(id, secret))).toMatchObject({ status: 401, body: { error: "invalid_client" } });
});

test("a token that was changed in one letter is none; a restart forgets none", async () => {
  const { id, secret } = await clientOf("viewer");
  const { access_token: token } = (await fetchToken(GRANT, basic(id, secret))).body;
  const at = token.length - 10;
  expect(await ask(token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1))).toBe(401);
  expect(await ask("sempre_at_")).toBe(401);
  await mano[Symbol.asyncDispose]();
  await start();
  expect(await ask(token)).toBe(200);
});

test("who guesses is told so, and soon asked to wait; a good client is served all the while", async () => {
  const { id, secret } = await clientOf("viewer");
  const first = await fetchToken(GRANT, basic(id, "guessed"));
  expect(first).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  expect(first.headers.get("www-authenticate")).toBe('Basic realm="mano"');
  let last = first;
  for (let i = 0; i < 300 && last.status !== 429; i++) last = await fetchToken(GRANT, basic(id, `guess-${i}`));
  expect(last.status).toBe(429);
  expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await fetchToken(GRANT, basic(id, secret))).status).toBe(200);
});
