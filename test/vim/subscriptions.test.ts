import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listenHttp } from "../../src/api/http.ts";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { VIM_EVENT_TYPES } from "../../src/model/vim-event.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { Receiver } from "../harness/receiver.ts";
import { type Ask, client, until } from "./rig.ts";

let ends: AsyncDisposableStack;
let vim: Vim;
let ask: Ask;
let receiver: Receiver;

beforeEach(async () => {
  ends = new AsyncDisposableStack();
  const store = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  ends.defer(() => store.destroy());
  vim = await Vim.open({ db: store, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 3010 } });
  Object.assign(vim.audit, { changed: () => {} }); // These count events, and the requests that make subscriptions are not among them.
  ends.defer(() => vim.events.flush());
  ends.use(vim.subscriptions);
  const app = serveOpenvim(vim, true, { clock: systemClock, log: silent });
  ends.defer(async () => app.close());
  ask = client(await listenHttp(app, { host: "127.0.0.1", port: 0, setting: "x" }));
  receiver = ends.use(await Receiver.start());
});
afterEach(() => ends.disposeAsync());

const tell = (why: string, hostId = "h") =>
  vim.events.push({ type: "host.status", hostId: hostId as never, status: "unreachable", why });
const subscribe = async (more: object = {}) => {
  const made = await ask("POST", "/subscriptions", { subscription: { callback: receiver.url, ...more } });
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 200 });
  return made.body.subscription as { id: string; [key: string]: unknown };
};
const shown = async (id: string) => (await ask("GET", `/subscriptions/${id}`)).body.subscription;

test("a subscriber is asked once, told all that happens from then on, in order, and shown as current", async () => {
  tell("before");
  const { id } = await subscribe();
  expect(receiver.requests).toMatchObject([{ method: "GET", path: "/hook" }]);
  for (let i = 0; i < 500; i++) tell(`${i}`);
  await until("all of them", () => receiver.events.length >= 500);
  expect(receiver.events.map((e) => e.seq)).toEqual(Array.from({ length: 500 }, (_, i) => i + 2));
  expect(receiver.requests.every((r) => r.method === "GET" || r.headers["content-type"] === "application/json")).toBe(true);
  const now = await until("it is current", async () => {
    const s = await shown(id);
    return s.state === "CURRENT" && s;
  });
  expect(now).toMatchObject({ id, callback: receiver.url, pending: 0, failures: 0, cursor: vim.events.lastSeq });
  expect((await ask("GET", "/subscriptions")).body.subscriptions).toHaveLength(1);
});

test("from a number on: what happened before is told too", async () => {
  for (let i = 0; i < 700; i++) tell(`${i}`);
  await subscribe({ since: 100 });
  await until("the rest", () => receiver.events.length >= 600);
  tell("more");
  await until("one more", () => receiver.events.length >= 601);
  expect(receiver.events.map((e) => e.seq)).toEqual(Array.from({ length: 601 }, (_, i) => i + 101));
});

test("the same callback and filter is the same subscription, and takes the authentication given last", async () => {
  const first = await subscribe({ filter: { object_ids: ["h"] } });
  const basic = { authType: ["BASIC"], paramsBasic: { userName: "u", password: "p:1" } };
  const again = await subscribe({ filter: { object_ids: ["h"] }, authentication: basic });
  expect(again.id).toBe(first.id);
  expect(again.authentication).toEqual({ authType: ["BASIC"] });
  expect((await subscribe({ filter: { object_ids: ["i"] } })).id).not.toBe(first.id);
  tell("x");
  await until("it", () => receiver.events.length === 1);
  expect(receiver.requests.at(-1)!.headers.authorization).toBe(`Basic ${Buffer.from("u:p:1").toString("base64")}`);
});

test("one that answers 500 is tried again with rests, shown as such, and misses nothing", async () => {
  const { id } = await subscribe();
  receiver.reply = () => ({ status: 500 });
  for (let i = 0; i < 250; i++) tell(`${i}`);
  const s = await until("a refusal", async () => {
    const now = await shown(id);
    return now.failures >= 2 && now;
  });
  expect(s).toMatchObject({ state: "RETRYING", pending: 250, cursor: 0, last_error: "POST was answered 500" });
  expect(Date.parse(s.next_try_at)).toBeGreaterThan(Date.parse(s.last_error_at));
  const posts = receiver.requests.filter((r) => r.method === "POST");
  expect(new Set(posts.map((p) => p.text)).size).toBe(1); // The same request again, so that it can be told as one.
  receiver.reply = () => ({ status: 204 });
  await until("all of them", () => receiver.events.length >= 250);
  expect(receiver.seqs).toHaveLength(250);
  expect(await shown(id)).toMatchObject({ failures: 0, last_error: "POST was answered 500" });
});

test.for([
  ["a redirect, which is not followed", { status: 302, headers: { location: "/elsewhere" } }, /302, which redirects/],
  ["no HTTP", { raw: "SSH-2.0-OpenSSH_9\r\n\r\n" }, /what came back is no HTTP/],
  ["half an answer", { raw: "HTTP/1.1 2" }, /got no answer/],
  ["a teapot", { status: 418 }, /418/],
] as const)("%s is a refusal: said at once to whoever subscribes, tried again afterwards", async ([, reply, says]) => {
  receiver.reply = () => reply;
  const refused = await ask("POST", "/subscriptions", { subscription: { callback: receiver.url } });
  expect(refused).toMatchObject({ status: 422, body: { error: { code: 422, type: "422 Unprocessable Entity" } } });
  expect(refused.body.error.description).toMatch(says);
  expect((await ask("GET", "/subscriptions")).body.subscriptions).toEqual([]);
  receiver.reply = () => ({ status: 200, body: "yes" });
  const { id } = await subscribe();
  receiver.reply = () => reply;
  tell("x");
  await until("the refusal", async () => says.test((await shown(id)).last_error ?? ""));
  expect(receiver.requests.every((r) => r.path === "/hook")).toBe(true);
  receiver.reply = () => ({ status: 202, body: "x".repeat(200_000) }); // Longer than anybody reads.
  await until("it", () => receiver.events.length > 0);
});

test("one that is down for long is told everything when it is back, from the journal", async () => {
  const { id } = await subscribe();
  const { port } = receiver;
  await receiver[Symbol.asyncDispose]();
  for (let i = 0; i < 3_000; i++) {
    tell(`${i}`);
    if (i % 100 === 0) await sleep(1);
  }
  await until("they wait", async () => (await shown(id)).pending === 3_000);
  expect(await shown(id)).toMatchObject({ state: "RETRYING", last_error: expect.stringMatching(/ECONNREFUSED/) });
  receiver = ends.use(await Receiver.start({ port }));
  await until("all of them", () => receiver.events.length >= 3_000);
  expect(receiver.events.map((e) => e.seq)).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1));
  await until("it is current", async () => (await shown(id)).pending === 0);
});

test("one that has been away longer than the journal keeps is told that, first", async () => {
  const { id } = await subscribe({ filter: { event_types: ["host.status"] } });
  receiver.reply = () => ({ status: 503 });
  const keep = 100_000; // As the VIM keeps.
  for (let i = 0; i < keep + 3_000; i++) {
    tell(`${i}`);
    if (i % 1_000 === 999) await vim.events.flush();
  }
  const { prunedTo } = vim.events;
  expect(prunedTo).toBeGreaterThanOrEqual(1_000);
  receiver.reply = () => ({ status: 204 });
  await until("the notice", () => receiver.events.some((e) => e.type === "events.lost"));
  const at = receiver.events.findIndex((e) => e.type === "events.lost");
  expect(receiver.events[at]).toMatchObject({ seq: prunedTo, to: prunedTo });
  expect(receiver.events[at + 1]!.seq).toBe(prunedTo + 1);
  await until("the rest", async () => (await shown(id)).pending === 0);
  expect(receiver.events.at(-1)!.seq).toBe(vim.events.lastSeq);
});

test("one that is slow slows nobody else, and gets many events with each request", async () => {
  const quick = ends.use(await Receiver.start());
  await subscribe();
  await ask("POST", "/subscriptions", { subscription: { callback: quick.url } });
  const released = Promise.withResolvers<void>();
  receiver.reply = () => ({ status: 204, after: released.promise });
  for (let i = 0; i < 1_000; i++) tell(`${i}`);
  await until("the quick one", () => quick.events.length >= 1_000);
  expect(receiver.events).toEqual([]); // It has not even answered its first.
  released.resolve();
  await until("the slow one", () => receiver.events.length >= 1_000);
  expect(receiver.requests.length).toBeLessThan(30);
  expect(receiver.events.map((e) => e.seq)).toEqual(quick.events.map((e) => e.seq));
});

test("one that takes fewer at once is given fewer", async () => {
  await subscribe();
  receiver.reply = ({ text }) => ({ status: JSON.parse(text).notification.events.length > 3 ? 413 : 204 });
  for (let i = 0; i < 60; i++) tell(`${i}`);
  await until("all", () => receiver.events.length >= 60);
  expect(receiver.events.map((e) => e.seq)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
});

test("a thousand events a second: five subscribers hear all in order, and the API answers as before", async () => {
  const five = [receiver, ...(await Promise.all([1, 2, 3, 4].map(() => Receiver.start())))];
  for (const r of five.slice(1)) ends.use(r);
  for (const r of five) await ask("POST", "/subscriptions", { subscription: { callback: r.url } });
  const idle = await asked(200);
  let told = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < 10; i++) tell(`${told++}`);
  }, 10);
  const busy = await asked(400);
  while (told < 3_000) await sleep(10);
  clearInterval(timer);
  for (const r of five) await until("all of them", () => r.events.length >= told);
  for (const r of five) expect(r.events.map((e) => e.seq)).toEqual(Array.from({ length: told }, (_, i) => i + 1));
  console.log(
    `GET beside it: p50 ${idle[100]!.toFixed(2)} p99 ${idle[197]!.toFixed(2)} ms idle, p50 ${busy[200]!.toFixed(2)} p99 ${busy[395]!.toFixed(2)} ms busy (receivers in the same process)`,
  );
});

async function asked(times: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const at = systemClock.now();
    await ask("GET", "/tenants");
    took.push(systemClock.now() - at);
    await sleep(5);
  }
  return took.sort((a, b) => a - b);
}

test("after an unsubscription nothing is sent any more, also where a request was in flight", async () => {
  const { id } = await subscribe();
  receiver.reply = () => ({ isSilent: true });
  tell("x");
  await until("it is in flight", () => receiver.requests.length === 2);
  expect((await ask("DELETE", `/subscriptions/${id}`)).body).toEqual({ result: `subscription '${id}' deleted` });
  for (let i = 0; i < 20; i++) tell(`${i}`);
  await sleep(300);
  expect(receiver.requests).toHaveLength(2);
  expect(await ask("GET", `/subscriptions/${id}`)).toMatchObject({ status: 404 });
  expect(await ask("DELETE", `/subscriptions/${id}`)).toMatchObject({
    status: 404,
    body: { error: { description: `subscription '${id}' not found` } },
  });
});

test("a filter chooses by type, tenant and object", async () => {
  const tenant = await vim.catalogue.createTenant({ name: "t" });
  const net = await vim.nets.createNet({ name: "n", kind: "data", tenantId: tenant.id });
  const other = await vim.nets.createNet({ name: "o", kind: "data" });
  const table = [
    [{}, ["host.status h", "host.status i", "net.bound", "switch.status"]],
    [{ event_types: ["net.bound", "switch.status"] }, ["net.bound", "switch.status"]],
    [{ tenant_id: tenant.id }, ["net.bound"]],
    [{ object_ids: ["i", other.id] }, ["host.status i", "net.bound"]],
    [{ event_types: ["host.status"], object_ids: ["h"] }, ["host.status h"]],
    [{ event_types: ["host.status"], tenant_id: tenant.id }, []],
    [{ object_ids: ["nobody"] }, []],
  ] as const;
  const heard: Receiver[] = [];
  for (const [filter] of table) {
    const r = ends.use(await Receiver.start());
    heard.push(r);
    expect((await ask("POST", "/subscriptions", { subscription: { callback: r.url, filter } })).status).toBe(200);
  }
  tell("1", "h");
  tell("2", "i");
  vim.events.push({ type: "net.bound", netId: net.id, bindNet: other.id, was: null });
  vim.events.push({ type: "switch.status", datapath: "1", status: "connected" });
  for (const [i, [, wanted]] of table.entries())
    await until(`${wanted.length} come`, () => heard[i]!.events.length >= wanted.length);
  await sleep(100);
  const words = (r: Receiver) => r.events.map((e) => (e.type === "host.status" ? `${e.type} ${e.hostId}` : e.type));
  expect(heard.map(words)).toEqual(table.map(([, wanted]) => wanted));
  expect(heard[2]!.events[0]).toMatchObject({ tenantId: tenant.id });
});

test.for([
  [{}, /'callback' is a required property/],
  [{ callback: 3 }, /3 is not of type/],
  [{ callback: "ftp://a/b" }, /want an http or https URL, got "ftp:\/\/a\/b"/],
  [{ callback: "nowhere" }, /want an http or https URL/],
  [{ callback: "http://u:p@127.0.0.1/x" }, /a name and password in the URL/],
  [{ callback: "http://127.0.0.1/x#here" }, /'#here' is for browsers/],
  [{ callback: "http://169.254.169.254/latest/meta-data" }, /169\.254\.169\.254 is link-local, multicast or reserved/],
  [{ callback: "http://[fe80::1]/x" }, /link-local/],
  [{ callback: "http://[::ffff:169.254.169.254]/x" }, /link-local/],
  [{ callback: "http://0/x" }, /0\.0\.0\.0 is link-local, multicast or reserved/],
  [{ filter: { event_types: ["host.gone"] } }, /'host\.gone' is not one of/],
  [{ filter: { event_type: ["evidence"] } }, /Additional properties are not allowed \('event_type' was unexpected\)/],
  [{ filters: {} }, /Additional properties are not allowed \('filters' was unexpected\)/],
  [{ filter: { event_types: [] } }, /fewer than 1|at least 1|minItems|too short/],
  [{ since: -1 }, /-1/],
  [{ authentication: { authType: ["BASIC"] } }, /BASIC needs paramsBasic with userName and password/],
  [{ authentication: { authType: ["TLS_CERT"] } }, /TLS_CERT needs paramsTls with certificate and privateKey/],
  [{ authentication: { authType: "MAGIC" } }, /authType/],
  [{ authentication: { authType: "BEARER", paramsBearer: { token: "a b" } } }, /does not match/],
  [
    { callback: "http://192.0.2.1/x", authentication: { authType: "BEARER", paramsBearer: { token: "sEcReT" } } },
    /is http, and a password or token would be read on its way; want https/,
  ],
  [
    {
      callback: "https://192.0.2.1/x",
      authentication: {
        authType: "OAUTH2_CLIENT_CREDENTIALS",
        paramsOauth2ClientCredentials: { clientId: "a", clientPassword: "sEcReT", tokenEndpoint: "http://192.0.2.1/t" },
      },
    },
    /token_endpoint: http:\/\/192\.0\.2\.1\/t is http/,
  ],
  [
    {
      callback: "https://127.0.0.1/x",
      authentication: {
        authType: "TLS_CERT",
        paramsTls: { certificate: "-----BEGIN CERTIFICATE-----\nx\n", privateKey: "-----BEGIN PRIVATE KEY-----\nsEcReT\n" },
      },
    },
    /tls: the certificates cannot be read/,
  ],
  [
    {
      callback: "https://127.0.0.1/x",
      authentication: {
        authType: "BASIC",
        paramsBasic: { userName: "u", password: "sEcReT" },
        paramsTls: { caCertificate: "x" },
      },
    },
    /does not match/,
  ],
] as const)("refused with 400: %j", async ([more, says]) => {
  const subscription = "callback" in more || Object.keys(more).length === 0 ? more : { callback: receiver.url, ...more };
  const { status, body } = await ask("POST", "/subscriptions", { subscription });
  expect({ status, description: body.error?.description }).toMatchObject({
    status: 400,
    description: expect.stringMatching(says),
  });
  expect(JSON.stringify(body)).not.toContain("sEcReT");
  expect((await ask("GET", "/subscriptions")).body.subscriptions).toEqual([]);
  expect(receiver.requests).toEqual([]);
});

test("there is an end to how many there are", async () => {
  for (let i = 0; i < 100; i++) await subscribe({ filter: { object_ids: [`${i}`] } });
  const over = await ask("POST", "/subscriptions", { subscription: { callback: receiver.url } });
  expect(over).toMatchObject({ status: 409, body: { error: { description: expect.stringMatching(/100 subscriptions/) } } });
  expect(await subscribe({ filter: { object_ids: ["7"] } })).toMatchObject({ filter: { object_ids: ["7"] } });
});

test("every type of event can be chosen", async () => {
  expect((await subscribe({ filter: { event_types: VIM_EVENT_TYPES } })).filter).toEqual({ event_types: VIM_EVENT_TYPES });
});

test("what a tenant has subscribed goes with it", async () => {
  const tenant = await vim.catalogue.createTenant({ name: "t" });
  const callback = { url: receiver.url, auth: null, tls: null };
  const filter = { types: null, tenantId: null, objectIds: null };
  await vim.subscriptions.create({ owner: tenant.id, callback, filter, since: null });
  expect(vim.subscriptions.list(null)).toHaveLength(1);
  await vim.catalogue.deleteTenant(tenant.id);
  expect(vim.subscriptions.list(null)).toEqual([]);
});
