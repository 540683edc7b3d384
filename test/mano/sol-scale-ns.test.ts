import { expect, test } from "vitest";
import { perVnf } from "../harness/scaled-ns.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const NS = "/nslcm/v2/ns_instances";
const VNFS = "/vnflcm/v2/vnf_instances";
const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const NETS = ["media_net", ...[0, 1, 2, 3].map((n) => `data_net${n}`), ...TRAFFIC];

/** The service whose VNFs are counted, instantiated: of three VNFs the first two serve two traffic nets each, and the third waits. */
class Bed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol: SolClient;
  ns = "";

  private constructor(rig: Rig) {
    this.rig = rig;
    this.sol = new SolClient(rig);
  }

  static async created(): Promise<Bed> {
    const bed = new Bed(await Rig.start({}, NETS));
    await bed.rig.onboard(perVnf());
    const made = await bed.sol.ask("POST", NS, { nsdId: "media-scaled", nsName: "media", nsDescription: "" });
    bed.ns = `${NS}/${made.body.id}`;
    return bed;
  }

  static async deployed(level?: string, ...up: number[]): Promise<Bed> {
    const bed = await Bed.created();
    const asked = { nsFlavourId: "default", ...(level && { nsInstantiationLevelId: level }) };
    const occurrence = await bed.begin("instantiate", asked);
    await bed.up(...(up.length > 0 ? up : [1, 2, 3]));
    await bed.ended(occurrence, "COMPLETED");
    return bed;
  }

  /** Their machines have been made, and answer from now on. */
  async up(...relays: number[]): Promise<void> {
    for (const n of relays) {
      await until(`${n}-relay is made`, () => this.relays().includes(`${n}`));
      this.rig.vim.up(`media-${n}-relay`);
    }
  }

  /** The path of the occurrence of what is begun. */
  async begin(task: string, body: object): Promise<string> {
    const asked = await this.sol.ask("POST", `${this.ns}/${task}`, body);
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    return new URL(asked.headers.get("location")!).pathname;
  }

  step(scalingDirection: "SCALE_OUT" | "SCALE_IN", numberOfSteps = 1): Promise<string> {
    const scaleNsByStepsData = { scalingDirection, aspectId: "viewers", numberOfSteps };
    return this.begin("scale", { scaleType: "SCALE_NS", scaleNsData: { scaleNsByStepsData } });
  }

  ended(occurrence: string, state: string) {
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await this.sol.ask("GET", occurrence);
      return body.operationState === state && body;
    });
  }

  /** Numbers of the machines that the VIM has. */
  relays(): string {
    return [...this.rig.vim.servers.values()]
      .map((s) => s.name.split("-")[1])
      .sort()
      .join("");
  }

  /** The number of the relay that each traffic net is led to. */
  served(): string {
    return TRAFFIC.map((net) => Number(this.rig.vim.boundTo(net)?.slice(-1)) + 1).join("");
  }

  async shown() {
    return (await this.sol.ask("GET", this.ns)).body;
  }

  async level(): Promise<string | undefined> {
    return (await this.shown()).nsScaleStatus?.[0]?.nsScaleLevelId;
  }

  /** Ids of its VNFs by the number of their relay. */
  async vnfs(): Promise<Map<string, string>> {
    const { body } = await this.sol.ask("GET", `${VNFS}?all_fields`);
    type Vnf = { id: string; instantiatedVnfInfo?: { vnfcResourceInfo: { metadata: { name: string } }[] } };
    return new Map((body as Vnf[]).map((v) => [v.instantiatedVnfInfo?.vnfcResourceInfo[0]?.metadata.name[0] ?? "none", v.id]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

test("scaled out and in by the levels of its NSD: VNFs come into being and go, and nobody is unserved", async () => {
  await using bed = await Bed.deployed();
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["123", "1212", "normal"]);

  const out = await bed.step("SCALE_OUT");
  const begun = (await bed.sol.ask("GET", out)).body;
  expect(begun).toMatchObject({ lcmOperationType: "SCALE", operationState: "PROCESSING" });
  await until("it is made", () => bed.relays() === "1234");
  expect((await bed.rig.ask("GET", "/mano/v1/protection_groups")).body[0].members).toHaveLength(3);
  await bed.up(4);
  const grown = await bed.ended(out, "COMPLETED");
  expect(grown.resourceChanges.affectedVnfs).toMatchObject([
    { vnfName: "media-relays-4", vnfProfileId: "relays", changeType: "INSTANTIATE", changeResult: "COMPLETED" },
  ]);
  expect([await bed.level(), (await bed.shown()).vnfInstance.length]).toEqual(["large", 4]);
  await until("it has its share", () => bed.served() === "1214");

  const within = await bed.step("SCALE_IN", 2);
  const shrunk = await bed.ended(within, "COMPLETED");
  expect(shrunk.resourceChanges.affectedVnfs.map((v: { changeType: string }) => v.changeType)).toEqual([
    "TERMINATE",
    "TERMINATE",
  ]);
  expect([bed.relays().length, await bed.level(), (await bed.vnfs()).size]).toEqual([2, "small", 2]);
  await until("one serves all, and the other waits", () => new Set(bed.served()).size === 1);
  expect(bed.relays()).toContain(bed.served()[0]);

  const level = { scaleType: "SCALE_NS", scaleNsData: { scaleNsToLevelData: { nsInstantiationLevel: "normal" } } };
  const back = await bed.begin("scale", level);
  await until("a third is made", () => bed.relays().length === 3);
  await bed.up(...[...bed.relays()].map(Number));
  await bed.ended(back, "COMPLETED");
  expect(await bed.level()).toBe("normal");

  expect(await bed.rig.alarms()).toEqual([]);
  expect((await bed.rig.failovers()).filter((f) => f.kind === "failover")).toEqual([]);
  const told = (await bed.rig.events()).map((e) => e.type as string);
  expect(told.filter((t) => t === "vnf.created")).toHaveLength(5);
  expect(told.filter((t) => t === "vnf.deleted")).toHaveLength(2);
  await bed.ended(await bed.begin("terminate", {}), "COMPLETED");
  expect([bed.relays(), (await bed.vnfs()).size]).toEqual(["", 0]);
});

test("scaling out fails: the VNF is no more; a retry has it again, and a rollback takes it back; restarts in between change nothing", async () => {
  await using bed = await Bed.deployed();
  const out = await bed.step("SCALE_OUT");
  await until("it is made", () => bed.relays() === "1234");
  const vnf = (await bed.vnfs()).get("4")!;
  await bed.rig.stopMano();
  Object.assign(bed.rig.vim.byName("media-4-relay"), { status: "ERROR", last_error: "no space left" });
  await bed.rig.startMano();
  const failed = await bed.ended(out, "FAILED_TEMP");
  expect(failed.error.detail).toMatch(/media-4-relay: no space left/);
  expect(failed._links).toMatchObject({ retry: expect.anything(), rollback: expect.anything(), fail: expect.anything() });
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["123", "1212", "normal"]);
  expect((await bed.sol.ask("GET", `${VNFS}/${vnf}`)).status).toBe(404);

  expect((await bed.sol.ask("POST", `${out}/retry`)).status).toBe(202);
  await until("it is made again", () => bed.relays() === "1234");
  expect((await bed.vnfs()).get("4")).toBe(vnf);
  expect((await bed.sol.ask("POST", `${out}/cancel`, { cancelMode: "GRACEFUL" })).status).toBe(202);
  await bed.ended(out, "FAILED_TEMP");
  expect((await bed.sol.ask("POST", `${out}/rollback`)).status).toBe(202);
  await bed.ended(out, "ROLLED_BACK");
  expect([bed.relays(), await bed.level(), (await bed.vnfs()).size]).toEqual(["123", "normal", 3]);

  bed.rig.vim.keepsServers = true;
  const within = await bed.step("SCALE_IN");
  await until("its machine stays", async () => (await bed.sol.ask("GET", within)).body.warnings.length > 0);
  await bed.rig.stopMano();
  bed.rig.vim.keepsServers = false;
  await bed.rig.startMano();
  await bed.ended(within, "COMPLETED");
  expect([bed.relays().length, await bed.level()]).toEqual([2, "small"]);
});

test("who serves is not who goes: the one that is down does, and what it served is served", async () => {
  await using bed = await Bed.deployed();
  bed.rig.vim.down("media-1-relay");
  await until("the third serves for it", () => bed.served() === "3232");
  await bed.ended(await bed.step("SCALE_IN"), "COMPLETED");
  expect(bed.relays()).toBe("23");
  await until("no alarm is left", async () => (await bed.rig.alarms()).length === 0);
});

test("an NS is instantiated at the level that is asked for; VNFs are added and removed by an update, inside the profile's numbers", async () => {
  await using bed = await Bed.deployed("small", 1, 2);
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["12", "1111", "small"]);
  const add = await bed.begin("update", {
    updateType: "INSTANTIATE_VNF",
    instantiateVnfData: [{ vnfProfileId: "relays", vnfInstanceName: "extra", metadata: { why: "a test" } }],
  });
  await bed.up(3);
  const added = await bed.ended(add, "COMPLETED");
  expect(added).toMatchObject({
    lcmOperationType: "UPDATE",
    resourceChanges: { affectedVnfs: [{ vnfName: "extra", changeType: "INSTANTIATE" }] },
  });
  const vnfs = await bed.vnfs();
  expect((await bed.sol.ask("GET", `${VNFS}/${vnfs.get("3")}`)).body).toMatchObject({
    vnfInstanceName: "extra",
    metadata: { why: "a test" },
  });

  const seen: boolean[] = [];
  const first = bed.rig.vim.byName("media-1-relay").id;
  bed.rig.vim.intercept = (req) => {
    if (req.method === "DELETE" && req.url!.endsWith(`/servers/${first}?force=true`)) seen.push(bed.served().includes("1"));
    return true;
  };
  const remove = { updateType: "REMOVE_VNF", removeVnfInstanceId: [vnfs.get("1")] };
  await bed.ended(await bed.begin("update", remove), "COMPLETED");
  expect(bed.relays()).toBe("23");
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).not.toContain(true);
  expect((await bed.rig.failovers()).filter((f) => f.kind === "failover")).toEqual([]);
});

test("what the NSD does not have is refused with the reason, and changes nothing", async () => {
  await using bed = await Bed.deployed();
  const before = await bed.shown();
  const vnf = (await bed.vnfs()).get("1")!;
  const scale = (scaleNsData: object) => ({ scaleType: "SCALE_NS", scaleNsData });
  const steps = (more: object) => scale({ scaleNsByStepsData: { scalingDirection: "SCALE_OUT", aspectId: "viewers", ...more } });
  const toLevel = (data: object) => scale({ scaleNsToLevelData: data });
  const twice = [1, 2].map(() => ({ nsScalingAspectId: "viewers", nsScaleLevelId: "small" }));
  for (const [task, body, status, detail] of [
    ["scale", steps({ aspectId: "zz" }), 400, /no scaling aspect zz; it has viewers/],
    ["scale", steps({ numberOfSteps: 2 }), 409, /at level normal of small, normal, large; 2 steps up are outside/],
    ["scale", steps({ scalingDirection: "SCALE_UP" }), 400, /SCALE_IN or SCALE_OUT/],
    ["scale", toLevel({}), 400, /exactly one of nsInstantiationLevel and nsScaleInfo/],
    ["scale", toLevel({ nsInstantiationLevel: "zz" }), 400, /no level zz; it has small, normal, large/],
    ["scale", toLevel({ nsInstantiationLevel: "normal" }), 409, /has exactly the VNFs that are asked for/],
    ["scale", toLevel({ nsScaleInfo: twice }), 400, /aspect viewers is named twice/],
    ["scale", scale({}), 400, /exactly one of scaleNsByStepsData/],
    [
      "scale",
      scale({ vnfInstanceToBeAdded: [{ vnfInstanceId: vnf, vnfProfileId: "relays" }] }),
      422,
      /is of NS media .* already/,
    ],
    [
      "update",
      { updateType: "REMOVE_VNF", removeVnfInstanceId: [vnf], terminateVnfData: [{ vnfInstanceId: "zz" }] },
      400,
      /not to be removed/,
    ],
    ["scale", scale({ vnfInstanceToBeRemoved: ["zz"] }), 422, /has no VNF zz/],
    ["update", { updateType: "REMOVE_VNF" }, 400, /removeVnfInstanceId: is missing/],
    ["update", { updateType: "REMOVE_VNF", removeVnfInstanceId: [...(await bed.vnfs()).values()].slice(1) }, 422, /2 at least/],
    ["update", { updateType: "INSTANTIATE_VNF" }, 400, /instantiateVnfData: is missing/],
    ["update", { updateType: "INSTANTIATE_VNF", instantiateVnfData: [{ vnfProfileId: "zz" }] }, 400, /relays \(VNFD/],
    [
      "update",
      { updateType: "INSTANTIATE_VNF", instantiateVnfData: [{ vnfFlavourId: "zz" }] },
      422,
      /no deployment flavour zz here; it has default/,
    ],
    ["update", { updateType: "INSTANTIATE_VNF", instantiateVnfData: [{}, {}] }, 422, /5 VNFs, and has 4 at most/],
    [
      "update",
      { updateType: "INSTANTIATE_VNF", instantiateVnfData: [{ locationConstraints: { vnfProfileId: "relays" } }] },
      422,
      /instantiateVnfData\/locationConstraints: no VIM here says where it is/,
    ],
    [
      "update",
      { updateType: "INSTANTIATE_VNF", instantiateVnfData: [{ extensions: { zone: "1" } }] },
      422,
      /extensions: no VNFD here has any, so zone is none/,
    ],
    [
      "update",
      { updateType: "REMOVE_VNF", removeVnfInstanceId: [vnf], addSap: [{ sapdId: "users" }] },
      400,
      /addSap: is not of updateType REMOVE_VNF/,
    ],
    [
      "scale",
      scale({ ...steps({}).scaleNsData, locationConstraints: [{ vnfProfileId: "relays" }] }),
      422,
      /scaleNsData\/locationConstraints: no VIM here/,
    ],
    ["update", { updateType: "MOVE_VNF" }, 422, /MOVE_VNF is not done here; INSTANTIATE_VNF, ADD_VNF, REMOVE_VNF/],
    ["update", { updateType: "GROW" }, 400, /there is no GROW; want one of INSTANTIATE_VNF/],
  ] as const) {
    const refused = await bed.sol.ask("POST", `${bed.ns}/${task}`, body);
    expect({ body, status: refused.status, detail: refused.body.detail }).toEqual({
      body,
      status,
      detail: expect.stringMatching(detail),
    });
  }
  expect(await bed.shown()).toEqual(before);
  await bed.ended(await bed.begin("terminate", {}), "COMPLETED");
  for (const [more, status, detail] of [
    [{ nsInstantiationLevelId: "zz" }, 400, /no level zz; it has small, normal, large/],
    [{ nsFlavourId: "zz" }, 422, /no deployment flavour zz here; it has default/],
    [{ vnfInstanceData: [{ vnfInstanceId: vnf, vnfProfileId: "relays" }] }, 422, /vnfInstanceData: an NS begins with nothing/],
    [{ locationConstraints: [{ vnfProfileId: "relays" }] }, 422, /locationConstraints: no VIM here says where it is/],
    [{ sapData: [{ sapdId: "users", sapName: "users", description: "" }] }, 422, /sapData: no SAP is made here/],
    [{ addpnfData: [{ pnfId: "1" }] }, 422, /addpnfData: nothing is made of a PNF here/],
    [{ wanConnectionData: [{ protocolData: {} }] }, 422, /wanConnectionData: ways between VIMs are links in the MANO's settings/],
    [
      { nestedNsLocationConstraints: [{ nsProfileId: "n" }] },
      422,
      /nestedNsLocationConstraints: no NS here has another one in it/,
    ],
    [
      { additionalParamsForVnf: [{ vnfProfileId: "relays", vnfInstanceName: "edge" }] },
      422,
      /additionalParamsForVnf\/vnfInstanceName: .*MODIFY_VNF_INFORMATION/,
    ],
    [
      { additionalAffinityOrAntiAffinityRule: [{ scope: "NFVI_NODE" }] },
      422,
      /write an affinity-or-anti-affinity-group in the VNFD/,
    ],
  ] as const) {
    const again = await bed.sol.ask("POST", `${bed.ns}/instantiate`, { nsFlavourId: "default", ...more });
    expect([again.status, again.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  }
});
