import { expect, test } from "vitest";
import { perVnf } from "../harness/scaled-ns.ts";
import { KillBed } from "./kill-bed.ts";
import { example, NETS, until } from "./rig.ts";
import type { ToyVim } from "./toy-vim.ts";

// Kill -9 while the VIM is asked for each change of an operation, before it has done it and after: the next run comes to its end, once.

const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const POOL_NETS = ["media_net", ...[0, 1, 2, 3, 4].map((n) => `data_net${n}`), ...TRAFFIC];
const POOL = example("sol006/media-service-scaled.yaml").replace(
  "min-recovery-time-between-impacts: 200",
  "min-recovery-time-between-impacts: 20",
);

test("scaling out and in: the machine is made once, its traffic is given away before it goes, and the group is of those that are left", async () => {
  await using bed = await KillBed.deployed(POOL_NETS, POOL, "media-scaled");
  const served = () => TRAFFIC.map((net) => bed.vim.boundTo(net)?.slice(-1)).join("");
  const [{ id: vnfInstanceId }] = await bed.vnfs();
  const scale = (scaleVnfType: string) => ({
    scaleType: "SCALE_VNF",
    scaleVnfData: [{ vnfInstanceId, scaleVnfType, scaleByStepData: { aspectId: "relays" } }],
  });
  const members = async () =>
    (await bed.get("/mano/v1/protection_groups"))[0].members.map((m: { name: string }) => m.name.slice(-1));
  // Of scaling in the first change leads its traffic net elsewhere, the second takes its machine away.
  for (const [direction, nth, when] of [
    ["OUT", 1, "before"],
    ["IN", 1, "before"],
    ["OUT", 1, "after"],
    ["IN", 1, "after"],
    ["OUT", 1, "before"],
    ["IN", 2, "before"],
    ["OUT", 1, "after"],
    ["IN", 2, "after"],
  ] as const) {
    await bed.killedAt(nth, when, "/scale", scale(`SCALE_${direction}`));
    await bed.ended("SCALE", "COMPLETED");
    const isOut = direction === "OUT";
    await until("traffic is at home", () => served() === (isOut ? "0103" : "0101"));
    expect([bed.machines(), (await members()).join("")]).toEqual(isOut ? ["abcd", "abcd"] : ["abc", "abc"]);
    const [{ instantiatedVnfInfo }] = await bed.vnfs();
    expect(instantiatedVnfInfo.vnfcResourceInfo).toHaveLength(isOut ? 4 : 3);
    expect(instantiatedVnfInfo.scaleStatus).toMatchObject([{ scaleLevel: isOut ? 2 : 1 }]);
    expect(bed.log).not.toContain('"level":60');
  }
  const failovers: { kind: string }[] = await bed.get("/mano/v1/failovers");
  expect(failovers.filter((f) => f.kind === "failover")).toEqual([]);
});

test("scaling over two VIMs: the machine and the way to it are made once, and nothing of either is left", async () => {
  const file = POOL.replace("data-net: data_net1 }", "data-net: data_net1, vim-account: vim2 }");
  const isThere = ["data_net1", "data_net3"];
  await using bed = await KillBed.overTwo(
    POOL_NETS.filter((n) => !isThere.includes(n)),
    isThere,
    file,
  );
  const { vim, other } = bed;
  const served = () => TRAFFIC.map((net) => vim.nets.get(vim.boundTo(net) ?? "")?.name ?? vim.boundTo(net));
  const [{ id: vnfInstanceId }] = await bed.vnfs();
  const scale = (scaleVnfType: string) => ({
    scaleType: "SCALE_VNF",
    scaleVnfData: [{ vnfInstanceId, scaleVnfType, scaleByStepData: { aspectId: "relays" } }],
  });
  const waysIn = (of: ToyVim) => [...of.ports.values()].filter((p) => p.name.startsWith("media relay-") && !p.device_id).length;
  // Out: nets and ports of the way in both, then the machine. In: a bind, the machine, then ports and nets of the way.
  for (const [direction, nth, when] of [
    ["OUT", 2, "after"],
    ["IN", 2, "after"],
    ["OUT", 4, "before"],
    ["IN", 4, "before"],
    ["OUT", 1, "after"],
    ["IN", 3, "after"],
  ] as const) {
    await bed.killedAt(nth, when, "/scale", scale(`SCALE_${direction}`));
    await bed.ended("SCALE", "COMPLETED");
    const isOut = direction === "OUT";
    expect([bed.machines(), bed.machines(other!)]).toEqual(isOut ? ["ac", "bd"] : ["ac", "b"]);
    expect([waysIn(vim), waysIn(other!)]).toEqual(isOut ? [2, 2] : [1, 1]);
    const [{ members }] = await bed.get("/mano/v1/protection_groups");
    expect(members.map((m: { name: string }) => m.name.slice(-1)).join("")).toBe(isOut ? "abcd" : "abc");
    await until("all is served", () => served().every((net) => net !== null));
    expect(bed.log).not.toContain('"level":60');
  }
  const [ns] = await bed.get("/mano/v1/ns_instances");
  await until("VLANs are free again", async () => (await bed.get(`/mano/v1/ns_instances/${ns.id}`)).stitches.length === 2);
  const failovers: { kind: string }[] = await bed.get("/mano/v1/failovers");
  expect(failovers.filter((f) => f.kind === "failover")).toEqual([]);
});

test("scaling the NS out and in: a VNF is made once, and is no more once, with its machine", async () => {
  await using bed = await KillBed.deployed(POOL_NETS, perVnf(), "media-scaled");
  const scaleNs = (direction: string) => ({
    scaleType: "SCALE_NS",
    scaleNsData: { scaleNsByStepsData: { scalingDirection: `SCALE_${direction}`, aspectId: "viewers" } },
  });
  for (const [direction, nth, when] of [
    ["OUT", 1, "before"],
    ["IN", 1, "after"],
    ["OUT", 1, "after"],
    ["IN", 2, "before"],
  ] as const) {
    await bed.killedAt(nth, when, "/scale", scaleNs(direction));
    await bed.ended("SCALE", "COMPLETED");
    const count = direction === "OUT" ? 4 : 3;
    const [{ members }] = await bed.get("/mano/v1/protection_groups");
    expect([bed.vim.servers.size, members.length, (await bed.vnfs()).length]).toEqual([count, count, count]);
    await until("each of its traffic nets is led to a machine that is there", () => {
      const there = new Set([...bed.vim.servers.values()].map((s) => `data_net${Number(s.name.split("-")[1]) - 1}`));
      return TRAFFIC.every((net) => there.has(bed.vim.boundTo(net) ?? ""));
    });
    expect(bed.log).not.toContain('"level":60');
  }
  const failovers: { kind: string }[] = await bed.get("/mano/v1/failovers");
  expect(failovers.filter((f) => f.kind === "failover")).toEqual([]);
});

test("terminating: nothing of it is left, and it can be instantiated again", async () => {
  await using bed = await KillBed.deployed(NETS, example("media-relay.yaml"), "media");
  // Two binds are taken off, then two machines away.
  for (const [nth, when] of [
    [1, "before"],
    [2, "after"],
    [3, "before"],
    [4, "after"],
  ] as const) {
    await bed.killedAt(nth, when, "/terminate", {});
    await bed.ended("TERMINATE", "COMPLETED");
    expect([bed.machines(), bed.vim.boundTo("traffic_net0"), bed.vim.boundTo("traffic_net1")]).toEqual(["", null, null]);
    expect(await bed.vnfs()).toEqual([]);
    expect(bed.log).not.toContain('"level":60');
    await bed.instantiate();
    expect(bed.machines()).toBe("ab");
  }
});

test("healing: what is down is started, and the operation ends when it is up", async () => {
  await using bed = await KillBed.deployed(["media_net"], example("sol006/single.yaml"), "single");
  const [{ id: vnfInstanceId }] = await bed.vnfs();
  for (const when of ["before", "after"] as const) {
    bed.vim.down("media-relay-1");
    await bed.killedAt(1, when, "/heal", { healVnfData: [{ vnfInstanceId, cause: "it is down" }] });
    expect((await bed.ended("HEAL", "PROCESSING")).resourceChanges).toBeUndefined();
    if (when === "before")
      await until("it is asked for again", () => bed.vim.asked.filter((a) => a.endsWith("/action")).length > 1);
    bed.vim.up("media-relay-1");
    await bed.ended("HEAL", "COMPLETED");
    expect([bed.machines(), bed.vim.byName("media-relay-1").status]).toEqual(["1", "ACTIVE"]);
    expect(bed.log).not.toContain('"level":60');
  }
});
