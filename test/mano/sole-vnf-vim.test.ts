import { expect, test } from "vitest";
import { example } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// A VNF without a network service in a VIM of ours, whose machines are states in its process.

test("instantiated, plugged into another net, stopped, and taken away by a client of SOL003", async () => {
  await using bed = await solVimBed();
  const { sol, ok, tenant } = bed;
  const [home, other] = [await bed.newNet("media_net"), await bed.newNet("other_net")];
  await bed.onBoard(example("sol006/single.yaml").split("  nsd:")[0]!);

  const vnf = await bed.newVnf();
  const begun = (task: string, body: object) => bed.done(vnf, task, body);
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
