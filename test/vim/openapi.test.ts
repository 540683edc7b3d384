import { Validator } from "@seriousme/openapi-schema-validator";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { checked } from "../../src/api/invalid.ts";
import { ACCESS } from "../../src/api/openvim/access.ts";
import { type OpenApi, openApi } from "../../src/api/openvim/openapi.ts";
import type { Route } from "../../src/api/openvim/route.ts";
import { ROUTES } from "../../src/api/openvim/routes.ts";
import type { RunningVim } from "../../src/vim.ts";
import { closedOf } from "../harness/closed-schema.ts";
import { askRaw, startTestVim } from "../harness/test-vim.ts";

let vim: RunningVim;
let api: OpenApi;
/** What stands in the place of each parameter: one thing of each kind. */
const at: Record<string, string> = {};

const admin = (method: string, path: string, body?: unknown) => askRaw(vim.adminPort, { method, path, body });
const HOST = {
  ...{ name: "h", ip_name: "h", user: "u" },
  numas: [
    {
      ...{ numa_socket: 0, memory: 8, hugepages: 4 },
      cores: [0, 1, 2, 3].map((n) => ({ core_id: n >> 1, thread_id: n, ...(n < 2 && { status: "noteligible" }) })),
      interfaces: [{ source_name: "em1", Mbps: 1_000, pci: "0000:04:00.0", mac: "a0:36:9f:00:00:01" }],
    },
  ],
};

beforeAll(async () => {
  vim = await startTestVim();
  api = (await admin("GET", "/openapi.json")).body;
  const made = async (path: string, key: string, value: object) => (await admin("POST", path, { [key]: value })).body[key].id;
  const ofc = { name: "c", dpid: "00:01", ip: "127.0.0.1", port: 8181, type: "onos", user: "u", password: "p" };
  at.ofc = await made("/openflow/controller", "ofc", ofc);
  at.tenant = await made("/tenants", "tenant", { name: "t", description: "d" });
  at.hosts = await made("/hosts", "host", HOST);
  at.flavors = await made(`/${at.tenant}/flavors`, "flavor", { name: "f", ram: 16, vcpus: 1 });
  at.images = await made(`/${at.tenant}/images`, "image", { name: "i", path: "/i", metadata: { os_type: "linux" } });
  at.root = await made("/networks", "network", { name: "root", type: "data", cidr: "10.0.0.0/24", enable_dhcp: true });
  at.networks = await made("/networks", "network", { name: "n", type: "data", bind_net: "root", bind_type: "vlan:7" });
  at.ports = await made("/ports", "port", {
    name: "p",
    network_id: at.networks,
    "binding:switch_port": "s1",
    mac_address: "52:54:00:00:00:01",
  });
  await made("/ports", "port", { name: "q", network_id: at.root, "binding:switch_port": "s2" });
  const networks = [{ uuid: at.root, name: "eth0", bandwidth: "1 Gbps" }];
  const server = { name: "s", flavorRef: at.flavors, imageRef: at.images, networks, anti_affinity: { group: "g" } };
  at.servers = await made(`/${at.tenant}/servers`, "server", server);
});
afterAll(async () => {
  await vim?.[Symbol.asyncDispose]();
});

/** `/networks/:id` of the thing that the path is about. */
const filled = (url: string): string =>
  url
    .replace(":tenant", at.tenant!)
    .replace("controller/:id", `controller/${at.ofc}`)
    .replace(":ofc", at.ofc!)
    .replace(
      /(hosts|flavors|images|servers|networks|network|ports)\/:id/,
      (_, kind: string) => `${kind}/${at[kind === "network" ? "networks" : kind]}`,
    )
    .replace("tenants/:id", `tenants/${at.tenant}`)
    .replace(":bindId", at.root!)
    .replace(":action", "attach")
    .replace(/:\w+/g, "none");

test("the document is OpenAPI 3.1, says another reader", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(api) as never);
  expect([valid, errors ?? null]).toEqual([true, null]);
  expect(api.openapi).toBe("3.1.0");
  expect(api.servers).toEqual([{ url: `http://127.0.0.1:${vim.adminPort}/openvim` }]);
});

test("every route is in it, and nothing else; no operation has the name of another", () => {
  const there = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`),
  );
  const routed = ROUTES.map(({ is }) => is.replace(/:(\w+)/g, "{$1}"));
  expect(there.sort()).toEqual([...routed, "GET /", "GET /docs", "GET /events", "GET /openapi.json"].sort());
  const names = Object.values(api.paths).flatMap((methods) => Object.values(methods).map((o) => o.operationId));
  expect(new Set(names).size).toBe(names.length);
});

test("which role an operation needs is what lets in, on either port, and said as optional where no token is asked for", () => {
  const rolesOf = (document: OpenApi) =>
    Object.fromEntries(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([m, { security }]) => [`${m.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`, security]),
      ),
    );
  const url = "http://vim.invalid/openvim";
  const role = (r: string) => [{ bearer: [r] }, { xAuthToken: [r] }];
  const ordinary = rolesOf(openApi({ url, isAdmin: false, isGuarded: true }));
  for (const [route, needed] of Object.entries(ACCESS)) expect(ordinary[route], route).toEqual(role(needed));
  expect(ordinary["GET /"]).toEqual([{}]);
  const administrators = rolesOf(openApi({ url, isAdmin: true, isGuarded: true }));
  for (const route of Object.keys(ACCESS)) expect(administrators[route], route).toEqual(role("admin"));
  expect(rolesOf(openApi({ url, isAdmin: false, isGuarded: false }))["GET /networks"]).toEqual([{}, ...role("viewer")]);
  for (const scheme of ["bearer", "xAuthToken"]) expect(api.components.securitySchemes).toHaveProperty(scheme);
});

test("what a missing token and too small a role are answered with is said", () => {
  for (const [path, methods] of Object.entries(api.paths))
    for (const { responses } of path === "/" ? [] : Object.values(methods))
      for (const status of ["401", "403", "429"]) expect(responses[status]?.headers, `${path} ${status}`).toBeDefined();
});

test("it is the same in YAML, with the way by which it was reached", async () => {
  const yaml = await askRaw(vim.adminPort, { path: "/openapi.json", accept: "application/yaml" });
  expect(yaml.headers["content-type"]).toBe("application/yaml");
  expect(parseYaml(yaml.text)).toEqual(api);
});

test("what it refers to is in it", () => {
  const text = JSON.stringify(api);
  const referred = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((m) => m[1]!);
  expect(referred.length).toBeGreaterThan(20);
  for (const name of referred) expect(api.components.schemas, name).toHaveProperty(name);
});

/** The sentence with which a schema refuses a body. */
function refusal(schema: TSchema, body: unknown): string {
  try {
    checked(schema, body);
  } catch (e) {
    return (e as Error).message;
  }
  throw new Error("it is taken");
}

describe("the schemas of bodies are those that check", () => {
  for (const { is, takes } of ROUTES.filter((r): r is Route & { takes: TSchema } => r.takes !== undefined)) {
    test(is, async () => {
      const [method, url] = is.split(" ") as [string, string];
      for (const body of [{}, [], "text", { nonsense: { a: 1 } }]) {
        const reply = await admin(method, filled(url), JSON.stringify(body));
        expect([reply.status, reply.body.error.description]).toEqual([400, refusal(takes, body)]);
      }
    });
  }
});

describe("answers are what their schemas say, and nothing more", () => {
  for (const { is, gives } of ROUTES.filter((r) => r.is.startsWith("GET"))) {
    test(is, async () => {
      const reply = await admin("GET", filled(is.split(" ")[1]!));
      const isNone = is.includes("/protections/:id") || is.includes("/subscriptions/:id");
      expect(reply.status, reply.text).toBe(isNone ? 404 : 200);
      if (!isNone) expect(Value.Errors(closedOf(gives), reply.body).slice(0, 3), reply.text).toEqual([]);
    });
  }

  test("of what changes things", async () => {
    const gives = new Map(ROUTES.map((r) => [r.is as string, r.gives]));
    const held = async (is: string, body?: unknown, path = filled(is.split(" ")[1]!)) => {
      const reply = await admin(is.split(" ")[0]!, path, body);
      expect(reply.status, `${is}: ${reply.text}`).toBe(200);
      expect(Value.Errors(closedOf(gives.get(is)!), reply.body).slice(0, 3), `${is}: ${reply.text}`).toEqual([]);
    };
    await held("PUT /hosts/:id", { host: { description: "d" } });
    const ofc = { name: "d", dpid: "00:01", ip: "127.0.0.1", port: 8181, type: "onos", password: "q" };
    await held("PUT /openflow/controller/:id", { ofc });
    await held("POST /openflow/controller", { ofc: { ...ofc, dpid: "2" } });
    const cable = { region: "r", compute_node: "h", pci: "0000:04:00.0", switch_dpid: "2", switch_port: "s3", ofc_id: at.ofc };
    await held("POST /openflow/mapping", { of_port_mapings: [cable] });
    await held("DELETE /openflow/mapping/:region", undefined, "/openflow/mapping/r");
    await held("DELETE /networks/clear/openflow/:ofc");
    await held("DELETE /openflow/controller/:id");
    await held("PUT /tenants/:id", { tenant: { description: "e" } });
    await held("PUT /:tenant/flavors/:id", { flavor: { description: "d" } });
    await held(
      "POST /:tenant/flavors/:id/:action",
      undefined,
      `/${at.tenant}/flavors/${(await admin("POST", "/any/flavors", { flavor: { name: "g" } })).body.flavor.id}/attach`,
    );
    await held("PUT /:tenant/images/:id", { image: { description: "d" } });
    await held("POST /:tenant/servers/:id/action", { pause: null });
    await held("PUT /networks/:id", { network: { name: "m" } });
    await held("PUT /networks/:id/:bindId");
    await held("DELETE /networks/:id/:bindId");
    await held("PUT /networks/:id/openflow");
    await held("DELETE /networks/clear/openflow");
    await held("PUT /ports/:id", { port: { name: "r" } });
    await held("DELETE /ports/:id");
    await held("DELETE /:tenant/servers/:id");
    await held("DELETE /networks/:id");
    await held("DELETE /:tenant/images/:id");
  });
});

test("the page has every route and needs nothing from elsewhere", async () => {
  const page = await admin("GET", "/docs");
  expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=UTF-8"]);
  for (const path of Object.keys(api.paths)) expect(page.text).toContain(`<code>${path}</code>`);
  expect(page.text).not.toMatch(/<script|<link|@import|url\(|src=/);
  for (const [, target] of page.text.matchAll(/href="#(\w+)"/g)) expect(page.text, target).toContain(`id="${target}"`);
});
