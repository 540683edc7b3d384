import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LINUX, SIMPLE } from "./descriptors.ts";
import { type OpenmanoRig, openmanoRig } from "./rig.ts";

let rig: OpenmanoRig;
beforeAll(async () => {
  rig = await openmanoRig();
  await rig.ask("POST", "/tenants", { tenant: { name: "gold" } });
  for (const name of ["dc", "same", "same"])
    await rig.ask("POST", "/datacenters", { datacenter: { name, vim_url: rig.vimUrl, vim_url_admin: rig.vimAdminUrl } });
  await rig.ask("POST", "/gold/datacenters/dc", { datacenter: {} });
  await rig.ask("POST", "/gold/vnfs", LINUX);
  await rig.ask("POST", "/gold/scenarios", SIMPLE);
});
afterAll(() => rig[Symbol.asyncDispose]());

const vnf = (more: object) => ({ vnf: { ...LINUX.vnf, ...more } });
const scenario = (more: object) => ({ schema_version: 2, scenario: { ...SIMPLE.scenario, ...more } });
const instance = (more: object) => ({ instance: { name: "i", scenario: "simple", ...more } });

/** Method, path, body, the status, and what of its sentence a person needs. */
const REFUSED: readonly (readonly [string, string, unknown, number, string])[] = [
  ["POST", "/tenants", {}, 400, "'tenant' is a required property"],
  ["POST", "/tenants", { tenant: {} }, 400, "Invalid content 'name' is a required property at \"tenant\""],
  ["POST", "/tenants", { tenant: { name: "gold" } }, 409, "Value  'gold'  already in use for  'name'"],
  ["POST", "/tenants", { tenant: { name: "a';drop" } }, 400, "does not match"],
  ["POST", "/tenants", { tenant: { name: 5 } }, 400, "5 is not of type 'string'"],
  ["POST", "/tenants", { tenant: { name: "x" }, zz: 1 }, 400, "Additional properties are not allowed ('zz' was unexpected)"],
  ["POST", "/tenants", "[", 400, "Invalid json format"],
  ["POST", "/tenants", "[".repeat(100), 400, "nested deeper"],
  ["GET", "/tenants/nope", undefined, 404, "No tenant found with name='nope'"],
  ["GET", "/tenants?limit=x", undefined, 400, "Invalid query string at 'limit=x'"],
  ["GET", "/tenants?name=x' or '1'='1", undefined, 200, ""],
  ["PUT", "/tenants/gold", { tenant: {} }, 400, "does not have enough properties"],
  ["DELETE", "/tenants/gold", undefined, 409, "has 1 datacenters, 1 vnfs, 1 scenarios"],
  ["POST", "/datacenters", { datacenter: { name: "x" } }, 400, "'vim_url' is a required property at \"datacenter\""],
  ["POST", "/datacenters", { datacenter: { name: "x", vim_url: "file:///etc" } }, 400, "does not match"],
  ["POST", "/datacenters", { datacenter: { name: "x", vim_url: "http://h", type: "aws" } }, 400, "there is openvim"],
  ["DELETE", "/datacenters/same", undefined, 409, "More than one datacenter found with name 'same'"],
  ["DELETE", "/datacenters/dc", undefined, 409, "detach them first"],
  ["GET", "/gold/datacenters/same", undefined, 404, "No datacenter found for tenant with name 'same'"],
  ["GET", "/nobody/datacenters", undefined, 404, "tenant 'nobody' not found"],
  ["POST", "/gold/datacenters/dc", { datacenter: {} }, 409, "already attached"],
  ["POST", "/any/datacenters/dc", { datacenter: {} }, 404, "tenant 'any' not found"],
  ["POST", "/gold/datacenters/dc/action", { "net-update": null, "check-connectivity": null }, 400, "too many properties"],
  ["POST", "/gold/datacenters/dc/action", { "net-delete": { net: "nope" } }, 404, "'nope'"],
  ["POST", "/gold/datacenters/dc/netmaps/upload", undefined, 404, "No shared networks found at VIM"],
  ["POST", "/gold/datacenters/dc/netmaps", { netmap: { vim_name: "nope" } }, 404, "No network found at VIM with name 'nope'"],
  ["POST", "/gold/datacenters/dc/netmaps", { netmap: { name: "x" } }, 400, "'vim_id' or 'vim_name' is a required property"],
  ["GET", "/gold/vim/dc/servers", undefined, 405, "servers?"],
  ["GET", "/gold/vim/dc/__proto__", undefined, 405, "__proto__?"],
  ["DELETE", "/gold/vim/dc/networks/nope", undefined, 404, "No networks found with name 'nope'"],
  ["POST", "/gold/vim/dc/networks", { network: { name: "x", type: "zz" } }, 400, "'zz' is not one of"],
  ["POST", "/gold/vnfs", {}, 400, "'vnf' is a required property"],
  ["POST", "/gold/vnfs", "", 400, "Invalid"],
  ["POST", "/gold/vnfs", { vnf: { name: "x" } }, 400, "Invalid content 'external-connections' is a required property at \"vnf\""],
  ["POST", "/gold/vnfs", vnf({ VNFC: [] }), 400, "VNFC"],
  ["POST", "/gold/vnfs", vnf({ VNFC: [{ ...LINUX.vnf.VNFC[0], zz: 1 }] }), 400, "'zz' was unexpected"],
  ["POST", "/gold/vnfs", vnf({ VNFC: 7 }), 400, "VNFC"],
  ["DELETE", "/gold/vnfs/linux", undefined, 409, "it is used by scenario 'simple'"],
  ["GET", "/gold/vnfs?name=linux&zz=1", undefined, 400, "Invalid query string at 'zz=1'"],
  ["POST", "/gold/scenarios", {}, 400, "'scenario' is a required property"],
  [
    "POST",
    "/gold/scenarios",
    scenario({ vnfs: { a: { vnf_name: "nope" } } }),
    404,
    "Unknown 'vnf_name' nope at 'scenario':'vnfs':'a'",
  ],
  ["POST", "/gold/scenarios", scenario({ vnfs: {} }), 400, "Invalid content"],
  ["POST", "/gold/scenarios", scenario({ networks: { n: { interfaces: [{ linux1: "eth9" }] } } }), 400, "eth9"],
  ["POST", "/gold/scenarios", scenario({ networks: { n: { interfaces: [{ nobody: "eth0" }] } } }), 400, "nobody"],
  ["GET", "/gold/scenarios/nope", undefined, 400, "No scenario found with this criteria uuid='nope'"],
  ["DELETE", "/gold/scenarios/nope", undefined, 404, "No scenario found where uuid='nope'"],
  ["POST", "/gold/scenarios/simple/action", { deploy: {} }, 400, "'instance_name' is a required property at \"deploy\""],
  ["POST", "/gold/scenarios/simple/action", { fly: {} }, 400, "'fly' was unexpected"],
  ["POST", "/gold/instances", { instance: { name: "i" } }, 400, "'scenario' is a required property at \"instance\""],
  ["POST", "/gold/instances", instance({ scenario: "nope" }), 400, "uuid='nope'"],
  ["POST", "/gold/instances", instance({ datacenter: "nope" }), 404, "No datacenter found for tenant with name 'nope'"],
  ["POST", "/gold/instances", instance({}), 400, "No candidate VIM network found for 'mgmt'"],
  ["POST", "/gold/instances", instance({ networks: { zz: {} } }), 400, "'zz' at instance:networks"],
  ["GET", "/any/instances/nope", undefined, 404, "No instance found where inst.name='nope'"],
  ["POST", "/gold/instances/nope/action", { start: null }, 404, "inst.name='nope'"],
  ["POST", "/gold/instances/nope/action", { start: null, pause: null }, 400, "exactly one action"],
  ["GET", "/any/instances/any/action/ACTION-1", undefined, 404, "ACTION-1"],
  ["POST", "/gold/sdn_controllers", { sdn_controller: { name: "x" } }, 400, "'type' is a required property"],
  ["POST", "/wims", { wim: {} }, 501, "mano.links"],
  ["GET", "/nothing/at/all/here/x", undefined, 405, "Method not allowed."],
  ["PATCH", "/tenants", { tenant: {} }, 405, "Method not allowed."],
];

describe("what is wrong is told, and changes nothing", () => {
  for (const [method, path, body, status, sentence] of REFUSED)
    test(`${method} ${path} ${JSON.stringify(body)?.slice(0, 90) ?? ""} → ${status} ${sentence}`, async () => {
      const reply = await rig.ask(method, path, body);
      expect([reply.status, reply.body?.error?.description ?? ""]).toEqual([status, expect.stringContaining(sentence)]);
      if (status >= 400) expect(reply.body.error).toMatchObject({ code: status, type: expect.stringContaining(String(status)) });
    });

  test("after all of them there is what was there before", async () => {
    const names = async (path: string, key: string) =>
      (await rig.ask("GET", path)).body[key].map((x: { name: string }) => x.name);
    expect(await names("/tenants", "tenants")).toEqual(["gold"]);
    expect(await names("/any/datacenters", "datacenters")).toEqual(["dc", "same", "same"]);
    expect(await names("/gold/vnfs", "vnfs")).toEqual(["linux"]);
    expect(await names("/gold/scenarios", "scenarios")).toEqual(["simple"]);
    expect(await names("/gold/instances", "instances")).toEqual([]);
  });

  test("what is no JSON by its type is 406, and xml is 501", async () => {
    const as = async (type: string) => (await rig.ask("POST", "/tenants", "x", { "content-type": type })).body.error;
    expect(await as("text/plain")).toMatchObject({ code: 406, description: "Content-Type text/plain not supported." });
    expect((await as("application/xml")).code).toBe(501);
  });
});

/** Mulberry32: the same numbers for the same seed. */
function numbers(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const JUNK = [
  null,
  0,
  -1,
  1e308,
  "",
  "x",
  "any",
  "é\u2028",
  "__proto__",
  [],
  {},
  [[]],
  { a: { b: [null] } },
  true,
  "a'b",
  "x".repeat(2_000),
];
const PLACES: readonly (readonly [string, unknown])[] = [
  ["/tenants", { tenant: { name: "t", description: "d" } }],
  ["/datacenters", { datacenter: { name: "d", vim_url: "http://127.0.0.1:1/openvim", config: {} } }],
  ["/gold/datacenters/same", { datacenter: { vim_tenant: "x" } }],
  ["/gold/datacenters/dc/action", { "net-edit": { net: "x", name: "y" } }],
  ["/gold/datacenters/dc/netmaps", { netmap: { name: "x", vim_name: "y" } }],
  ["/gold/datacenters/dc/sdn_mapping", { sdn_port_mapping: [{ compute_node: "c", ports: [{ pci: "p" }] }] }],
  ["/gold/vim/dc/networks", { network: { name: "n", type: "bridge", shared: false } }],
  ["/gold/vnfs", LINUX],
  ["/gold/scenarios", SIMPLE],
  ["/gold/scenarios/simple/action", { deploy: { instance_name: "i", datacenter: "nowhere" } }],
  ["/gold/instances", { instance: { name: "i", scenario: "simple", networks: { mgmt: { "netmap-use": "x" } } } }],
  ["/gold/instances/i/action", { start: null, vms: ["a"] }],
  ["/gold/sdn_controllers", { sdn_controller: { name: "s", type: "t", port: 1 } }],
];

/** A copy in which one value, somewhere, is another, or gone, or a key is. */
function mutated(value: unknown, next: () => number): unknown {
  if (typeof value !== "object" || value === null || next() < 0.2) return JUNK[Math.floor(next() * JUNK.length)];
  const keys = Object.keys(value);
  const key = keys[Math.floor(next() * keys.length)] ?? "x";
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as never) : { ...value };
  const kind = next();
  if (kind < 0.15) delete copy[key];
  else if (kind < 0.25) copy[`${key}x`] = JUNK[Math.floor(next() * JUNK.length)];
  else copy[key] = mutated(copy[key], next);
  return copy;
}

test("whatever is sent, no answer is a 500 and each refusal says why", async () => {
  const next = numbers(20_261_126);
  for (let i = 0; i < 150; i++) {
    const [path, body] = PLACES[i % PLACES.length]!;
    const sent = mutated(body, next);
    const reply = await rig.ask("POST", path, sent);
    const told = `${path} ${JSON.stringify(sent)} → ${reply.status} ${reply.text}`;
    expect(reply.status === 503 || reply.status < 500, told).toBe(true);
    if (reply.status >= 400) expect(reply.body.error.description, told).not.toBe("");
  }
});
