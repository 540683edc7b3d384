import { expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// Snapshots of VNFs over a toy VIM: what is asked of it, in which order, and what becomes of traffic meanwhile.

const NS = "/nslcm/v2/ns_instances";
const VNFS = "/vnflcm/v2/vnf_instances";
const SNAPSHOTS = "/vnflcm/v2/vnf_snapshots";
const OF_NS = "/nslcm/v2/vnf_snapshots";

/** The service of an example, instantiated. SOL002 and SOL003 contradict one another about VNFC snapshots. */
class Bed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol3: SolClient;
  readonly sol5: SolClient;
  ns = "";
  vnf = "";

  private constructor(rig: Rig) {
    this.rig = rig;
    this.sol3 = new SolClient(rig, "SOL003");
    this.sol5 = new SolClient(rig, "SOL005");
  }

  static async deployed(file = example("media-relay.yaml"), nets?: readonly string[]): Promise<Bed> {
    const bed = new Bed(await Rig.start({}, nets));
    const { rig } = bed;
    const id = await rig.create(file);
    bed.ns = `${NS}/${id}`;
    await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
    const count = (await rig.ns()).vnfcs.length;
    await until(`${count} servers`, () => rig.vim.servers.size === count);
    for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
    await until("it runs", async () => (await rig.ns()).underWay === null);
    bed.vnf = `${VNFS}/${(await bed.sol3.ask("GET", VNFS)).body[0].id}`;
    return bed;
  }

  get vnfId(): string {
    return this.vnf.split("/").at(-1)!;
  }

  async empty(): Promise<string> {
    const made = await this.sol3.ask("POST", SNAPSHOTS, {});
    expect(made.status).toBe(201);
    expect(new URL(made.headers.get("location")!).pathname).toBe(`${SNAPSHOTS}/${made.body.id}`);
    return made.body.id;
  }

  /** The path of the occurrence of what is begun. */
  async begin(sol: SolClient, path: string, body: object): Promise<string> {
    const asked = await sol.ask("POST", path, body);
    expect({ path, status: asked.status, body: asked.body }).toEqual({ path, status: 202, body: null });
    return new URL(asked.headers.get("location")!).pathname;
  }

  take(vnfSnapshotInfoId: string, more: object = {}): Promise<string> {
    return this.begin(this.sol3, `${this.vnf}/create_snapshot`, { vnfSnapshotInfoId, ...more });
  }

  revert(vnfSnapshotInfoId: string, more: object = {}): Promise<string> {
    return this.begin(this.sol3, `${this.vnf}/revert_to_snapshot`, { vnfSnapshotInfoId, ...more });
  }

  ended(occurrence: string, state: string) {
    const sol = occurrence.startsWith("/nslcm") ? this.sol5 : this.sol3;
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await sol.ask("GET", occurrence);
      return body.operationState === state && body;
    });
  }

  async snapshot(id: string) {
    return (await this.sol3.ask("GET", `${SNAPSHOTS}/${id}`)).body;
  }

  /** One whole snapshot of the VNF. */
  async taken(more: object = {}): Promise<string> {
    const id = await this.empty();
    await this.ended(await this.take(id, more), "COMPLETED");
    return id;
  }

  /** Those that the VIM has beside the one that it came with. */
  images(): string[] {
    return [...this.rig.vim.images.keys()].filter((id) => id !== "images-1");
  }

  /** The number of the data net that each traffic net is led to. */
  served(): string {
    return ["traffic_net0", "traffic_net1"].map((net) => this.rig.vim.boundTo(net)?.slice(-1) ?? "-").join("");
  }

  /** The last letters of those that were made anew and have not answered. */
  begun(): string {
    return [...this.rig.vim.servers.values()].flatMap((s) => (s.status === "CREATING" ? s.name.slice(-1) : [])).join("");
  }

  async status(method: string, path: string, body?: object): Promise<number> {
    return (await (path.startsWith("/nslcm") ? this.sol5 : this.sol3).ask(method, path, body)).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

test("a snapshot has an image of each disk, shows the VNF as it was, and takes its images with it", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  const id = await bed.empty();
  expect(await bed.snapshot(id)).toEqual({ id, _links: { self: { href: `${bed.rig.url}${SNAPSHOTS}/${id}` } } });
  vim.newImage = { status: "BUILD", progress: 40 };
  const occurrence = await bed.take(id, { userDefinedData: { why: "before the upgrade" } });
  const waiting = await until("it is being copied", async () => {
    const { body } = await bed.sol3.ask("GET", occurrence);
    return body.warnings.length === 2 && body.warnings.every((w: string) => w.endsWith("40 %")) && body;
  });
  expect(waiting).toMatchObject({
    operation: "CREATE_SNAPSHOT",
    vnfSnapshotInfoId: id,
    resourceChanges: { affectedVnfcs: [] },
    _links: { cancel: expect.anything() },
  });
  // Whoever needs it is let be: 409, and the VNF is busy.
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(409);
  expect(await bed.status("POST", `${bed.vnf}/heal`, {})).toBe(409);
  for (const image of vim.images.values()) Object.assign(image, { status: "ACTIVE" });
  await bed.ended(occurrence, "COMPLETED");
  const { vnfSnapshot } = await bed.snapshot(id);
  expect(vnfSnapshot).toMatchObject({
    vnfInstanceId: bed.vnfId,
    creationFinishedAt: expect.any(String),
    userDefinedData: { why: "before the upgrade" },
    vnfInstance: { id: bed.vnfId, instantiationState: "INSTANTIATED" },
  });
  expect(
    vnfSnapshot.vnfcSnapshots.map(
      (v: { computeSnapshotResource: { resourceId: string } }) => v.computeSnapshotResource.resourceId,
    ),
  ).toEqual(bed.images());
  expect(vim.servers.values().every((s) => s.status === "ACTIVE")).toBe(true);
  const [listed] = (await bed.sol3.ask("GET", `${SNAPSHOTS}?filter=(eq,vnfSnapshot/vnfInstanceId,${bed.vnfId})`)).body;
  expect(listed.vnfSnapshot).not.toHaveProperty("vnfInstance");
  expect((await bed.sol5.ask("GET", bed.ns)).body.vnfSnapshotInfoIds).toEqual([id]);

  // What a body names and cannot be had is 422, after what cannot begin.
  for (const [task, body] of [
    ["create_snapshot", { vnfSnapshotInfoId: id }],
    ["create_snapshot", { vnfSnapshotInfoId: "none" }],
    ["create_snapshot", { vnfSnapshotInfoId: await bed.empty(), vnfcInstanceId: "none" }],
    ["revert_to_snapshot", { vnfSnapshotInfoId: "none" }],
    ["revert_to_snapshot", { vnfSnapshotInfoId: await bed.empty() }],
  ] as const)
    expect([task, await bed.status("POST", `${bed.vnf}/${task}`, body)]).toEqual([task, 422]);
  expect(await bed.status("POST", `${bed.vnf}/create_snapshot`, {})).toBe(400);
  expect(await bed.status("POST", `${VNFS}/none/create_snapshot`, { vnfSnapshotInfoId: id })).toBe(404);
  expect(await bed.status("GET", `${SNAPSHOTS}/${id}/vnf_state_snapshot`)).toBe(404);
  expect(await bed.status("POST", SNAPSHOTS, { vnfSnapshotPkgId: "x" })).toBe(422);
  expect(await bed.status("PATCH", `${SNAPSHOTS}/${id}`, { vnfSnapshotPkgId: "x" })).toBe(422);
  expect(await bed.status("PATCH", `${SNAPSHOTS}/none`, { vnfSnapshotPkgId: "x" })).toBe(404);

  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(204);
  expect((await bed.sol3.ask("GET", `${SNAPSHOTS}/${id}`)).status).toBe(404);
  await until("its images are gone", () => bed.images().length === 0);
});

test("who subscribes to one of the operations is told of that one alone, in ETSI's shape", async () => {
  await using bed = await Bed.deployed(example("sol006/single.yaml"));
  await using receiver = await Receiver.start();
  const filter = { operationTypes: ["CREATE_SNAPSHOT"] };
  const asked = { callbackUri: receiver.url, filter };
  expect(await bed.status("POST", "/vnflcm/v2/subscriptions", asked)).toBe(201);
  const id = await bed.taken();
  const back = await bed.revert(id);
  await until("it begins anew", () => bed.rig.vim.servers.values().some((s) => s.status === "CREATING"));
  for (const { name } of bed.rig.vim.servers.values()) bed.rig.vim.up(name);
  await bed.ended(back, "COMPLETED");
  await bed.taken();
  const told = () => receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));
  await until("both are told", () => told().filter((n) => n.operationState === "COMPLETED").length === 2);
  expect(new Set(told().map((n) => n.operation))).toEqual(new Set(["CREATE_SNAPSHOT"]));
  const [schema, definition] = ["VnfLcmOperationOccurrenceNotification", "SOL003-VNFLifecycleManagementNotification"];
  expect(told().flatMap((n) => SolClient.structure(definition, schema, n))).toEqual([]);
});

test("reverted: one after the other, each gives its traffic away first, and is there again before the next one", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  const id = await bed.taken();
  expect(bed.served()).toBe("01");
  const served: string[] = [];
  vim.intercept = (req) => {
    if (req.method === "POST" && req.url!.endsWith("/action")) served.push(bed.served());
    return true;
  };
  const occurrence = await bed.revert(id);
  await until("the first begins anew", () => bed.begun().length === 1);
  const first = bed.begun();
  const [own, other] = first === "a" ? ["00", "11"] : ["11", "00"];
  expect([served, bed.served()]).toEqual([[other], other]);
  vim.up(`media-relay-${first}`);
  const second = first === "a" ? "b" : "a";
  await until("the second begins anew", () => bed.begun() === second);
  expect([served, bed.served()]).toEqual([[other, own], own]);
  expect((await bed.sol3.ask("GET", occurrence)).body).toMatchObject({ operation: "REVERT_TO_SNAPSHOT", vnfSnapshotInfoId: id });
  vim.up(`media-relay-${second}`);
  expect(await bed.ended(occurrence, "COMPLETED")).toMatchObject({
    resourceChanges: { affectedVnfcs: [{ changeType: "MODIFIED" }, { changeType: "MODIFIED" }] },
  });
  expect(vim.servers.values().every((s) => bed.images().includes(s.image!.id))).toBe(true);
  const [group] = (await bed.rig.ask("GET", "/mano/v1/protection_groups")).body;
  expect(group.members.some((m: object) => "isLeaving" in m)).toBe(false);
  expect((await bed.rig.failovers()).filter((f) => f.kind === "failover")).toEqual([]);
  vim.intercept = () => true;

  // Its machines are made from its images: it stays until they are not.
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(409);
  await bed.rig.ask("POST", `/mano/v1/ns_instances/${bed.ns.split("/").at(-1)}/terminate`);
  await until("terminated", async () => (await bed.rig.ns()).state === "NOT_INSTANTIATED");
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(204);
  await until("its images are gone", () => bed.images().length === 0);
});

test("where the first does not come back the other one stays as it was, and serves; retried, it goes on", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  const id = await bed.taken();
  const occurrence = await bed.revert(id);
  await until("the first begins anew", () => bed.begun().length === 1);
  const first = bed.begun();
  vim.byName(`media-relay-${first}`).status = "ERROR";
  const { error, _links } = await bed.ended(occurrence, "FAILED_TEMP");
  expect(error.detail).toContain(`media-relay-${first}`);
  expect(Object.keys(_links).sort()).toEqual(["fail", "retry", "self", "vnfInstance"]);
  expect(await bed.status("POST", `${occurrence}/rollback`)).toBe(409);
  expect(new Set(bed.served())).toEqual(new Set([first === "a" ? "1" : "0"]));
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(409);
  expect(await bed.status("POST", `${occurrence}/retry`)).toBe(202);
  await until("it begins anew once more", () => bed.begun() === first);
  vim.up(`media-relay-${first}`);
  await until("the second begins anew", () => bed.begun() === (first === "a" ? "b" : "a"));
  vim.up(`media-relay-${bed.begun()}`);
  await bed.ended(occurrence, "COMPLETED");
});

test("one VNFC of several is kept and reverted; of one without a disk nothing is kept, and that is said", async () => {
  await using bed = await Bed.deployed(example("sol006/single.yaml"));
  const { vim } = bed.rig;
  for (const server of vim.servers.values()) server.extended = { devices: [{ type: "cdrom" }, { type: "disk" }] };
  expect((await bed.ended(await bed.take(await bed.empty()), "COMPLETED")).warnings).toEqual([
    expect.stringContaining("has further disks, of which nothing is kept"),
  ]);
  for (const server of vim.servers.values()) delete server.extended;
  const others = bed.images();
  vim.hasNoDisks = true;
  const [{ id: vnfcInstanceId }] = (await bed.sol3.ask("GET", bed.vnf)).body.instantiatedVnfInfo.vnfcResourceInfo;
  const id = await bed.empty();
  const { warnings } = await bed.ended(await bed.take(id, { vnfcInstanceId }), "COMPLETED");
  expect(warnings).toEqual([expect.stringContaining("has no disk: nothing is kept of it")]);
  const [kept] = (await bed.snapshot(id)).vnfSnapshot.vnfcSnapshots;
  expect(kept).not.toHaveProperty("computeSnapshotResource");
  const before = vim.asked.length;
  const occurrence = await bed.revert(id, { vnfcInstanceId, vnfcSnapshotInfoId: kept.id });
  await until("it begins anew", () => vim.asked.slice(before).some((a) => a.endsWith("/action")));
  await bed.ended(occurrence, "COMPLETED");
  expect(bed.images()).toEqual(others);
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(204);
});

test("a VIM that makes a machine anew from its own image has reverted nothing, and that is told", async () => {
  await using bed = await Bed.deployed(example("sol006/single.yaml"));
  const { vim } = bed.rig;
  vim.ignoresImages = true;
  const occurrence = await bed.revert(await bed.taken());
  await until("it begins anew", () => [...vim.servers.values()].some((s) => s.status === "CREATING"));
  for (const { name } of vim.servers.values()) vim.up(name);
  expect((await bed.ended(occurrence, "FAILED_TEMP")).error.detail).toContain("makes no server anew from another one");
  expect(await bed.status("POST", `${occurrence}/fail`)).toBe(200);
});

test("of requests at once for one snapshot each is done or refused, and no image is left that nobody knows", async () => {
  await using bed = await Bed.deployed(example("sol006/single.yaml"));
  const id = await bed.empty();
  const wishes = [
    ["POST", `${bed.vnf}/create_snapshot`, { vnfSnapshotInfoId: id }],
    ["DELETE", `${SNAPSHOTS}/${id}`],
    ["POST", `${bed.vnf}/create_snapshot`, { vnfSnapshotInfoId: id }],
  ] as const;
  const statuses = await Promise.all(wishes.map(([method, path, body]) => bed.status(method, path, body)));
  expect(statuses.filter((status) => ![202, 204, 409, 422].includes(status))).toEqual([]);
  expect(statuses.filter((status) => status === 202).length).toBeLessThanOrEqual(1); // It is filled once.
  await until("nothing goes on", async () => (await bed.rig.ns()).underWay === null);
  const isThere = (await bed.sol3.ask("GET", `${SNAPSHOTS}/${id}`)).status === 200;
  await until("its image is there as long as it is", () => bed.images().length === (isThere ? 1 : 0));
});

test("a copy that fails, and one that is cancelled, leave no image; retried it is whole, rolled back it is none", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  const id = await bed.empty();
  vim.newImage = { status: "ERROR", last_error: "the disk is full" };
  const occurrence = await bed.take(id);
  const { error, _links } = await bed.ended(occurrence, "FAILED_TEMP");
  expect(error.detail).toContain("the disk is full");
  expect(Object.keys(_links).sort()).toEqual(["fail", "retry", "rollback", "self", "vnfInstance"]);
  expect([bed.images(), await bed.snapshot(id)]).toEqual([[], { id, _links: expect.anything() }]);
  vim.newImage = { status: "BUILD" };
  expect(await bed.status("POST", `${occurrence}/retry`)).toBe(202);
  await until("it is being copied", () => bed.images().length === 2);
  expect(await bed.status("POST", `${occurrence}/cancel`, { cancelMode: "FORCEFUL" })).toBe(202);
  await bed.ended(occurrence, "FAILED_TEMP");
  expect(bed.images()).toEqual([]);
  vim.newImage = {};
  expect(await bed.status("POST", `${occurrence}/retry`)).toBe(202);
  await bed.ended(occurrence, "COMPLETED");
  expect(bed.images()).toHaveLength(2);

  const other = await bed.empty();
  vim.newImage = { status: "ERROR" };
  const failing = await bed.take(other);
  await bed.ended(failing, "FAILED_TEMP");
  expect(await bed.status("POST", `${failing}/rollback`)).toBe(202);
  await bed.ended(failing, "ROLLED_BACK");
  expect(bed.images()).toHaveLength(2);
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${other}`)).toBe(204);
});

test("a VIM that gives images ids of its own is left without any, and so is one that is away when a snapshot is deleted", async () => {
  await using bed = await Bed.deployed();
  const { vim } = bed.rig;
  const id = await bed.taken();
  await vim.stop();
  expect(await bed.status("DELETE", `${SNAPSHOTS}/${id}`)).toBe(204);
  expect((await bed.sol3.ask("GET", `${SNAPSHOTS}/${id}`)).status).toBe(404);
  await bed.rig.stopMano();
  await vim.start();
  await bed.rig.startMano();
  await until("its images are gone", () => bed.images().length === 0);

  vim.newImage = { id: "own" };
  const occurrence = await bed.take(await bed.empty());
  expect((await bed.ended(occurrence, "FAILED_TEMP")).error.detail).toContain("gives images ids of its own");
  expect(bed.images()).toEqual([]);
});

test("by SOL005: taken, reverted to and deleted as updates of the NS", async () => {
  await using bed = await Bed.deployed(example("sol006/single.yaml"));
  const { vim } = bed.rig;
  const vnfInstanceId = bed.vnfId;
  const update = (updateType: string, more: object) => bed.begin(bed.sol5, `${bed.ns}/update`, { updateType, ...more });
  const taken = await bed.ended(await update("CREATE_VNF_SNAPSHOT", { createSnapshotData: { vnfInstanceId } }), "COMPLETED");
  expect(taken).toMatchObject({ lcmOperationType: "UPDATE", resourceChanges: { affectedVnfs: [] } });
  const [vnfSnapshotInfoId] = (await bed.sol5.ask("GET", bed.ns)).body.vnfSnapshotInfoIds;
  expect((await bed.sol5.ask("GET", OF_NS)).body).toMatchObject([{ id: vnfSnapshotInfoId }]);
  expect((await bed.sol5.ask("GET", `${OF_NS}/${vnfSnapshotInfoId}`)).body.vnfSnapshot).toMatchObject({ vnfInstanceId });

  const at = { vnfInstanceId, vnfSnapshotInfoId };
  const back = await update("REVERT_VNF_TO_SNAPSHOT", { revertVnfToSnapshotData: at });
  await until("it begins anew", () => vim.servers.values().some((s) => s.status === "CREATING"));
  expect(
    await bed.status("POST", `${bed.ns}/update`, { updateType: "DELETE_VNF_SNAPSHOT_INFO", deleteVnfSnapshotData: at }),
  ).toBe(409);
  vim.up([...vim.servers.values()][0]!.name);
  expect((await bed.ended(back, "COMPLETED")).resourceChanges.affectedVnfs).toMatchObject([
    { vnfInstanceId, changeType: "HEAL" },
  ]);
  expect(await bed.status("DELETE", `${OF_NS}/${vnfSnapshotInfoId}`)).toBe(409);

  const more = await bed.ended(await update("CREATE_VNF_SNAPSHOT", { createSnapshotData: { vnfInstanceId } }), "COMPLETED");
  expect(more.operationState).toBe("COMPLETED");
  const ids: string[] = (await bed.sol5.ask("GET", bed.ns)).body.vnfSnapshotInfoIds;
  const second = ids.find((one) => one !== vnfSnapshotInfoId)!;
  const gone = { vnfInstanceId, vnfSnapshotInfoId: second };
  await bed.ended(await update("DELETE_VNF_SNAPSHOT_INFO", { deleteVnfSnapshotData: gone }), "COMPLETED");
  await until("its image is gone", () => bed.images().length === 1);
  for (const [updateType, body, status] of [
    ["DELETE_VNF_SNAPSHOT_INFO", { deleteVnfSnapshotData: gone }, 422],
    ["REVERT_VNF_TO_SNAPSHOT", { revertVnfToSnapshotData: { vnfInstanceId: "none", vnfSnapshotInfoId } }, 422],
    ["CREATE_VNF_SNAPSHOT", {}, 400],
  ] as const)
    expect([updateType, await bed.status("POST", `${bed.ns}/update`, { updateType, ...body })]).toEqual([updateType, status]);
});

test("a warm spare is made anew as the others are, and rests again", async () => {
  await using bed = await Bed.deployed(example("media-relay-warm-spare.yaml"));
  const { vim } = bed.rig;
  await until("it rests", () => vim.byName("media-relay-c").status === "PAUSED");
  const occurrence = await bed.revert(await bed.taken());
  for (let i = 0; i < 3; i++) {
    const name = await until("one begins anew", () => [...vim.servers.values()].find((s) => s.status === "CREATING")?.name);
    expect(bed.served()).not.toContain(String("abc".indexOf(name.slice(-1))));
    vim.up(name);
  }
  await bed.ended(occurrence, "COMPLETED");
  await until("it rests again", () => vim.byName("media-relay-c").status === "PAUSED");
});

test("a pool: what was scaled since is told how to get back, and nobody is taken away for being set aside", async () => {
  const nets = ["media_net", ...[0, 1, 2, 3, 4].map((n) => `data_net${n}`), ...[0, 1, 2, 3].map((n) => `traffic_net${n}`)];
  await using bed = await Bed.deployed(example("sol006/media-service-scaled.yaml"), nets);
  const { vim } = bed.rig;
  const id = await bed.taken();
  const scale = async (type: string) => bed.begin(bed.sol3, `${bed.vnf}/scale`, { type, aspectId: "relays" });
  const out = await scale("SCALE_OUT");
  await until("it is made", () => vim.servers.size === 4);
  vim.up("media-relay-d");
  await bed.ended(out, "COMPLETED");
  const refused = await bed.sol3.ask("POST", `${bed.vnf}/revert_to_snapshot`, { vnfSnapshotInfoId: id });
  expect([refused.status, refused.body.detail]).toEqual([
    409,
    expect.stringMatching(/it has relay-d now, .* scale it to what it was/),
  ]);
  await bed.ended(await scale("SCALE_IN"), "COMPLETED");
  const begun: string[] = [];
  const occurrence = await bed.revert(id);
  while (begun.length < 3) {
    const name = await until("one begins anew", () => [...vim.servers.values()].find((s) => s.status === "CREATING")?.name);
    const net = `id-data_net${"abc".indexOf(name.slice(-1))}`;
    expect([...vim.nets.values()].filter((n) => n.bind_net === net)).toEqual([]);
    begun.push(name);
    vim.up(name);
  }
  await bed.ended(occurrence, "COMPLETED");
  expect([new Set(begun).size, vim.servers.size]).toEqual([3, 3]);
  expect(vim.servers.values().every((s) => s.image !== undefined)).toBe(true);
});
