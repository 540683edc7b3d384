import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { example } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// A VNF that becomes one of larger machines in a VIM of ours, whose machines are states in its process.

test("a machine of another flavor is made in place of the one that there was, and what was brought for that alone is gone", async () => {
  await using bed = await solVimBed();
  const { sol, ok, tenant } = bed;
  const media = await bed.newNet("media_net");
  const file = parse(example("sol006/single.yaml"));
  const [vnfd] = file.nfv.vnfd;
  delete file.nfv.nsd;
  const [small] = vnfd["virtual-compute-desc"];
  vnfd["virtual-compute-desc"].push({ ...small, id: "large-relay", "virtual-memory": { size: 1 } });
  const large = structuredClone(vnfd.df[0]);
  large.id = "large";
  large["vdu-profile"][0]["virtual-compute-desc"] = "large-relay";
  vnfd.df.push(large);
  await bed.onBoard(stringify(file));

  const vnf = await bed.newVnf();
  const begun = (task: string, body: object) => bed.done(vnf, task, body);
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
