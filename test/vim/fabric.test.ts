import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import type { NetId } from "../../src/model/ids.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { FlowSwitch } from "../../src/switch/flow-switch.ts";
import { listen } from "../../src/switch/listen.ts";
import type { SwitchSession } from "../../src/switch/session.ts";
import { Fabric } from "../../src/vim/fabric.ts";
import { Picture } from "../../src/vim/picture.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";
import { until } from "./rig.ts";

/** Two pairs; the number in a dummy port's name is its number in the datapath, which a trace tells. */
const PORT_NAMES = ["a1", "b2", "v3", "c4", "d5", "w6"];
const NETS = [net("A"), net("B"), net("T", "A"), net("C"), net("D"), net("U", "C")];
const id = (name: string) => name as NetId;

let ends: AsyncDisposableStack;
let ovs: Ovs;
let session: SwitchSession;
let picture: Picture;
let fabric: Fabric;

beforeEach(async () => {
  ends = new AsyncDisposableStack();
  const listener = ends.use(await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n }));
  const up = new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
  const controller = [`tcp:127.0.0.1:${listener.tcpPort}`];
  ovs = ends.use(await startOvs({ datapathType: "dummy", ports: PORT_NAMES, protocols: ["OpenFlow13"], controller }));
  await up;
  session = [...listener.sessions.values()][0] as SwitchSession;
  const migrationsDir = new URL("../../sql/vim", import.meta.url).pathname;
  const db = ends.adopt(await openStore<VimDb>({ path: ":memory:", migrationsDir }), (store) => store.destroy());
  picture = await Picture.load(db, systemClock, silent);
  for (const n of NETS) picture.nets.set(n.id, n as VimNet);
  const ports = ["A", "B", "T", "C", "D", "U"].map((netId, i) => port(netId, PORT_NAMES[i] as string, `02:00:00:00:00:0${i}`));
  for (const p of ports) picture.ports.set(p.id, p as ServerPort);
  fabric = new Fabric(picture, systemClock, silent, () => {});
  fabric.useStandIns(standInsOf(new Map([[id("T"), [id("B")]]])));
});
afterEach(() => ends.disposeAsync());

const bind = (netId: string, to: string) =>
  fabric.writeAround({ nets: [{ ...picture.nets.get(id(netId))!, bindNet: id(to) }], ports: [] });
const leaves = async (inPort: string) => {
  const text = await ovs.trace(`in_port=${PORT_NAMES.indexOf(inPort) + 1},dl_src=02:00:00:00:00:99,dl_dst=02:00:00:00:00:77`);
  return /Datapath actions: (.*)$/m.exec(text)?.[1] ?? text;
};
const standing = async () => (await session.read()).groups.filter((g) => g.type === "fastFailover").length;
/** Nothing is left to change: what was written is what the whole picture asks for. */
const expectInStep = async () => expect((await fabric.reconcile())?.changes).toBe(0);

test("stand-ins that are asked for stand in the switch, and a move computed from its own nets leaves nothing to do", async () => {
  fabric.connected(session);
  await fabric.reconcile();
  expect([await standing(), fabric.notArmed.size, await leaves("v3"), await leaves("b2")]).toEqual([2, 0, "1", "drop"]);
  const moved = await bind("T", "B");
  expect(moved!.changes).toBeGreaterThan(0);
  expect([await standing(), await leaves("v3"), await leaves("b2")]).toEqual([0, "2", "3"]);
  await expectInStep();
  await bind("T", "A");
  expect([await standing(), await leaves("v3"), await leaves("b2")]).toEqual([2, "1", "drop"]);
  await expectInStep();
});

test("a caller who names the traffic net and its binds alone gets the stand-in's side right too", async () => {
  fabric.connected(session);
  await fabric.reconcile();
  await bind("T", "C");
  expect([await leaves("v3"), await leaves("b2"), await leaves("a1")]).toEqual(["4", "drop", "drop"]);
  await expectInStep();
});

test("a move that gives the net other stand-ins, which stand in for others too, is written with all that it concerns", async () => {
  const of = (net: NetId, serving: NetId) => (net === "T" && serving === "A" ? [id("B")] : net === "A" ? [] : [id("D")]);
  fabric.useStandIns({ isEmpty: false, of, whom: (standIn) => (standIn === "D" ? [id("T"), id("U")] : [id("T")]) });
  fabric.connected(session);
  await fabric.reconcile();
  await bind("T", "B");
  expect(await standing()).toBe(4);
  await expectInStep();
});

test("a port that goes and comes back with another number before all was compared: its entries follow the number", async () => {
  fabric.connected(session);
  await fabric.reconcile();
  const number = () => session.ports.get("a1")?.no;
  const first = number();
  for (const [change, isThere] of [
    [["del-port", "a1"], false],
    [["add-port", "br0", "a1", "--", "set", "interface", "a1", "type=dummy", "ofport_request=99"], true],
  ] as const) {
    await ovs.vsctl(...change);
    await until("the switch has told it", () => (number() !== undefined) === isThere && number() !== first);
    fabric.portsChanged(isThere ? "add" : "delete", "a1");
  }
  await until("it is compared", async () => (await fabric.reconcile())?.changes === 0);
  expect(await ovs.ofctl("dump-flows", "br0", "in_port=99")).toContain("priority=");
  expect((await ovs.ofctl("dump-groups", "br0")).match(/output:99/g)?.length).toBeGreaterThan(0);
});

test("the serving port goes away altogether: what the switch did by itself is kept, and the bind is nobody's but the MANO's", async () => {
  fabric.connected(session);
  await fabric.reconcile();
  await ovs.vsctl("del-port", "br0", "a1");
  await until("the switch tells it", () => !session.ports.has("a1"));
  await fabric.reconcile();
  await expectInStep();
  expect([await leaves("v3"), await leaves("b2")]).toEqual(["2", "3"]);
  expect(picture.nets.get(id("T"))?.bindNet).toBe("A");
});

/** A switch that has no fast failover, and no choice: Open vSwitch knows it, so its answer is put in front of a real one. */
function without(real: SwitchSession): FlowSwitch & { asked: number } {
  return {
    asked: 0,
    datapath: real.datapath,
    abilities: real.abilities,
    ports: real.ports,
    read: () => real.read(),
    packetOut: (to, frame) => real.packetOut(to, frame),
    inOneWrite: (work) => real.inOneWrite(work),
    portCounters: () => real.portCounters(),
    apply(phases) {
      const refused = phases.flat().find((c) => "group" in c && c.group.type === "fastFailover");
      if (refused === undefined || !("group" in refused)) return real.apply(phases);
      this.asked++;
      const about = { error: "GROUP_MOD_FAILED/BAD_TYPE", change: `${refused.op} ${refused.group.id}` };
      return Promise.reject(new Fault("SWITCH_REFUSED", "no", about));
    },
  };
}

test("a switch without fast failover carries the nets as before, says why, and is asked again when it connects anew", async () => {
  const poor = without(session);
  fabric.connected(poor);
  await expect(fabric.reconcile()).rejects.toMatchObject({ code: "SWITCH_REFUSED" });
  await fabric.reconcile();
  expect([poor.asked, await standing(), await leaves("v3"), await leaves("b2")]).toEqual([1, 0, "1", "drop"]);
  expect(fabric.notArmed.get(id("T"))).toMatch(/refused fast failover: GROUP_MOD_FAILED\/BAD_TYPE/);
  fabric.connected(session);
  await fabric.reconcile();
  expect([await standing(), fabric.notArmed.size]).toEqual([2, 0]);
});

test("what is on its way already is done when the switch confirms it, and refused when the switch refuses that", async () => {
  const held = Promise.withResolvers<void>();
  const slow: FlowSwitch = {
    datapath: session.datapath,
    abilities: session.abilities,
    ports: session.ports,
    read: () => session.read(),
    packetOut: (to, frame) => session.packetOut(to, frame),
    inOneWrite: (work) => session.inOneWrite(work),
    portCounters: () => session.portCounters(),
    apply: (phases) => held.promise.then(() => session.apply(phases)),
  };
  fabric.connected(session);
  await fabric.reconcile();
  fabric.connected(slow);
  await fabric.reconcile();
  const first = bind("T", "B")!;
  let isSaid = false;
  const again = bind("T", "B")!;
  again
    .catch(() => {})
    .finally(() => {
      isSaid = true;
    });
  await sleep(20);
  expect(isSaid).toBe(false);
  held.reject(new Fault("SWITCH_REFUSED", "no", { error: "FLOW_MOD_FAILED/EPERM" }));
  await expect(first).rejects.toMatchObject({ code: "SWITCH_REFUSED" });
  await expect(again).rejects.toMatchObject({ code: "SWITCH_REFUSED" });
  fabric.connected(session);
  await fabric.reconcile();
  expect(await leaves("v3")).toBe("2");
  expect(await bind("T", "B")).toMatchObject({ changes: 0 });
});
