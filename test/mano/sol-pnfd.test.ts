import { afterAll, beforeAll, expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { zipOf } from "../harness/zip.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig, "SOL005"); // SOL003 says of POST /subscriptions that it answers a list.
});
afterAll(() => rig[Symbol.asyncDispose]());

const LIST = "/nsd/v2/pnf_descriptors";
const YAML = { "content-type": "text/plain" };
const create = async (): Promise<string> => `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;

const SOL006 = "nfv:\n  pnfd:\n    - id: router-7\n      version: '1.0'\n      name: a router\n      provider: Example\n";
const SOL001 = `tosca_definitions_version: tosca_simple_yaml_1_3
node_types:
  example.Router: { derived_from: tosca.nodes.nfv.PNF }
topology_template:
  node_templates:
    router: { type: example.Router, properties: { descriptor_id: router-8, version: 2.1, provider: Example, name: another } }
`;

test.for([
  ["SOL006", SOL006, { pnfdId: "router-7", pnfdVersion: "1.0", pnfdName: "a router", pnfdProvider: "Example" }],
  ["SOL001", SOL001, { pnfdId: "router-8", pnfdVersion: "2.1", pnfdName: "another" }],
] as const)("a PNFD of %s is announced, sent, read and deleted", async ([, text, said]) => {
  const at = await create();
  expect((await sol.ask("PUT", `${at}/pnfd_content`, text, YAML)).status).toBe(204);
  expect((await sol.ask("GET", at)).body).toMatchObject({
    ...said,
    pnfdOnboardingState: "ONBOARDING",
    pnfdUsageState: "NOT_IN_USE",
  });
  expect((await sol.ask("GET", `${at}/pnfd`, undefined, { accept: "text/plain" })).bytes.toString()).toBe(text);
  expect((await sol.ask("GET", `${at}/pnfd_content`, undefined, { accept: "text/plain", range: "bytes=0-2" })).status).toBe(206);
  expect((await sol.ask("PATCH", at, { userDefinedData: { a: 1 } })).body).toEqual({ userDefinedData: { a: 1 } });
  expect((await sol.ask("GET", `${LIST}?filter=(eq,pnfdId,${said.pnfdId})&all_fields`)).body[0].userDefinedData).toEqual({
    a: 1,
  });
  const again = await sol.ask("PUT", `${await create()}/pnfd_content`, text, YAML);
  expect(again).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/is on board as/) } });
  expect((await sol.ask("DELETE", at)).status).toBe(204);
  expect((await sol.ask("GET", at)).status).toBe(404);
});

test("a package of a PNFD keeps its artifacts", async () => {
  const at = await create();
  const files = [
    { name: "pnfd.yaml", bytes: SOL006.replace("router-7", "router-9") },
    { name: "docs/wiring.txt", bytes: "port 1 to port 2" },
  ];
  expect((await sol.ask("PUT", `${at}/pnfd_content`, zipOf(files), { "content-type": "application/zip" })).status).toBe(204);
  expect((await sol.ask("GET", at)).body.artifacts).toMatchObject([{ artifactPath: "docs/wiring.txt" }]);
  expect((await sol.ask("GET", `${at}/artifacts/docs/wiring.txt`)).bytes.toString()).toBe("port 1 to port 2");
});

test.for([
  ["nothing of it", "a: 1", /^descriptor:1:1: there is no PNFD in it; write nfv\.pnfd/],
  ["no id", "nfv: { pnfd: [ { version: '1' } ] }", /nfv\.pnfd\[0\]: the PNFD has no id/],
  ["no YAML", "a: [", /the file is not YAML/],
] as const)("%s: refused with the place, and ERROR says the same", async ([, text, why]) => {
  const at = await create();
  const refused = await sol.ask("PUT", `${at}/pnfd_content`, text, YAML);
  expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringMatching(why) } });
  expect((await sol.ask("GET", at)).body).toMatchObject({
    pnfdOnboardingState: "ERROR",
    onboardingFailureDetails: { detail: refused.body.detail },
  });
});

test("one that is too long is refused too, sooner or later", async () => {
  const at = await create();
  expect([202, 400]).toContain((await sol.ask("PUT", `${at}/pnfd_content`, `a: ${"x".repeat(300_000)}`, YAML)).status);
  const { detail } = await until("it is in ERROR", async () => (await sol.ask("GET", at)).body.onboardingFailureDetails);
  expect(detail).toMatch(/the file has 300003 characters/);
});

test("who subscribed is told of NSDs, PNFDs and packages in ETSI's shapes, once each", async () => {
  await using receiver = await Receiver.start();
  for (const api of ["nsd", "vnfpkgm"])
    expect((await sol.ask("POST", `/${api}/v2/subscriptions`, { callbackUri: receiver.url })).status).toBe(201);
  const at = await create();
  await sol.ask("PUT", `${at}/pnfd_content`, "a: 1", YAML);
  await sol.ask("PUT", `${at}/pnfd_content`, SOL006.replace("router-7", "router-10"), YAML);
  await sol.ask("DELETE", at);
  const onboarded = (await rig.ask("POST", "/mano/v1/descriptors", example("sol006/single.yaml"))).body;
  const nsd = `/nsd/v2/ns_descriptors/${onboarded.find((d: { kind: string }) => d.kind === "nsd").id}`;
  await sol.ask("PATCH", nsd, { nsdOperationalState: "DISABLED" });
  await sol.ask("DELETE", nsd);
  const failing = `/nsd/v2/ns_descriptors/${(await sol.ask("POST", "/nsd/v2/ns_descriptors", {})).body.id}`;
  await sol.ask("PUT", `${failing}/nsd_content`, "a: 1", YAML);
  const [{ id }] = (await sol.ask("GET", "/vnfpkgm/v2/vnf_packages")).body;
  await sol.ask("PATCH", `/vnfpkgm/v2/vnf_packages/${id}`, { operationalState: "DISABLED" });
  await sol.ask("DELETE", `/vnfpkgm/v2/vnf_packages/${id}`);

  const told = () => receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));
  const typesOf = (prefix: RegExp) => told().flatMap((n) => (prefix.test(n.notificationType) ? [n.notificationType] : []));
  await until("all are told", () => told().length >= 10);
  expect(typesOf(/^Pnfd/)).toEqual([
    "PnfdOnBoardingFailureNotification",
    "PnfdOnBoardingNotification",
    "PnfdDeletionNotification",
  ]);
  expect(typesOf(/^Nsd/)).toEqual([
    "NsdOnBoardingNotification",
    "NsdChangeNotification",
    "NsdDeletionNotification",
    "NsdOnBoardingFailureNotification",
  ]);
  expect(typesOf(/^Vnf/)).toEqual([
    "VnfPackageOnboardingNotification",
    "VnfPackageChangeNotification",
    "VnfPackageChangeNotification",
  ]);
  for (const note of told()) {
    const of = note.notificationType.startsWith("Vnf")
      ? "SOL005-VNFPackageManagementNotification"
      : "SOL005-NSDManagementNotification";
    expect(SolClient.structure(of, note.notificationType, note)).toEqual([]);
  }
});
