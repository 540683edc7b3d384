import { expect, test } from "vitest";
import { KillBed } from "./kill-bed.ts";
import { example, NETS, until } from "./rig.ts";

// Kill -9 while the VIM is asked for each part of a snapshot, and of the way back to one: it is finished, and no image is left that nobody knows.

const SNAPSHOTS = "/vnflcm/v2/vnf_snapshots";
const VNFS = "/vnflcm/v2/vnf_instances";

test("a snapshot that is killed while it is taken, while its VNF is reverted, and while it is deleted", async () => {
  await using bed = await KillBed.sole([...NETS], example("sol006/media-service.yaml").split("  nsd:")[0]!, "media-relay-sol");
  const { vim, sol } = bed;
  const on = (net: string, cpd: string) => ({ id: `link-${net}`, resourceId: `id-${net}`, extCps: [{ cpdId: cpd }] });
  const extVirtualLinks = [on("media_net", "media"), on("traffic_net0", "viewers"), on("traffic_net1", "viewers")];
  const [{ id: vnf }] = await bed.vnfs();
  await sol.ask("POST", `${VNFS}/${vnf}/instantiate`, { flavourId: "default", extVirtualLinks });
  await bed.ended("INSTANTIATE", "COMPLETED");
  const images = () => [...vim.images.keys()].filter((id) => id !== "images-1").length;
  const empty = async (): Promise<string> => (await sol.ask("POST", SNAPSHOTS, {})).body.id;
  const list = async () => (await sol.askUnchecked("GET", SNAPSHOTS)).body.length;
  let snapshots = 0;
  let vnfSnapshotInfoId = "";
  for (const [nth, when] of [
    [1, "before"],
    [1, "after"],
    [2, "before"],
    [2, "after"],
  ] as const) {
    vnfSnapshotInfoId = await empty();
    await bed.killedAt(nth, when, "/create_snapshot", { vnfSnapshotInfoId });
    await bed.ended("CREATE_SNAPSHOT", "COMPLETED");
    expect([images(), await list()]).toEqual([2 * ++snapshots, snapshots]);
    expect(bed.log).not.toContain('"level":60');
  }
  // A traffic net is led away, a machine is made anew; both nets, and the other one.
  for (const [nth, when] of [
    [1, "after"],
    [2, "before"],
    [2, "after"],
    [4, "after"],
  ] as const) {
    await bed.killedAt(nth, when, "/revert_to_snapshot", { vnfSnapshotInfoId });
    await bed.ended("REVERT_TO_SNAPSHOT", "COMPLETED");
    expect([bed.machines(), images()]).toEqual(["ab", 2 * snapshots]);
    const [{ members }] = await bed.get("/mano/v1/protection_groups");
    expect(members.some((m: object) => "isLeaving" in m)).toBe(false);
    expect(bed.log).not.toContain('"level":60');
  }
  for (const { id } of (await sol.askUnchecked("GET", SNAPSHOTS)).body)
    if (id !== vnfSnapshotInfoId) expect((await sol.askUnchecked("DELETE", `${SNAPSHOTS}/${id}`)).status).toBe(204);
  await bed.restarted();
  await until("only the images of the one that is in use are there", () => images() === 2);
  expect(await list()).toBe(1);
});
