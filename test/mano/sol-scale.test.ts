import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const NS = "/nslcm/v2/ns_instances";
const VNFS = "/vnflcm/v2/vnf_instances";
const VNF_OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";
const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const NETS = ["media_net", ...[0, 1, 2, 3, 4].map((n) => `data_net${n}`), ...TRAFFIC];
/** With a wait-to-restore time that a test can wait for. */
const FILE = example("sol006/media-service-scaled.yaml").replace(
  "min-recovery-time-between-impacts: 200",
  "min-recovery-time-between-impacts: 20",
);

/** The service of the example, instantiated: relay-a and relay-b serve two traffic nets each, relay-c waits. */
class Bed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol: SolClient;
  ns = "";
  vnf = "";

  private constructor(rig: Rig) {
    this.rig = rig;
    this.sol = new SolClient(rig);
  }

  static async deployed(nets: readonly string[] = NETS): Promise<Bed> {
    const bed = new Bed(await Rig.start({}, nets));
    await bed.rig.onboard(FILE);
    const made = await bed.sol.ask("POST", NS, { nsdId: "media-scaled", nsName: "media", nsDescription: "" });
    bed.ns = `${NS}/${made.body.id}`;
    const occurrence = await bed.begin(`${bed.ns}/instantiate`, { nsFlavourId: "default" });
    await bed.up("a", "b", "c");
    await bed.ended(occurrence, "COMPLETED");
    bed.vnf = `${VNFS}/${(await bed.sol.ask("GET", VNFS)).body[0].id}`;
    return bed;
  }

  /** Their machines have been made, and answer from now on. */
  async up(...relays: string[]): Promise<void> {
    for (const relay of relays) {
      await until(`relay-${relay} is made`, () => this.relays().includes(relay));
      this.rig.vim.up(`media-relay-${relay}`);
    }
  }

  /** The path of the occurrence of what is begun. */
  async begin(path: string, body: object): Promise<string> {
    const asked = await this.sol.ask("POST", path, body);
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    return new URL(asked.headers.get("location")!).pathname;
  }

  scale(type: "SCALE_OUT" | "SCALE_IN", numberOfSteps = 1): Promise<string> {
    return this.begin(`${this.vnf}/scale`, { type, aspectId: "relays", numberOfSteps });
  }

  ended(occurrence: string, state: string) {
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await this.sol.ask("GET", occurrence);
      return body.operationState === state && body;
    });
  }

  /** Last letters of the machines that the VIM has. */
  relays(): string {
    return [...this.rig.vim.servers.values()]
      .map((s) => s.name.slice(-1))
      .sort()
      .join("");
  }

  /** The number of the data net that each traffic net is led to. */
  served(): string {
    return TRAFFIC.map((net) => this.rig.vim.boundTo(net)?.slice(-1)).join("");
  }

  async group(): Promise<ProtectionGroupView> {
    return (await this.rig.ask("GET", "/mano/v1/protection_groups")).body[0];
  }

  async level(): Promise<number> {
    return (await this.sol.ask("GET", this.vnf)).body.instantiatedVnfInfo.scaleStatus[0].scaleLevel;
  }

  armed() {
    return [...this.rig.vim.protections!.values()][0]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

test("scaled out and in: who is new takes its share, who is to go gives it away first, and its plans with it", async () => {
  await using bed = await Bed.deployed();
  expect(bed.served()).toBe("0101");
  const [before] = (await bed.sol.ask("GET", `${VNFS}?all_fields`)).body;
  expect(before._links).toMatchObject({ scale: expect.anything(), scaleToLevel: expect.anything() });
  expect(before.instantiatedVnfInfo).toMatchObject({
    scaleStatus: [{ aspectId: "relays", scaleLevel: 1 }],
    maxScaleLevels: [{ aspectId: "relays", scaleLevel: 3 }],
  });

  const out = await bed.scale("SCALE_OUT");
  expect((await bed.sol.ask("GET", out)).body).toMatchObject({
    operation: "SCALE",
    operationState: "PROCESSING",
    operationParams: { type: "SCALE_OUT", aspectId: "relays" },
    resourceChanges: { affectedVnfcs: [{ vduId: "relay", changeType: "ADDED", metadata: { name: "relay-d" } }] },
  });
  expect((await bed.sol.ask("POST", `${bed.vnf}/scale`, { type: "SCALE_IN", aspectId: "relays" })).status).toBe(409);
  await until("relay-d is made", () => bed.relays() === "abcd");
  expect((await bed.group()).members).toHaveLength(3); // One that has not answered yet protects nobody.
  await bed.up("d");
  await bed.ended(out, "COMPLETED");
  expect((await bed.group()).members.map((m) => m.name)).toEqual(["relay-a", "relay-b", "relay-c", "relay-d"]);
  expect(bed.armed().members).toHaveLength(4);
  await until("it has its share", () => bed.served() === "0103");
  const grown = (await bed.sol.ask("GET", bed.vnf)).body.instantiatedVnfInfo;
  expect(grown.scaleStatus).toMatchObject([{ scaleLevel: 2 }]);
  expect(grown.vnfcResourceInfo).toHaveLength(4);

  // As SOL005 asks for it.
  const vnfInstanceId = bed.vnf.split("/").at(-1)!;
  const scaleVnfData = [{ vnfInstanceId, scaleVnfType: "SCALE_IN", scaleByStepData: { aspectId: "relays" } }];
  const seen: { bound: boolean; armed: boolean }[] = [];
  const relayD = bed.rig.vim.byName("media-relay-d").id;
  bed.rig.vim.intercept = (req) => {
    if (req.method === "DELETE" && req.url!.endsWith(`/servers/${relayD}?force=true`))
      seen.push({ bound: bed.served().includes("3"), armed: bed.armed().members.some((m) => m.server_id === relayD) });
    return true;
  };
  const within = await bed.begin(`${bed.ns}/scale`, { scaleType: "SCALE_VNF", scaleVnfData });
  const ended = await bed.ended(within, "COMPLETED");
  expect(ended).toMatchObject({
    lcmOperationType: "SCALE",
    resourceChanges: { affectedVnfs: [{ vnfInstanceId, changeType: "SCALE", changeResult: "COMPLETED" }] },
  });
  expect(bed.relays()).toBe("abc");
  expect(bed.served()).toBe("0101");
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.every((s) => !s.bound && !s.armed)).toBe(true);
  expect((await bed.rig.failovers()).filter((f) => f.kind === "failover")).toEqual([]);
  expect(await bed.rig.alarms()).toEqual([]);

  const least = await bed.begin(`${bed.vnf}/scale_to_level`, { instantiationLevelId: "least" });
  expect((await bed.ended(least, "COMPLETED")).operation).toBe("SCALE_TO_LEVEL");
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["ac", "0000", 0]);
  const most = await bed.begin(`${bed.vnf}/scale_to_level`, { scaleInfo: [{ aspectId: "relays", scaleLevel: 3 }] });
  await bed.up("b", "d", "e");
  await bed.ended(most, "COMPLETED");
  await until("all have their share", () => bed.served() === "0143");

  await bed.ended(await bed.begin(`${bed.ns}/terminate`, {}), "COMPLETED");
  expect(bed.relays()).toBe("");
  const again = await bed.begin(`${bed.ns}/instantiate`, { nsFlavourId: "default" });
  await bed.up("a", "b", "c");
  await bed.ended(again, "COMPLETED");
  expect(bed.relays()).toBe("abc");
  const told = (await bed.rig.events()).flatMap((e) => (e.type === "vnf.occurrence" ? [e.occurrence.vnfs[0]!.operation] : []));
  expect(new Set(told)).toEqual(new Set(["INSTANTIATE", "SCALE", "SCALE_TO_LEVEL", "TERMINATE", "CHANGE_EXT_CONN"]));
});

test("scaling out fails: all of it is taken back, nothing else begins, and a retry begins from nothing", async () => {
  await using bed = await Bed.deployed();
  const out = await bed.scale("SCALE_OUT", 2);
  await until("two more are made", () => bed.relays() === "abcde");
  Object.assign(bed.rig.vim.byName("media-relay-e"), { status: "ERROR", last_error: "no space left" });
  const failed = await bed.ended(out, "FAILED_TEMP");
  expect(failed.error.detail).toMatch(/media-relay-e: no space left/);
  expect(failed._links).toMatchObject({ retry: expect.anything(), rollback: expect.anything(), fail: expect.anything() });
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["abc", "0101", 1]);
  expect((await bed.sol.ask("POST", `${bed.vnf}/heal`, {})).status).toBe(409);

  expect((await bed.sol.ask("POST", `${out}/retry`)).status).toBe(202);
  await bed.up("d", "e");
  expect(await bed.ended(out, "COMPLETED")).not.toHaveProperty("error");
  expect(await bed.level()).toBe(3);
});

test("cancelled, and rolled back: it is as large as it was, whichever way it was going", async () => {
  await using bed = await Bed.deployed();
  const cancel = { cancelMode: "GRACEFUL" };
  const out = await bed.scale("SCALE_OUT");
  await until("it is made", () => bed.relays() === "abcd");
  expect((await bed.sol.ask("POST", `${out}/cancel`, cancel)).status).toBe(202);
  expect((await bed.ended(out, "FAILED_TEMP")).error.detail).toMatch(/cancelled while: media-relay-d is CREATING/);
  expect([bed.relays(), await bed.level()]).toEqual(["abc", 1]);
  expect((await bed.sol.ask("POST", `${out}/rollback`)).status).toBe(202);
  await bed.ended(out, "ROLLED_BACK");

  bed.rig.vim.keepsServers = true;
  const within = await bed.scale("SCALE_IN");
  await until("it has given away what it served, and its machine stays", async () =>
    (await bed.sol.ask("GET", within)).body.warnings.some((w: string) =>
      /media-relay-b: .*a snapshot of it is being made/.test(w),
    ),
  );
  expect([bed.served(), (await bed.group()).members.length]).toEqual(["0000", 2]);
  await bed.sol.ask("POST", `${within}/cancel`, cancel);
  await bed.ended(within, "FAILED_TEMP");
  expect((await bed.group()).members.map((m) => m.name)).toEqual(["relay-a", "relay-b", "relay-c"]);
  await until("it serves again", () => bed.served() === "0101");
  bed.rig.vim.keepsServers = false;
  expect((await bed.sol.ask("POST", `${within}/retry`)).status).toBe(202);
  await bed.ended(within, "COMPLETED");
  expect([bed.relays(), bed.served()]).toEqual(["ac", "0000"]);
});

test("a member that is down is scaled in; one that nobody could replace stays", async () => {
  await using bed = await Bed.deployed();
  bed.rig.vim.down("media-relay-b");
  await until("the other serves", () => !bed.served().includes("1"));
  await bed.ended(await bed.scale("SCALE_IN"), "COMPLETED");
  expect([bed.relays(), (await bed.group()).members.map((m) => m.name)]).toEqual(["ac", ["relay-a", "relay-c"]]);
  await until("no alarm is left", async () => (await bed.rig.alarms()).length === 0);
});

test("one that has left its group is not taken away while traffic is led to it, whoever led it there", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  vim.keepsServers = true;
  const within = await bed.scale("SCALE_IN");
  const waits = (words: RegExp) =>
    until(`it waits: ${words}`, async () => (await bed.sol.ask("GET", within)).body.warnings.some((w: string) => words.test(w)));
  await waits(/media-relay-b: .*a snapshot of it is being made/);
  // All others fail, and somebody leads users to the one that runs still.
  for (const name of ["media-relay-a", "media-relay-c"]) vim.down(name);
  for (const net of TRAFFIC) vim.nets.get(`id-${net}`)!.bind_net = "id-data_net1";
  await waits(/relay-b still serves traffic_net0/);
  vim.keepsServers = false;
  const looked = bed.rig.vim.asked.length;
  expect((await bed.group()).trafficNets.map((n) => n.servedBy)).toEqual(TRAFFIC.map(() => expect.any(String)));
  await until("no service is missed", async () => !(await bed.rig.alarms()).includes("SERVICE_DOWN"));
  await bed.up("a", "c");
  await bed.ended(within, "COMPLETED");
  expect([bed.relays(), bed.served()]).toEqual(["ac", "0000"]);
  const asked = bed.rig.vim.asked.slice(looked);
  const lastMoved = asked.findLastIndex((a) => /^PUT networks.id-traffic/.test(a));
  expect(asked.findIndex((a) => a.startsWith("DELETE"))).toBeGreaterThan(lastMoved);
});

test("the VIM has no net for who is new: it fails, and the service runs on", async () => {
  await using bed = await Bed.deployed(NETS.filter((n) => n !== "data_net3"));
  const out = await bed.scale("SCALE_OUT");
  expect((await bed.ended(out, "FAILED_TEMP")).error.detail).toMatch(/0 nets named "data_net3"/);
  expect([bed.relays(), bed.served(), await bed.level()]).toEqual(["abc", "0101", 1]);
  expect((await bed.sol.ask("POST", `${out}/fail`)).body.operationState).toBe("FAILED");
  await bed.ended(await bed.scale("SCALE_IN"), "COMPLETED");
});

test("what the descriptor does not have is refused with the reason, and changes nothing", async () => {
  await using bed = await Bed.deployed();
  const vnfInstanceId = bed.vnf.split("/").at(-1)!;
  const scaleVnf = (data: object) => ({ scaleType: "SCALE_VNF", scaleVnfData: [{ vnfInstanceId, ...data }] });
  const toLevels = "SCALE_TO_SCALE_LEVEL(S)";
  const toSmall = { scaleNsToLevelData: { nsInstantiationLevel: "small" } };
  for (const [path, body, status, detail] of [
    [`${bed.vnf}/scale`, { type: "SCALE_OUT", aspectId: "zz" }, 400, /no scaling aspect zz; it has relays/],
    [`${bed.vnf}/scale`, { type: "SCALE_OUT", aspectId: "relays", numberOfSteps: 3 }, 409, /at level 1 of 0..3; 4 is outside/],
    [`${bed.vnf}/scale`, { type: "SCALE_IN", aspectId: "relays", numberOfSteps: 2 }, 409, /at level 1 of 0..3; -1 is outside/],
    [`${bed.vnf}/scale`, { type: "SCALE_UP", aspectId: "relays" }, 400, /SCALE_OUT or SCALE_IN/],
    [`${bed.vnf}/scale_to_level`, {}, 400, /one of instantiationLevelId and scaleInfo/],
    [`${bed.vnf}/scale_to_level`, { instantiationLevelId: "zz" }, 400, /no instantiation level zz; it has normal, least, most/],
    [`${bed.ns}/scale`, { scaleType: "SCALE_VNF" }, 400, /scaleVnfData: is missing/],
    [`${bed.ns}/scale`, scaleVnf({ scaleVnfType: "SCALE_OUT" }), 400, /want scaleByStepData alone/],
    [`${bed.ns}/scale`, scaleVnf({ scaleVnfType: toLevels, scaleToLevelData: {} }), 400, /with vnfScaleInfo/],
    [`${bed.ns}/scale`, { scaleType: "SCALE_NS", scaleNsData: toSmall }, 422, /neither scaling aspects nor levels of the NS/],
  ] as const) {
    const refused = await bed.sol.ask("POST", path, body);
    expect({ path, status: refused.status, detail: refused.body.detail }).toEqual({
      path,
      status,
      detail: expect.stringMatching(detail),
    });
  }
  expect((await bed.sol.ask("GET", `${VNF_OCCURRENCES}?filter=(eq,operation,SCALE)`)).body).toEqual([]);
  await bed.ended(await bed.begin(`${bed.vnf}/operate`, { changeStateTo: "STOPPED" }), "COMPLETED");
  expect((await bed.sol.ask("POST", `${bed.vnf}/scale`, { type: "SCALE_OUT", aspectId: "relays" })).status).toBe(409);
});
