import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureTap } from "../../src/hosts/taps.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { FlowEntry, FlowTable } from "../../src/model/flow.ts";
import { COOKIE_MARK, GROUP_ADDRESSES, GROUP_ID_BASE, STAND_IN_ID_BASE } from "../../src/model/flow.ts";
import type { DatapathId, NetId } from "../../src/model/ids.ts";
import type { SwitchEvent } from "../../src/model/switch.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { flowChanges } from "../../src/steer/changes.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Controller } from "../../src/switch/controller.ts";
import { Fabric } from "../../src/vim/fabric.ts";
import { Picture } from "../../src/vim/picture.ts";
import { hasOsKen, type OsKen, startOsKen } from "../harness/controllers/os-ken.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";
import type { Came } from "../harness/tap-end.ts";
import { until } from "../vim/rig.ts";

/** The connector for Floodlight, a controller process, OpenFlow, a switch: nothing stands in for anything but Floodlight itself. */

const datapathOf = async (ovs: Ovs) => JSON.parse(await ovs.vsctl("get", "bridge", "br0", "datapath_id")) as DatapathId;

function controllerOf(osKen: OsKen, datapath: DatapathId, tell: (e: SwitchEvent) => void = () => {}): Controller {
  const { url } = osKen;
  return new Controller({
    name: "os-ken",
    kind: "floodlight",
    version: null,
    url,
    user: null,
    password: () => "",
    datapath,
    clock: systemClock,
    log: silent,
    tell,
  });
}

async function untilLed(controller: Controller): Promise<void> {
  for (const giveUpAt = performance.now() + 60_000; controller.session === null; await sleep(50)) {
    await controller.look();
    if (performance.now() > giveUpAt) throw new Error(`the controller leads no switch: ${controller.state.lastError}`);
  }
}

const entry = (priority: number, match: FlowEntry["match"], ...actions: FlowEntry["actions"]): FlowEntry => ({
  ...{ table: 0, priority, match, actions },
  cookie: COOKIE_MARK << 32n,
});
const out = (name: string) => ({ do: "output", port: name }) as const;

describe.runIf(hasOsKen).each(["OpenFlow10", "OpenFlow13"] as const)("a real controller and a switch of %s", (protocol) => {
  test("every form of an entry and of a group is in the switch as asked, reads back the same, and goes", async () => {
    await using osKen = await startOsKen("127.0.0.1");
    await using ovs = await startOvs({
      datapathType: "dummy",
      ports: ["p1", "p2", "p3"],
      protocols: [protocol],
      controller: [`tcp:127.0.0.1:${osKen.openflowPort}`],
    });
    const controller = controllerOf(osKen, await datapathOf(ovs));
    await untilLed(controller);
    const session = controller.session!;
    expect([...session.ports.keys()]).toEqual(["p1", "p2", "p3"]);
    const is13 = protocol === "OpenFlow13";
    expect([session.abilities.noGroups === null, session.abilities.masks]).toEqual([is13, is13]);
    const toGroup = { do: "group", group: STAND_IN_ID_BASE + 1 } as const;
    const want: FlowTable = {
      entries: [
        entry(1, {}),
        entry(1000, { inPort: "p1", ethDst: "52:54:00:00:00:01" }, out("p2")),
        entry(995, { inPort: "p2", vlan: 100 }, { do: "stripVlan" }, out("p1")),
        entry(995, { inPort: "p3", vlan: "none" }, { do: "setVlan", vlan: 101, push: true }, out("p1")),
        entry(40_000, { inPort: "p2", vlan: 5 }, { do: "setVlan", vlan: 6, push: false }, out("p2")),
        ...(is13
          ? [entry(1100, { inPort: "p3", ethDst: GROUP_ADDRESSES }, out("p1")), entry(1101, { inPort: "p3" }, toGroup)]
          : []),
      ],
      groups: is13
        ? [
            {
              id: GROUP_ID_BASE,
              type: "indirect",
              buckets: [{ actions: [{ do: "setVlan", vlan: 7, push: true }, out("p2")], watchPort: null }],
            },
            {
              id: STAND_IN_ID_BASE + 1,
              type: "fastFailover",
              buckets: [
                { actions: [], watchPort: "p1" },
                { actions: [out("p3")], watchPort: "p2" },
              ],
            },
          ]
        : [],
    };
    await session.apply(flowChanges(want, await session.read()));
    expect(flowChanges(want, await session.read())).toEqual([]);
    const flows = (await ovs.ofctl("dump-flows", ovs.management))
      .split("\n")
      .map((l) => l.replace(/^.*priority=/, "priority=").trim());
    for (const line of ["priority=1000,in_port=1,dl_dst=52:54:00:00:00:01 actions=output:2", "priority=1 actions=drop"])
      expect(
        flows.map((f) =>
          f
            .replace(/p(\d)/g, "$1")
            .replace(/in_port="(\d)"/, "in_port=$1")
            .replace(/output:"?(\d)"?/, "output:$1"),
        ),
      ).toContain(line);
    expect(await ovs.trace("in_port=2,dl_vlan=5")).toMatch(
      /Datapath actions: .*vlan\(vid=6|set\(vlan\(vid=6|pop_vlan,push_vlan\(vid=6/,
    );
    expect(await ovs.trace("in_port=3")).toMatch(is13 ? /group/ : /push_vlan\(vid=101/);
    await session.apply(flowChanges({ entries: [], groups: [] }, want));
    expect((await ovs.ofctl("dump-flows", ovs.management)).match(/actions=/g)).toBeNull();
    expect(await session.read()).toEqual({ entries: [], groups: [] });
  });
});

const SERVICE = "02:00:00:00:00:64";
const VIEWER = "02:00:00:00:00:0a";
/** Tap, its mark in the frames, its address, and to whom it sends. Both members answer the viewer. */
const ENDS = { a: ["a", SERVICE, VIEWER], b: ["b", SERVICE, VIEWER], x: ["x", VIEWER, SERVICE] } as const;
const id = (name: string) => name as NetId;

describe.runIf(hasOsKen)("a service behind a real controller", () => {
  const ends = new AsyncDisposableStack();
  const plugged = new Map<string, ChildProcess>();
  const told: SwitchEvent[] = [];
  let ovs: Ovs;
  let osKen: OsKen;
  let controller: Controller;
  let fabric: Fabric;
  let picture: Picture;

  const heard = async (name: string): Promise<Came[]> => {
    const child = plugged.get(name)!;
    child.send("tell");
    return ((await once(child, "message")) as [Came[]])[0];
  };
  const whoReaches = async (name: string): Promise<string[]> => {
    await heard(name);
    await sleep(150);
    return [...new Set((await heard(name)).map((c) => c.from))].sort();
  };
  /** Who alone is heard there, for a while at least: a member that waits for a processor is waited for. */
  const reaches = (name: string, from: readonly string[]) =>
    expect.poll(() => whoReaches(name), { timeout: 60_000 }).toEqual(from);
  /** As the VIM does: looks, takes what the events say, and reads what it must. */
  const pass = async () => {
    await controller.look();
    for (const event of told.splice(0)) {
      if (event.type === "up") fabric.connected(controller.session!);
      if (event.type === "down") fabric.disconnected(event.datapath);
      if (event.type === "refused") fabric.distrust();
      if (event.type === "port" && event.reason !== "modify") fabric.portsChanged(event.reason, event.port.name);
    }
    if (fabric.session !== null) await fabric.reconcile();
  };
  const bind = (to: string) =>
    fabric.writeAround({ nets: [{ ...(picture.nets.get(id("T")) as VimNet), bindNet: id(to) }], ports: [] });

  beforeAll(async () => {
    ovs = ends.use(await startOvs({ datapathType: "netdev", ports: [], protocols: ["OpenFlow13"] }));
    osKen = ends.use(await startOsKen(ovs.outside));
    ends.defer(() => {
      for (const child of plugged.values()) child.kill("SIGKILL");
    });
    const place = { netns: ovs.netns! };
    for (const [i, name] of Object.keys(ENDS).entries()) {
      await ensureTap(name, place);
      await ovs.vsctl("add-port", "br0", name, "--", "set", "interface", name, `ofport_request=${i + 1}`);
      const script = join(import.meta.dirname, "../harness/tap-end.ts");
      const command = ["netns", "exec", ovs.netns!, process.execPath, script, name, ...ENDS[name as keyof typeof ENDS]];
      const child = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      plugged.set(name, child);
      await once(child, "message");
    }
    await ovs.setControllers(`tcp:${ovs.outside}:${osKen.openflowPort}`);
    const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: new URL("../../sql/vim", import.meta.url).pathname });
    ends.defer(() => db.destroy());
    picture = await Picture.load(db, systemClock, silent);
    for (const n of [net("A"), net("B"), net("T", "A")]) picture.nets.set(n.id, n as VimNet);
    for (const p of [port("A", "a", SERVICE), port("B", "b", SERVICE), port("T", "x", VIEWER)])
      picture.ports.set(p.id, p as ServerPort);
    fabric = new Fabric(picture, systemClock, silent, () => {});
    fabric.useStandIns(standInsOf(new Map()));
    controller = controllerOf(osKen, await datapathOf(ovs), (e) => told.push(e));
    await untilLed(controller);
    await pass();
  });
  afterAll(() => ends.disposeAsync());

  test("packets pass, and only the member that serves is reached", async () => {
    await reaches("a", ["x"]);
    await reaches("x", ["a"]);
    await reaches("b", []);
  });

  test("a bind moves: what is new is made before what is old goes", async () => {
    const monitor = spawn(
      "ovs-ofctl",
      [
        "-O",
        "OpenFlow10,OpenFlow13",
        `--unixctl=${ovs.management.replace("unix:", "").replace("br0.mgmt", "monitor.ctl")}`,
        "monitor",
        ovs.management,
        "watch:",
      ],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let seen = "";
    for (const stream of [monitor.stdout, monitor.stderr]) stream.on("data", (d) => (seen += d));
    await expect.poll(() => seen, { timeout: 60_000 }).toContain("event=ADDED"); // What stands there: from here on it is told of changes.
    seen = "";
    await heard("b");
    const at = systemClock.now();
    const applied = await bind("B");
    await expect.poll(() => seen, { timeout: 60_000 }).toContain("DELETED");
    monitor.kill();
    expect(applied).toMatchObject({ changes: expect.any(Number) });
    const firstAtB = await until("a packet at b", async () => (await heard("b")).find((c) => c.from === "x")?.at);
    console.log(
      `the bind: on the wire after ${(applied!.onWireAt - at).toFixed(1)} ms, read back after ${(applied!.barrierAt - at).toFixed(1)} ms, first packet after ${(firstAtB - at).toFixed(1)} ms`,
    );
    const events = [...seen.matchAll(/event=(ADDED|DELETED|MODIFIED)/g)].map((m) => m[1]);
    expect(events.indexOf("DELETED")).toBeGreaterThan(events.lastIndexOf("ADDED"));
    await reaches("b", ["x"]);
    await reaches("x", ["b"]);
    await reaches("a", []);
  });

  test("the switch restarts with an empty table: its controller brings it back, and that is read", async () => {
    await ovs.stop();
    await ovs.restart();
    await expect
      .poll(
        async () => {
          await pass();
          return fabric.isStanding && (await whoReaches("b"));
        },
        { timeout: 60_000 },
      )
      .toEqual(["x"]);
    expect(await fabric.reconcile()).toMatchObject({ changes: 0 });
  });

  test("the controller is killed: packets pass on; a change meanwhile is made when it is back, with all that it forgot", async () => {
    await osKen.kill();
    await reaches("b", ["x"]);
    await bind("A")?.catch((e: unknown) => expect(e).toMatchObject({ code: "CONTROLLER_UNREACHABLE" }));
    await reaches("b", ["x"]);
    for (let i = 0; i < 3; i++) await pass().catch(() => {});
    expect(controller.state).toMatchObject({ status: "ERROR", lastError: expect.stringContaining("ECONNREFUSED") });
    expect(fabric.session).toBeNull();
    await osKen.start();
    await expect
      .poll(
        async () => {
          await pass().catch(() => {});
          return fabric.isStanding && (await whoReaches("a"));
        },
        { timeout: 60_000 },
      )
      .toEqual(["x"]);
    await reaches("b", []);
  });
});

test("Debian's python3-os-ken is there, as ./sempre test installs it: without it no real controller was asked", () => {
  expect(hasOsKen).toBe(true);
});
