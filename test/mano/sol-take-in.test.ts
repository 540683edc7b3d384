import { afterEach, beforeEach, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { relaysAlone } from "./relays-alone.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// VNFs that were made by themselves and are taken into an NS that runs (SOL005 ADD_VNF, vnfInstanceToBeAdded).

const NS = "/nslcm/v2/ns_instances";
const VNFS = "/vnflcm/v2/vnf_instances";
const NOBODY = "00000000-0000-4000-8000-000000000000";
const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const NETS = ["media_net", ...[0, 1, 2, 3].map((n) => `data_net${n}`), ...TRAFFIC];

let rig: Rig;
let sol: SolClient;
let ns = "";
beforeEach(async () => {
  rig = await Rig.start({}, NETS);
  sol = new SolClient(rig);
  await rig.onboard(relaysAlone());
  const made = await sol.ask("POST", NS, { nsdId: "media-scaled", nsName: "media", nsDescription: "" });
  ns = `${NS}/${made.body.id}`;
});
afterEach(() => rig[Symbol.asyncDispose]());

async function begin(path: string, body: object): Promise<string> {
  const asked = await sol.ask("POST", path, body);
  expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
  return new URL(asked.headers.get("location")!).pathname;
}

const ended = (occurrence: string, state: string) =>
  until(`${occurrence} is ${state}`, async () => {
    const { body } = await sol.ask("GET", occurrence);
    return body.operationState === state && body;
  });

/** The NS at one of its levels, with so many relays. */
async function deployed(level: string, count: number): Promise<void> {
  const occurrence = await begin(`${ns}/instantiate`, { nsFlavourId: "default", nsInstantiationLevelId: level });
  await until(`${count} servers`, () => rig.vim.servers.size === count);
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  await ended(occurrence, "COMPLETED");
}

const on = (media: string, viewers: string) => [
  { id: "m", resourceId: `id-${media}`, extCps: [{ cpdId: "media" }] },
  { id: "v", resourceId: `id-${viewers}`, extCps: [{ cpdId: "viewers" }] },
];

/** A VNF by itself whose viewers would be on this net; with the name of its machine. */
async function alone(name: string, viewers: string, isAnswering = true): Promise<{ id: string; machine: string }> {
  const { body } = await sol.ask("POST", VNFS, { vnfdId: "media-relay-scaled", vnfInstanceName: name, metadata: { k: name } });
  const had = new Set([...rig.vim.servers.values()].map((s) => s.name));
  const occurrence = await begin(`${VNFS}/${body.id}/instantiate`, {
    flavourId: "default",
    extVirtualLinks: on("media_net", viewers),
  });
  const machine = await until("its machine", () => [...rig.vim.servers.values()].find((s) => !had.has(s.name))?.name);
  if (isAnswering) rig.vim.up(machine);
  else rig.vim.boots(machine);
  await ended(occurrence, "COMPLETED");
  return { id: body.id, machine };
}

const taking = (...ids: string[]) => ids.map((vnfInstanceId) => ({ vnfInstanceId, vnfProfileId: "relays" }));
const add = (...ids: string[]) => begin(`${ns}/update`, { updateType: "ADD_VNF", addVnfIstance: taking(...ids) });
const group = async () => (await rig.ask("GET", "/mano/v1/protection_groups")).body[0];
const changes = () => rig.vim.asked.filter((a) => /servers/.test(a));

test("a VNF becomes a member of the pool as it is: the same VNF, the same machine; it can serve, and goes as one of the NS", async () => {
  await deployed("normal", 3);
  const { id, machine } = await alone("guest", "data_net3");
  const before = (await sol.ask("GET", `${VNFS}/${id}`)).body;
  const [asked, server] = [changes(), rig.vim.byName(machine).id];
  const done = await ended(await add(id), "COMPLETED");
  expect(done).toMatchObject({
    lcmOperationType: "UPDATE",
    resourceChanges: {
      affectedVnfs: [
        { vnfInstanceId: id, vnfName: "guest", vnfProfileId: "relays", changeType: "ADD", changeResult: "COMPLETED" },
      ],
    },
  });
  expect(changes()).toEqual(asked); // No machine was touched.

  await rig.stopMano();
  await rig.startMano();
  const shown = (await sol.ask("GET", ns)).body;
  expect(shown.vnfInstance.map((v: { id: string }) => v.id)).toContain(id);
  expect([shown.vnfInstance.length, shown.nsScaleStatus[0].nsScaleLevelId]).toEqual([4, "large"]);
  const after = (await sol.ask("GET", `${VNFS}/${id}`)).body;
  expect(after).toMatchObject({ id, vnfInstanceName: "guest", metadata: { k: "guest" }, vnfdId: before.vnfdId });
  const resource = (v: typeof before) => {
    const [{ metadata, ...row }] = v.instantiatedVnfInfo.vnfcResourceInfo;
    return { server: row.computeResource.resourceId, serverName: metadata.serverName };
  };
  expect(resource(after)).toEqual({ server, serverName: machine });
  expect(resource(before)).toEqual(resource(after));
  expect(after._links).not.toHaveProperty("terminate");
  const refused = await sol.ask("POST", `${VNFS}/${id}/terminate`, { terminationType: "FORCEFUL" });
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringMatching(/is of NS media/)]);
  expect((await rig.ask("GET", "/mano/v1/ns_instances")).body).toHaveLength(1);
  const own = `/vnflcm/v2/vnf_lcm_op_occs?filter=(eq,vnfInstanceId,${id})`;
  expect((await sol.ask("GET", own)).body.map((o: { operation: string }) => o.operation)).toEqual(["INSTANTIATE"]);

  const { id: groupId, members } = await group();
  expect(members.map((m: { name: string }) => m.name).sort()).toEqual(["1-relay", "2-relay", "3-relay", "4-relay"]);
  await rig.ask("POST", `/mano/v1/protection_groups/${groupId}/command`, { command: "force", to: "4-relay" });
  await until("it serves", () => TRAFFIC.every((net) => rig.vim.boundTo(net) === "data_net3"));
  rig.vim.down(machine);
  await until("another serves", () => TRAFFIC.every((net) => rig.vim.boundTo(net) !== "data_net3"));
  await until("it is healed", () => rig.vim.asked.some((a) => a.startsWith("POST") && a.includes(server)));
  rig.vim.up(machine);
  await rig.ask("POST", `/mano/v1/protection_groups/${groupId}/command`, { command: "clear" });
  await until("no alarm is left", async () => (await rig.alarms()).length === 0);

  rig.vim.deaf.add(machine);
  const graceful = { vnfInstanceId: id, terminationType: "GRACEFUL", gracefulTerminationTimeout: 3_600 };
  const remove = await begin(`${ns}/update`, {
    updateType: "REMOVE_VNF",
    removeVnfInstanceId: [id],
    terminateVnfData: [graceful],
  });
  await until("its guest is asked to end", () => rig.vim.stops.includes(`${machine} shutdown`));
  expect((await group()).members).toHaveLength(3); // It serves nobody any more.
  await until("who is waited for is told", async () =>
    (await sol.ask("GET", remove)).body.warnings.some((w: string) => w === `${machine} is asked to shut down`),
  );
  await rig.stopMano();
  rig.vim.stops.length = 0;
  await rig.startMano();
  await until("it is asked again", () => rig.vim.stops.length > 0);
  expect(new Set(rig.vim.stops)).toEqual(new Set([`${machine} shutdown`]));
  rig.vim.down(machine);
  await ended(remove, "COMPLETED");
  expect([rig.vim.servers.has(server), (await sol.ask("GET", `${VNFS}/${id}`)).status]).toEqual([false, 404]);
});

test("several at once, by a scaling of the NS; they go with it", async () => {
  await deployed("small", 2);
  const [one, two] = [await alone("one", "data_net2"), await alone("two", "data_net3")];
  const scaleNsData = { vnfInstanceToBeAdded: taking(one.id, two.id) };
  const done = await ended(await begin(`${ns}/scale`, { scaleType: "SCALE_NS", scaleNsData }), "COMPLETED");
  expect(done).toMatchObject({
    lcmOperationType: "SCALE",
    resourceChanges: { affectedVnfs: [{ changeType: "ADD" }, { changeType: "ADD" }] },
  });
  expect((await group()).members).toHaveLength(4);

  // Who has not ended when the time is over is switched off.
  rig.vim.deaf.add(two.machine);
  const graceful = { vnfInstanceId: two.id, terminationType: "GRACEFUL", gracefulTerminationTimeout: 1 };
  const begunMs = performance.now();
  const remove = { updateType: "REMOVE_VNF", removeVnfInstanceId: [two.id], terminateVnfData: [graceful] };
  await ended(await begin(`${ns}/update`, remove), "COMPLETED");
  expect(performance.now() - begunMs).toBeGreaterThan(1_000);
  expect(new Set(rig.vim.stops)).toEqual(new Set([`${two.machine} shutdown`]));
  await ended(await begin(`${ns}/terminate`, {}), "COMPLETED");
  expect([rig.vim.servers.size, (await sol.ask("GET", VNFS)).body]).toEqual([0, []]);
  expect(TRAFFIC.map((net) => rig.vim.boundTo(net))).toEqual([null, null, null, null]);
});

test("a VNF of several VNFCs that was scaled comes with those that it has, and is scaled on", async () => {
  const file = parse(example("sol006/single.yaml"));
  const [vnfd] = file.nfv.vnfd;
  const [df] = vnfd.df;
  vnfd.vdu[0].vnfc = ["a", "b", "c"].map((id) => ({ id, "kernel-cmdline": `which=${id}` }));
  df["vdu-profile"] = [{ id: "relay", "min-number-of-instances": 1, "max-number-of-instances": 3 }];
  const deltas = { deltas: [{ id: "one", "vdu-delta": [{ id: "relay", "number-of-instances": 1 }] }], "uniform-delta": "one" };
  df["scaling-aspect"] = [{ id: "more", name: "more", "max-scale-level": 2, "aspect-delta-details": deltas }];
  const [profile] = file.nfv.nsd[0].df[0]["vnf-profile"];
  Object.assign(profile, { "min-number-of-instances": 1, "max-number-of-instances": 3 });
  delete profile["instantiation-level"];
  await rig.onboard(stringify(file));
  const { body: made } = await sol.ask("POST", NS, { nsdId: "single", nsName: "plain", nsDescription: "" });
  const plain = `${NS}/${made.id}`;
  const up = async (count: number) => {
    await until(`${count} servers`, () => rig.vim.servers.size === count);
    for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  };
  const start = await begin(`${plain}/instantiate`, { nsFlavourId: "default" });
  await up(1);
  await ended(start, "COMPLETED");
  const { body: guest } = await sol.ask("POST", VNFS, { vnfdId: "single-relay", vnfInstanceName: "guest" });
  const vnf = `${VNFS}/${guest.id}`;
  const alone = await begin(`${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: on("media_net", "").slice(0, 1) });
  await up(2);
  await ended(alone, "COMPLETED");
  const out = await begin(`${vnf}/scale`, { type: "SCALE_OUT", aspectId: "more" });
  await up(3);
  await ended(out, "COMPLETED");
  const resources = async () =>
    (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.vnfcResourceInfo.map(
      (r: { id: string; computeResource: { resourceId: string } }) => [r.id, r.computeResource.resourceId],
    );
  const before = await resources();

  const add = { updateType: "ADD_VNF", addVnfIstance: [{ vnfInstanceId: guest.id, vnfProfileId: "relay" }] };
  await ended(await begin(`${plain}/update`, add), "COMPLETED");
  expect(await resources()).toEqual(before);
  const names = async () =>
    ((await rig.ask("GET", "/mano/v1/ns_instances")).body as { name: string; vnfcs: { name: string }[] }[])
      .find((d) => d.name === "plain")!
      .vnfcs.map((v) => v.name)
      .sort();
  expect(await names()).toEqual(["2-a", "2-b", "a"]);
  const level = async () => (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.scaleStatus[0].scaleLevel;
  expect(await level()).toBe(1);
  const on2 = await begin(`${vnf}/scale`, { type: "SCALE_OUT", aspectId: "more" });
  await up(4);
  await ended(on2, "COMPLETED");
  expect([await names(), await level()]).toEqual([["2-a", "2-b", "2-c", "a"], 2]);
});

test("one that does not answer is of the NS and no member: cancelled it is FAILED_TEMP, tried again it comes to its end", async () => {
  await deployed("normal", 3);
  const { id, machine } = await alone("guest", "data_net3", false);
  const occurrence = await add(id);
  await until("who is waited for is told", async () => (await sol.ask("GET", occurrence)).body.warnings.length > 0);
  expect((await group()).members).toHaveLength(3);
  expect((await sol.ask("POST", `${occurrence}/cancel`, { cancelMode: "GRACEFUL" })).status).toBe(202);
  const failed = await ended(occurrence, "FAILED_TEMP");
  expect(failed._links).toMatchObject({ retry: expect.anything(), fail: expect.anything() });
  expect(failed._links).not.toHaveProperty("rollback");
  expect((await sol.ask("POST", `${occurrence}/rollback`)).status).toBe(409);
  expect((await sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  rig.vim.up(machine);
  await ended(occurrence, "COMPLETED");
  expect((await group()).members).toHaveLength(4);
});

test("what does not fit is refused with the reason, and nothing has changed", async () => {
  const early = await sol.ask("POST", `${ns}/update`, { updateType: "ADD_VNF", addVnfIstance: taking(NOBODY) });
  expect(early.status).toBe(409);
  await deployed("normal", 3);
  const refused = async (status: number, detail: RegExp, list: object[] | undefined, more: object = {}) => {
    const answer = await sol.ask("POST", `${ns}/update`, {
      updateType: "ADD_VNF",
      ...(list && { addVnfIstance: list }),
      ...more,
    });
    expect([answer.status, answer.body?.detail]).toEqual([status, expect.stringMatching(detail)]);
  };
  const { id, machine } = await alone("guest", "data_net2");
  const [vnf, before] = [`${VNFS}/${id}`, changes()];
  const [{ id: own }] = (await sol.ask("GET", ns)).body.vnfInstance;
  const { body: idle } = await sol.ask("POST", VNFS, { vnfdId: "media-relay-scaled" });
  await rig.onboard(example("sol006/single.yaml"));
  const { body: other } = await sol.ask("POST", VNFS, { vnfdId: "single-relay" });

  await refused(400, /addVnfIstance: is missing/, undefined);
  await refused(400, /want a list of objects/, []);
  await refused(400, /is there twice/, taking(id, id));
  await refused(422, /there is no VNF 0{8}-.* could take in/, taking(NOBODY));
  await refused(422, /is of NS media .* already/, taking(own));
  await refused(409, /is NOT_INSTANTIATED/, taking(idle.id));
  await refused(400, /has 0 VNF profiles by vnfProfileId zz/, [{ vnfInstanceId: id, vnfProfileId: "zz" }]);
  await refused(
    422,
    /is not what one of VNF profile relays .* eth1 is on net data_net2, not on data_net3; connect it there first/,
    taking(id),
  );
  await refused(409, /is NOT_INSTANTIATED/, taking(other.id));
  await ended(await begin(`${vnf}/operate`, { changeStateTo: "STOPPED" }), "COMPLETED");
  await refused(409, /was stopped/, taking(id));
  const start = await begin(`${vnf}/operate`, { changeStateTo: "STARTED" });
  rig.vim.up(machine);
  await ended(start, "COMPLETED");
  rig.vim.down(machine);
  await refused(409, /does not run: .* is INACTIVE/, taking(id));
  rig.vim.up(machine);
  const both = { scaleType: "SCALE_NS", scaleNsData: { vnfInstanceToBeAdded: taking(id), vnfInstanceToBeRemoved: [own] } };
  expect((await sol.ask("POST", `${ns}/scale`, both)).status).toBe(422);
  expect((await sol.ask("GET", ns)).body.vnfInstance).toHaveLength(3);
  expect(changes().filter((a) => !a.endsWith("/action"))).toEqual(before.filter((a) => !a.endsWith("/action")));

  // What was in the way is mended; and then there is no room for another.
  await ended(await begin(`${vnf}/change_ext_conn`, { extVirtualLinks: on("media_net", "data_net3").slice(1) }), "COMPLETED");
  await ended(await begin(`${ns}/update`, { updateType: "ADD_VNF", addVnfInstance: [{ vnfInstanceId: id }] }), "COMPLETED");
  const late = await alone("late", "data_net2");
  await refused(422, /would have 5 VNFs, and has 4 at most/, taking(late.id));
});
