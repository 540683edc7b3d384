import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openmanoRig } from "../openmano/rig.ts";
import { example, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// Snapshots of a VNF in a VIM of ours, whose machines are states in its process, and whose images are rows.

const VNFS = "/vnflcm/v2/vnf_instances";
const SNAPSHOTS = "/vnflcm/v2/vnf_snapshots";

test("taken, made anew from its image, which the VIM keeps while it is in use, and gone with what it was put into", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "sempre-snapshot-"));
  await using rig = await openmanoRig({ packages: { dir: dir.path } });
  const sol = new SolClient({ url: rig.manoUrl }, "SOL003");
  const ok = async (method: string, path: string, body?: object) => {
    const { status, body: answer } = await rig.atVim(method, path, body);
    expect({ path, status, answer }).toMatchObject({ status: 200 });
    return answer;
  };
  const tenant = (await ok("GET", "/tenants?name=default")).tenants[0].id;
  const metadata = { os_type: "linux" };
  const relay = { name: "media-relay", path: "/nowhere/image.qcow2", metadata };
  const own = (await ok("POST", `/${tenant}/images`, { image: relay })).image.id;
  const net = (await ok("POST", "/networks", { network: { name: "media_net", type: "data" } })).network.id;
  const account = { name: "vim1", url: rig.vimUrl, adminUrl: rig.vimAdminUrl };
  expect((await sol.askUnchecked("POST", "/mano/v1/vims", account, { version: "" })).status).toBe(201);
  const file = example("sol006/single.yaml").split("  nsd:")[0]!;
  const text = { version: "", "content-type": "text/plain" };
  expect((await sol.askUnchecked("POST", "/mano/v1/descriptors", file, text)).status).toBe(201);

  const { body: made } = await sol.ask("POST", VNFS, { vnfdId: "single-relay", vnfInstanceName: "single" });
  const vnf = `${VNFS}/${made.id}`;
  const begun = async (task: string, body: object) => {
    const asked = await sol.ask("POST", `${vnf}/${task}`, body);
    expect({ task, status: asked.status, body: asked.body }).toEqual({ task, status: 202, body: null });
    const occurrence = new URL(asked.headers.get("location")!).pathname;
    return until(`${task} is done`, async () => {
      const { body: o } = await sol.ask("GET", occurrence);
      expect([o.operationState, o.error]).not.toContain("FAILED_TEMP");
      return o.operationState === "COMPLETED" && o;
    });
  };
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
