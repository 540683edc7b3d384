import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { RunningVim } from "../../src/vim.ts";
import { type Asked, askRaw, type Raw, startTestVim } from "../harness/test-vim.ts";

// What comes in wrong is refused in the original's envelope, and nothing is changed by it.

let vim: RunningVim;
let tenant: string;
const NOBODY = "00000000-0000-0000-0000-000000000000";
/** All is asked on the administrator's port: nothing is refused for who asks. */
const ask = (asked: Asked): Promise<Raw> => askRaw(vim.adminPort, asked);
const post = (path: string, body: unknown, type?: string) => ask({ method: "POST", path, body, ...(type && { type }) });

const LISTS = ["/tenants", "/hosts", "/networks", "/ports", "/any/flavors", "/any/images", "/any/servers", "/subscriptions"];
const everything = () => Promise.all(LISTS.map(async (path) => (await ask({ path: `${path}?limit=1000` })).text));
let before: string[];

beforeAll(async () => {
  vim = await startTestVim();
  tenant = (await post("/tenants", { tenant: { name: "gold" } })).body.tenant.id;
  await post("/networks", { network: { name: "n", type: "data" } });
});
beforeEach(async () => {
  before = await everything();
});
afterAll(async () => {
  await vim?.[Symbol.asyncDispose]();
});

async function refused(reply: Raw, status: number, says: RegExp): Promise<void> {
  expect(reply.body, reply.text.slice(0, 300)).toMatchObject({
    error: { code: status, description: expect.stringMatching(says) },
  });
  expect(reply.status).toBe(status);
  expect(reply.body.error.type).toMatch(new RegExp(`^${status} \\w`));
  expect(await everything()).toEqual(before);
}

const tenantNamed = (name: unknown) => ({ tenant: { name } });
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("bodies", () => {
  test.each<[string, unknown, RegExp]>([
    ["a member missing", { tenant: { description: "d" } }, /'name' is a required property/],
    ["the wrapper missing", {}, /'tenant' is a required property/],
    ["a member unknown", { tenant: { name: "a" }, zz: 1 }, /'zz' was unexpected/],
    ["a member __proto__", '{"tenant": {"name": "a"}, "__proto__": {"name": "b"}}', /'__proto__' was unexpected/],
    ["a wrong type", tenantNamed(["a"]), /at 'tenant:name': \['a'\] is not of type 'string'/],
    ["a wrong type of the whole", "[]", /\[\] is not of type 'object'/],
    ["null", "null", /None is not of type 'object'/],
    ["too long", tenantNamed("x".repeat(300)), /at 'tenant:name': .* is too long/],
    ["empty", tenantNamed(""), /'' is too short/],
    ["a quote", tenantNamed("a'b"), /does not match/],
    ["NUL", tenantNamed("a\u0000b"), /U\+0000/],
    ["NUL in a name of a member", '{"tenant": {"name": "a", "b\\u0000": 1}}', /U\+0000/],
    ["an escape sequence of a terminal", tenantNamed("\u001b[2J"), /U\+001B/],
    ["half a character", '{"tenant": {"name": "\\ud800"}}', /U\+D800/],
    ["no JSON", '{"tenant": {"name": ', /Invalid json format/],
    ["JSON with more behind it", '{"tenant": {"name": "a"}} x', /Invalid json format/],
    ["nothing", "", /Invalid json format/],
    ["nested as deep as no value is", nested(70), /nested deeper than 64/],
    ["nested so deep that reading it alone costs seconds", nested(1_000_000), /nested deeper than 64/],
    ["a number that is none", '{"tenant": {"name": NaN}}', /Invalid json format/],
  ])("%s", async (_what, body, says) => {
    await refused(await post("/tenants", body), 400, says);
  });

  const bomb = `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i},*a${i}]`).join("\n")}\ntenant: {name: *a30}\n`;
  test.each<[string, string, number, RegExp]>([
    ["no YAML", "tenant: {name: ", 400, /Invalid yaml format/],
    ["a tab", "tenant:\n\tname: a", 400, /Invalid yaml format/],
    ["aliases that add up", bomb, 400, /Invalid yaml format Excessive alias count/],
    ["an alias of what it is in", "tenant: &a {name: *a}", 400, /./],
    ["an alias of nothing", "tenant: {name: *zz}", 400, /Invalid yaml format/],
    ["a tag of a language", "tenant: {name: !!python/object/apply:os.system [id]}", 400, /is not of type 'string'/],
    ["more than YAML may be", `tenant: {name: a}\n# ${"x".repeat(200_000)}`, 413, /want at most 131072, or send json/],
    ["two documents", "tenant: {name: a}\n---\ntenant: {name: b}\n", 400, /Invalid yaml format/],
    ["NUL, escaped", 'tenant: {name: "a\\0b"}', 400, /U\+0000/],
  ])("YAML: %s", async (_what, body, status, says) => {
    await refused(await post("/tenants", body, "application/yaml"), status, says);
  });

  test.each([
    ["application/xml", 501, /application\/xml not supported yet/],
    ["text/plain", 406, /Content-Type text\/plain not supported/],
    ["multipart/form-data; boundary=x", 406, /not supported/],
  ])("of type %s", async (type, status, says) => {
    await refused(await post("/tenants", '{"tenant": {"name": "a"}}', type), status, says);
  });

  test("larger than any that is meant", async () => {
    const huge = JSON.stringify({ tenant: { name: "a", description: "x".repeat(5_000_000) } });
    await refused(await post("/tenants", huge), 413, /too large/);
  });

  test("letters of all scripts are a name", async () => {
    const name = "Zürich 東京 😀 ​ \u202e";
    const made = await post("/tenants", tenantNamed(name));
    expect(made.body.tenant.name).toBe(name);
    expect((await ask({ path: `/tenants?name=${encodeURIComponent(name)}` })).body.tenants).toHaveLength(1);
    expect((await ask({ method: "DELETE", path: `/tenants/${made.body.tenant.id}` })).status).toBe(200);
  });
});

describe("paths and questions", () => {
  test.each<[string, string, number, RegExp]>([
    ["a path that is none", "/tenants/%zz", 400, /not a valid url component/],
    ["a name longer than any", `/tenants/${"x".repeat(400)}`, 414, /./],
    ["NUL for an id", "/tenants/%00", 404, /not found/],
    ["out of the base", "/../../etc/passwd", 404, /Not found/],
    ["encoded dots", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, /Not found/],
    ["SQL", `/tenants/${encodeURIComponent("x' or '1'='1")}`, 404, /not found/],
    ["an unknown filter", "/networks?zz=1", 400, /zz/],
    ["a filter __proto__", "/networks?__proto__=1", 400, /__proto__/],
    ["an unknown field", "/networks?field=zz", 400, /zz/],
    ["a limit that is none", "/networks?limit=many", 400, /limit/],
    ["a limit below 0", "/networks?limit=-1", 400, /limit/],
  ])("%s", async (_what, path, status, says) => {
    await refused(await ask({ path: path.startsWith("/..") ? `//openvim${path}` : path }), status, says);
  });

  test("a method that a path does not have", async () => {
    const reply = await ask({ method: "PATCH", path: `/tenants/${tenant}`, body: tenantNamed("b") });
    await refused(reply, 405, /not allowed/i);
    expect(reply.headers.allow).toContain("PUT");
  });
});

describe("what is no HTTP", () => {
  const raw = async (bytes: string): Promise<{ status: number; body: unknown }> => {
    const socket = connect(vim.adminPort, "127.0.0.1");
    await once(socket, "connect");
    socket.end(bytes);
    const answer = await text(socket);
    return { status: Number(answer.split(" ")[1]), body: JSON.parse(answer.split("\r\n\r\n")[1]!) };
  };
  test.each<[string, string, number]>([
    ["a line of anything", "hello\r\n\r\n", 400],
    [
      "a length and chunks at once",
      "POST /openvim/tenants HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["a length that is none", "POST /openvim/tenants HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", 400],
    ["headers without end", `GET /openvim/ HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(5_000)}\r\n`, 431],
  ])("%s", async (_what, bytes, status) => {
    const reply = await raw(bytes);
    expect(reply).toMatchObject({ status, body: { error: { code: status, description: expect.any(String) } } });
    expect(await everything()).toEqual(before);
  });

  test("a client that goes away in the middle of its body", async () => {
    const socket = connect(vim.adminPort, "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      'POST /openvim/tenants HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{"tenant": {"name"',
    );
    socket.destroy();
    await once(socket, "close");
    expect((await ask({ path: "/tenants" })).status).toBe(200);
    expect(await everything()).toEqual(before);
  });
});

describe("at once", () => {
  const statuses = async (count: number, one: (n: number) => Promise<Raw>): Promise<Record<number, number>> => {
    const all = await Promise.all(Array.from({ length: count }, (_, n) => one(n)));
    return Object.fromEntries(
      Map.groupBy(all, (r) => r.status)
        .entries()
        .map(([status, r]) => [status, r.length]),
    );
  };
  const made = async (path: string, body: object): Promise<string> => {
    const reply = await post(path, body);
    expect(reply.status, reply.text).toBe(200);
    return (Object.values(reply.body)[0] as { id: string }).id;
  };

  test("one of twenty gets the name, the id, the provider, the MAC", async () => {
    expect(await statuses(20, () => post("/tenants", tenantNamed("only one")))).toEqual({ 200: 1, 409: 19 });
    const id = "11111111-2222-3333-4444-555555555555";
    expect(await statuses(20, (n) => post("/networks", { network: { id, name: `n${n}` } }))).toEqual({ 200: 1, 409: 19 });
    const claimed = { type: "data", "provider:physical": "openflow:claimed" };
    expect(await statuses(20, (n) => post("/networks", { network: { name: `p${n}`, ...claimed } }))).toEqual({ 200: 1, 409: 19 });
    const mac = "52:54:00:00:77:77";
    expect(await statuses(20, (n) => post("/ports", { port: { name: `p${n}`, mac_address: mac } }))).toEqual({ 200: 1, 409: 19 });
  });

  test("one of twenty deletes a tenant; the others are told that it is gone", async () => {
    const id = await made("/tenants", tenantNamed("to go"));
    expect(await statuses(20, () => ask({ method: "DELETE", path: `/tenants/${id}` }))).toEqual({ 200: 1, 404: 19 });
  });

  test("a network and a port that comes to it: the port is in it, or there was none", async () => {
    for (let round = 0; round < 10; round++) {
      const id = await made("/networks", { network: { name: "short", type: "data" } });
      const [gone, port] = await Promise.all([
        ask({ method: "DELETE", path: `/networks/${id}` }),
        post("/ports", { port: { name: "p", network_id: id, "binding:switch_port": `r${round}` } }),
      ]);
      expect([gone.status, port.status].toSorted()).toEqual([200, gone.status === 200 ? 404 : 409]);
      const rows = (await ask({ path: `/ports?network_id=${id}` })).body.ports;
      expect(rows).toHaveLength(gone.status === 200 ? 0 : 1);
    }
  });

  test("the two ends of a ptp network are two", async () => {
    const network_id = await made("/networks", { network: { name: "two ends", type: "ptp" } });
    const end = (n: number) => post("/ports", { port: { name: `e${n}`, network_id, "binding:switch_port": `e${n}` } });
    expect(await statuses(10, end)).toEqual({ 200: 2, 400: 8 });
  });

  test("edits of one network come one after another, each whole", async () => {
    const id = await made("/networks", { network: { name: "edited", type: "data" } });
    const edit = (n: number) =>
      ask({ method: "PUT", path: `/networks/${id}`, body: { network: { name: `e${n}`, shared: n % 2 === 0 } } });
    expect(await statuses(30, edit)).toEqual({ 200: 30 });
    const { name, shared } = (await ask({ path: `/networks/${id}` })).body.network;
    expect(shared).toBe(Number(name.slice(1)) % 2 === 0);
  });

  test("binds that would make a ring: one of the two stands", async () => {
    const [a, b] = [
      await made("/networks", { network: { name: "ra", type: "data" } }),
      await made("/networks", { network: { name: "rb", type: "data" } }),
    ];
    const bind = (n: number) => ask({ method: "PUT", path: n === 0 ? `/networks/${a}/${b}` : `/networks/${b}/${a}` });
    const answered = await statuses(2, bind);
    expect(answered[200]).toBe(1);
    const bound = (await ask({ path: "/networks?limit=1000" })).body.networks.filter(
      (n: { bind_net?: string }) => n.bind_net === a || n.bind_net === b,
    );
    expect(bound.length).toBeLessThanOrEqual(1);
  });

  test("somebody who is not there", async () => {
    const everywhere = [
      "tenants",
      "hosts",
      "networks",
      "ports",
      `${tenant}/flavors`,
      `${tenant}/images`,
      `${tenant}/servers`,
      "subscriptions",
      "protections",
    ];
    for (const path of everywhere) {
      expect((await ask({ path: `/${path}/${NOBODY}` })).status, path).toBe(404);
      // A network that is not there is deleted, as the original answers.
      expect((await ask({ method: "DELETE", path: `/${path}/${NOBODY}` })).status, path).toBe(path === "networks" ? 200 : 404);
    }
  });
});
