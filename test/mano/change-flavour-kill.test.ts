import { expect, test } from "vitest";
import { stringify } from "yaml";
import { FLAVOURED_NETS, flavouredFile, widened } from "./flavoured.ts";
import { KillBed } from "./kill-bed.ts";
import { until } from "./rig.ts";

// Kill -9 while the VIM is asked for each kind of change as a VNF becomes one of another flavour: it is that then, whole, and nothing is left of what it was.

test("a VNF whose MANO is killed while its flavour is changed", async () => {
  await using bed = await KillBed.deployed(FLAVOURED_NETS, flavouredFile(), "media-vip");
  const { vim } = bed;
  const [{ id: vnfInstanceId }] = await bed.vnfs();
  const data = () => [...vim.nets.values()].map((n) => n.name).filter((n) => n.endsWith("-data"));
  const served = () =>
    ["traffic_net0", "traffic_net1"]
      .map((n) => vim.nets.get(vim.nets.get(`id-${n}`)!.bind_net ?? "")?.name.replace(/^media-(.*)-data$/, "$1"))
      .join();
  // Larger machines: a flavor is brought, then each of two machines goes and is made, and two binds are changed in between. A pool: a net, a machine. Others: two nets,
  // two machines, two binds, and two machines and two nets go.
  for (const [nth, when, newFlavourId, machines] of [
    [2, "before", "large", "ab"],
    [5, "after", "others", "ab"],
    [7, "before", "pool", "3ab"],
    [3, "after", "default", "ab"],
  ] as const) {
    const body = { updateType: "CHANGE_VNF_DF", changeVnfFlavourData: [{ vnfInstanceId, newFlavourId }] };
    await bed.killedAt(nth, when, "/update", body);
    await bed.ended("UPDATE", "COMPLETED");
    const [vnf] = await bed.vnfs();
    expect(vnf.instantiatedVnfInfo.flavourId).toBe(newFlavourId);
    expect(bed.machines()).toBe(machines);
    const name = newFlavourId === "others" ? "other" : "relay";
    expect([...vim.servers.values()].every((s) => s.name.startsWith(`media-${name}-`))).toBe(true);
    expect(data()).toHaveLength(machines.length);
    expect([...vim.protections!.values()]).toHaveLength(1);
    // What returns by itself has returned: the next one is not killed by that.
    const home = newFlavourId === "pool" ? "relay-a,relay-b" : `${name}-a,${name}-a`;
    await until(`${home} serve`, () => served() === home);
    expect(bed.log).not.toContain('"level":60');
  }
});

test("an NS whose MANO is killed while its own flavour is changed", async () => {
  await using bed = await KillBed.deployed([...FLAVOURED_NETS, "traffic_net2"], stringify(widened()), "media-vip");
  const { vim } = bed;
  const boundTo = (net: string) => vim.nets.get(vim.nets.get(`id-${net}`)!.bind_net ?? "")?.name ?? "none";
  // Wide: nets, machines and a bind of the second service, and two machines of the first that go and are made. Back: a bind, machines, nets. Busy: a net, a machine.
  for (const [nth, when, newNsFlavourId, machines] of [
    [3, "before", "wide", "aabb"],
    [4, "after", "default", "ab"],
    [7, "after", "wide", "aabb"],
    [2, "before", "busy", "3ab"],
  ] as const) {
    const body = { updateType: "CHANGE_NS_DF", changeNsFlavourData: { newNsFlavourId } };
    await bed.killedAt(nth, when, "/update", body);
    await bed.ended("UPDATE", "COMPLETED");
    const isWide = newNsFlavourId === "wide";
    expect([bed.machines(), (await bed.vnfs()).length]).toEqual([machines, isWide ? 2 : 1]);
    expect([...vim.nets.values()].filter((n) => n.name.endsWith("-data"))).toHaveLength(machines.length);
    expect([...vim.protections!.values()]).toHaveLength(isWide ? 2 : 1);
    const home = newNsFlavourId === "busy" ? "relay-b" : "relay-a";
    await until("all is at home", () => boundTo("traffic_net0").includes("relay-a") && boundTo("traffic_net1").includes(home));
    expect(boundTo("traffic_net2")).toMatch(isWide ? /more-[ab]-data$/ : /^none$/);
    expect(bed.log).not.toContain('"level":60');
  }
});
