import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenHttp } from "../../src/api/http.ts";
import { type AccessRig, startAccessRig } from "./access-rig.ts";
import { until } from "./rig.ts";

// What a tenant may put into a request, and what it hears. The matrix of routes is in access.test.ts.

let rig: AccessRig;
let operator: string;
let admin: string;
beforeAll(async () => {
  rig = await startAccessRig();
  operator = await rig.mint("operator", rig.things.alpha.tenant);
  admin = await rig.mint("admin", null);
  await listenHttp(rig.ordinary, { host: "127.0.0.1", port: 0, setting: "x" });
});
afterAll(() => rig[Symbol.asyncDispose]());

async function ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown, token = operator) {
  const reply = await rig.ordinary.inject({
    method,
    url: `/openvim${path}`,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, headers: reply.headers, text: reply.body, body: reply.json() };
}

type Make = () => ["POST" | "PUT" | "DELETE", string, unknown, number, RegExp];
const a = () => rig.things.alpha;
const b = () => rig.things.bravo;
const shared = () => rig.things.shared;
const hidden = () => rig.things.hidden;
const server = (more: object) => ({
  server: { name: "s", flavorRef: a().flavor, imageRef: a().image, networks: [{ uuid: a().net }], ...more },
});
const network = (more: object) => ({ network: { name: "n", type: "data", ...more } });

const REFUSED: Readonly<Record<string, Make>> = {
  "a server on another's net": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ networks: [{ uuid: b().net }] }),
    404,
    /network '.*' not found/,
  ],
  "a server on a net of nobody": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ networks: [{ uuid: hidden().net }] }),
    404,
    /not found/,
  ],
  "a server of another's image": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ imageRef: b().image }),
    404,
    /image_id .* not found/,
  ],
  "a server of another's flavor": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ flavorRef: b().flavor }),
    404,
    /flavor_id .* not found/,
  ],
  "a server on a host of its choice": () => ["POST", `/${a().tenant}/servers`, server({ hostId: rig.host }), 403, /hostId/],
  "a server of another tenant": () => ["POST", `/${b().tenant}/servers`, server({}), 404, /tenant '.*' not found/],
  "a server of any tenant": () => ["POST", "/any/servers", server({}), 403, /Needed admin privileges/],
  "another host for a server": () => [
    "POST",
    `/${a().tenant}/servers/${a().server}/action`,
    { evacuate: { from: rig.host } },
    403,
    /only an administrator/,
  ],
  "a net of another tenant": () => ["POST", "/networks", network({ tenant_id: b().tenant }), 403, /tenant_id of somebody else/],
  "a net of no tenant": () => ["POST", "/networks", network({ tenant_id: null }), 403, /tenant_id of somebody else/],
  "a net for everybody": () => ["POST", "/networks", network({ shared: true }), 403, /shared/],
  "a net on a cable": () => ["POST", "/networks", network({ "provider:physical": "openflow:port1" }), 403, /provider:physical/],
  "a net with a VLAN of its choice": () => ["POST", "/networks", network({ "provider:vlan": 3000 }), 403, /provider:vlan/],
  "a net bound to another's": () => ["POST", "/networks", network({ bind_net: b().net }), 400, /is not the name of one network/],
  "a net bound to another's by its name": () => [
    "POST",
    "/networks",
    network({ bind_net: "bravo-net" }),
    400,
    /is not the name of one network/,
  ],
  "a net bound to a shared one": () => ["POST", "/networks", network({ bind_net: shared().net }), 403, /not your tenant's alone/],
  "its net given away": () => ["PUT", `/networks/${a().net}`, { network: { tenant_id: b().tenant } }, 403, /tenant_id/],
  "its net for everybody": () => ["PUT", `/networks/${a().net}`, { network: { shared: true } }, 403, /shared/],
  "its net bound to another's": () => [
    "PUT",
    `/networks/${a().net}`,
    { network: { bind_net: "bravo-net" } },
    400,
    /is not the name of one network/,
  ],
  "its net led into another's": () => ["PUT", `/networks/${a().net}/${b().net}`, null, 404, /not found/],
  "its net led into a shared one": () => ["PUT", `/networks/${a().net}/${shared().net}`, null, 403, /not your tenant's alone/],
  "another's net led into its own": () => ["PUT", `/networks/${b().net}/${a().net}`, null, 404, /not found/],
  "its net led into another's too": () => ["PUT", `/networks/${a().net}/${a().otherNet}/${b().net}`, null, 404, /not found/],
  "a shared net deleted": () => ["DELETE", `/networks/${shared().net}`, undefined, 403, /not your tenant's alone/],
  "its port on another's net": () => ["PUT", `/ports/${a().port}`, { port: { network_id: b().net } }, 404, /not found/],
  "a server on a shared net that sends as anybody": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ networks: [{ uuid: shared().net, port_security: false }] }),
    403,
    /port_security false on a network that is not your tenant's own/,
  ],
  "a server on a shared net with addresses of others": () => [
    "POST",
    `/${a().tenant}/servers`,
    server({ networks: [{ uuid: shared().net, allowed_address_pairs: [{ ip_address: "10.0.0.1" }] }] }),
    403,
    /allowed_address_pairs on a network that is not your tenant's own/,
  ],
  "a port that sends as anybody onto a shared net": () => [
    "PUT",
    `/ports/${a().port}`,
    { port: { network_id: shared().net, port_security: false } },
    403,
    /port_security false/,
  ],
  "BFD on its port": () => ["PUT", `/ports/${a().port}`, { port: { bfd: { min_tx_ms: 10, min_rx_ms: 10 } } }, 403, /admin/],
  "a flavor for everybody": () => [
    "POST",
    `/${a().tenant}/flavors`,
    { flavor: { name: "f", ram: 1, vcpus: 1, public: "yes" } },
    403,
    /public/,
  ],
  "a public flavor changed": () => [
    "PUT",
    `/${a().tenant}/flavors/${shared().flavor}`,
    { flavor: { description: "x" } },
    403,
    /public flavor/,
  ],
  "an image of any file of the host": () => [
    "POST",
    `/${a().tenant}/images`,
    { image: { name: "i", path: "/etc/passwd" } },
    403,
    /file on the host/,
  ],
  "an image that becomes a file of the host": () => [
    "PUT",
    `/${a().tenant}/images/${a().image}`,
    { image: { path: "/etc/passwd" } },
    403,
    /file on the host/,
  ],
  "a kernel of the host": () => [
    "PUT",
    `/${a().tenant}/images/${a().image}`,
    { image: { metadata: { kernel: "/boot/vmlinuz" } } },
    403,
    /kernel/,
  ],
  "events of another tenant": () => ["DELETE", `/subscriptions/${b().subscription}`, undefined, 404, /not found/],
};

test.for(Object.entries(REFUSED))("refused, and nothing is changed: %s", async ([, make]) => {
  const [method, path, body, status, says] = make();
  const before = await rig.state();
  const told = await ask(method, path, body);
  expect(told, told.text).toMatchObject({ status });
  expect(told.body.error).toMatchObject({ code: status, description: expect.stringMatching(says) });
  expect(told.text).not.toMatch(/bravo-(server|flavor|image|vnic)|hidden-/);
  expect(await rig.state()).toBe(before);
});

test("what is its own it may: a net, a server on it and on a shared one, a bind, a flavor, and giving up a public flavor's link", async () => {
  const made = await ask("POST", "/networks", network({ name: "mine" }));
  expect(made).toMatchObject({ status: 200, body: { network: { tenant_id: a().tenant } } });
  const { id } = made.body.network;
  const networks = [{ uuid: id }, { uuid: shared().net }];
  const started = await ask("POST", `/${a().tenant}/servers`, server({ networks, start: "no" }));
  expect(started, started.text).toMatchObject({ status: 200 });
  expect((await ask("GET", "/ports")).body.ports.map((p: { network_id: string }) => p.network_id)).toContain(shared().net);
  expect(await ask("PUT", `/networks/${a().otherNet}/${id}`)).toMatchObject({ status: 200 });
  expect(await ask("DELETE", `/networks/${a().otherNet}/delete`)).toMatchObject({ status: 200 });
  expect(await ask("DELETE", `/${a().tenant}/servers/${started.body.server.id}`)).toMatchObject({ status: 200 });
  expect(await ask("DELETE", `/networks/${id}`)).toMatchObject({ status: 200 });
  expect(await ask("POST", `/${a().tenant}/flavors/${shared().flavor}/attach`)).toMatchObject({ status: 200 });
  expect(await ask("POST", `/${a().tenant}/flavors/${shared().flavor}/detach`)).toMatchObject({ status: 200 });
});

test("a tenant hears of its own things only: as a list, as a stream, by a callback", async () => {
  const { lastSeq } = rig.vim.events;
  const heard: string[] = [];
  const { port } = rig.ordinary.server.address() as AddressInfo;
  const headers = { accept: "text/event-stream", authorization: `Bearer ${operator}` };
  const stream = request({ port, path: `/openvim/events?since=${lastSeq}`, headers });
  stream.on("response", (res) => res.setEncoding("utf8").on("data", (text: string) => heard.push(text)));
  stream.on("error", () => {});
  stream.end();
  const bind = async (of: { net: string; otherNet: string }, token: string) => {
    await ask("PUT", `/networks/${of.net}/${of.otherNet}`, null, token);
    await ask("DELETE", `/networks/${of.net}/x`, undefined, token);
  };
  for (let i = 0; i < 600; i++) rig.vim.events.push({ type: "host.status", hostId: "hidden-host" as never, status: "up" });
  await bind(b(), admin);
  await bind(hidden(), admin);
  await bind(a(), operator);
  await until("the stream", () => heard.join("").includes(a().otherNet));
  const { events } = (await ask("GET", `/events?since=${lastSeq}`)).body;
  expect(events.map((e: { type: string }) => e.type)).toEqual(["net.bound", "api.changed", "net.bound", "api.changed"]);
  expect(events[1]).toMatchObject({
    by: expect.stringMatching(/^operator \(token [0-9a-f]{12}\)$/),
    method: "PUT",
    tenantId: a().tenant,
  });
  await until("the callback", () => rig.receiver.requests.some((r) => r.path === "/hook/alpha" && r.text.includes(a().otherNet)));
  await sleep(100);
  const called = rig.receiver.requests.filter((r) => r.path === "/hook/alpha").map((r) => r.text);
  for (const text of [heard.join(""), JSON.stringify(events), called.join("")]) {
    for (const id of [...Object.values(b()), ...Object.values(hidden()), "hidden-host"]) expect(text).not.toContain(id);
  }
  expect(rig.receiver.requests.some((r) => r.path === "/hook/hidden" && r.text.includes("hidden-host"))).toBe(true);
  stream.destroy();
});

test("who lists subscriptions sees its own; an administrator all", async () => {
  expect((await ask("GET", "/subscriptions")).body.subscriptions).toMatchObject([
    { id: a().subscription, tenant_id: a().tenant },
  ]);
  expect((await ask("GET", "/subscriptions", undefined, admin)).body.subscriptions).toHaveLength(4);
});

test("a token rests while its tenant is disabled, and is none when the tenant is gone", async () => {
  const { id } = await rig.vim.catalogue.createTenant({ name: "passing" });
  const token = await rig.mint("operator", id);
  expect(await ask("GET", "/networks", undefined, token)).toMatchObject({ status: 200 });
  await rig.vim.catalogue.editTenant(id, { enabled: false });
  expect(await ask("GET", "/networks", undefined, token)).toMatchObject({ status: 403 });
  await rig.vim.catalogue.editTenant(id, { enabled: true });
  await rig.vim.catalogue.deleteTenant(id);
  expect(await ask("GET", "/networks", undefined, token)).toMatchObject({ status: 401 });
});

test("what a browser asks beforehand needs no token, tells no more than the methods, and is no change", async () => {
  const { lastSeq } = rig.vim.events;
  const reply = await rig.ordinary.inject({ method: "OPTIONS", url: "/openvim/networks" });
  expect(reply).toMatchObject({ statusCode: 200, body: "" });
  expect(rig.vim.events.lastSeq).toBe(lastSeq);
});
