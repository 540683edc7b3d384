import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ArmedProtection } from "../../src/model/armed.ts";
import type { GroupId, VnfcId } from "../../src/model/ids.ts";
import type { Server } from "../../src/model/vim-picture.ts";
import { ArmedRig } from "./armed-rig.ts";
import { until } from "./rig.ts";

const [A, B, C, D] = ["A", "B", "C", "D"] as VnfcId[] as [VnfcId, VnfcId, VnfcId, VnfcId];
const [NORTH, SOUTH] = ["north", "south"] as GroupId[] as [GroupId, GroupId];

let rig: ArmedRig;
let c: Server;
let d: Server;
beforeEach(async () => {
  rig = await ArmedRig.start();
  c = await rig.addMember("relay-c", "data2");
  d = await rig.addMember("relay-d", "data3");
  rig.events.length = rig.writes.length = 0;
});
afterEach(() => rig[Symbol.asyncDispose]());

const serverOf = (id: VnfcId) => ({ [A]: rig.a, [B]: rig.b, [C]: c, [D]: d })[id]!;
const member = (id: VnfcId, capacity: number | null) => {
  const { netId } = rig.portOf(serverOf(id));
  return { id, name: `relay-${id.toLowerCase()}`, serverId: serverOf(id).id, dataNet: netId!, capacity };
};
const plan = (failed: VnfcId, traffic: string, to: VnfcId, ...orElse: VnfcId[]) => ({
  failed,
  moves: [{ trafficNet: rig.nets[traffic]!.id, to, orElse }],
  because: [`${to} is up`],
});
const arm = (id: GroupId, part: Pick<ArmedProtection, "members" | "plans"> & Partial<ArmedProtection>) =>
  rig.vim.protections.arm({ id, name: id, revision: 1, holdOffMs: 0, probe: null, guestHeartbeat: null, traffic: null, ...part });
/** A serves traffic0 and B traffic1; each spare has room for one. */
const armPool = (plans: ArmedProtection["plans"]) =>
  arm(NORTH, { members: [member(A, 1), member(B, 1), member(C, 1), member(D, 1)], plans });
/** All of them in one tick. */
async function ends(...ids: VnfcId[]): Promise<void> {
  rig.vim.facts.gather();
  for (const id of ids) rig.server(serverOf(id), "stopped");
  await Promise.resolve();
}
const served = () => [rig.boundTo("traffic0"), rig.boundTo("traffic1")];
const fired = () => rig.events.flatMap((e) => (e.type === "protection.fired" ? e.fired.moves.map((m) => m.to) : []));

describe("a spare that has room for one", () => {
  test("both that it stands in for fail in one tick: one is moved, the other stays where it is and is armed on", async () => {
    await armPool([plan(A, "traffic0", C), plan(B, "traffic1", C)]);
    await ends(A, B);
    expect([served(), fired()]).toEqual([["data2", "data1"], [C]]);
    const { plans } = rig.vim.protections.get(NORTH);
    expect(plans.map((p) => [p.state, p.ready])).toEqual([
      ["fired", "none"],
      ["armed", "none"],
    ]);
    expect(plans[1]!.readiness).toBe("cannot fire: relay-c carries all it may (1)");
    expect(rig.portOf(rig.b).fenced, "nothing is fenced where nothing can be moved").toBe(false);
  });

  test("one after another: the second finds it full", async () => {
    await armPool([plan(A, "traffic0", C), plan(B, "traffic1", C)]);
    await ends(B);
    await ends(A);
    expect([served(), fired()]).toEqual([["data0", "data2"], [C]]);
  });

  test("the next choice is taken where the first is full, or has failed in the same tick", async () => {
    await armPool([plan(A, "traffic0", C, D), plan(B, "traffic1", C, D)]);
    await ends(A, B);
    expect([served(), fired()]).toEqual([
      ["data2", "data3"],
      [C, D],
    ]);
    await until("confirmed", () => rig.told().filter((t) => t === "protection.confirmed").length === 2);
    expect(await rig.leavesAt("va")).toBe(rig.portOf(c).switchPort);
    expect(await rig.leavesAt("vb")).toBe(rig.portOf(d).switchPort);
  });

  test("it stands in for two groups: they do not meet on it, whichever fires first", async () => {
    await arm(NORTH, { members: [member(A, 1), member(C, 1)], plans: [plan(A, "traffic0", C)] });
    await arm(SOUTH, { members: [member(B, 1), member(C, 1)], plans: [plan(B, "traffic1", C)] });
    await ends(B, A);
    expect([served(), fired()]).toEqual([["data0", "data2"], [C]]);
    expect(rig.vim.protections.get(NORTH).plans[0]).toMatchObject({ state: "armed", ready: "none" });
  });

  test("two decisions that cross: a bind that would overload it is refused, says why, and changes nothing", async () => {
    await armPool([plan(A, "traffic0", C), plan(B, "traffic1", C)]);
    const data2 = rig.nets.data2!.id;
    await ends(A);
    await expect(rig.vim.binds.changeBind(rig.nets.traffic1!.id, data2)).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("network 'traffic1' cannot be led there: relay-c carries all it may (1)"),
    });
    expect(served()).toEqual(["data2", "data1"]);
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, data2); // It is there already.
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data3!.id);
    await rig.vim.binds.changeBind(rig.nets.traffic1!.id, data2);
    expect(served()).toEqual(["data3", "data2"]);
  });

  test("a fence by command carries out what every group it is a member of has armed", async () => {
    const traffic = [rig.nets.traffic0!.id, rig.nets.traffic1!.id];
    for (const net of traffic) await rig.vim.binds.changeBind(net, rig.nets.data2!.id);
    await arm(NORTH, { members: [member(A, 1), member(C, 2)], plans: [plan(C, "traffic0", A)] });
    await arm(SOUTH, { members: [member(B, 1), member(C, 2)], plans: [plan(C, "traffic1", B)] });
    await rig.vim.protections.fence(SOUTH, C);
    expect([served(), rig.portOf(c).fenced]).toEqual([["data0", "data1"], true]);
  });

  test("the rule is there again after a restart", async () => {
    await armPool([plan(A, "traffic0", C), plan(B, "traffic1", C)]);
    await ends(A);
    await rig.close();
    await rig.open();
    await ends(B);
    expect(served()).toEqual(["data2", "data1"]);
    expect(rig.vim.protections.get(NORTH).members[2]).toMatchObject({ capacity: 1 });
  });
});

describe("in the switch, which cannot count", () => {
  const inSwitch = async () => {
    await until("laid into the switch", async () => (await groups()).includes("type=ff"));
    return groups();
  };
  const groups = () => rig.ovs.ofctl("dump-groups", "br0");
  const lost = async (id: VnfcId) => {
    const tap = rig.portOf(serverOf(id)).switchPort!;
    await rig.ovs.ofctl("mod-port", "br0", tap, "down");
  };

  test("a spare stands in for no more than it has room for; who goes without is told", async () => {
    await armPool([plan(A, "traffic0", C), plan(B, "traffic1", C)]);
    expect((await inSwitch()).match(/type=ff/g)).toHaveLength(2); // traffic0 forward, and its gate at C.
    const [first, second] = rig.vim.protections.get(NORTH).plans.map((p) => p.readiness);
    expect(first).toBe("can fire: traffic0 goes to relay-c");
    expect(second).toMatch(/^can fire: traffic1 goes to relay-c \(not by the switch alone: those that could stand in/);
    await rig.close(); // Nobody but the switch acts from here on.
    await lost(A);
    await lost(B);
    expect(await rig.leavesAt("va")).toBe(rig.portOf(c).switchPort);
    expect(await rig.leavesAt("vb"), "to where it was, and so nowhere").toBe(rig.portOf(rig.b).switchPort);
  });

  test("with second choices each finds a place of its own", async () => {
    await armPool([plan(A, "traffic0", C, D), plan(B, "traffic1", C, D)]);
    await inSwitch();
    expect(rig.vim.protections.get(NORTH).plans.map((p) => p.readiness)).toEqual([
      "can fire: traffic0 goes to relay-c",
      "can fire: traffic1 goes to relay-c",
    ]);
    await lost(A);
    await lost(B);
    await until("each on its own", async () => {
      const ways = [await rig.leavesAt("va"), await rig.leavesAt("vb")];
      return ways.every((w) => w !== "drop") && new Set(ways).size === 2;
    });
  });
});
