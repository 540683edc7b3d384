import { expect, test } from "vitest";
import { Rig, until } from "./rig.ts";

const stateOf = (rig: Rig) => async () => (await rig.ns()).state;

test("terminate takes binds and servers away, and the NS can be instantiated again", async () => {
  await using rig = await Rig.start();
  const id = await rig.deploy();
  expect((await rig.ask("DELETE", `/mano/v1/ns_instances/${id}`)).status).toBe(409);
  expect((await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`)).status).toBe(202);
  await until("NOT_INSTANTIATED", async () => (await stateOf(rig)()) === "NOT_INSTANTIATED");
  expect(rig.vim.servers.size).toBe(0);
  expect(rig.vim.boundTo("traffic_net0")).toBe(null);
  expect(await rig.ns()).toMatchObject({ vnfcs: [], protectionGroups: [] });
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("two servers", () => rig.vim.servers.size === 2);
  rig.vim.up("media-relay-a");
  rig.vim.up("media-relay-b");
  await until("INSTANTIATED", async () => (await stateOf(rig)()) === "INSTANTIATED");
  expect(await rig.failovers()).toEqual([]);
});

test("terminate while it is being instantiated", async () => {
  await using rig = await Rig.start();
  const id = await rig.create();
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("a server", () => rig.vim.servers.size > 0);
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("NOT_INSTANTIATED", async () => (await stateOf(rig)()) === "NOT_INSTANTIATED");
  expect(rig.vim.servers.size).toBe(0);
  expect((await rig.ask("DELETE", `/mano/v1/ns_instances/${id}`)).status).toBe(204);
});

test("a look at the VIM that was under way when its servers were asked for is none after which it is gone", async () => {
  await using rig = await Rig.start();
  const id = await rig.create();
  const looked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<boolean>();
  rig.vim.intercept = (req) => {
    if (req.method !== "GET" || !req.url!.startsWith("/openvim/ports")) return true;
    looked.resolve();
    return held.promise;
  };
  await looked.promise; // What servers there are was asked for before.
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("two servers", () => rig.vim.servers.size === 2);
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  held.resolve(true);
  await until("NOT_INSTANTIATED", async () => (await stateOf(rig)()) === "NOT_INSTANTIATED");
  expect(rig.vim.servers.size).toBe(0);
});

test("a VIM that does not take a server away: TERMINATING, with its words, until it does", async () => {
  await using rig = await Rig.start();
  const id = await rig.deploy();
  rig.vim.keepsServers = true;
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("it says why", async () => /a snapshot of it is being made/.test((await rig.ns()).detail ?? ""));
  expect((await rig.ns()).state).toBe("TERMINATING");
  rig.vim.keepsServers = false;
  await until("NOT_INSTANTIATED", async () => (await stateOf(rig)()) === "NOT_INSTANTIATED");
  expect((await rig.ns()).detail).toBe(null);
});

test("a net that the VIM has not: FAILED with the reason, nothing left behind", async () => {
  await using rig = await Rig.start();
  rig.vim.nets.delete("id-traffic_net1");
  const id = await rig.create();
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("FAILED and clean", async () => (await rig.ns()).state === "FAILED" && (await rig.ns()).vnfcs.length === 0);
  expect((await rig.ns()).detail).toMatch(/the VIM has 0 nets named "traffic_net1"; it has: media_net, data_net0/);
  expect(rig.vim.servers.size).toBe(0);
});

test("a server that goes to ERROR: FAILED with the VIM's words, the other one taken away", async () => {
  await using rig = await Rig.start();
  const id = await rig.create();
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("two servers", () => rig.vim.servers.size === 2);
  Object.assign(rig.vim.byName("media-relay-b"), { status: "ERROR", last_error: "no space left" });
  await until("FAILED and clean", async () => (await rig.ns()).state === "FAILED" && (await rig.ns()).vnfcs.length === 0);
  expect((await rig.ns()).detail).toMatch(/media-relay-b: no space left/);
  expect(rig.vim.servers.size).toBe(0);
});

test("the VIM refuses an image: FAILED, saying what it has", async () => {
  await using rig = await Rig.start();
  const file = (await import("./rig.ts")).example("media-relay.yaml").replace("image: media-relay", "image: nonesuch");
  const [, nsd] = (await rig.ask("POST", "/mano/v1/descriptors", file)).body;
  const id = (await rig.ask("POST", "/mano/v1/ns_instances", { nsdId: nsd.id, nsName: "x" })).body.id;
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("FAILED", async () => (await rig.ns()).state === "FAILED");
  expect((await rig.ns()).detail).toMatch(/0 images with the name "nonesuch"; it has: media-relay/);
});

test("the VIM is away: the NS waits, and is finished when it is back", async () => {
  await using rig = await Rig.start();
  const id = await rig.create();
  await rig.vim.stop();
  expect((await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`)).status).toBe(202);
  await new Promise((r) => setTimeout(r, 500));
  expect(await stateOf(rig)()).toBe("INSTANTIATING");
  await rig.vim.start();
  await until("two servers", () => rig.vim.servers.size === 2);
});

test("two NSs cannot have the same traffic net", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  const { nsdId } = await rig.ns();
  const other = (await rig.ask("POST", "/mano/v1/ns_instances", { nsdId, nsName: "other" })).body.id;
  const refused = await rig.ask("POST", `/mano/v1/ns_instances/${other}/instantiate`);
  expect(refused).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/NS media has traffic_net0, traffic_net1, data_net0, data_net1 in use/) },
  });
});
