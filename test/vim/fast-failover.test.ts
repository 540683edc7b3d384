import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type FlowTable, GROUP_ID_BASE } from "../../src/model/flow.ts";
import type { NetId } from "../../src/model/ids.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { flowChanges } from "../../src/steer/changes.ts";
import { GroupIds } from "../../src/steer/group-ids.ts";
import { type Bridges, onBridge } from "../../src/steer/overlay.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { TunnelKeys } from "../../src/steer/tunnel-keys.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { listen } from "../../src/switch/listen.ts";
import type { SwitchSession } from "../../src/switch/session.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";
import { until } from "./rig.ts";

/** Two members, two viewers. A dummy port's number in the datapath, which a trace tells, is the one in its name. */
const PORT_NAMES = ["a1", "b2", "v3", "v4"];
const SERVICE = "02:00:00:00:00:64";
const VIEWER = "02:00:00:00:00:0a";
const PORTS = [port("A", "a1", SERVICE), port("B", "b2", SERVICE), port("T0", "v3", VIEWER), port("T1", "v4", null)];
const EMPTY: FlowTable = { entries: [], groups: [] };

const table = (t0: string | null, t1: string | null, standIns: Record<string, string[]>): FlowTable =>
  wantedTable(
    [net("A"), net("B"), net("T0", t0), net("T1", t1)],
    PORTS,
    ABILITIES["1.3"],
    standInsOf(new Map(Object.entries(standIns)) as never),
  ).table;
const ACTIVE_ACTIVE = () => table("A", "B", { T0: ["B"], T1: ["A"] });
const ACTIVE_PASSIVE = () => table("A", "A", { T0: ["B"], T1: ["B"] });

interface Joined extends AsyncDisposable {
  readonly ovs: Ovs;
  readonly session: SwitchSession;
  write(want: FlowTable): Promise<void>;
  /** The numbers of the ports where such a frame leaves, by the switch's own account; none: dropped. */
  leaves(inPort: string, ethDst: string): Promise<string>;
  /** Ends the controller. The switch keeps its entry for one: where that is taken away, Open vSwitch empties its tables. */
  leave(): Promise<void>;
  /** Takes a port's link down, and returns when the switch has told so. */
  cut(name: string): Promise<void>;
}

async function join(): Promise<Joined> {
  await using undo = new AsyncDisposableStack();
  const listener = await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 7n });
  const leave = async () => void (await listener[Symbol.asyncDispose]());
  undo.defer(leave);
  const up = new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
  const controller = [`tcp:127.0.0.1:${listener.tcpPort}`];
  const ovs = undo.use(await startOvs({ datapathType: "dummy", ports: PORT_NAMES, protocols: ["OpenFlow13"], controller }));
  await up;
  const session = [...listener.sessions.values()][0] as SwitchSession;
  const ends = undo.move();
  return {
    ovs,
    session,
    leave,
    write: async (want) => void (await session.apply(flowChanges(want, await session.read()))),
    async leaves(inPort, ethDst) {
      const text = await ovs.trace(`in_port=${PORT_NAMES.indexOf(inPort) + 1},dl_src=02:00:00:00:00:99,dl_dst=${ethDst}`);
      return /Datapath actions: (.*)$/m.exec(text)?.[1] ?? text;
    },
    async cut(name) {
      await ovs.appctl("netdev-dummy/set-admin-state", name, "down");
      await until(`the switch tells ${name}`, () => session.ports.get(name)?.linkDown);
      await ovs.appctl("version"); // It told before it went by it: by the next turn of its loop it does.
    },
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

const ALL = "ff:ff:ff:ff:ff:ff";

describe("a real switch with a stand-in laid into it", () => {
  test.each([
    ["ACTIVE_ACTIVE", ACTIVE_ACTIVE],
    ["ACTIVE_PASSIVE", ACTIVE_PASSIVE],
  ])("%s: takes the table, tells it as it was written, and lets go of it", async (_, wanted) => {
    await using it = await join();
    await it.write(wanted());
    expect(flowChanges(wanted(), await it.session.read())).toEqual([]);
    expect((await it.session.read()).groups.filter((g) => g.type === "fastFailover").length).toBeGreaterThan(1);
    await it.write(EMPTY);
    expect(await it.session.read()).toEqual(EMPTY);
  });

  test("ACTIVE_ACTIVE: a lost port turns the ways of both directions, and nothing before", async () => {
    await using it = await join();
    await it.write(ACTIVE_ACTIVE());
    expect(await it.leaves("v3", SERVICE)).toBe("1");
    expect(await it.leaves("b2", VIEWER)).toBe("drop");
    expect(await it.leaves("b2", ALL)).toBe("4");
    await it.cut("a1");
    expect(await it.leaves("v3", SERVICE)).toBe("2");
    expect(await it.leaves("b2", VIEWER)).toBe("3");
    expect((await it.leaves("b2", ALL)).split(",").sort()).toEqual(["3", "4"]);
    expect(await it.leaves("v4", SERVICE)).toBe("2");
  });

  test("ACTIVE_PASSIVE: the one that waits is shut out until the port is lost", async () => {
    await using it = await join();
    await it.write(ACTIVE_PASSIVE());
    for (const dst of [VIEWER, ALL, SERVICE]) expect(await it.leaves("b2", dst)).toBe("drop");
    expect(await it.leaves("v4", ALL)).toBe("1");
    await it.cut("a1");
    expect(await it.leaves("v4", ALL)).toBe("2");
    expect(await it.leaves("b2", VIEWER)).toBe("3");
    expect((await it.leaves("b2", ALL)).split(",").sort()).toEqual(["3", "4"]);
  });

  test("a port that is gone altogether counts as lost", async () => {
    await using it = await join();
    await it.write(ACTIVE_ACTIVE());
    await it.ovs.vsctl("del-port", "br0", "a1");
    expect(await it.leaves("v3", SERVICE)).toBe("2");
    expect(await it.leaves("b2", VIEWER)).toBe("3");
  });

  test("with its controller gone it holds, and turns", async () => {
    await using it = await join();
    await it.write(ACTIVE_ACTIVE());
    await it.leave();
    await it.ovs.appctl("netdev-dummy/set-admin-state", "a1", "down");
    await until("it turns", async () => (await it.leaves("v3", SERVICE)) === "2");
    expect(await it.leaves("b2", VIEWER)).toBe("3");
  });

  test("the bind that follows turns the same groups, and the way back restores the table", async () => {
    await using it = await join();
    await it.write(ACTIVE_ACTIVE());
    await it.cut("a1");
    await it.write(table("B", "B", {}));
    expect(await it.leaves("v3", SERVICE)).toBe("2");
    expect((await it.leaves("b2", ALL)).split(",").sort()).toEqual(["3", "4"]);
    await it.ovs.appctl("netdev-dummy/set-admin-state", "a1", "up");
    await it.write(ACTIVE_ACTIVE());
    expect(flowChanges(ACTIVE_ACTIVE(), await it.session.read())).toEqual([]);
  });

  test("on one of several bridges: what others ask it, it takes, and tells as it was written", async () => {
    await using it = await join();
    const bridges: Bridges<string> = {
      bridgeOf: (name) => ({ a1: "here", x: "X", b: "B" })[name] ?? null,
      numberOf: (name) => ({ a1: 1, x: 8, b: 9 })[name] ?? null,
      tunnel: (from, to) => (from !== "here" ? "none" : to === "X" ? "v3" : "v4"), // Two of its ports stand for tunnels.
      keys: new TunnelKeys(),
    };
    const ids = new GroupIds();
    const ports = [port("A", "a1", SERVICE), port("B", "b", SERVICE, { vlan: 30 }), port("T", "x", VIEWER)];
    const nets = [net("A"), net("B"), net("T", "A")];
    const all = wantedTable(nets, ports, ABILITIES["1.3"], standInsOf(new Map([["T" as NetId, ["B" as NetId]]])), ids);
    const want = onBridge(all.table, "here", bridges, ids);
    const keys = want.entries.flatMap((e) => e.match.tunnelKey ?? []);
    expect(new Set(keys).size).toBe(2); // One that leads to a1, and one that asks whether it is up.
    expect(want.groups.flatMap((g) => g.buckets.flatMap((b) => b.actions)).map((a) => a.do)).toContain("turnBack");
    await it.write(want);
    expect(flowChanges(want, await it.session.read())).toEqual([]);
    const [aimed, question] = [...new Set(keys)].toSorted((a, b) => (a & 0xffff) - (b & 0xffff)) as [number, number];
    const comes = async (key: number, from: number, tag: string) =>
      /Datapath actions: (.*)$/m.exec(await it.ovs.trace(`in_port=${from},tun_id=${key},dl_dst=${SERVICE},${tag}`))?.[1];
    expect(await comes(aimed, 3, "vlan_tci=0")).toBe("1");
    expect(await comes(question, 4, "vlan_tci=0x101e")).toBe("drop");
    await it.cut("a1");
    expect(await comes(aimed, 3, "vlan_tci=0")).toMatch(/push_vlan\(vid=30.*,4$/);
    expect(await comes(aimed, 4, "vlan_tci=0")).toMatch(/push_vlan\(vid=30.*,4$/); // Back where it came from.
    await it.write(EMPTY);
    expect(await it.session.read()).toEqual(EMPTY);
  });

  test("a group of ours that watches a group reads as something nobody wants", async () => {
    await using it = await join();
    const id = GROUP_ID_BASE + 3;
    await it.ovs.ofctl("add-group", "br0", `group_id=${id},type=ff,bucket=watch_group:7,output:1,bucket=watch_port:2,output:2`);
    const [group] = (await it.session.read()).groups;
    expect(group).toEqual({
      id,
      type: "fastFailover",
      buckets: [
        { actions: [{ do: "output", port: "#0" }], watchPort: null },
        { actions: [{ do: "output", port: "b2" }], watchPort: "b2" },
      ],
    });
  });
});
