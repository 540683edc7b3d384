import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCESS } from "../../src/api/openvim/access.ts";
import { ROUTES } from "../../src/api/openvim/routes.ts";
import { mayAs, type Role } from "../../src/model/token.ts";
import { type AccessRig, OWNERS, type Owner, startAccessRig, type Things } from "./access-rig.ts";

let rig: AccessRig;
let tokens: Record<string, string>;
const all: string[] = [];

async function start(): Promise<void> {
  rig = await startAccessRig();
  const { alpha, bravo } = rig.things;
  tokens = {
    "alpha viewer": await rig.mint("viewer", alpha.tenant),
    "alpha operator": await rig.mint("operator", alpha.tenant),
    "bravo operator": await rig.mint("operator", bravo.tenant),
    admin: await rig.mint("admin", null),
  };
  all.push(...Object.values(tokens));
}
const logged: string[] = [];
async function stop(): Promise<void> {
  logged.push(...rig.log);
  await rig[Symbol.asyncDispose]();
}
beforeAll(start);
afterAll(stop);

/** A route's path and body for the things of one owner. */
function requestOf(route: string, owner: Owner): { method: "GET" | "POST" | "PUT" | "DELETE"; url: string; payload?: string } {
  const [method, path] = route.split(" ") as ["GET" | "POST" | "PUT" | "DELETE", string];
  const things = rig.things[owner];
  const url = `/openvim${path
    .replace(":tenant", things.tenant)
    .replace(":action", method === "POST" ? "detach" : "x")
    .replace(":bindId", things.otherNet)
    .replace(":copyId", things.net)
    .replace(":memberId", "hidden-m")
    .replace(":id", idFor(path, things))}`;
  const body = BODIES[route]?.(things, owner);
  return method === "GET" || method === "DELETE" ? { method, url } : { method, url, payload: JSON.stringify(body ?? null) };
}

function idFor(path: string, things: Things): string {
  const kind = path.startsWith("/:tenant") ? path.split("/")[2]! : path.split("/")[1]!;
  const ids: Record<string, string> = {
    networks: things.net,
    network: things.net,
    ports: things.port,
    servers: things.server,
    flavors: things.flavor,
    images: things.image,
    tenants: things.tenant,
    subscriptions: things.subscription,
    hosts: rig.host,
    protections: rig.protection,
  };
  return ids[kind] ?? "00000000-0000-4000-8000-000000000000";
}

type BodyOf = (things: Things, owner: Owner) => unknown;
const BODIES: Readonly<Record<string, BodyOf>> = {
  "POST /hosts": () => ({ host: { name: "h9", ip_name: "h9", user: "u" } }),
  "PUT /hosts/:id": () => ({ host: { description: "changed" } }),
  "POST /tenants": () => ({ tenant: { name: "t9" } }),
  "PUT /tenants/:id": () => ({ tenant: { description: "changed" } }),
  "POST /:tenant/flavors": () => ({ flavor: { name: "f9", ram: 64, vcpus: 1 } }),
  "PUT /:tenant/flavors/:id": () => ({ flavor: { description: "changed" } }),
  "POST /:tenant/images": () => ({ image: { name: "i9", path: "http://images.invalid/i9" } }),
  "PUT /:tenant/images/:id": () => ({ image: { description: "changed" } }),
  "POST /:tenant/servers": (t) => ({
    server: { name: "s9", flavorRef: t.flavor, imageRef: t.image, networks: [{ uuid: t.net }] },
  }),
  "POST /:tenant/servers/:id/action": () => ({ start: null }),
  "POST /networks": (t, owner) => ({ network: { name: "n9", type: "data", ...(TENANTS.has(owner) && { tenant_id: t.tenant }) } }),
  "PUT /networks/:id": () => ({ network: { name: "n8" } }),
  "POST /ports": (t) => ({ port: { name: "p9", network_id: t.net, "binding:switch_port": "sw9" } }),
  "PUT /ports/:id": (t) => ({ port: { network_id: t.otherNet } }),
  "POST /subscriptions": (t) => ({ subscription: { callback: rig.receiver.url, filter: { object_ids: [t.net] } } }),
  "PUT /protections/:id": (t) => ({
    protection: { name: "p", revision: 9, members: [{ id: "m", name: "m", server_id: t.server, data_net: t.net }], plans: [] },
  }),
};
const TENANTS: ReadonlySet<Owner> = new Set(["alpha", "bravo"]);

interface Told {
  readonly status: number;
  readonly text: string;
  readonly challenge: unknown;
}

async function ask(app: FastifyInstance, request: ReturnType<typeof requestOf>, token: string | null): Promise<Told> {
  const headers = { "content-type": "application/json", ...(token !== null && { authorization: `Bearer ${token}` }) };
  const { payload, ...rest } = request;
  const reply = await app.inject({ ...rest, headers, ...(payload !== undefined && { payload }) });
  return { status: reply.statusCode, text: reply.body, challenge: reply.headers["www-authenticate"] };
}

/** What an answer tells that its reader may not know: names and ids of others. */
function leaksIn(text: string, reader: "alpha" | "bravo", asked: string): string[] {
  const others = OWNERS.filter((o) => o !== reader && o !== "shared");
  const ids = others.flatMap((o) => Object.values(rig.things[o])).filter((id) => !asked.includes(id));
  const words = [...others.map((o) => `${o}-`), ...ids, "hidden-ip", rig.things.shared.server, rig.things.shared.port];
  return words.filter((word) => text.includes(word) && !asked.includes(word));
}

/** Requests on others' things that are answered with success and do nothing: a network that is not there is deleted already. */
const IDEMPOTENT = new Set(["DELETE /networks/:id"]);
/** Let in, whatever came of it. */
const isAlive = (status: number) => status !== 401 && status !== 403 && status < 500;

/** Those that are no rows of the table. */
const BESIDE = new Set(["GET /events", "GET /openapi.json", "GET /docs"]);

test("every route has its rule, and no rule is of a route that is no more", () => {
  const routes = ROUTES.map((r) => r.is as string);
  expect(routes.filter((r) => !(r in ACCESS))).toEqual([]);
  expect(Object.keys(ACCESS).filter((r) => !routes.includes(r) && !BESIDE.has(r))).toEqual([]);
});

describe.each(ROUTES.map((r) => r.is))("%s", (route) => {
  const needed = ACCESS[route] ?? "admin";

  test("without a good token: 401, and nothing is changed", async () => {
    const before = await rig.state();
    for (const token of [null, "x", `sempre_${"0".repeat(12)}_${"A".repeat(43)}`, `${tokens["alpha viewer"]!.slice(0, -1)}~`]) {
      for (const app of [rig.ordinary, rig.administrators]) {
        const told = await ask(app, requestOf(route, "alpha"), token);
        expect([401, 429]).toContain(told.status);
        if (told.status === 401)
          expect(told.challenge).toMatch(token === null ? /^Bearer realm="openvim"$/ : /error="invalid_token"/);
      }
    }
    expect(await rig.state()).toBe(before);
  });

  for (const [caller, role, home] of [
    ["alpha viewer", "viewer", "alpha"],
    ["alpha operator", "operator", "alpha"],
    ["bravo operator", "operator", "bravo"],
  ] as const) {
    for (const owner of OWNERS) {
      test(`${caller} on things of ${owner}`, async () => {
        const request = requestOf(route, owner);
        const before = await rig.state();
        const told = await ask(rig.ordinary, request, tokens[caller]!);
        const after = await rig.state();
        expect(leaksIn(told.text, home, `${request.url} ${request.payload}`), told.text).toEqual([]);
        expect(told.status).toBeLessThan(500);
        if (!mayAs(role as Role, needed)) {
          expect(told).toMatchObject({ status: 403, challenge: expect.stringContaining("insufficient_scope") });
          expect(after).toBe(before);
        } else if (owner === home) expect(isAlive(told.status), told.text).toBe(true);
        else if (request.method !== "GET" && isAbout(route)) {
          if (!(IDEMPOTENT.has(route) && told.status === 200)) expect([403, 404], told.text).toContain(told.status);
          expect(after).toBe(before);
        }
        if (after !== before) await restart();
      });
    }
  }

  test("an administrator may, on both ports; a tenant not on the administrator's", async () => {
    for (const port of ["ordinary", "administrators"] as const) {
      const before = await rig.state();
      const told = await ask(rig[port], requestOf(route, "alpha"), tokens.admin!);
      expect(isAlive(told.status) || told.status === 503, told.text).toBe(true);
      if ((await rig.state()) !== before) await restart();
    }
    expect(await ask(rig.administrators, requestOf(route, "alpha"), tokens["alpha operator"]!)).toMatchObject({ status: 403 });
  });
});

/** Whether the request names somebody's thing: a POST of a net or of a subscription makes one of the caller's own. */
const isAbout = (route: string): boolean => route.includes(":") || !route.startsWith("POST");

async function restart(): Promise<void> {
  await stop();
  await start();
}

test("no token has come into the log, and turned away requests have", () => {
  const text = [...logged, ...rig.log].join("");
  for (const token of all) expect(text.includes(token) || text.includes(token.slice(-43))).toBe(false);
  expect(text).toContain("a request was turned away");
});
