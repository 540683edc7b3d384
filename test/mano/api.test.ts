import { afterAll, beforeAll, expect, test } from "vitest";
import { example, Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig[Symbol.asyncDispose]());

test("a descriptor is onboarded once, and another content under the same version is refused", async () => {
  const first = await rig.ask("POST", "/mano/v1/descriptors", example("media-relay.yaml"));
  expect(first).toMatchObject({
    status: 201,
    body: [
      { kind: "vnfd", ref: "media-relay" },
      { kind: "nsd", ref: "media" },
    ],
  });
  expect((await rig.ask("POST", "/mano/v1/descriptors", example("media-relay.yaml"))).body).toEqual(first.body);
  const changed = example("media-relay.yaml").replace("wait_to_restore_ms: 2000", "wait_to_restore_ms: 9000");
  expect(await rig.ask("POST", "/mano/v1/descriptors", changed)).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
  expect((await rig.ask("GET", "/mano/v1/descriptors")).body).toHaveLength(2);
  expect((await rig.ask("GET", `/mano/v1/descriptors/${first.body[1].id}`)).body).toEqual(first.body[1]);
});

test("a broken descriptor changes nothing, and every error is told", async () => {
  const broken = example("media-relay.yaml")
    .replace("replicated: relay-b", "replicated: relay-z")
    .replace("service_interface: eth1", "service_interface: eth9");
  const refused = await rig.ask("POST", "/mano/v1/descriptors", broken);
  expect(refused).toMatchObject({ status: 400, body: { code: "DESCRIPTOR", title: "the descriptor is not valid", status: 400 } });
  expect(refused.headers.get("content-type")).toMatch("application/problem+json");
  expect(refused.body.detail.split("\n").length).toBeGreaterThanOrEqual(2);
});

test.for([
  ["GET", "/nowhere", undefined, 404, /there is no GET \/nowhere; there are: POST \/mano\/v1/],
  ["GET", "/mano/v1/ns_instances/zz", undefined, 404, /there is no NS zz; there are: none/],
  ["GET", "/mano/v1/descriptors/zz", undefined, 404, /there is no descriptor zz; there are: .*nsd media 1\.0/],
  ["GET", "/mano/v1/failovers/zz", undefined, 404, /there is no failover zz/],
  ["POST", "/mano/v1/ns_instances", { nsdId: "zz", nsName: "n" }, 404, /there is no NSD zz; there are: .*\(media 1\.0\)/],
  ["POST", "/mano/v1/ns_instances", { nsdId: "media", nsName: "a b" }, 400, /nsName: want a name/],
  ["POST", "/mano/v1/ns_instances", { nsdId: "media", nsName: "n", vim: 1 }, 400, /vim: there is no such member/],
  ["POST", "/mano/v1/ns_instances", {}, 400, /the body: want an object with nsdId, nsName/],
  ["POST", "/mano/v1/ns_instances", "{", 400, /neither JSON nor YAML/],
  [
    "POST",
    "/mano/v1/ns_instances",
    { nsdId: "media", nsName: "n", vimAccountId: "v9" },
    404,
    /no VIM account v9; there are: vim1/,
  ],
  ["POST", "/mano/v1/vims", { name: "vim1", url: "http://x", adminUrl: "http://x" }, 409, /a VIM account "vim1" already/],
  ["POST", "/mano/v1/vims", { name: "v2", url: "x", adminUrl: "http://x" }, 400, /url: want the VIM's API/],
] as const)("%s %s %j → %i", async ([method, path, body, status, detail]) => {
  const answer = await rig.ask(method, path, body);
  expect(answer).toMatchObject({ status, body: { status } });
  expect(answer.body.detail).toMatch(detail);
});

test("the VIM account is shown with its state", async () => {
  const { body } = await rig.ask("GET", "/mano/v1/vims");
  expect(body).toMatchObject([{ name: "vim1", reachable: true, streaming: true, tenant: "default", why: null }]);
});

test("what is told survives a restart, and numbers go on growing", async () => {
  const before = await rig.events();
  await rig.stopMano();
  await rig.startMano();
  const after = await rig.events();
  expect(after.slice(0, before.length)).toEqual(before);
  const seqs = after.map((e) => e.seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(after.filter((e) => e.type === "mano.started")).toHaveLength(2);
});
