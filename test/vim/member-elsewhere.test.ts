import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArmedProtection } from "../../src/model/armed.ts";
import type { GroupId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import { ArmedRig } from "./armed-rig.ts";
import { nowMs, until } from "./rig.ts";

const GROUP = "group-1" as GroupId;
const B = "B" as VnfcId;
const [LINK, VLAN] = ["trunk", 101];

/** A serves traffic0 here; B serves traffic1 in another VIM, over a VLAN of the link to it. */
let rig: ArmedRig;
let way: VimPortId;
beforeEach(async () => {
  rig = await ArmedRig.start();
  await rig.ovs.vsctl("add-port", "br0", LINK, "--", "set", "interface", LINK, "type=dummy");
  await until("the switch tells the link", () => rig.vim.fabric.session?.ports.has(LINK));
  const { nets, ports, binds } = rig.vim;
  rig.nets.way = await nets.createNet({ name: "way", kind: "data" });
  way = (await ports.createPort({ name: "to B", netId: rig.nets.way.id, switchPort: LINK, vlan: VLAN })).id;
  await binds.changeBind(rig.nets.traffic1!.id, rig.nets.way.id);
  rig.events.length = rig.writes.length = 0;
});
afterEach(() => rig[Symbol.asyncDispose]());

const armed = (): ArmedProtection => {
  const protection = rig.armed();
  const elsewhere = { ...protection.members[1]!, serverId: null, dataNet: rig.nets.way!.id };
  return { ...protection, members: [protection.members[0]!, elsewhere] };
};
const arm = () => rig.vim.protections.arm(armed());
const actionsAt = async (match: string) => {
  const trace = await rig.ovs.trace(`${match},dl_dst=00:00:00:00:00:99`);
  return /Datapath actions: (.*)/.exec(trace)![1]!;
};
/** Whether what enters this port leaves over the link, tagged. */
const leavesByLink = async (port: string) => (await actionsAt(`in_port=${port}`)).startsWith(`push_vlan(vid=${VLAN},pcp=0),`);
const served = () => [rig.boundTo("traffic0"), rig.boundTo("traffic1")];
const confirmed = () => until("confirmed", () => rig.told().includes("protection.confirmed"));

describe("a member in another VIM", () => {
  test("takes over from one that is here, in the tick of the evidence; its packets come back by the same VLAN", async () => {
    await arm();
    rig.server(rig.a, "stopped", "processExit");
    expect(served()).toEqual(["way", "way"]);
    await confirmed();
    expect([await leavesByLink("va"), await leavesByLink("vb")]).toEqual([true, true]);
    const back = await actionsAt(`in_port=${LINK},dl_vlan=${VLAN}`);
    expect(back).toMatch(/^pop_vlan,\d+,\d+$/); // To the users of both.
    expect(await actionsAt(`in_port=${LINK},dl_vlan=102`)).toBe("drop");
  });

  test("the link is lost: its traffic moves at once, nothing is closed, and it is no target until the link is back", async () => {
    await arm();
    rig.vim.facts.link("portStatus", LINK, false, nowMs());
    expect(rig.told()).toEqual(["linkDown by portStatus", "net.bound", "protection.fired"]);
    expect([served(), rig.vim.picture.ports.get(way)!.fenced]).toEqual([["data0", "data0"], false]);
    const plan = () => rig.vim.protections.get(GROUP).plans[0]!;
    expect(plan()).toMatchObject({ ready: "none", readiness: "cannot fire: the port of relay-b is DOWN" });
    rig.server(rig.a, "stopped");
    expect(served()).toEqual(["data0", "data0"]);
    rig.vim.facts.link("portStatus", LINK, true, nowMs());
    expect(plan()).toMatchObject({ ready: "all" });
  });

  test("fenced by command its way is closed here, and what its plan can move is moved; it opens by command", async () => {
    await arm();
    await rig.vim.protections.fence(GROUP, B);
    expect(rig.told().slice(0, 3)).toEqual(["fenced by fence", "net.bound", "protection.fired"]);
    expect([served(), rig.vim.picture.ports.get(way)!.fenced]).toEqual([["data0", "data0"], true]);
    expect(await actionsAt(`in_port=${LINK},dl_vlan=${VLAN}`)).toBe("drop");
    await rig.close();
    await rig.open();
    expect(rig.vim.protections.get(GROUP).members[1]).toMatchObject({ serverId: null, fenced: true });
    await rig.vim.protections.lift(GROUP, B);
    expect(rig.vim.picture.ports.get(way)!.fenced).toBe(false);
    expect(rig.told()).toContain("linkUp by fence");
  });

  test("packets go to it and none comes back: an opinion, which fences its way here before its traffic moves", async () => {
    await arm();
    rig.vim.facts.portEvidence({ about: { kind: "port", id: way }, says: "silent", source: "traffic", seenAt: nowMs() });
    expect(rig.told()).toEqual(["silent by traffic", "fenced by fence", "net.bound", "protection.fired"]);
    expect([served(), rig.vim.picture.ports.get(way)!.fenced]).toEqual([["data0", "data0"], true]);
  });

  test("with every daemon dead the switch itself leads over the link when a port is lost here", async () => {
    await arm();
    await until("laid into the switch", async () => (await rig.ovs.ofctl("dump-groups", "br0")).includes("type=ff"));
    const tap = rig.portOf(rig.a).switchPort!;
    expect(await rig.leavesAt("va")).toBe(tap);
    await rig.close();
    await rig.ovs.ofctl("mod-port", "br0", tap, "down");
    expect(await leavesByLink("va")).toBe(true);
    await rig.ovs.ofctl("mod-port", "br0", LINK, "down");
    await rig.ovs.ofctl("mod-port", "br0", tap, "up");
    expect(await rig.leavesAt("vb"), "and from the link to who is here").toBe(tap);
  });

  test("one without a way here is refused", async () => {
    const { members, ...protection } = armed();
    const lost = { ...protection, members: [members[0]!, { ...members[1]!, dataNet: rig.nets.traffic0!.id }] };
    await expect(rig.vim.protections.arm(lost)).rejects.toMatchObject({
      code: "INVALID",
      message: expect.stringContaining("relay-b, which is in another VIM, has no port on the switch in network"),
    });
  });
});
