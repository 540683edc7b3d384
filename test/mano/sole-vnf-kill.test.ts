import { expect, test } from "vitest";
import { KillBed } from "./kill-bed.ts";
import { example, NETS } from "./rig.ts";

// Kill -9 while the VIM is asked for each kind of change: a VNF without a network service comes up once, and is connected to one net or the other.

const link = (net: string, cpd: string) => ({ id: `link-${net}`, resourceId: `id-${net}`, extCps: [{ cpdId: cpd }] });

test("a VNF by itself that is killed while it comes up, is connected otherwise, and goes", async () => {
  const nets = [...NETS, "traffic_net2", "other_net"];
  await using bed = await KillBed.sole(nets, example("sol006/media-service.yaml").split("  nsd:")[0]!, "media-relay-sol");
  const { vim } = bed;
  const names = (ids: Iterable<string>) => [...new Set(ids)].map((id) => id.slice(3)).sort();
  const bound = () => names([...vim.nets.values()].filter((n) => n.bind_net).map((n) => n.id)).join();
  const plugged = () => names([...vim.ports.values()].filter((p) => p.name === "eth0").map((p) => p.network_id)).join();
  const on = (media: string, ...users: string[]) => [link(media, "media"), ...users.map((net) => link(net, "viewers"))];

  // Two nets are made, then two machines, then two binds.
  const start = { flavourId: "default", extVirtualLinks: on("media_net", "traffic_net0", "traffic_net1") };
  await bed.killedAt(3, "after", "/instantiate", start);
  await bed.ended("INSTANTIATE", "COMPLETED");
  expect([bed.machines(), bound(), plugged()]).toEqual(["ab", "traffic_net0,traffic_net1", "media_net"]);

  // Two vNICs are plugged and a net is led in one pass; in a later one another is let go of.
  for (const [nth, when, media, gone] of [
    [1, "before", "other_net", "traffic_net0"],
    [2, "after", "media_net", "traffic_net2"],
    [4, "before", "other_net", "traffic_net0"],
  ] as const) {
    const users = ["traffic_net0", "traffic_net1", "traffic_net2"].filter((net) => net !== gone);
    await bed.killedAt(nth, when, "/change_ext_conn", { extVirtualLinks: on(media, ...users) });
    await bed.ended("CHANGE_EXT_CONN", "COMPLETED");
    expect([bed.machines(), bound(), plugged()]).toEqual(["ab", users.join(), media]);
    expect(bed.log).not.toContain('"level":60');
  }
  await bed.killedAt(2, "after", "/terminate", { terminationType: "FORCEFUL" });
  await bed.ended("TERMINATE", "COMPLETED");
  expect([bed.machines(), bound()]).toEqual(["", ""]);
  expect([...vim.nets.values()].filter((n) => n.name.endsWith("-data"))).toEqual([]);
  expect(await bed.vnfs()).toMatchObject([{ instantiationState: "NOT_INSTANTIATED" }]);
});
