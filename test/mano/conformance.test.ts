import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// What a conformance suite such as that of NFV-TST 010 asks of each resource, as rows. `{names}` stand for paths of things that are there.
// Every reply is held against ETSI's definitions beside.

const NOBODY = "00000000-0000-4000-8000-000000000000";
/** As REST clients of test suites send them, with every request and whether there is a body or not. */
const JSON_HEADERS = { accept: "application/json", "content-type": "application/json" };
const there: Record<string, string> = { nobody: NOBODY };
const at = (path: string): string => path.replace(/\{(\w+)\}/g, (_, name: string) => there[name]!);

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
  await rig.onboard(example("sol006/media-service.yaml"));
  const [nsd] = (await sol.ask("GET", "/nsd/v2/ns_descriptors")).body;
  const [pkg] = (await sol.ask("GET", "/vnfpkgm/v2/vnf_packages")).body;
  const bareNsd = await sol.ask("POST", "/nsd/v2/ns_descriptors", {});
  const barePkg = await sol.ask("POST", "/vnfpkgm/v2/vnf_packages", {});
  there.nsd = `/nsd/v2/ns_descriptors/${nsd.id}`;
  there.pkg = `/vnfpkgm/v2/vnf_packages/${pkg.id}`;
  there.bareNsd = `/nsd/v2/ns_descriptors/${bareNsd.body.id}`;
  there.barePkg = `/vnfpkgm/v2/vnf_packages/${barePkg.body.id}`;
  there.nsdId = nsd.nsdId;
});
afterAll(() => rig[Symbol.asyncDispose]());

/** What each resource takes; all else is 405 there, and `Allow` says so. */
const RESOURCES = `
  GET, POST          /nsd/v2/ns_descriptors
  GET, PATCH, DELETE /nsd/v2/ns_descriptors/{nobody}
  GET, PUT           /nsd/v2/ns_descriptors/{nobody}/nsd_content
  GET                /nsd/v2/ns_descriptors/{nobody}/nsd
  GET                /nsd/v2/ns_descriptors/{nobody}/manifest
  GET                /nsd/v2/ns_descriptors/{nobody}/artifacts/a/b.txt
  GET, POST          /nsd/v2/pnf_descriptors
  GET, PATCH, DELETE /nsd/v2/pnf_descriptors/{nobody}
  GET, PUT           /nsd/v2/pnf_descriptors/{nobody}/pnfd_content
  GET, POST          /vnfpkgm/v2/vnf_packages
  GET, PATCH, DELETE /vnfpkgm/v2/vnf_packages/{nobody}
  GET, PUT           /vnfpkgm/v2/vnf_packages/{nobody}/package_content
  POST               /vnfpkgm/v2/vnf_packages/{nobody}/package_content/upload_from_uri
  GET                /vnfpkgm/v2/vnf_packages/{nobody}/vnfd
  GET                /vnfpkgm/v2/vnf_packages/{nobody}/manifest
  GET                /vnfpkgm/v2/vnf_packages/{nobody}/artifacts
  GET                /vnfpkgm/v2/vnf_packages/{nobody}/artifacts/a/b.txt
  GET                /vnfpkgm/v2/onboarded_vnf_packages
  GET, POST          /nslcm/v2/ns_instances
  GET, DELETE        /nslcm/v2/ns_instances/{nobody}
  POST               /nslcm/v2/ns_instances/{nobody}/instantiate|scale|update|heal|terminate
  GET                /nslcm/v2/ns_lcm_op_occs
  GET                /nslcm/v2/ns_lcm_op_occs/{nobody}
  POST               /nslcm/v2/ns_lcm_op_occs/{nobody}/retry|rollback|continue|fail|cancel
  GET, POST          /vnflcm/v2/vnf_instances
  GET, PATCH, DELETE /vnflcm/v2/vnf_instances/{nobody}
  POST               /vnflcm/v2/vnf_instances/{nobody}/instantiate|terminate|scale|scale_to_level|heal|operate|change_flavour|change_ext_conn
  GET                /vnflcm/v2/vnf_lcm_op_occs
  GET                /vnflcm/v2/vnf_lcm_op_occs/{nobody}
  POST               /vnflcm/v2/vnf_lcm_op_occs/{nobody}/retry|rollback|fail|cancel
  GET, POST          /vnflcm/v2/vnf_snapshots
  GET, PATCH, DELETE /vnflcm/v2/vnf_snapshots/{nobody}
  GET                /vnflcm/v2/vnf_snapshots/{nobody}/vnf_state_snapshot
  POST               /vnflcm/v2/vnf_instances/{nobody}/create_snapshot|revert_to_snapshot
  GET                /nslcm/v2/vnf_snapshots
  GET, DELETE        /nslcm/v2/vnf_snapshots/{nobody}
  GET                /nsfm/v1/alarms
  GET, PATCH         /nsfm/v1/alarms/{nobody}
  GET                /vnffm/v1/alarms
  GET, PATCH         /vnffm/v1/alarms/{nobody}
  POST               /vnffm/v1/alarms/{nobody}/escalate
  GET, POST          /nspm/v2/pm_jobs
  GET, PATCH, DELETE /nspm/v2/pm_jobs/{nobody}
  GET                /nspm/v2/pm_jobs/{nobody}/reports/{nobody}
  GET, POST          /nspm/v2/thresholds
  GET, PATCH, DELETE /nspm/v2/thresholds/{nobody}
  GET, POST          /vnfpm/v2/pm_jobs
  GET, PATCH, DELETE /vnfpm/v2/thresholds/{nobody}
  GET, POST          /nsd/v2/subscriptions
  GET, DELETE        /nsd/v2/subscriptions/{nobody}
  GET, POST          /nslcm/v2/subscriptions
  GET, DELETE        /vnffm/v1/subscriptions/{nobody}
`
  .trim()
  .split("\n")
  .flatMap((line): [string, string][] => {
    const [, allow, path] = /^\s*((?:[A-Z]+(?:, )?)+?)\s+(\/\S+)$/.exec(line)!;
    const [, above, tasks] = /^(.*\/)([^/]+)$/.exec(path!)!;
    return tasks!.split("|").map((task) => [allow!, `${above}${task}`]);
  });

test("what a resource does not take is 405 with what it takes, with and without a body", async () => {
  for (const [allow, path] of RESOURCES) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (allow.split(", ").includes(method)) continue;
      const refused = await sol.ask(method, at(path), method === "POST" ? "{}" : undefined, JSON_HEADERS);
      expect([method, path, refused.status, refused.headers.get("allow")]).toEqual([method, path, 405, allow]);
    }
    const only = allow === "POST" ? "POST" : "GET";
    if (!path.includes("{nobody}") || only === "POST") continue;
    expect([path, (await sol.ask("GET", at(path), undefined, { accept: "*/*" })).status]).toEqual([path, 404]);
  }
});

const LISTS = RESOURCES.filter(([allow, path]) => allow.startsWith("GET") && !path.includes("{"));

test.for([
  ["", {}, 200],
  ["?all_fields", {}, 200],
  ["?exclude_default", {}, 200],
  [`?filter=(eq,id,${NOBODY})`, {}, 200],
  ["", { accept: "application/json, */*" }, 200],
  ["?attribute_not_exist=some_value", {}, 400],
  ["?id=x", {}, 400],
  ["?filter=(eq,attribute_not_exist,some_value)", {}, 400],
  ["?filter=eq", {}, 400],
  ["?fields=wrong_field", {}, 400],
  ["?nextpage_opaque_marker=none", {}, 400],
  ["", { version: "" }, 400],
  ["", { version: "9.9.9" }, 406],
  ["", { accept: "application/xml" }, 406],
] as const)("every list %s %j → %i", async ([query, headers, status]) => {
  for (const [, path] of LISTS) {
    const answer = await sol.ask("GET", `${path}${query}`, undefined, { ...JSON_HEADERS, ...headers });
    expect([path, answer.status]).toEqual([path, status]);
    expect(answer.headers.get("content-type")).toBe(status === 200 ? "application/json" : "application/problem+json");
    expect(answer.headers.get("version")).toMatch(/^\d+\.\d+\.\d+$/);
  }
});

type Row = readonly [string, string, object | string | undefined, number, Record<string, string>?];

/** Asks each row in turn. */
async function hold(rows: readonly Row[]): Promise<void> {
  for (const [method, path, body, status, headers] of rows) {
    const answer = await sol.ask(method, at(path), body, { ...JSON_HEADERS, ...headers });
    expect([method, path, body, answer.status], JSON.stringify(answer.body)).toEqual([method, path, body, status]);
  }
}

const ZIP = { accept: "application/zip" };
const TEXT = { accept: "text/plain" };

test("descriptors and packages: what their state allows, and in which form they are given", async () => {
  await hold([
    ["GET", "{barePkg}/package_content", undefined, 409, ZIP],
    ["GET", "{barePkg}/vnfd", undefined, 409, ZIP],
    ["GET", "{barePkg}/artifacts/a", undefined, 409],
    ["GET", "{bareNsd}/nsd_content", undefined, 409, ZIP],
    ["PATCH", "{barePkg}", { operationalState: "ENABLED" }, 409],
    ["PATCH", "{bareNsd}", { nsdOperationalState: "ENABLED" }, 409],
    ["PUT", "/vnfpkgm/v2/vnf_packages/{nobody}/package_content", "abc", 404, { ...ZIP, "content-type": "application/zip" }],
    ["PUT", "{pkg}/package_content", "abc", 409, { ...ZIP, "content-type": "application/binary" }],
    ["POST", "{pkg}/package_content/upload_from_uri", { addressInformation: "http://127.0.0.1:1/a" }, 409],
    ["PATCH", "{pkg}", { operationalState: "ENABLED" }, 409],
    ["PATCH", "{nsd}", { nsdOperationalState: "ENABLED" }, 409],
    ["DELETE", "{pkg}", undefined, 409],
    ["DELETE", "{nsd}", undefined, 409],
    ["PATCH", "{nsd}", { nsdOperationalState: "DISABLED" }, 200, { "content-type": "application/mergepatch+json" }],
    ["PATCH", "{nsd}", { nsdOperationalState: "DISABLED" }, 409, { "content-type": "application/merge-patch+json" }],
    ["PATCH", "{nsd}", { nsdOperationalState: "ENABLED" }, 200, { "content-type": "application/json;charset=UTF-8" }],
    ["POST", "/nsd/v2/ns_descriptors", "<nsd/>", 415, { "content-type": "text/xml" }],
    ["POST", "/nsd/v2/ns_descriptors", "{}", 415, { "content-encoding": "gzip" }],
    ["POST", "/nsd/v2/ns_descriptors", "{", 400],
    ["DELETE", "{bareNsd}", undefined, 204, { accept: "text/html" }],
    ["GET", "{bareNsd}", undefined, 404],
  ]);
  for (const [path, accept, type] of [
    ["{nsd}/nsd_content", TEXT, "text/plain"],
    ["{nsd}/nsd_content", ZIP, "application/zip"],
    ["{nsd}/nsd", { accept: "text/plain, application/zip" }, "text/plain"],
    ["{pkg}/vnfd", ZIP, "application/zip"],
    ["{pkg}/package_content", ZIP, "application/zip"],
  ] as const) {
    const given = await sol.ask("GET", at(path), undefined, accept);
    expect([path, given.status, given.headers.get("content-type")]).toEqual([path, 200, type]);
    if (type === "application/zip") expect(given.bytes.subarray(0, 2).toString()).toBe("PK");
  }
  await hold([["GET", "{nsd}/nsd_content", undefined, 406, { accept: "image/png" }]]);
});

test("an upload that says nothing of its form is looked at; whoever asks for no JSON is not refused an answer that has none", async () => {
  const bytes = new TextEncoder().encode("no descriptor");
  const taken = await sol.ask("PUT", at("{barePkg}/package_content"), bytes, ZIP);
  expect([taken.status, taken.bytes.length]).toEqual([202, 0]);
  const state = async () => (await sol.ask("GET", there.barePkg!)).body.onboardingState;
  await until("it is refused", async () => (await state()) === "ERROR");
});

test("a change that was made for another state is 412, with the ETag of the one it is in", async () => {
  const change = { userDefinedData: { a: "1" } };
  const stale = await sol.ask("PATCH", there.pkg!, change, { "if-match": '"another"' });
  const { headers } = await sol.ask("GET", there.pkg!);
  expect([stale.status, stale.headers.get("etag")]).toEqual([412, headers.get("etag")]);
  expect((await sol.ask("PATCH", there.pkg!, change, { "if-match": headers.get("etag")! })).status).toBe(200);
});

describe("the life cycle of an NS", () => {
  const NS = "/nslcm/v2/ns_instances";
  const instantiate = { nsFlavourId: "default" };
  /** What is well written and that its state does not allow: 409, whatever is wrong with it beside. */
  const ofAnother = (status: number): Row[] => {
    const stranger = { vnfInstanceId: NOBODY, vnfProfileId: "none" };
    const steps = { aspectId: "none", scaleVnfType: "SCALE_OUT", scaleByStepData: { aspectId: "none" } };
    return [
      ["POST", "{ns}/scale", { scaleType: "SCALE_VNF", scaleVnfData: [{ vnfInstanceId: NOBODY, ...steps }] }, status],
      ["POST", "{ns}/scale", { scaleType: "SCALE_NS", scaleNsData: { vnfInstanceToBeAdded: [stranger] } }, status],
      ["POST", "{ns}/heal", { healVnfData: [{ vnfInstanceId: NOBODY }] }, status],
      ["POST", "{ns}/update", { updateType: "ADD_VNF", addVnfIstance: [stranger] }, status],
      ["POST", "{ns}/update", { updateType: "CREATE_VNF_SNAPSHOT", createSnapshotData: { vnfInstanceId: NOBODY } }, status],
      ["POST", "{ns}/update", { updateType: "REMOVE_VNF", removeVnfInstanceId: [NOBODY] }, status],
      ["POST", "{ns}/update", { updateType: "MODIFY_VNF_INFORMATION", modifyVnfInfoData: [{ vnfInstanceId: NOBODY }] }, status],
    ];
  };
  const linked = { extVirtualLinks: [{ id: "l", resourceId: "r", extCps: [], extLinkPorts: [{ id: "p" }] }] };

  test("not instantiated: nothing but instantiation", async () => {
    const made = await sol.ask("POST", NS, { nsdId: there.nsdId, nsName: "n", nsDescription: "d" }, JSON_HEADERS);
    expect([made.status, made.headers.get("location")]).toEqual([201, `${rig.url}${NS}/${made.body.id}`]);
    there.ns = `${NS}/${made.body.id}`;
    await hold([
      ["GET", "{ns}", undefined, 200],
      ["POST", "{ns}/terminate", {}, 409],
      ...ofAnother(409),
      ["POST", "{ns}/update", { updateType: "GROW" }, 400],
      ["POST", `${NS}/{nobody}/update`, { updateType: "ADD_VNF" }, 404],
      ["POST", "{ns}/terminate", { terminationTime: "2999-01-01T00:00:00Z" }, 409],
      ["POST", "{ns}/instantiate", {}, 400],
      ["POST", "{ns}/instantiate", { nsFlavourId: "another" }, 422],
      ["POST", "{ns}/instantiate", "[]", 400],
      ["POST", `${NS}/{nobody}/instantiate`, instantiate, 404],
    ]);
  });

  test("one operation at a time; what is under way can only be cancelled", async () => {
    const asked = await sol.ask("POST", at("{ns}/instantiate"), instantiate, JSON_HEADERS);
    expect([asked.status, asked.bytes.length]).toEqual([202, 0]);
    there.occ = asked.headers.get("location")!.slice(rig.url.length);
    await hold([
      ["GET", "{occ}", undefined, 200],
      ["POST", "{ns}/instantiate", instantiate, 409],
      ["POST", "{ns}/instantiate", { nsFlavourId: "another" }, 409],
      ["POST", "{ns}/terminate", {}, 409],
      ...ofAnother(409),
      ["DELETE", "{ns}", undefined, 409],
      ...["retry", "rollback", "continue", "fail"].map((task): Row => ["POST", `{occ}/${task}`, undefined, 409]),
      ["POST", "{occ}/cancel", "GRACEFUL", 400],
      ...["retry", "rollback", "continue", "fail"].map(
        (task): Row => ["POST", `/nslcm/v2/ns_lcm_op_occs/{nobody}/${task}`, undefined, 404],
      ),
    ]);
  });

  test("instantiated: what is in use stays, what is over cannot be handled, what a VNF cannot do is not there", async () => {
    await until("its servers", () => rig.vim.servers.size >= 2);
    for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
    await until("COMPLETED", async () => (await sol.ask("GET", there.occ!)).body.operationState === "COMPLETED");
    const [vnf] = (await sol.ask("GET", "/vnflcm/v2/vnf_instances")).body;
    there.vnf = `/vnflcm/v2/vnf_instances/${vnf.id}`;
    await hold([
      ["DELETE", "{ns}", undefined, 409],
      ["POST", "{ns}/instantiate", instantiate, 409],
      ["POST", "{occ}/cancel", { cancelMode: "GRACEFUL" }, 409],
      ["POST", "{occ}/retry", undefined, 409],
      ["DELETE", "{nsd}", undefined, 409],
      ["GET", "{vnf}", undefined, 200],
      ["DELETE", "{vnf}", undefined, 409],
      ...ofAnother(422),
      ["POST", "{vnf}/instantiate", { flavourId: "default" }, 409],
      ["POST", "{vnf}/instantiate", { flavourId: "default", ...linked }, 409],
      ["POST", "/vnflcm/v2/vnf_instances/{nobody}/instantiate", { flavourId: "default", ...linked }, 404],
      ["POST", "/vnflcm/v2/vnf_instances/{nobody}/change_ext_conn", linked, 404],
      ["POST", "{vnf}/change_ext_conn", linked, 422],
      ["PATCH", "{vnf}", { vnfInstanceName: "x" }, 412, { "if-match": '"another"' }],
      ["POST", "{vnf}/scale", { type: "SCALE_OUT", aspectId: "a" }, 404],
      ["POST", "{vnf}/scale_to_level", { instantiationLevelId: "a" }, 404],
      ["POST", "{vnf}/change_flavour", { newFlavourId: "a" }, 404],
      ["POST", "{vnf}/create_snapshot", { vnfSnapshotInfoId: NOBODY }, 422],
      ["POST", "{vnf}/revert_to_snapshot", { vnfSnapshotInfoId: NOBODY }, 422],
      ["POST", "{vnf}/create_snapshot", {}, 400],
    ]);
  });
});

test("a subscription is made once, found where it was told, and its callback asked first", async () => {
  await using receiver = await Receiver.start();
  for (const api of ["nsd/v2", "vnfpkgm/v2", "nslcm/v2", "vnflcm/v2", "nsfm/v1", "vnffm/v1"]) {
    const client = new SolClient(rig, api === "vnfpkgm/v2" ? "SOL005" : undefined);
    const list = `/${api}/subscriptions`;
    const asked = { callbackUri: `${receiver.url}${api}` };
    const made = await client.ask("POST", list, asked, JSON_HEADERS);
    expect([api, made.status, made.body.callbackUri]).toEqual([api, 201, asked.callbackUri]);
    const again = await client.ask("POST", list, asked, JSON_HEADERS);
    expect([again.status, again.bytes.length]).toEqual([303, 0]);
    const one = again.headers.get("location")!.slice(rig.url.length);
    expect((await client.ask("GET", one)).body).toEqual(made.body);
    expect((await client.ask("GET", `${list}?filter=(eq,callbackUri,${asked.callbackUri})`)).body).toEqual([made.body]);
    expect((await client.ask("DELETE", one, undefined, JSON_HEADERS)).status).toBe(204);
    expect((await client.ask("GET", one)).status).toBe(404);
  }
});

test("a path is found with a slash too many", async () => {
  for (const path of ["//nsd/v2/ns_descriptors", "/nsd/v2/ns_descriptors/"]) {
    const found = await sol.askUnchecked("GET", path, undefined, { version: "2.3.0" });
    expect([path, found.status, found.body.length]).toEqual([path, 200, 1]);
    expect((await sol.askUnchecked("PUT", path)).headers.get("version")).toBe("2.3.0");
  }
});
