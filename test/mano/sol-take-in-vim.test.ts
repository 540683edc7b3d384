import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { example } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// A VNF that is taken into an NS in a VIM of ours, whose machines are states in its process: what heals it, and ends it, is the NS from then on.

test("its machine is made anew as the NS has it, under the name that it had, and what was brought for both goes with the NS", async () => {
  await using bed = await solVimBed();
  const { sol, ok, tenant } = bed;
  const media = await bed.newNet("media_net");
  const file = parse(example("sol006/single.yaml"));
  const [profile] = file.nfv.nsd[0].df[0]["vnf-profile"];
  Object.assign(profile, { "min-number-of-instances": 1, "max-number-of-instances": 2 });
  await bed.onBoard(stringify(file));
  const { body: made } = await sol.ask("POST", "/nslcm/v2/ns_instances", { nsdId: "single", nsName: "plain", nsDescription: "" });
  const ns = `/nslcm/v2/ns_instances/${made.id}`;
  await bed.done(ns, "instantiate", { nsFlavourId: "default" });
  const vnf = await bed.newVnf();
  await bed.done(vnf, "instantiate", {
    flavourId: "default",
    extVirtualLinks: [{ id: "media", resourceId: media, extCps: [{ cpdId: "media" }] }],
  });
  const machineOf = async () => {
    const [vnfc] = (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.vnfcResourceInfo;
    return (await ok("GET", `/${tenant}/servers/${vnfc.computeResource.resourceId}`)).server;
  };
  const [brought, before] = [(await ok("GET", `/${tenant}/flavors`)).flavors, await machineOf()];

  const taken = { updateType: "ADD_VNF", addVnfIstance: [{ vnfInstanceId: vnf.split("/").at(-1), vnfProfileId: "relay" }] };
  const { resourceChanges } = await bed.done(ns, "update", taken);
  expect(resourceChanges.affectedVnfs).toMatchObject([{ changeType: "ADD" }]);
  expect(await machineOf()).toEqual(before);

  await ok("DELETE", `/${tenant}/servers/${before.id}`);
  await bed.done(ns, "heal", { healVnfData: [{ vnfInstanceId: vnf.split("/").at(-1), cause: "it is gone" }] });
  const { id, name, status, image, flavor } = await machineOf();
  expect({ id, name, status, image, flavor }).toEqual({
    ...{ id: before.id, name: before.name, status: "ACTIVE" },
    ...{ image: before.image, flavor: before.flavor },
  });
  const [port] = (await ok("GET", `/ports?device_id=${id}`)).ports;
  expect(port).toMatchObject({ network_id: media });

  await bed.done(ns, "terminate", {});
  expect((await ok("GET", `/${tenant}/servers`)).servers).toEqual([]);
  expect(brought).not.toEqual([]);
  expect((await ok("GET", `/${tenant}/flavors`)).flavors).toEqual([]);
  expect((await sol.ask("GET", vnf)).status).toBe(404);
});
