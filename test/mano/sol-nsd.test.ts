import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { zipOf } from "../harness/zip.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
});
afterAll(() => rig[Symbol.asyncDispose]());

const LIST = "/nsd/v2/ns_descriptors";
const ZIP = { "content-type": "application/zip" };
const YAML = { "content-type": "text/plain" };
/** Both of one example, renamed so that each test has its own. */
const named = (name: string) => parse(example("sol006/media-service.yaml").replaceAll("media-relay-sol", `${name}-vnf`)).nfv;
function both(name: string): { vnfd: string; nsd: string } {
  const { vnfd, nsd } = named(name);
  return { vnfd: stringify({ nfv: { vnfd } }), nsd: stringify({ nfv: { nsd: [{ ...nsd[0], id: name }] } }) };
}

const create = async (): Promise<string> => (await sol.ask("POST", LIST, {})).body.id;

test("an NSD is announced, sent, used, and deleted: each state as SOL005 has it", async () => {
  const { vnfd, nsd } = both("one");
  await rig.ask("POST", "/mano/v1/descriptors", vnfd);
  const made = await sol.ask("POST", LIST, { userDefinedData: { site: "north" } });
  expect(made).toMatchObject({
    status: 201,
    body: { nsdOnboardingState: "CREATED", nsdOperationalState: "DISABLED", nsdUsageState: "NOT_IN_USE" },
  });
  const at = `${LIST}/${made.body.id}`;
  expect(made.headers.get("location")).toBe(`${rig.url}${at}`);
  expect((await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "text/plain" })).status).toBe(409);

  expect((await sol.ask("PUT", `${at}/nsd_content`, nsd, YAML)).status).toBe(204);
  const one = await sol.ask("GET", at);
  expect(one.body).toMatchObject({
    nsdId: "one",
    nsdOnboardingState: "ONBOARDED",
    nsdOperationalState: "ENABLED",
    userDefinedData: { site: "north" },
  });
  const { body: packages } = await sol.ask("GET", "/vnfpkgm/v2/vnf_packages?filter=(eq,vnfdId,one-vnf)");
  expect(one.body.vnfPkgIds).toEqual(packages.map((p: { id: string }) => p.id));
  expect(await sol.ask("PUT", `${at}/nsd_content`, nsd, YAML)).toMatchObject({ status: 409 });

  const content = await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "text/plain" });
  expect(content.bytes.toString()).toBe(nsd);
  const part = await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "text/plain", range: "bytes=4-9" });
  expect([part.status, part.bytes.toString(), part.headers.get("content-range")]).toEqual([
    206,
    nsd.slice(4, 10),
    `bytes 4-9/${Buffer.byteLength(nsd)}`,
  ]);
  const beyond = await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "text/plain", range: "bytes=999999-" });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${Buffer.byteLength(nsd)}`]);
  expect((await sol.ask("GET", `${at}/nsd`, undefined, { accept: "text/plain" })).bytes.toString()).toBe(nsd);
  expect((await sol.ask("GET", `${at}/manifest`, undefined, { accept: "text/plain" })).status).toBe(404);

  const ns = await rig.ask("POST", "/mano/v1/ns_instances", { nsdId: one.body.id, nsName: "one" });
  expect(ns.status).toBe(201);
  expect((await sol.ask("GET", at)).body.nsdUsageState).toBe("IN_USE");
  expect((await sol.ask("GET", `/vnfpkgm/v2/vnf_packages/${packages[0].id}`)).body.usageState).toBe("IN_USE");
  expect(await sol.ask("DELETE", at)).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/there are NSs made of it/) },
  });
  await rig.ask("DELETE", `/mano/v1/ns_instances/${ns.body.id}`);
  expect(await sol.ask("DELETE", at)).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/ENABLED; disable it first/) },
  });

  expect((await sol.ask("PATCH", at, { nsdOperationalState: "DISABLED" })).body).toEqual({ nsdOperationalState: "DISABLED" });
  expect((await sol.ask("PATCH", at, { nsdOperationalState: "DISABLED" })).status).toBe(409);
  const refused = await rig.ask("POST", "/mano/v1/ns_instances", { nsdId: one.body.id, nsName: "one" });
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/is DISABLED; enable it first/) } });
  expect((await sol.ask("DELETE", at)).status).toBe(204);
  expect((await sol.ask("GET", at)).status).toBe(404);
  expect((await rig.ask("GET", `/mano/v1/descriptors/${made.body.id}`)).status).toBe(404);
  const told = (await rig.events()).flatMap((e) => (e.type === "nsd.changed" && e.id === made.body.id ? [e.change] : []));
  expect(told).toEqual(["onboarded", "operational", "deleted"]);
});

test("an NSD without its VNFDs is refused with the place, is in ERROR with the same words, and can be sent again", async () => {
  const { vnfd, nsd } = both("late");
  const at = `${LIST}/${await create()}`;
  const refused = await sol.ask("PUT", `${at}/nsd_content`, nsd, YAML);
  expect(refused).toMatchObject({
    status: 400,
    body: { code: "DESCRIPTOR", detail: expect.stringMatching(/^descriptor:\d+:\d+: .*there is no VNFD "late-vnf"/) },
  });
  const { body } = await sol.ask("GET", at);
  expect(body).toMatchObject({
    nsdOnboardingState: "ERROR",
    onboardingFailureDetails: { status: 400, detail: refused.body.detail },
  });
  expect((await rig.events()).filter((e) => e.type === "nsd.changed" && e.id === body.id)).toMatchObject([{ change: "failed" }]);
  await rig.ask("POST", "/mano/v1/descriptors", vnfd);
  expect((await sol.ask("PUT", `${at}/nsd_content`, nsd, YAML)).status).toBe(204);
  const again = (await sol.ask("GET", at)).body;
  expect(again.nsdOnboardingState).toBe("ONBOARDED");
  expect(again.onboardingFailureDetails).toBeUndefined();
});

test("a package keeps its descriptor, manifest and artifacts, each with its checksum", async () => {
  const { vnfd, nsd } = both("packed");
  await rig.ask("POST", "/mano/v1/descriptors", vnfd);
  const files = [
    {
      name: "TOSCA-Metadata/TOSCA.meta",
      bytes:
        "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nEntry-Definitions: Definitions/ns.yaml\nETSI-Entry-Manifest: ns.mf\n",
    },
    { name: "Definitions/ns.yaml", bytes: nsd },
    { name: "ns.mf", bytes: "metadata:\n  nsd_name: packed\n" },
    { name: "Files/read me.txt", bytes: "hello, operator" },
  ];
  const at = `${LIST}/${await create()}`;
  expect((await sol.ask("PUT", `${at}/nsd_content`, zipOf(files), ZIP)).status).toBe(204);
  const { body } = await sol.ask("GET", at);
  expect(body.artifacts).toEqual([
    { artifactPath: "Files/read me.txt", checksum: { algorithm: "SHA-256", hash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
  ]);
  expect((await sol.ask("GET", `${at}/nsd`, undefined, { accept: "text/plain" })).bytes.toString()).toBe(nsd);
  expect((await sol.ask("GET", `${at}/nsd`, undefined, { accept: "application/zip" })).bytes.subarray(0, 2).toString()).toBe(
    "PK",
  );
  expect((await sol.ask("GET", `${at}/manifest`, undefined, { accept: "text/plain" })).bytes.toString()).toBe(files[2]!.bytes);
  const artifact = `${at}/artifacts/Files/read%20me.txt`;
  expect((await sol.ask("GET", artifact)).bytes.toString()).toBe("hello, operator");
  const part = await sol.ask("GET", artifact, undefined, { range: "bytes=-8" });
  expect([part.status, part.bytes.toString()]).toEqual([206, "operator"]);
  expect((await sol.ask("GET", `${at}/artifacts/nothing`)).body.detail).toMatch(
    /has no nothing; its artifacts: Files\/read me\.txt/,
  );
  expect((await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "text/plain" })).status).toBe(406);
  expect((await sol.ask("GET", `${at}/nsd_content`, undefined, { accept: "application/zip" })).bytes).toEqual(zipOf(files));
});

test("what one of two clients has changed the other cannot change unseen", async () => {
  const at = `${LIST}/${await create()}`;
  const etag = (await sol.ask("GET", at)).headers.get("etag")!;
  const change = (to: string) => sol.ask("PATCH", at, { userDefinedData: { owner: to } }, { "if-match": etag });
  const both = await Promise.all([change("a"), change("b")]);
  expect(both.map((r) => r.status).sort()).toEqual([200, 412]);
  expect((await sol.ask("DELETE", at, undefined, { "if-match": etag })).status).toBe(412);
  const now = (await sol.ask("GET", at)).headers.get("etag")!;
  expect((await sol.ask("DELETE", at, undefined, { "if-match": now })).status).toBe(204);
});

test("userDefinedData are merged, and null takes one away", async () => {
  const at = `${LIST}/${await create()}`;
  await sol.ask("PATCH", at, { userDefinedData: { a: 1, b: { c: 2 } } });
  await sol.ask("PATCH", at, { userDefinedData: [{ a: null, d: "x" }] });
  expect((await sol.ask("GET", at)).body.userDefinedData).toEqual({ b: { c: 2 }, d: "x" });
});

test.for([
  ["POST", LIST, "{", { "content-type": "application/json" }, 400, /the body is not JSON/],
  ["POST", LIST, "", { "content-type": "application/json" }, 400, /the body is empty/],
  ["POST", LIST, "{}", { "content-type": "text/xml" }, 415, /text\/xml is not understood here; send application\/json/],
  ["POST", LIST, { userDefinedData: 1 }, {}, 400, /userDefinedData: want an object/],
  ["PATCH", `${LIST}/ID`, {}, {}, 400, /want nsdOperationalState or userDefinedData/],
  ["PATCH", `${LIST}/ID`, { nsdOperationalState: "ON" }, {}, 400, /nsdOperationalState: want ENABLED or DISABLED/],
  ["PATCH", `${LIST}/ID`, { nsdOperationalState: "ENABLED" }, {}, 409, /it is CREATED; only what is ONBOARDED/],
  ["PUT", `${LIST}/ID/nsd_content`, "", { "content-type": "text/plain" }, 400, /./],
  ["PUT", `${LIST}/ID/nsd_content`, "x", { "content-type": "image/png" }, 415, /image\/png is not understood/],
  ["PUT", `${LIST}/ID/nsd_content`, "PK\u0003\u0004 and nothing more", ZIP, 400, /it cannot be unpacked/],
  ["PUT", `${LIST}/ID/nsd_content`, "a: [", YAML, 400, /^descriptor:1:\d+: the file is not YAML/],
  ["PUT", `${LIST}/nobody/nsd_content`, "x", YAML, 404, /there is no NSD nobody/],
  ["GET", `${LIST}/ID/nsd`, undefined, { accept: "image/png" }, 406, /takes nothing/],
  ["DELETE", `${LIST}/nobody`, undefined, {}, 404, /there is no NSD nobody/],
] as const)("%s %s %j %j → %i", async ([method, path, body, headers, status, detail]) => {
  const answer = await sol.ask(method, path.replace("ID", await create()), body, headers);
  expect(answer).toMatchObject({ status, body: { status, detail: expect.stringMatching(detail) } });
});

test("a VNFD is no NSD, and what is on board is not on-boarded again under another id", async () => {
  const { vnfd, nsd } = both("twice");
  const wrong = await sol.ask("PUT", `${LIST}/${await create()}/nsd_content`, vnfd, YAML);
  expect(wrong).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/it has 0 NSD\(s\) and 1 VNFD\(s\)/) } });
  await rig.ask("POST", "/mano/v1/descriptors", vnfd);
  expect((await sol.ask("PUT", `${LIST}/${await create()}/nsd_content`, nsd, YAML)).status).toBe(204);
  const again = await sol.ask("PUT", `${LIST}/${await create()}/nsd_content`, nsd, YAML);
  expect(again).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/nsd twice version .* is on board as /) } });
});

test("what either way brings is seen by both", async () => {
  const { vnfd, nsd } = both("shared");
  const [v] = (await rig.ask("POST", "/mano/v1/descriptors", vnfd)).body;
  const n = (await rig.ask("POST", "/mano/v1/descriptors", nsd)).body.find((d: { kind: string }) => d.kind === "nsd");
  expect((await sol.ask("GET", `${LIST}/${n.id}`)).body).toMatchObject({
    nsdId: "shared",
    vnfPkgIds: [v.id],
    nsdOnboardingState: "ONBOARDED",
  });
  expect((await sol.ask("GET", `${LIST}/${n.id}/nsd_content`, undefined, { accept: "*/*" })).bytes.toString()).toBe(nsd);
  expect((await rig.ask("DELETE", `/mano/v1/descriptors/${v.id}`)).status).toBe(409);
  expect((await rig.ask("DELETE", `/mano/v1/descriptors/${n.id}`)).status).toBe(204);
  expect((await sol.ask("GET", `${LIST}/${n.id}`)).status).toBe(404);
  await until("its VNFD is gone", async () => (await rig.ask("DELETE", `/mano/v1/descriptors/${v.id}`)).status === 204);
});
