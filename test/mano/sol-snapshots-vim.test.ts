import { expect, test } from "vitest";
import { example, until } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// Snapshots of a VNF in a VIM of ours, whose machines are states in its process, and whose images are rows.

const SNAPSHOTS = "/vnflcm/v2/vnf_snapshots";

test("taken, made anew from its image, which the VIM keeps while it is in use, and gone with what it was put into", async () => {
  const metadata = { os_type: "linux" };
  await using bed = await solVimBed("SOL003", metadata);
  const { sol, ok, tenant, imageId: own } = bed;
  const net = await bed.newNet("media_net");
  await bed.onBoard(example("sol006/single.yaml").split("  nsd:")[0]!);

  const vnf = await bed.newVnf();
  const begun = (task: string, body: object) => bed.done(vnf, task, body);
  const links = [{ id: "media", resourceId: net, extCps: [{ cpdId: "media" }] }];
  await begun("instantiate", { flavourId: "default", extVirtualLinks: links });
  const images = async (): Promise<string[]> =>
    (await ok("GET", `/${tenant}/images`)).images.map((i: { id: string }) => i.id).filter((id: string) => id !== own);
  const madeFrom = async () => {
    const [{ id }] = (await ok("GET", `/${tenant}/servers`)).servers;
    return (await ok("GET", `/${tenant}/servers/${id}`)).server.image.id;
  };
  const taken = async () => {
    const { id } = (await sol.ask("POST", SNAPSHOTS, {})).body;
    await begun("create_snapshot", { vnfSnapshotInfoId: id });
    const { vnfcSnapshots } = (await sol.ask("GET", `${SNAPSHOTS}/${id}`)).body.vnfSnapshot;
    return { vnfSnapshotInfoId: id, image: vnfcSnapshots[0].computeSnapshotResource.resourceId };
  };
  const [first, second] = [await taken(), await taken()];
  expect((await images()).sort()).toEqual([first.image, second.image].sort());
  expect((await ok("GET", `/${tenant}/images/${first.image}`)).image).toMatchObject({ status: "ACTIVE", metadata });
  expect(await madeFrom()).toBe(own);

  const revertTo = ({ vnfSnapshotInfoId }: { vnfSnapshotInfoId: string }) => begun("revert_to_snapshot", { vnfSnapshotInfoId });
  const remove = async ({ vnfSnapshotInfoId }: { vnfSnapshotInfoId: string }) =>
    (await sol.ask("DELETE", `${SNAPSHOTS}/${vnfSnapshotInfoId}`)).status;
  await revertTo(first);
  expect(await madeFrom()).toBe(first.image);
  expect(await remove(first)).toBe(409);
  await revertTo(second);
  expect([await madeFrom(), await remove(first)]).toEqual([second.image, 204]);
  await until("its image is gone", async () => (await images()).join() === second.image);
  await begun("terminate", { terminationType: "FORCEFUL" });
  // Instantiated anew it is on the image of its VNFD, and can be led back all the same.
  await begun("instantiate", { flavourId: "default", extVirtualLinks: links });
  expect(await madeFrom()).toBe(own);
  await revertTo(second);
  expect(await madeFrom()).toBe(second.image);
  await begun("terminate", { terminationType: "FORCEFUL" });
  expect(await remove(second)).toBe(204);
  await until("no image is left", async () => (await images()).length === 0);
});
