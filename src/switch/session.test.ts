import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { add, entry, join, OURS, out, PORTS, VERSIONS } from "../../test/harness/switch-session.ts";
import { EVERY_COOKIE } from "./flow-switch.ts";

const NOTHING = { entries: [], groups: [] };

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
    const sender = { ethSrc: "02:00:00:00:00:09" };
    entries.push(
      entry(7, { inPort: "p3", ...sender }, out("p1")),
      entry(8, { inPort: "p3", vlan: 5, ...sender, ipv4Src: "10.0.0.9" }, out("p1")),
      entry(9, { inPort: "p3", vlan: "none", ...sender, ipv4Src: "10.0.0.0/24" }, out("p1")),
      entry(10, { inPort: "p3", ethDst: mac, ...sender, ipv4Src: "0.0.0.0", udp: { src: 68, dst: 67 } }, out("p1")),
      entry(
        11,
        { inPort: "p3", ...sender, arpSpa: "10.0.0.0/25", ...(protocol === "OpenFlow13" ? { arpSha: mac } : {}) },
        out("p1"),
      ),
      entry(12, { inPort: "p3", ...sender, arpSpa: "0.0.0.0" }, out("p1")),
    );
    await it.ovs.ofctl("add-flow", "br0", "cookie=0x7,priority=50,in_port=1,actions=output:3");
    await it.session.apply([add(...entries)]);
    const table = await it.session.read();
    expect([...table.entries].sort((a, b) => a.priority - b.priority)).toEqual(entries);
    expect(table.groups).toEqual([]);
    const same = await it.session.compare?.((hear) => hear(table), EVERY_COOKIE);
    expect(same).toEqual(version === "1.0" ? undefined : { missing: [], found: NOTHING });
  });

  test("an entry of ours with actions that the model has no word for reads as something nobody wants", async () => {
    await using it = await join(protocol);
    await it.ovs.ofctl("add-flow", "br0", `cookie=${OURS},priority=3,in_port=2,actions=mod_dl_src:02:00:00:00:00:09,output:1`);
    await it.ovs.ofctl("add-flow", "br0", `cookie=${OURS},priority=4,ip,nw_dst=10.0.0.9,actions=output:1`);
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
