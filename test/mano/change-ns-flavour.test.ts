import { expect, test } from "vitest";
import { stringify } from "yaml";
import { FLAVOURED_NETS, FlavourBed, NS, VNFS, widened } from "./flavoured.ts";
import { until } from "./rig.ts";

// The deployment flavour of an NS is changed while it serves (SOL005 6.4.7, CHANGE_NS_DF).

const FILE = stringify(widened());
const NETS = [...FLAVOURED_NETS, "traffic_net2"];
const to = (newNsFlavourId: string, more: object = {}) => ({
  updateType: "CHANGE_NS_DF",
  changeNsFlavourData: { newNsFlavourId, ...more },
});
const flavourOf = async (bed: FlavourBed) => (await bed.sol.ask("GET", bed.ns)).body.flavourId;
const groups = async (bed: FlavourBed): Promise<{ name: string; scheme: string; isReady: boolean }[]> =>
  (await bed.rig.ask("GET", "/mano/v1/protection_groups")).body;
/** Ids of the VNFCs of its first VNF. */
const vnfcsOf = async (bed: FlavourBed): Promise<string[]> =>
  (await bed.info()).vnfcResourceInfo.map((v: { id: string }) => v.id).toSorted();
const led = (bed: FlavourBed, net: string) =>
  bed.rig.vim.nets.get(bed.rig.vim.nets.get(`id-${net}`)!.bind_net ?? "")?.name.replace(/^media-/, "") ?? null;

test("larger machines one after the other, a second service comes beside them; back, and nothing of it is left", async () => {
  await using bed = await FlavourBed.ofNs("default", FILE, NETS);
  const before = new Set(bed.rig.vim.servers.keys());
  const vnfcs = await vnfcsOf(bed);
  const occurrence = await bed.begin(`${bed.ns}/update`, to("wide"));
  expect((await bed.sol.ask("POST", `${bed.ns}/update`, to("busy"))).status).toBe(409);
  const done = await bed.ended(occurrence, "COMPLETED");
  expect(done).toMatchObject({ lcmOperationType: "UPDATE", parameters: to("wide"), warnings: [] });
  expect(done.resourceChanges.affectedVnfs).toMatchObject([
    { vnfProfileId: "relays", changeType: "CHANGE_FLAVOUR", changeResult: "COMPLETED" },
    { vnfProfileId: "more", changeType: "INSTANTIATE", changeResult: "COMPLETED" },
  ]);
  expect(bed.machines()).toEqual(["more-a", "more-b", "relay-a", "relay-b"]);
  expect(await vnfcsOf(bed)).toEqual(vnfcs); // Their machines are others, and they are the same.
  expect([...bed.rig.vim.servers.keys()].some((id) => before.has(id))).toBe(false);
  expect(await flavourOf(bed)).toBe("wide");
  expect(await bed.info()).toMatchObject({ flavourId: "large" });
  expect((await groups(bed)).map((g) => g.name)).toEqual(["media-relays-relay", "media-more-more"]);
  await until("both are ready, also when traffic has returned", async () => (await groups(bed)).every((g) => g.isReady));
  expect(led(bed, "traffic_net2")).toMatch(/^more-more-[ab]-data$/);

  // It is what it is after a restart too.
  await bed.rig.stopMano();
  await bed.rig.startMano();
  expect([await flavourOf(bed), (await bed.sol.ask("GET", VNFS)).body.length]).toEqual(["wide", 2]);

  const back = await bed.ended(await bed.begin(`${bed.ns}/update`, to("default")), "COMPLETED");
  expect(back.resourceChanges.affectedVnfs.map((v: { changeType: string }) => v.changeType)).toEqual([
    "CHANGE_FLAVOUR",
    "TERMINATE",
  ]);
  expect([bed.machines(), await flavourOf(bed), led(bed, "traffic_net2")]).toEqual([["relay-a", "relay-b"], "default", null]);
  expect((await groups(bed)).map((g) => g.name)).toEqual(["media-relays-relay"]);
  expect((await bed.sol.ask("GET", VNFS)).body).toHaveLength(1);
  expect([...bed.rig.vim.nets.values()].filter((n) => n.name.includes("more"))).toEqual([]);
  await until("no alarm is left", async () => (await bed.rig.alarms()).length === 0);
  const told = (await bed.rig.events()).flatMap((e) => (e.type === "vnf.created" || e.type === "vnf.deleted" ? [e.type] : []));
  expect(told).toEqual(["vnf.created", "vnf.created", "vnf.deleted"]);
});

test("who is the same to the VIM runs on; what fails is taken back, retried, and rolled back", async () => {
  await using bed = await FlavourBed.ofNs("default", FILE, NETS);
  const before = [...bed.rig.vim.servers.keys()];
  bed.held.add("relay-3");
  const occurrence = await bed.begin(`${bed.ns}/update`, to("busy"));
  const made = await until("it is made", () => [...bed.rig.vim.servers.values()].find((s) => s.name.endsWith("relay-3")));
  Object.assign(made, { status: "ERROR", last_error: "no space left" });
  const failed = await bed.ended(occurrence, "FAILED_TEMP");
  expect(failed.error.detail).toMatch(/media-relays-relay-3: no space left/);
  expect([[...bed.rig.vim.servers.keys()], await flavourOf(bed)]).toEqual([before, "default"]);

  bed.held.clear();
  expect((await bed.sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  await bed.ended(occurrence, "COMPLETED");
  expect([bed.machines(), await flavourOf(bed)]).toEqual([["relay-3", "relay-a", "relay-b"], "busy"]);
  expect(before.every((id) => bed.rig.vim.servers.has(id))).toBe(true);

  bed.held.add("more-b");
  const wide = await bed.begin(`${bed.ns}/update`, to("wide"));
  await until("one is made", () => bed.machines().includes("more-b"));
  expect((await bed.sol.ask("POST", `${wide}/cancel`, { cancelMode: "GRACEFUL" })).status).toBe(202);
  await bed.ended(wide, "FAILED_TEMP");
  expect([bed.machines(), await flavourOf(bed)]).toEqual([["relay-3", "relay-a", "relay-b"], "busy"]);
  expect((await bed.sol.ask("POST", `${wide}/rollback`)).status).toBe(202);
  await bed.ended(wide, "ROLLED_BACK");
  expect((await bed.sol.ask("GET", VNFS)).body).toHaveLength(1);
});

test("what cannot be is refused with the reason, and changes nothing", async () => {
  const file = widened();
  const [df] = file.nfv.nsd[0].df;
  const narrow = { ...structuredClone(df), id: "narrow" };
  narrow["vnf-profile"][0]["virtual-link-connectivity"].splice(2, 1); // Without traffic_net1.
  file.nfv.nsd[0].df.push(narrow);
  await using bed = await FlavourBed.ofNs("default", stringify(file), NETS);
  const asked = bed.rig.vim.asked.length;
  for (const [status, body, detail] of [
    [422, to("none"), /newNsFlavourId: NSD media-vip has no deployment flavour none here; it has default, busy, wide, narrow/],
    [422, to("wide", { instantiationLevelId: "x" }), /neither scaling aspects nor levels of the NS/],
    [409, to("default"), /is in deployment flavour default already/],
    [422, to("narrow"), /serves traffic_net0, traffic_net1 now, and traffic_net0 there: that cannot be changed while it serves/],
    [400, { updateType: "CHANGE_NS_DF" }, /changeNsFlavourData: is missing/],
    [400, { updateType: "CHANGE_NS_DF", changeNsFlavourData: {} }, /newNsFlavourId/],
  ] as [number, object, RegExp][]) {
    const refused = await bed.sol.askUnchecked("POST", `${bed.ns}/update`, body);
    expect([refused.status, refused.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  }
  const other = (await bed.sol.ask("POST", NS, { nsdId: "media-vip", nsName: "other", nsDescription: "" })).body.id;
  expect((await bed.sol.ask("POST", `${NS}/${other}/update`, to("wide"))).status).toBe(409);
  expect([bed.rig.vim.asked.length, await flavourOf(bed)]).toEqual([asked, "default"]);
});
