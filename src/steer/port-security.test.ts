import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { framesInto, MULTICAST, SWITCH_PORTS, shouldLeave, type World, worlds } from "../../test/harness/fabric-rule.ts";
import { net, port, type Sent, walk } from "../../test/harness/table.ts";
import type { VimPort } from "../model/net.ts";
import { ABILITIES } from "../model/switch.ts";
import { standInsOf } from "./stand-ins.ts";
import { wantedTable } from "./wanted.ts";

const [OWN, OTHER, VIEWER] = ["02:00:00:00:00:64", "02:00:00:00:00:99", "02:00:00:00:00:0a"] as const;
const [IP, OTHER_IP] = ["10.0.0.64", "10.0.0.99"] as const;

/** Whether a frame of this sender leaves a guarded port for the viewer. */
function passes(from: Sent, more: Partial<VimPort> = {}, version: "1.3" | "1.0" = "1.3"): boolean {
  const ports = [port("d", "p1", OWN, { portSecurity: true, ip: IP, ...more }), port("d", "p2", VIEWER)];
  const { table, problems } = wantedTable([net("d")], ports, ABILITIES[version]);
  expect([...problems]).toEqual([]);
  return walk(table, { inPort: "p1", vlan: null, ethDst: VIEWER, from }).length > 0;
}

describe.each(["1.3", "1.0"] as const)("OpenFlow %s: a port with port security", (version) => {
  test.each<[string, Sent, boolean]>([
    ["its own IPv4", { mac: OWN, ipv4: IP }, true],
    ["another MAC address", { mac: OTHER, ipv4: IP }, false],
    ["another IPv4 address", { mac: OWN, ipv4: OTHER_IP }, false],
    ["its own ARP", { mac: OWN, arp: { mac: OWN, ip: IP } }, true],
    ["another's address by ARP", { mac: OWN, arp: { mac: OWN, ip: OTHER_IP } }, false],
    ["an ARP probe (RFC 5227)", { mac: OWN, arp: { mac: OWN, ip: "0.0.0.0" } }, true],
    ["a DHCP client's request", { mac: OWN, ipv4: "0.0.0.0", udp: { src: 68, dst: 67 } }, true],
    ["what a DHCP server sends", { mac: OWN, ipv4: "0.0.0.0", udp: { src: 67, dst: 68 } }, false],
    ["anything else from no address", { mac: OWN, ipv4: "0.0.0.0" }, false],
    ["neither IPv4 nor ARP", { mac: OWN }, false],
  ])("sends %s: %j %s", (_, from, isLed) => {
    expect(passes(from, {}, version)).toBe(isLed);
  });

  test("sends as each of its allowed pairs: an address of its own MAC, a prefix, and another MAC with its address only", () => {
    const allowedPairs = [
      { mac: null, ip: OTHER_IP },
      { mac: null, ip: "10.1.0.0/24" },
      { mac: OTHER, ip: "10.2.0.1" },
    ];
    const led = (from: Sent) => passes(from, { allowedPairs }, version);
    expect([
      led({ mac: OWN, ipv4: OTHER_IP }),
      led({ mac: OWN, ipv4: "10.1.0.77" }),
      led({ mac: OTHER, ipv4: "10.2.0.1" }),
    ]).toEqual([...[true, true, true]]);
    expect([
      led({ mac: OTHER, ipv4: OTHER_IP }),
      led({ mac: OWN, ipv4: "10.1.1.77" }),
      led({ mac: OWN, ipv4: "10.2.0.1" }),
    ]).toEqual([...[false, false, false]]);
    expect(led({ mac: OWN, arp: { mac: OWN, ip: "10.1.0.5" } })).toBe(true);
  });
});

const [IP6, OTHER_IP6] = ["fd00::64", "fd00::99"] as const;
/** Of their MAC addresses (RFC 4291, appendix A). */
const [LINK, OTHER_LINK] = ["fe80::ff:fe00:64", "fe80::ff:fe00:99"] as const;
const nd = (type: number, target: string) => ({ icmpv6: { type, target } });

describe("a port with port security and an address of IPv6", () => {
  test.each<[string, Sent, boolean]>([
    ["its own IPv6", { mac: OWN, ipv6: IP6 }, true],
    ["from its own address of the link", { mac: OWN, ipv6: LINK }, true],
    ["another MAC address", { mac: OTHER, ipv6: IP6 }, false],
    ["another IPv6 address", { mac: OWN, ipv6: OTHER_IP6 }, false],
    ["another's address of the link", { mac: OWN, ipv6: OTHER_LINK }, false],
    ["where it is (RFC 4861)", { mac: OWN, ipv6: IP6, ...nd(136, IP6) }, true],
    ["where its address of the link is", { mac: OWN, ipv6: LINK, ...nd(136, LINK) }, true],
    ["that another's address is here", { mac: OWN, ipv6: IP6, ...nd(136, OTHER_IP6) }, false],
    ["that another's address of the link is here", { mac: OWN, ipv6: LINK, ...nd(136, OTHER_LINK) }, false],
    ["where it is, from another MAC address", { mac: OTHER, ipv6: IP6, ...nd(136, IP6) }, false],
    ["who another is", { mac: OWN, ipv6: IP6, ...nd(135, OTHER_IP6) }, true],
    ["whether somebody has its address (RFC 4862)", { mac: OWN, ipv6: "::", ...nd(135, IP6) }, true],
    ["whether somebody has another's", { mac: OWN, ipv6: "::", ...nd(135, OTHER_IP6) }, false],
    ["what it listens to, without an address", { mac: OWN, ipv6: "::", icmpv6: { type: 143 } }, true],
    ["anything else from no address", { mac: OWN, ipv6: "::" }, false],
    ["that it is a router", { mac: OWN, ipv6: LINK, icmpv6: { type: 134 } }, false],
    ["that another way is better", { mac: OWN, ipv6: LINK, ...nd(137, OTHER_IP6) }, false],
    ["a ping", { mac: OWN, ipv6: IP6, icmpv6: { type: 128 } }, true],
    ["IPv4", { mac: OWN, ipv4: IP }, false],
    ["ARP", { mac: OWN, arp: { mac: OWN, ip: IP } }, false],
  ])("sends %s: %j %s", (_, from, isLed) => {
    expect(passes(from, { ip: IP6 })).toBe(isLed);
  });

  test("sends as its pairs too, of either kind, and speaks of their addresses", () => {
    const led = (from: Sent) =>
      passes(from, {
        ip: IP6,
        allowedPairs: [
          { mac: null, ip: IP },
          { mac: OTHER, ip: "fd00:1::/64" },
        ],
      });
    const may = [
      { mac: OWN, ipv4: IP },
      { mac: OWN, ipv6: IP6 },
      { mac: OTHER, ipv6: "fd00:1::7" },
      { mac: OTHER, ipv6: OTHER_LINK, ...nd(136, "fd00:1::8") },
    ];
    const mayNot = [
      { mac: OWN, ipv6: "fd00:1::7" },
      { mac: OTHER, ipv6: IP6 },
      { mac: OWN, ipv6: IP6, ...nd(136, "fd00:1::8") },
    ];
    expect([may.map(led), mayNot.map(led)]).toEqual([may.map(() => true), mayNot.map(() => false)]);
  });

  test("across a bind, and through groups, as well", () => {
    const nets = [net("A"), net("T", "A")];
    const ports = [port("A", "p1", OWN, { portSecurity: true, ip: IP6 }), port("T", "p2", VIEWER), port("T", "p3", null)];
    const { table } = wantedTable(nets, ports, ABILITIES["1.3"]);
    const leaves = (from: Sent) => walk(table, { inPort: "p1", vlan: null, ethDst: VIEWER, from }).map((e) => e.port);
    expect(leaves({ mac: OWN, ipv6: IP6, ...nd(136, IP6) })).toEqual(leaves({ mac: OWN, ipv6: IP6 }));
    expect(leaves({ mac: OWN, ipv6: IP6 })).toContain("p2");
    expect(leaves({ mac: OWN, ipv6: IP6, ...nd(136, OTHER_IP6) })).toEqual([]);
  });

  test("is led nowhere by a switch that cannot be asked for it, and its net says why", () => {
    const ports = [port("d", "p1", OWN, { portSecurity: true, ip: IP6 }), port("d", "p2", VIEWER)];
    const { table, problems } = wantedTable([net("d")], ports, ABILITIES["1.0"]);
    expect([...problems.values()][0]).toContain("cannot be asked who sent an IPv6 packet");
    expect(walk(table, { inPort: "p1", vlan: null, ethDst: VIEWER, from: { mac: OWN, ipv6: IP6 } })).toEqual([]);
  });
});

test("an ARP packet whose MAC address is not the sender's is told apart where the switch can", () => {
  const lie: Sent = { mac: OWN, arp: { mac: OTHER, ip: IP } };
  expect([passes(lie), passes(lie, {}, "1.0")]).toEqual([false, true]);
});

test("where no address is known only the MAC address is held to; pairs without one are all there is then", () => {
  expect([passes({ mac: OWN }, { ip: null }), passes({ mac: OWN, ipv4: OTHER_IP }, { ip: null })]).toEqual([true, true]);
  expect(passes({ mac: OTHER }, { ip: null })).toBe(false);
  const service = { ip: null, allowedPairs: [{ mac: OTHER, ip: IP }] };
  expect([passes({ mac: OTHER, ipv4: IP }, service), passes({ mac: OWN, ipv4: IP }, service)]).toEqual([true, false]);
});

test("a net's word counts for ports of servers that say nothing, and for no cable from outside", () => {
  const led = (more: Partial<VimPort>) => {
    const ports = [port("d", "p1", OWN, more), port("d", "p2", VIEWER)];
    const { table } = wantedTable([net("d", null, { portSecurity: true })], ports, ABILITIES["1.3"]);
    return walk(table, { inPort: "p1", vlan: null, ethDst: VIEWER, from: { mac: OTHER } }).length > 0;
  };
  expect(led({ kind: "instance:data" })).toBe(false);
  expect(led({ kind: "instance:data", portSecurity: false })).toBe(true);
  expect(led({ kind: "external" })).toBe(true);
  expect(led({ kind: "external", portSecurity: true })).toBe(false);
});

test("a port that cannot be held to what it may send is led nowhere, and its net says why", () => {
  const ports = [port("d", "p1", OWN, { portSecurity: true }), port("d", "p2", VIEWER), port("d", "p3", OTHER)];
  const behindOther = wantedTable([net("d")], ports, { ...ABILITIES["1.3"], senders: false });
  expect([...behindOther.problems.values()]).toEqual([
    "port security is asked of switch port p1, which is in a switch that cannot be asked who sent a packet: it is led nowhere",
  ]);
  const leaves = (inPort: string, ethDst: string) => walk(behindOther.table, { inPort, vlan: null, ethDst }).map((e) => e.port);
  expect([leaves("p1", VIEWER), leaves("p2", OWN), leaves("p2", OTHER)]).toEqual([[], ["p3"], ["p3"]]);
  const nameless = wantedTable([net("d")], [port("d", "p1", null, { portSecurity: true })], ABILITIES["1.3"]);
  expect([...nameless.problems.values()][0]).toContain("has no MAC address");
});

test("a stand-in's port is held to it too, before and after it serves", () => {
  const nets = [net("A"), net("B"), net("T", "A")];
  const secured = { portSecurity: true, ip: IP };
  const ports = [port("A", "a", OWN, secured), port("B", "b", OWN, secured), port("T", "x", VIEWER)];
  const { table, notArmed } = wantedTable(
    nets,
    ports,
    ABILITIES["1.3"],
    standInsOf(new Map(Object.entries({ T: ["B"] })) as never),
  );
  expect(notArmed.size).toBe(0);
  const leaves = (inPort: string, from: Sent, dead: string[]) =>
    walk(table, { inPort, vlan: null, ethDst: VIEWER, from }, dead).map((e) => e.port);
  const honest = { mac: OWN, ipv4: IP };
  const spoofed = { mac: OWN, ipv4: OTHER_IP };
  expect([leaves("a", honest, []), leaves("b", honest, []), leaves("b", honest, ["a"])]).toEqual([["x"], [], ["x"]]);
  expect([leaves("a", spoofed, []), leaves("b", spoofed, []), leaves("b", spoofed, ["a"])]).toEqual([[], [], []]);
});

/** Ports whose place nobody else is at, so that what comes from there is theirs. */
function secured({ nets, ports }: World, ip: string): World {
  const isAlone = (p: VimPort) => p.mac !== null && ports.filter((q) => q.switchPort === p.switchPort).length === 1;
  const isOutside = (p: VimPort) => p.switchPort === SWITCH_PORTS[4] || p.switchPort === SWITCH_PORTS[5];
  return { nets, ports: ports.map((p) => (isAlone(p) && !isOutside(p) ? { ...p, portSecurity: true, ip } : p)) };
}

const AS4 = {
  own: IP,
  from: (mac: string): Sent => ({ mac, ipv4: IP }),
  lies: [(mac: string): Sent => ({ mac, ipv4: OTHER_IP })],
};
const AS6 = {
  own: IP6,
  from: (mac: string): Sent => ({ mac, ipv6: IP6, ...nd(136, IP6) }),
  lies: [(mac: string): Sent => ({ mac, ipv6: OTHER_IP6 }), (mac: string): Sent => ({ mac, ipv6: IP6, ...nd(136, OTHER_IP6) })],
};

test.each([
  ["1.3", "IPv4", AS4],
  ["1.0", "IPv4", AS4],
  ["1.3", "IPv6", AS6],
] as const)("OpenFlow %s, %s: it takes no way from who sends as itself, and leaves none to others", (version, _, as) => {
  fc.assert(
    fc.property(worlds, (drawn) => {
      const world = secured(drawn, as.own);
      const { table } = wantedTable(world.nets, world.ports, ABILITIES[version]);
      const keys = table.entries.map((e) => JSON.stringify([e.priority, e.match]));
      expect(new Set(keys).size, "one match stands once").toBe(keys.length);
      for (const frame of framesInto(world)) {
        if (version === "1.0" && frame.ethDst === MULTICAST) continue;
        const held = world.ports.find((p) => p.portSecurity && p.switchPort === frame.inPort);
        const leaves = (from: Sent) =>
          walk(table, { ...frame, from })
            .map((e) => `${e.port}/${e.vlan}`)
            .sort();
        const should = shouldLeave(world, frame);
        expect(leaves(as.from(held?.mac ?? OTHER)), JSON.stringify(frame)).toEqual(should);
        expect(leaves(as.from("02:00:00:00:00:99")), JSON.stringify(frame)).toEqual(held ? [] : should);
        for (const lie of as.lies) expect(leaves(lie(held?.mac ?? OTHER)), JSON.stringify(frame)).toEqual(held ? [] : should);
      }
    }),
    { numRuns: 40 },
  );
});
