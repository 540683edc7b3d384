import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { type Ovs, startOvs } from "../../test/harness/ovs.ts";
import { systemClock } from "../lib/clock.ts";
import { type Log, silent } from "../lib/log.ts";
import { COOKIE_MARK, type FlowEntry, type FlowPhases, GROUP_ID_BASE, type GroupEntry } from "../model/flow.ts";
import type { SwitchEvent } from "../model/switch.ts";
import { listen, type SwitchListener } from "./listen.ts";
import type { SwitchSession } from "./session.ts";

const OURS = COOKIE_MARK << 32n;
const WAIT_LIMIT_MS = 10_000;
const PORTS = ["p1", "p2", "p3"];
const VERSIONS = [
  { version: "1.0", protocol: "OpenFlow10" },
  { version: "1.3", protocol: "OpenFlow13" },
] as const;

const entry = (priority: number, match: FlowEntry["match"], ...actions: FlowEntry["actions"]): FlowEntry => ({
  table: 0,
  priority,
  cookie: OURS | BigInt(priority),
  match,
  actions,
});
const add = (...entries: readonly FlowEntry[]): FlowPhases[number] => entries.map((e) => ({ op: "addEntry", entry: e }));
const out = (port: string) => ({ do: "output", port }) as const;

type Event<T> = Extract<SwitchEvent, { readonly type: T }>;

/** Everything a listener told, and a way to wait for something in it. */
function record(listener: SwitchListener) {
  const events: SwitchEvent[] = [];
  listener.on((e) => events.push(e));
  return {
    events,
    async until<T extends SwitchEvent["type"]>(type: T, fits: (e: Event<T>) => boolean = () => true): Promise<Event<T>> {
      const giveUpAt = performance.now() + WAIT_LIMIT_MS;
      for (;;) {
        const found = events.find((e): e is Event<T> => e.type === type && fits(e as Event<T>));
        if (found !== undefined) return found;
        if (performance.now() > giveUpAt) throw new Error(`no such ${type} in ${JSON.stringify(events.map((e) => e.type))}`);
        await sleep(5);
      }
    },
  };
}

const listenAs = (epoch: bigint, log: Log = silent) => listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log, epoch });
const target = (listener: SwitchListener) => `tcp:127.0.0.1:${listener.tcpPort}`;

interface Joined extends AsyncDisposable {
  readonly ovs: Ovs;
  readonly listener: SwitchListener;
  readonly told: ReturnType<typeof record>;
  readonly session: SwitchSession;
}

/** A switch, a listener, and the session between them. */
async function join(protocol: (typeof VERSIONS)[number]["protocol"], epoch = 7n): Promise<Joined> {
  await using undo = new AsyncDisposableStack();
  const listener = undo.use(await listenAs(epoch));
  const told = record(listener);
  const ovs = undo.use(
    await startOvs({ datapathType: "dummy", ports: PORTS, protocols: [protocol], controller: [target(listener)] }),
  );
  const { datapath } = await told.until("up");
  const session = listener.sessions.get(datapath);
  if (session === undefined) throw new Error("up, but no session");
  const ends = undo.move();
  return { ovs, listener, told, session, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

describe.each(VERSIONS)("OpenFlow $version", ({ version, protocol }) => {
  test("a switch comes up with its version, its datapath id and its ports, the LOCAL one left out", async () => {
    await using it = await join(protocol);
    expect(it.session.version).toBe(version);
    expect(JSON.parse(await it.ovs.vsctl("get", "bridge", "br0", "datapath_id"))).toBe(it.session.datapath);
    expect([...it.session.ports.keys()].sort()).toEqual(PORTS);
    expect(it.session.ports.get("p2")).toMatchObject({ no: 2, linkDown: false });
  });

  test("applied phases lead a packet the way they say", async () => {
    await using it = await join(protocol);
    const applied = await it.session.apply([
      add(entry(10, { inPort: "p1" }, out("p2"))),
      add(entry(10, { inPort: "p2" }, out("p1"))),
    ]);
    expect(applied.changes).toBe(2);
    expect(applied.barrierAt).toBeGreaterThan(applied.onWireAt);
    expect(await it.ovs.trace("in_port=1")).toMatch(/Datapath actions: 2$/m);

    const turned = entry(10, { inPort: "p1" }, { do: "setVlan", vlan: 77, push: true }, out("p3"));
    await it.session.apply([add(turned), [{ op: "deleteEntry", entry: entry(10, { inPort: "p2" }) }]]);
    expect(await it.ovs.trace("in_port=1")).toMatch(/Datapath actions: push_vlan\(vid=77,pcp=0\),3$/m);
    // What matches nothing is dropped by 1.3 and shown to the controller by 1.0.
    expect(await it.ovs.trace("in_port=2")).toContain("No match");
  });

  test("read gives back exactly what was applied, and nothing of others", async () => {
    await using it = await join(protocol);
    const mac = "02:00:00:00:00:01";
    const entries = [
      entry(1, {}),
      entry(2, { inPort: "p1" }, out("p2"), out("p3")),
      entry(3, { vlan: 5 }, { do: "setVlan", vlan: 6, push: false }, out("p1")),
      entry(4, { ethDst: mac }, { do: "setVlan", vlan: 4094, push: true }, out("p1")),
      entry(
        5,
        { inPort: "p1", vlan: 1, ethDst: mac },
        { do: "stripVlan" },
        out("p2"),
        { do: "setVlan", vlan: 9, push: true },
        out("p3"),
      ),
      entry(6, { inPort: "p3", ethDst: mac }, { do: "toController" }),
    ];
    await it.ovs.ofctl("add-flow", "br0", "cookie=0x7,priority=50,in_port=1,actions=output:3");
    await it.session.apply([add(...entries)]);
    const table = await it.session.read();
    expect([...table.entries].sort((a, b) => a.priority - b.priority)).toEqual(entries);
    expect(table.groups).toEqual([]);
  });

  test("an entry of ours with actions that the model has no word for reads as something nobody wants", async () => {
    await using it = await join(protocol);
    await it.ovs.ofctl("add-flow", "br0", `cookie=${OURS},priority=3,in_port=2,actions=mod_dl_src:02:00:00:00:00:09,output:1`);
    await it.ovs.ofctl("add-flow", "br0", `cookie=${OURS},priority=4,dl_src=02:00:00:00:00:09,actions=output:1`);
    expect((await it.session.read()).entries).toEqual([{ ...entry(3, { inPort: "p2" }, out("#0")), cookie: OURS }]);
  });

  test("an entry can be read and deleted after its port is gone", async () => {
    await using it = await join(protocol);
    await it.session.apply([add(entry(10, { inPort: "p3" }, out("p2")))]);
    await it.ovs.vsctl("del-port", "br0", "p3");
    await it.told.until("port", (e) => e.reason === "delete");
    const { entries } = await it.session.read();
    expect(entries).toEqual([entry(10, { inPort: "#3" }, out("p2"))]);
    await it.session.apply([[{ op: "deleteEntry", entry: entries[0]! }]]);
    expect((await it.session.read()).entries).toEqual([]);
  });

  test("a refused change is named, and the others are carried out", async () => {
    await using it = await join(protocol);
    const bad = entry(9, { inPort: "p1" }, out(version === "1.0" ? "#65289" : "#4294967041"));
    const phases = [add(entry(1, {}, out("p1"))), add(entry(2, {}, out("p1")), bad), add(entry(3, {}, out("p1")))];
    await expect(it.session.apply(phases)).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: { change: 'addEntry table=0 priority=9 {"inPort":"p1"}', error: "BAD_ACTION/BAD_OUT_PORT", refused: 1 },
    });
    expect((await it.session.read()).entries).toHaveLength(3);
  });

  test("a name that is no port is refused before anything is written", async () => {
    await using it = await join(protocol);
    const phases = [add(entry(1, {}, out("p1"))), add(entry(2, {}, out("p9")))];
    await expect(it.session.apply(phases)).rejects.toMatchObject({ code: "SWITCH_REFUSED", about: { port: "p9" } });
    expect((await it.session.read()).entries).toEqual([]);
    expect(() => it.session.packetOut("p9", new Uint8Array(14))).toThrow(expect.objectContaining({ code: "SWITCH_REFUSED" }));
  });

  test("ports that come, change and go are told and kept", async () => {
    await using it = await join(protocol);
    await it.ovs.vsctl("add-port", "br0", "p4", "--", "set", "interface", "p4", "type=dummy", "ofport_request=4");
    const { port } = await it.told.until("port", (e) => e.reason === "add");
    expect(port).toMatchObject({ name: "p4", no: 4, linkDown: false });
    expect(it.session.ports.get("p4")).toEqual(port);
    await it.ovs.appctl("netdev-dummy/set-admin-state", "p4", "down");
    await it.told.until("port", (e) => e.reason === "modify" && e.port.name === "p4" && e.port.linkDown);
    expect(it.session.ports.get("p4")?.linkDown).toBe(true);
    await it.ovs.vsctl("del-port", "br0", "p4");
    await it.told.until("port", (e) => e.reason === "delete" && e.port.name === "p4");
    expect([...it.session.ports.keys()].sort()).toEqual(PORTS);
  });

  test("a frame goes out by packet-out and comes in by packet-in, whole", async () => {
    await using it = await join(protocol);
    await it.session.apply([add(entry(10, { inPort: "p2" }, { do: "toController" }))]);
    const frame = Buffer.concat([Buffer.from("ffffffffffff02000000000212345e5e5e5e", "hex"), Buffer.alloc(1400, 7)]);
    await it.ovs.appctl("netdev-dummy/receive", "p2", frame.toString("hex"));
    const packet = await it.told.until("packetIn");
    expect(packet).toMatchObject({ inPort: "p2", datapath: it.session.datapath });
    expect(Buffer.from(packet.frame).equals(frame)).toBe(true);
    it.session.packetOut("p3", frame);
    await it.session.apply([]);
    const counters = await it.session.portCounters();
    expect(counters.get("p3")).toMatchObject({ txPackets: 1n, txBytes: 1418n, rxPackets: 0n, rxDropped: null });
    expect([...counters.keys()].sort()).toContain("p1");
  });

  test("the counters tell what of a port's packets was ours", async () => {
    await using it = await join(protocol);
    const [ours, another] = ["0242ac110002", "0242ac110003"];
    const frameTo = (mac: string) => Buffer.from(`${mac}020000000002123400`.padEnd(120, "0"), "hex");
    await it.session.apply([
      add(
        entry(10, { ethDst: "02:42:ac:11:00:02" }, { do: "toController" }),
        entry(9, { inPort: "p2" }, { do: "output", port: "p3" }),
      ),
    ]);
    for (const mac of [ours, ours, another]) await it.ovs.appctl("netdev-dummy/receive", "p2", frameTo(mac).toString("hex"));
    it.session.packetOut("p3", frameTo(another));
    await it.told.until("packetIn");
    await it.told.until("packetIn");
    const counters = await it.session.portCounters();
    expect(counters.get("p2")).toMatchObject({ rxPackets: 3n, txPackets: 0n, own: { sent: 0, heard: 2 } });
    expect(counters.get("p3")).toMatchObject({ rxPackets: 0n, txPackets: 2n, own: { sent: 1, heard: 0 } });
    expect(counters.get("p1")!.own).toEqual({ sent: 0, heard: 0 });
  });

  test("vswitchd killed: down, and whoever waits is answered; started again: up", async () => {
    await using it = await join(protocol);
    await it.ovs.stop();
    expect(await it.told.until("down")).toMatchObject({ datapath: it.session.datapath });
    expect(it.listener.sessions.size).toBe(0);
    await expect(it.session.read()).rejects.toMatchObject({ code: "SWITCH_NOT_CONNECTED" });
    await expect(it.session.apply([add(entry(1, {}))])).rejects.toMatchObject({ code: "SWITCH_NOT_CONNECTED" });
    await it.ovs.restart();
    await it.told.until("down");
    while (it.listener.sessions.size === 0) await sleep(5);
    expect(it.told.events.map((e) => e.type).filter((t) => t !== "port")).toEqual(["up", "down", "up"]);
    expect(it.listener.sessions.get(it.session.datapath)?.ports.size).toBe(3);
  });
});

test("both offered: 1.3 is spoken", async () => {
  await using listener = await listenAs(1n);
  const told = record(listener);
  await using _ovs = await startOvs({
    datapathType: "dummy",
    ports: [],
    protocols: ["OpenFlow10", "OpenFlow13"],
    controller: [target(listener)],
  });
  const { datapath } = await told.until("up");
  expect(listener.sessions.get(datapath)?.version).toBe("1.3");
});

describe("OpenFlow 1.3 only", () => {
  const group = (id: number, type: GroupEntry["type"], ...buckets: FlowEntry["actions"][]): GroupEntry => ({
    id: GROUP_ID_BASE + id,
    type,
    buckets: buckets.map((actions) => ({ actions, watchPort: null })),
  });

  test("groups: added, turned in place, read back, deleted; a foreign one is left out", async () => {
    await using it = await join("OpenFlow13");
    await it.ovs.ofctl("add-group", "br0", "group_id=5,type=all,bucket=output:1");
    const one = group(1, "indirect", [out("p2")]);
    const all = group(
      2,
      "all",
      [out("p2")],
      [{ do: "stripVlan" }, { do: "setVlan", vlan: 3, push: true }, out("p3")],
      [{ do: "toController" }],
    );
    const towards = entry(10, { inPort: "p1", vlan: 8 }, { do: "group", group: one.id });
    await it.session.apply([
      [
        { op: "addGroup", group: one },
        { op: "addGroup", group: all },
      ],
      add(towards),
    ]);
    const { entries, groups } = await it.session.read();
    expect(entries).toEqual([towards]);
    expect([...groups].sort((a, b) => a.id - b.id)).toEqual([one, all]);
    expect(await it.ovs.trace("in_port=1,dl_vlan=8")).toMatch(/Datapath actions: 2$/m);

    const turned = group(1, "indirect", [out("p3")]);
    await it.session.apply([[{ op: "modifyGroup", group: turned }], [{ op: "deleteGroup", groupId: all.id }]]);
    expect((await it.session.read()).groups).toEqual([turned]);
    expect(await it.ovs.trace("in_port=1,dl_vlan=8")).toMatch(/Datapath actions: 3$/m);
  });

  test("table 255 is refused, and the refusal names the change", async () => {
    await using it = await join("OpenFlow13");
    const bad = { ...entry(3, {}, out("p1")), table: 255 };
    await expect(it.session.apply([add(entry(1, {}, out("p1")), bad)])).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: { change: "addEntry table=255 priority=3 {}" },
    });
  });

  test("other tables are written to and read", async () => {
    await using it = await join("OpenFlow13");
    const deep = { ...entry(3, { inPort: "p1" }, out("p2")), table: 5 };
    await it.session.apply([add(deep)]);
    expect((await it.session.read()).entries).toEqual([deep]);
  });

  test("a delete leaves an entry with another cookie alone", async () => {
    await using it = await join("OpenFlow13");
    const mine = entry(3, { inPort: "p1" }, out("p2"));
    await it.session.apply([add(mine), [{ op: "deleteEntry", entry: { ...mine, cookie: OURS | 99n } }]]);
    expect((await it.session.read()).entries).toEqual([mine]);
  });

  test("the switch itself refuses an older epoch, and its session does not come up", async () => {
    await using it = await join("OpenFlow13", 7n);
    await using older = await listenAs(6n);
    const told = record(older);
    await it.ovs.setControllers(target(it.listener), target(older));
    expect((await told.until("refused")).error).toContain("a newer leader has taken over");
    expect(older.sessions.size).toBe(0);
    await expect(it.session.apply([add(entry(1, {}, out("p1")))])).resolves.toMatchObject({ changes: 1 });
  });

  test("a newer epoch takes over: the older session is refused by the switch", async () => {
    await using it = await join("OpenFlow13", 7n);
    await using newer = await listenAs(8n);
    await it.ovs.setControllers(target(it.listener), target(newer));
    await record(newer)
      .until("up")
      .catch(() => expect(newer.sessions.size).toBe(1));
    await expect(it.session.apply([add(entry(1, {}, out("p1")))])).rejects.toMatchObject({
      about: { error: "BAD_REQUEST/IS_SLAVE" },
    });
  });

  test("a thousand entries are read back, over several parts", async () => {
    await using it = await join("OpenFlow13");
    const many = Array.from({ length: 1000 }, (_, i) => entry(i + 1, { inPort: "p1", vlan: (i % 4094) + 1 }, out("p2")));
    await it.session.apply([add(...many)]);
    expect((await it.session.read()).entries).toHaveLength(1000);
  });
});

describe("OpenFlow 1.0 only", () => {
  test("a group is a bug of the caller, another table a fault", async () => {
    await using it = await join("OpenFlow10");
    const toGroup = it.session.apply([add(entry(1, {}, { do: "group", group: GROUP_ID_BASE }))]);
    await expect(toGroup).rejects.toThrow("OpenFlow 1.0 has no groups");
    const deep = it.session.apply([add({ ...entry(1, {}), table: 2 })]);
    await expect(deep).rejects.toMatchObject({ code: "SWITCH_REFUSED", about: { table: 2 } });
  });
});

describe("the listener", () => {
  test("drops peers that send garbage with one log line each, and lives", async () => {
    const lines: string[] = [];
    await using listener = await listenAs(1n, pino({ level: "info" }, { write: (line) => void lines.push(line) }));
    const told = record(listener);
    for (const hex of [
      "474554202f20485454502f312e310d0a",
      "0400000300000001",
      "04050008000000010405000800000001",
      "0400000800000001990500ff",
    ]) {
      const peer = connect(listener.tcpPort, "127.0.0.1");
      peer.on("error", () => {});
      peer.write(Buffer.from(hex, "hex"));
      if (hex.endsWith("ff")) peer.end();
      await new Promise((resolve) => peer.on("close", resolve).resume());
    }
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(Array(4).fill("OpenFlow peer dropped"));
    await using _ovs = await startOvs({
      datapathType: "dummy",
      ports: [],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    await told.until("up");
  });

  test("tells a peer without a common version so, in its own version", async () => {
    await using listener = await listenAs(1n);
    const peer = connect(listener.tcpPort, "127.0.0.1");
    peer.write(Buffer.from("0200000800000001", "hex"));
    const got: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => got.push(chunk));
    await new Promise((resolve) => peer.on("close", resolve));
    expect(Buffer.concat(got).subarray(-12).toString("hex")).toBe("0201000c0000000100000000");
  });

  test("a switch that connects anew takes the place of its older session", async () => {
    await using listener = await listen({ host: "0.0.0.0", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n });
    const told = record(listener);
    const targets = ["127.0.0.1", "127.0.0.2"].map((host) => `tcp:${host}:${listener.tcpPort}`);
    await using _ovs = await startOvs({ datapathType: "dummy", ports: [], protocols: ["OpenFlow13"], controller: targets });
    expect((await told.until("down")).why).toBe("the switch connected anew");
    await told.until("up", (e) => told.events.indexOf(e) > 1);
    expect(listener.sessions.size).toBe(1);
  });

  test("a switch that is not accepted does not come up", async () => {
    const options = { host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n };
    const asked: string[] = [];
    await using listener = await listen({ ...options, accept: (datapath) => asked.push(datapath) < 0 });
    await using _ovs = await startOvs({
      datapathType: "dummy",
      ports: [],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    while (asked.length === 0) await sleep(5);
    expect(listener.sessions.size).toBe(0);
  });

  test("a port in use is a fault that says what to do", async () => {
    await using first = await listenAs(1n);
    const second = listen({ host: "127.0.0.1", tcpPort: first.tcpPort, clock: systemClock, log: silent, epoch: 1n });
    await expect(second).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("another program listens there"),
    });
  });

  test("a switch that stands still is given up, and told as down", async () => {
    const options = { host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n };
    await using listener = await listen({ ...options, keepAlive: { intervalMs: 50, missesMax: 3 } });
    const told = record(listener);
    await using ovs = await startOvs({
      datapathType: "dummy",
      ports: ["p1"],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    await told.until("up");
    await sleep(400);
    expect(told.events.map((e) => e.type)).toEqual(["up"]);
    ovs.freeze();
    expect((await told.until("down")).why).toContain("no answer to 3 echo requests");
    ovs.thaw();
  });
});
