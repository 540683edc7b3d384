import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openmanoRig } from "../openmano/rig.ts";
import { example, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// A VNF without a network service in a VIM of ours, whose machines are states in its process.

const VNFS = "/vnflcm/v2/vnf_instances";

test("instantiated, plugged into another net, stopped, and taken away by a client of SOL003", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "sempre-sole-"));
  await using rig = await openmanoRig({ packages: { dir: dir.path } });
  const sol = new SolClient({ url: rig.manoUrl });
  const ok = async (method: string, path: string, body?: object) => {
    const { status, body: answer } = await rig.atVim(method, path, body);
    expect({ path, status, answer }).toMatchObject({ status: 200 });
    return answer;
  };
  const tenant = (await ok("GET", "/tenants?name=default")).tenants[0].id;
  await ok("POST", `/${tenant}/images`, { image: { name: "media-relay", path: "/nowhere/image.qcow2" } });
  const netOf = async (name: string): Promise<string> =>
    (await ok("POST", "/networks", { network: { name, type: "data" } })).network.id;
  const [home, other] = [await netOf("media_net"), await netOf("other_net")];
  const account = { name: "vim1", url: rig.vimUrl, adminUrl: rig.vimAdminUrl };
  expect((await sol.askUnchecked("POST", "/mano/v1/vims", account, { version: "" })).status).toBe(201);
  const file = example("sol006/single.yaml").split("  nsd:")[0]!;
  expect(
    (await sol.askUnchecked("POST", "/mano/v1/descriptors", file, { version: "", "content-type": "text/plain" })).status,
  ).toBe(201);

  const { body: made } = await sol.ask("POST", VNFS, { vnfdId: "single-relay", vnfInstanceName: "single" });
  const vnf = `${VNFS}/${made.id}`;
  const begun = async (task: string, body: object) => {
    const asked = await sol.ask("POST", `${vnf}/${task}`, body);
    expect({ task, status: asked.status, body: asked.body }).toEqual({ task, status: 202, body: null });
    const occurrence = new URL(asked.headers.get("location")!).pathname;
    return until(`${task} is done`, async () => {
      const { body: o } = await sol.ask("GET", occurrence);
      expect(o.operationState).not.toBe("FAILED_TEMP");
      return o.operationState === "COMPLETED" && o;
    });
  };
  const on = (resourceId: string) => [{ id: "media", resourceId, extCps: [{ cpdId: "media" }] }];
  await begun("instantiate", { flavourId: "default", extVirtualLinks: on(home) });
  const [vnfc] = (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.vnfcResourceInfo;
  const server = vnfc.computeResource.resourceId;
  const ports = async () => (await ok("GET", `/ports?device_id=${server}`)).ports;
  const [plugged] = await ports();
  expect(plugged).toMatchObject({ network_id: home, status: "ACTIVE" });

  await begun("change_ext_conn", { extVirtualLinks: on(other) });
  expect(await ports()).toMatchObject([{ id: plugged.id, mac_address: plugged.mac_address, network_id: other }]);
  await begun("operate", { changeStateTo: "STOPPED", stopType: "FORCEFUL" });
  await begun("operate", { changeStateTo: "STARTED" });
  await begun("terminate", { terminationType: "FORCEFUL" });
  expect((await ok("GET", `/${tenant}/servers`)).servers).toEqual([]);
  expect((await sol.ask("DELETE", vnf)).status).toBe(204);
});
