import { afterEach, beforeEach, expect, test } from "vitest";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeEach(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
});
afterEach(() => rig[Symbol.asyncDispose]());

const NS = "/nslcm/v2/ns_instances";
const NS_OCCURRENCES = "/nslcm/v2/ns_lcm_op_occs";
const VNFS = "/vnflcm/v2/vnf_instances";
const VNF_OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";

/** The path of what a Location names. */
const pathIn = (headers: Headers): string => new URL(headers.get("location")!).pathname;

async function create(): Promise<string> {
  await rig.onboard(example("media-relay.yaml"));
  const made = await sol.ask("POST", NS, { nsdId: "media", nsName: "media", nsDescription: "a test" });
  expect(made).toMatchObject({ status: 201, body: { nsState: "NOT_INSTANTIATED", nsInstanceDescription: "a test" } });
  expect(pathIn(made.headers)).toBe(`${NS}/${made.body.id}`);
  return made.body.id;
}

/** Asks for an operation; gives the path of its occurrence. */
async function operation(path: string, body: object): Promise<string> {
  const asked = await sol.ask("POST", path, body);
  expect(asked.status).toBe(202);
  return pathIn(asked.headers);
}

const ended = (occurrence: string, state: string) =>
  until(`${occurrence} is ${state}`, async () => {
    const { body } = await sol.ask("GET", occurrence);
    return body.operationState === state && body;
  });

async function serversUp(): Promise<void> {
  await until("two servers", () => rig.vim.servers.size === 2);
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
}

async function instantiated(): Promise<{ id: string; occurrence: string }> {
  const id = await create();
  const occurrence = await operation(`${NS}/${id}/instantiate`, { nsFlavourId: "default" });
  await serversUp();
  await ended(occurrence, "COMPLETED");
  return { id, occurrence };
}

test("a whole life: made, instantiated, a member dies, the switch-over is an operation, healed, terminated, deleted", async () => {
  const { id, occurrence } = await instantiated();
  expect((await sol.ask("GET", occurrence)).body).toMatchObject({
    lcmOperationType: "INSTANTIATE",
    isAutomaticInvocation: false,
    nsInstanceId: id,
    resourceChanges: { affectedVnfs: [{ changeType: "INSTANTIATE", changeResult: "COMPLETED", vnfdId: "media-relay" }] },
  });
  const ns = (await sol.ask("GET", `${NS}/${id}`)).body;
  expect(ns).toMatchObject({
    nsState: "INSTANTIATED",
    vnfInstance: [{ instantiationState: "INSTANTIATED", vnfdId: "media-relay" }],
  });
  const [vnf] = (await sol.ask("GET", `${VNFS}?all_fields`)).body;
  expect(vnf.id).toBe(ns.vnfInstance[0].id);
  expect(vnf.instantiatedVnfInfo).toMatchObject({
    vnfState: "STARTED",
    vipCpInfo: [{ associatedVnfcCpIds: [expect.anything(), expect.anything()] }],
    vnfcResourceInfo: [{ computeResource: { resourceId: expect.anything() } }, {}],
  });
  expect((await sol.ask("GET", `${VNFS}/${vnf.id}`)).body).toEqual(vnf);

  rig.vim.down("media-relay-a");
  const history = async () => (await sol.ask("GET", `${NS_OCCURRENCES}?all_fields`)).body;
  // What there is none of may be named.
  const query = "exclude_fields=lcmCoordinations&filter=(eq,lcmOperationType,INSTANTIATE)";
  expect((await sol.ask("GET", `${NS_OCCURRENCES}?${query}`)).body).toHaveLength(1);
  expect((await sol.ask("GET", `${NS}?filter=(eq,sapInfo/id,a)`)).body).toEqual([]);
  const isSwitchOver = (o: { switchOver?: unknown }) => o.switchOver !== undefined;
  const seen = await until("its occurrence", async () =>
    (await history()).find(
      (o: { switchOver?: object; operationState: string }) => isSwitchOver(o) && o.operationState === "COMPLETED",
    ),
  );
  expect(seen).toMatchObject({ lcmOperationType: "HEAL", isAutomaticInvocation: true, nsInstanceId: id });
  expect(seen.switchOver.failoverId).toBe((await rig.failovers())[0]!.id);
  const ofVnf = (await sol.ask("GET", `${VNF_OCCURRENCES}?all_fields&filter=(eq,isAutomaticInvocation,true)`)).body;
  const asVnf = ofVnf.find(isSwitchOver);
  expect(asVnf).toMatchObject({
    operation: "HEAL",
    operationState: "COMPLETED",
    vnfInstanceId: vnf.id,
    resourceChanges: { affectedVnfcs: [{ changeType: "MODIFIED" }, {}] },
    changedExtConnectivity: [{ resourceHandle: { resourceId: "id-traffic_net0" } }],
    affectedVipCps: [{ changeType: "MODIFIED" }],
  });

  const down = vnf.instantiatedVnfInfo.vnfcResourceInfo[0].id;
  const heal = await operation(`${VNFS}/${vnf.id}/heal`, { vnfcInstanceId: [down], cause: "it is down" });
  await until("it was started", () => rig.vim.asked.some((a) => a.startsWith("POST") && a.endsWith("/action")));
  rig.vim.up("media-relay-a");
  expect(await ended(heal, "COMPLETED")).toMatchObject({ operation: "HEAL", operationParams: { cause: "it is down" } });

  const terminated = await operation(`${NS}/${id}/terminate`, {});
  await ended(terminated, "COMPLETED");
  expect(rig.vim.servers.size).toBe(0);
  await until("nothing of it goes on", async () =>
    (await history()).every((o: { operationState: string }) => ["COMPLETED", "FAILED"].includes(o.operationState)),
  );
  expect((await sol.ask("GET", VNFS)).body).toEqual([]);
  expect((await sol.ask("GET", `${NS}/${id}`)).body.nsState).toBe("NOT_INSTANTIATED");
  expect((await sol.ask("DELETE", `${NS}/${id}`)).status).toBe(204);
  expect((await sol.ask("GET", `${NS}/${id}`)).status).toBe(404);
  const types = (await rig.events()).map((e) => e.type);
  for (const type of ["ns.created", "vnf.created", "ns.occurrence", "vnf.occurrence", "vnf.deleted", "ns.deleted"] as const)
    expect(types).toContain(type);
});
