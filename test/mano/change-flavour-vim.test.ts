import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { openmanoRig } from "../openmano/rig.ts";
import { example, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// A VNF that becomes one of larger machines in a VIM of ours, whose machines are states in its process.

const VNFS = "/vnflcm/v2/vnf_instances";

test("a machine of another flavor is made in place of the one that there was, and what was brought for that alone is gone", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "sempre-flavour-"));
  await using rig = await openmanoRig({ packages: { dir: dir.path } });
  const sol = new SolClient({ url: rig.manoUrl });
  const ok = async (method: string, path: string, body?: object) => {
    const { status, body: answer } = await rig.atVim(method, path, body);
    expect({ path, status, answer }).toMatchObject({ status: 200 });
    return answer;
  };
  const tenant = (await ok("GET", "/tenants?name=default")).tenants[0].id;
  await ok("POST", `/${tenant}/images`, { image: { name: "media-relay", path: "/nowhere/image.qcow2" } });
  const media = (await ok("POST", "/networks", { network: { name: "media_net", type: "data" } })).network.id;
  const account = { name: "vim1", url: rig.vimUrl, adminUrl: rig.vimAdminUrl };
  expect((await sol.askUnchecked("POST", "/mano/v1/vims", account, { version: "" })).status).toBe(201);
  const file = parse(example("sol006/single.yaml"));
  const [vnfd] = file.nfv.vnfd;
  delete file.nfv.nsd;
  const [small] = vnfd["virtual-compute-desc"];
  vnfd["virtual-compute-desc"].push({ ...small, id: "large-relay", "virtual-memory": { size: 1 } });
  const large = structuredClone(vnfd.df[0]);
  large.id = "large";
  large["vdu-profile"][0]["virtual-compute-desc"] = "large-relay";
  vnfd.df.push(large);
  const headers = { version: "", "content-type": "text/plain" };
  expect((await sol.askUnchecked("POST", "/mano/v1/descriptors", stringify(file), headers)).status).toBe(201);

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
  const machine = async () => {
    const { servers } = await ok("GET", `/${tenant}/servers`);
    expect(servers).toHaveLength(1);
    const { server } = await ok("GET", `/${tenant}/servers/${servers[0].id}`);
    return server;
  };
  const flavors = async () => (await ok("GET", `/${tenant}/flavors`)).flavors as { id: string; name: string }[];
  const extVirtualLinks = [{ id: "media", resourceId: media, extCps: [{ cpdId: "media" }] }];
  await begun("instantiate", { flavourId: "default", extVirtualLinks });
  const first = await machine();
  const brought = await flavors();
  const [vnfc] = (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.vnfcResourceInfo;

  await begun("change_flavour", { newFlavourId: "large" });
  const second = await machine();
  expect(second.id).not.toBe(first.id);
  expect(second.name).toBe(first.name);
  const now = await flavors();
  expect(now.map((f) => f.name)).not.toEqual(brought.map((f) => f.name));
  expect(now).toHaveLength(brought.length);
  const { instantiatedVnfInfo } = (await sol.ask("GET", vnf)).body;
  expect(instantiatedVnfInfo).toMatchObject({ flavourId: "large", vnfState: "STARTED" });
  expect(instantiatedVnfInfo.vnfcResourceInfo).toMatchObject([{ id: vnfc.id, computeResource: { resourceId: second.id } }]);
  await begun("terminate", { terminationType: "FORCEFUL" });
  expect((await ok("GET", `/${tenant}/servers`)).servers).toEqual([]);
  expect((await sol.ask("DELETE", vnf)).status).toBe(204);
});
