import { expect, test } from "vitest";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const NS = "/nslcm/v2/ns_instances";
const VNFS = "/vnflcm/v2/vnf_instances";
const OCCURRENCES = "/nslcm/v2/ns_lcm_op_occs";
const VNF_OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";
const NOBODY = "0a0a0a0a-0000-4000-8000-000000000000";

/** So many objects within one another. */
const nested = (depth: number): object => Array.from({ length: depth }).reduce<object>((inner) => ({ inner }), {});

/** An NS that is not instantiated, over a toy VIM. */
class Bed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol: SolClient;
  readonly ns: string;

  private constructor(rig: Rig, ns: string) {
    this.rig = rig;
    this.sol = new SolClient(rig);
    this.ns = ns;
  }

  static async make(starting = Rig.start()): Promise<Bed> {
    const rig = await starting;
    await rig.onboard(example("media-relay.yaml"));
    const made = await new SolClient(rig).ask("POST", NS, { nsdId: "media", nsName: "media", nsDescription: "" });
    return new Bed(rig, `${NS}/${made.body.id}`);
  }

  /** The path of the occurrence of what is begun. */
  async begin(task: string, body: object): Promise<string> {
    const asked = await this.sol.ask("POST", `${this.ns}/${task}`, body);
    expect(asked.status).toBe(202);
    return new URL(asked.headers.get("location")!).pathname;
  }

  instantiate(): Promise<string> {
    return this.begin("instantiate", { nsFlavourId: "default" });
  }

  async serversUp(): Promise<void> {
    await until("two servers", () => this.rig.vim.servers.size === 2);
    for (const { name } of this.rig.vim.servers.values()) this.rig.vim.up(name);
  }

  /** An instantiation that the VIM has failed. */
  async failedTemp(): Promise<string> {
    const occurrence = await this.instantiate();
    await until("two servers", () => this.rig.vim.servers.size === 2);
    Object.assign(this.rig.vim.byName("media-relay-b"), { status: "ERROR", last_error: "no space left" });
    const { error } = await this.ended(occurrence, "FAILED_TEMP");
    expect(error.detail).toMatch(/media-relay-b: no space left/);
    expect(this.rig.vim.servers.size).toBe(0); // Nothing of it is left.
    return occurrence;
  }

  ended(occurrence: string, state: string) {
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await this.sol.ask("GET", occurrence);
      return body.operationState === state && body;
    });
  }

  async state(): Promise<string> {
    return (await this.sol.ask("GET", this.ns)).body.nsState;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

test("failed for now: nothing else begins before it is retried, and then it is done", async () => {
  await using bed = await Bed.make();
  const occurrence = await bed.failedTemp();
  for (const [task, body] of [
    ["instantiate", { nsFlavourId: "default" }],
    ["terminate", {}],
  ] as const)
    expect((await bed.sol.ask("POST", `${bed.ns}/${task}`, body)).status).toBe(409);
  expect((await bed.sol.ask("DELETE", bed.ns)).status).toBe(409);
  const [vnf, ...others] = (await bed.sol.ask("GET", VNFS)).body;
  expect(others).toEqual([]);
  expect(vnf).toMatchObject({ instantiationState: "NOT_INSTANTIATED" });
  const [before] = (await bed.sol.ask("GET", VNF_OCCURRENCES)).body;
  expect((await bed.sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  await bed.serversUp();
  const done = await bed.ended(occurrence, "COMPLETED");
  expect(done).not.toHaveProperty("error");
  expect(await bed.state()).toBe("INSTANTIATED");
  // The same VNF, and the same operation on it.
  expect(done.resourceChanges.affectedVnfs.map((v: { vnfInstanceId: string }) => v.vnfInstanceId)).toEqual([vnf.id]);
  expect((await bed.sol.ask("GET", VNFS)).body).toMatchObject([{ id: vnf.id, instantiationState: "INSTANTIATED" }]);
  expect((await bed.sol.ask("GET", VNF_OCCURRENCES)).body.map((o: { id: string }) => o.id)).toEqual([before.id]);
  const events = (await bed.rig.events()).map((e) => e.type).filter((type) => type === "vnf.created" || type === "vnf.deleted");
  expect(events).toEqual(["vnf.created"]);
});

test("rolled back: it is as if it had not been asked for", async () => {
  await using bed = await Bed.make();
  const occurrence = await bed.failedTemp();
  const both = await Promise.all([1, 2].map(() => bed.sol.ask("POST", `${occurrence}/rollback`)));
  expect(both.map((r) => r.status).sort()).toEqual([202, 409]);
  await bed.ended(occurrence, "ROLLED_BACK");
  expect((await bed.sol.ask("GET", VNFS)).body).toEqual([]);
  expect((await bed.sol.ask("POST", `${occurrence}/retry`)).status).toBe(409);
  expect((await bed.sol.ask("DELETE", bed.ns)).status).toBe(204);
});

test("given up: it has failed, and the NS can be deleted", async () => {
  await using bed = await Bed.make();
  const occurrence = await bed.failedTemp();
  expect(await bed.sol.ask("POST", `${occurrence}/fail`)).toMatchObject({ status: 200, body: { operationState: "FAILED" } });
  expect((await bed.sol.ask("POST", `${occurrence}/fail`)).status).toBe(409);
  expect((await bed.sol.ask("GET", VNFS)).body).toEqual([]);
  expect((await bed.rig.events()).map((e) => e.type)).toContain("vnf.deleted");
  expect((await bed.sol.ask("POST", `${bed.ns}/terminate`, {})).status).toBe(409); // It is shown as NOT_INSTANTIATED.
  expect((await bed.sol.ask("DELETE", bed.ns)).status).toBe(204);
});

test("cancelled: it is failed for now, with nothing left in the VIM", async () => {
  await using bed = await Bed.make();
  const occurrence = await bed.instantiate();
  await until("a server", () => bed.rig.vim.servers.size > 0);
  expect((await bed.sol.ask("POST", `${bed.ns}/terminate`, {})).status).toBe(409);
  expect((await bed.sol.ask("POST", `${occurrence}/cancel`, { cancelMode: "FORCEFUL" })).status).toBe(202);
  const { error } = await bed.ended(occurrence, "FAILED_TEMP");
  expect(error.detail).toBe("cancelled");
  expect(bed.rig.vim.servers.size).toBe(0);
});

test("it runs and cannot fail over: it is not completed, says why, and is taken away by a rollback", async () => {
  await using bed = await Bed.make(Rig.overVimThatLooks({ readyWithinMs: 300 }));
  const occurrence = await bed.instantiate();
  await bed.serversUp();
  const { error } = await bed.ended(occurrence, "FAILED_TEMP");
  expect(error.detail).toMatch(/the service runs, but it cannot fail over: .*the way of traffic_net0 was not looked at yet/);
  expect(bed.rig.vim.servers.size).toBe(2);
  const group = await until("it is armed", async () => {
    const [now] = (await bed.rig.ask("GET", "/mano/v1/protection_groups")).body;
    return now.readyBecause.length === 2 && now;
  });
  expect(group).toMatchObject({
    isReady: false,
    readyBecause: [/traffic_net0/, /traffic_net1/].map((x) => expect.stringMatching(x)),
  });
  expect((await bed.sol.ask("POST", `${occurrence}/rollback`)).status).toBe(202);
  await bed.ended(occurrence, "ROLLED_BACK");
  expect(bed.rig.vim.servers.size).toBe(0);
  expect(await bed.state()).toBe("NOT_INSTANTIATED");
});

test("a VNF is stopped, is not healed, and is started again", async () => {
  await using bed = await Bed.make();
  const instantiation = await bed.instantiate();
  await bed.serversUp();
  await bed.ended(instantiation, "COMPLETED");
  const [vnf] = (await bed.sol.ask("GET", VNFS)).body;
  const operate = async (changeStateTo: string) => {
    // What SOL003 does not know passes, whatever it is.
    const asked = await bed.sol.ask("POST", `${VNFS}/${vnf.id}/operate`, { changeStateTo, operateVnfData: 5 });
    expect(asked.status).toBe(202);
    return new URL(asked.headers.get("location")!).pathname;
  };
  const stop = await operate("STOPPED");
  expect(await bed.ended(stop, "COMPLETED")).toMatchObject({
    operation: "OPERATE",
    operationParams: { changeStateTo: "STOPPED" },
  });
  const shown = async () => (await bed.sol.ask("GET", `${VNFS}/${vnf.id}`)).body.instantiatedVnfInfo.vnfState;
  expect(await shown()).toBe("STOPPED");
  expect([...bed.rig.vim.servers.values()].map((s) => s.status)).toEqual(["INACTIVE", "INACTIVE"]);
  for (const [path, body] of [
    [`${VNFS}/${vnf.id}/heal`, {}],
    [`${bed.ns}/heal`, { healVnfData: [{ vnfInstanceId: vnf.id }] }],
  ] as const) {
    const refused = await bed.sol.ask("POST", path, body);
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/was stopped/) } });
  }
  const start = await operate("STARTED");
  await until("both are started", () => bed.rig.vim.asked.filter((a) => a.endsWith("/action")).length >= 4);
  for (const { name } of bed.rig.vim.servers.values()) bed.rig.vim.up(name);
  await bed.ended(start, "COMPLETED");
  expect(await shown()).toBe("STARTED");
});

test("a stop that did not succeed and is given up leaves a VNF that is wanted to run: what is down of it is healed", async () => {
  await using bed = await Bed.make();
  const instantiation = await bed.instantiate();
  await bed.serversUp();
  await bed.ended(instantiation, "COMPLETED");
  const [vnf] = (await bed.sol.ask("GET", VNFS)).body;
  bed.rig.vim.keepsRunning = true;
  const asked = await bed.sol.ask("POST", `${VNFS}/${vnf.id}/operate`, { changeStateTo: "STOPPED", stopType: "FORCEFUL" });
  expect(asked.status).toBe(202);
  const occurrence = new URL(asked.headers.get("location")!).pathname;
  await until("it was refused", async () => {
    const { body } = await bed.sol.ask("GET", occurrence);
    return JSON.stringify(body).includes("it cannot be stopped now");
  });
  const state = async () => (await bed.sol.ask("GET", `${VNFS}/${vnf.id}`)).body.instantiatedVnfInfo.vnfState;
  expect(await state()).toBe("STOPPED");
  expect((await bed.sol.ask("POST", `${occurrence}/cancel`, { cancelMode: "FORCEFUL" })).status).toBe(202);
  await bed.ended(occurrence, "FAILED_TEMP");
  expect((await bed.sol.ask("POST", `${occurrence}/fail`)).status).toBe(200);
  expect(await state()).toBe("STARTED");
  bed.rig.vim.down("media-relay-b");
  await until("it is healed", () => bed.rig.vim.asked.some((a) => a.startsWith("POST") && a.endsWith("/action")));
});

test("what is written of a VNF is changed, under the condition that it is what was seen", async () => {
  await using bed = await Bed.make();
  await bed.instantiate();
  await bed.serversUp();
  await until("completed", async () => (await bed.rig.ns()).underWay === null);
  const [{ id }] = (await bed.sol.ask("GET", VNFS)).body;
  const before = await bed.sol.ask("GET", `${VNFS}/${id}`);
  const change = { vnfInstanceName: "relays", metadata: { owner: "me" } };
  const ifMatch = { "if-match": before.headers.get("etag")! };
  // Its definition has a body for 202, which SOL013 has not.
  const changed = await bed.sol.askUnchecked("PATCH", `${VNFS}/${id}`, change, ifMatch);
  expect(changed.status).toBe(202);
  const occurrence = (await bed.sol.ask("GET", new URL(changed.headers.get("location")!).pathname)).body;
  expect(occurrence).toMatchObject({ operation: "MODIFY_INFO", operationState: "COMPLETED" });
  expect((await bed.sol.ask("GET", `${VNFS}/${id}`)).body).toMatchObject({
    vnfInstanceName: "relays",
    metadata: { owner: "me" },
  });
  expect((await bed.sol.ask("PATCH", `${VNFS}/${id}`, { vnfInstanceName: "x" }, ifMatch)).status).toBe(412);
  const much = { metadata: { much: "x".repeat(70_000) } };
  expect((await bed.sol.askUnchecked("PATCH", `${VNFS}/${id}`, much)).status).toBe(413);
  const modifyVnfInfoData = [{ vnfInstanceId: id, metadata: { owner: null, place: "here" } }];
  await bed.begin("update", { updateType: "MODIFY_VNF_INFORMATION", modifyVnfInfoData });
  expect((await bed.sol.ask("GET", `${VNFS}/${id}`)).body.metadata).toEqual({ place: "here" });
});

test("what cannot be done is refused in ETSI's shape, says why, and changes nothing", async () => {
  await using bed = await Bed.make();
  const instantiation = await bed.instantiate();
  await bed.serversUp();
  await bed.ended(instantiation, "COMPLETED");
  const [{ id }] = (await bed.sol.ask("GET", VNFS)).body;
  const vnf = `${VNFS}/${id}`;
  const before = (await bed.sol.ask("GET", vnf)).body;
  const toLevel = { scaleNsToLevelData: { nsInstantiationLevel: "normal" } };
  for (const [path, body, status, detail] of [
    [`${NS}/${NOBODY}/instantiate`, { nsFlavourId: "default" }, 404, /there is no NS/],
    [`${bed.ns}/instantiate`, {}, 400, /nsFlavourId/],
    [`${bed.ns}/instantiate`, { nsFlavourId: "default" }, 409, /it can be instantiated when it is NOT_INSTANTIATED/],
    [`${bed.ns}/terminate`, { terminationTime: "2999-01-01T00:00:00Z" }, 422, /terminationTime: nothing is put off here/],
    [`${bed.ns}/terminate`, { terminationTime: "soon" }, 400, /terminationTime: want a time/],
    [NS, { nsdId: "media", nsName: "b", nsDescription: "", vimAccounts: null }, 400, /vimAccounts: want an object/],
    [NS, { nsdId: "media", nsName: "b", nsDescription: "", vimAccounts: { "relay-a": {} } }, 400, /vimAccounts/],
    [`${vnf}/heal`, { additionalParams: nested(2_000) }, 400, /nested deeper/],
    [`${bed.ns}/heal`, {}, 400, /exactly one of healNsData and healVnfData/],
    [`${bed.ns}/heal`, { healVnfData: [{ vnfInstanceId: NOBODY }] }, 422, /has no VNF .*; it has: .*media-/],
    [`${bed.ns}/scale`, { scaleType: "SCALE_NS", scaleNsData: {} }, 400, /want exactly one of scaleNsByStepsData/],
    [`${bed.ns}/scale`, { scaleType: "SCALE_NS", scaleNsData: toLevel }, 422, /neither scaling aspects nor levels of the NS/],
    [`${bed.ns}/update`, { updateType: "MOVE_VNF" }, 422, /updateType MOVE_VNF is not done here/],
    [VNFS, { vnfdId: "media-relay" }, 422, /plain form/],
    [`${vnf}/instantiate`, { flavourId: "default" }, 409, /is of NS media/],
    [`${vnf}/terminate`, { terminationType: "GRACEFUL" }, 409, /terminate that/],
    [`${vnf}/terminate`, { terminationType: "SOMEHOW" }, 400, /FORCEFUL or GRACEFUL/],
    [`${vnf}/scale`, { type: "SCALE_OUT", aspectId: "a" }, 404, /no scaling aspect/],
    [`${vnf}/heal`, { vnfcInstanceId: ["zz"] }, 400, /has no VNFC zz/],
    [`${vnf}/change_flavour`, { newFlavourId: "big" }, 404, /has one deployment flavour/],
    [`${vnf}/change_ext_conn`, { extVirtualLinks: [{}] }, 400, /resourceId/],
    [`${VNFS}/${NOBODY}/heal`, {}, 404, /there is no VNF instance/],
    [`${instantiation}/retry`, undefined, 409, /is COMPLETED; only one that is FAILED_TEMP can be retried/],
    [`${instantiation}/continue`, undefined, 409, /is COMPLETED; only one that is FAILED_TEMP can be continued/],
    [`${instantiation}/cancel`, { cancelMode: "GRACEFUL" }, 409, /cannot be cancelled/],
    [`${OCCURRENCES}/${NOBODY}/fail`, undefined, 404, /there is no life cycle operation occurrence/],
  ] as const) {
    const refused = await bed.sol.ask("POST", path, body);
    expect({ path, status: refused.status, detail: refused.body.detail }).toEqual({
      path,
      status,
      detail: expect.stringMatching(detail),
    });
  }
  expect((await bed.sol.ask("DELETE", vnf)).status).toBe(409);
  expect((await bed.sol.ask("GET", vnf)).body).toEqual(before);
});
