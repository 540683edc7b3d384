import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { confOf, leasesThatHold } from "../../src/hosts/dnsmasq-words.ts";
import type { DhcpServer } from "../../src/model/dhcp.ts";
import type { VimPortId } from "../../src/model/ids.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { addressIn, dhcpRange, freeIp, withRange } from "../../src/vim/addresses.ts";
import { portStatus } from "../../src/vim/port-status.ts";
import { barePort, tapName } from "../../src/vim/ports.ts";
import { arpIn, arpProbe, arpReply } from "../../src/wire/arp.ts";
import { net } from "../harness/table.ts";

describe("ARP", () => {
  test("a probe is RFC 5227's: broadcast, a request, sender 0.0.0.0, 60 bytes", () => {
    expect(Buffer.from(arpProbe("0e:53:4d:50:52:01", "10.0.0.100")).toString("hex")).toBe(
      `ffffffffffff0e534d5052010806000108000604${"0001"}0e534d50520100000000${"000000000000"}0a000064${"00".repeat(18)}`,
    );
  });
  /** A reply as RFC 826 lays it out, padded as a frame may be. */
  const REPLY = `0e534d505201020000000a0a080600010800060400020200${"00000a0a"}0a3e0064${"0e534d505201"}00000000`;
  test("a reply tells who answers", () => {
    const from = { mac: "02:00:00:00:0a:0a", ip: "10.62.0.100" };
    expect(arpIn(Buffer.from(REPLY, "hex"))).toEqual({ is: "reply", from, toIp: "0.0.0.0" });
    expect(arpIn(arpReply(from, { mac: "0e:53:4d:50:52:01", ip: "10.62.0.1" }))).toEqual({
      is: "reply",
      from,
      toIp: "10.62.0.1",
    });
  });
  test("a request with a sender tells who asks, and for whom", () => {
    expect(arpIn(arpProbe("0e:53:4d:50:52:01", "10.62.0.100", "10.62.0.254"))).toEqual({
      is: "request",
      from: { mac: "0e:53:4d:50:52:01", ip: "10.62.0.254" },
      toIp: "10.62.0.100",
    });
  });
  test("a tagged frame, another operation and anything cut short is no ARP message", () => {
    expect(arpIn(Buffer.from(REPLY.replace("0806", "8100"), "hex"))).toBeNull();
    expect(arpIn(Buffer.from(REPLY.replace("06040002", "06040003"), "hex"))).toBeNull();
    for (let n = 0; n < 42; n++) expect(arpIn(Buffer.from(REPLY, "hex").subarray(0, n))).toBeNull();
  });
  test("no bytes make it throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void arpIn(bytes)));
  });
});

describe("the status of a port", () => {
  const data: ServerPort = {
    ...barePort("eth1"),
    id: "p" as VimPortId,
    kind: "instance:data",
    ip: "10.0.0.1",
    switchPort: "tap0",
  };
  const bridge: ServerPort = { ...data, kind: "instance:bridge", switchPort: null };
  const outside: ServerPort = { ...data, kind: "external" };
  //  port     server      link   answered → status
  for (const [port, server, isLinkUp, hasAnswered, wanted] of [
    [data, "ACTIVE", true, true, "ACTIVE"],
    [data, "ACTIVE", true, false, "BUILD"],
    [data, "ACTIVE", null, false, "BUILD"],
    [data, "ACTIVE", false, true, "DOWN"],
    [data, "PAUSED", true, true, "DOWN"],
    [data, "INACTIVE", true, true, "DOWN"],
    [data, "CREATING", true, false, "DOWN"],
    [{ ...data, ip: null }, "ACTIVE", true, false, "ACTIVE"],
    [bridge, "ACTIVE", null, false, "ACTIVE"],
    [bridge, "PAUSED", null, false, "DOWN"],
    [outside, null, null, false, "ACTIVE"],
    [outside, null, false, false, "DOWN"],
  ] as const) {
    test(`${port.kind} ip=${port.ip} server=${server} link=${isLinkUp} answered=${hasAnswered}: ${wanted}`, () => {
      expect(portStatus(port, { server, isLinkUp, hasAnswered, isAskable: true })).toBe(wanted);
    });
  }
  test("where probes do not reach it a port waits for no answer", () => {
    const facts = { server: "ACTIVE", isLinkUp: true, hasAnswered: false } as const;
    expect(portStatus(data, { ...facts, isAskable: false })).toBe("ACTIVE");
  });
});

const NET: VimNet = {
  ...net("n"),
  ...{ region: null, cidr: null, enableDhcp: false, dhcpFirstIp: null, dhcpLastIp: null, gatewayIp: null },
  ...{ dns: null, links: null, routes: null },
};

describe("addresses", () => {
  test("OpenVIM's range of a net", () => {
    expect(dhcpRange("10.9.0.0/24")).toEqual({ firstIp: "10.9.0.3", lastIp: "10.9.0.254", gatewayIp: "10.9.0.1" });
    expect(dhcpRange("192.168.7.77/29")).toEqual({ firstIp: "192.168.7.75", lastIp: "192.168.7.78", gatewayIp: "192.168.7.73" });
  });
  for (const bad of ["10.0.0.0/30", "10.0.0.0/0", "10.0.0.300/24", "10.0.0.0"]) {
    test(`${bad} is refused`, () => expect(() => dhcpRange(bad)).toThrow(/prefix of 1\.\.29/));
  }
  test("the lowest free one, until there is none", () => {
    expect(freeIp("10.0.0.3", "10.0.0.5", new Set(["10.0.0.4"]))).toBe("10.0.0.5");
    expect(() => freeIp("10.0.0.3", "10.0.0.4", new Set(["10.0.0.4"]))).toThrow(/no address is free/);
  });
  const served = withRange({ ...NET, cidr: "10.0.0.0/24", enableDhcp: true });
  test("of a net with DHCP what was given of its range is kept, and the rest is OpenVIM's; one that cannot be is refused", () => {
    expect(withRange({ ...NET, cidr: "10.0.0.0/24", enableDhcp: true, dhcpLastIp: "10.0.0.9" })).toMatchObject({
      ...{ dhcpFirstIp: "10.0.0.3", dhcpLastIp: "10.0.0.9", gatewayIp: "10.0.0.1" },
    });
    expect(withRange({ ...served, cidr: "10.1.0.0/24" }, served)).toMatchObject({
      dhcpFirstIp: "10.1.0.3",
      gatewayIp: "10.1.0.1",
    });
    expect(withRange(NET)).toEqual(NET);
    for (const range of [
      { dhcpFirstIp: "10.1.0.3" },
      { dhcpLastIp: "10.0.0.255" },
      { dhcpFirstIp: "10.0.0.9", dhcpLastIp: "10.0.0.9" },
    ])
      expect(() => withRange({ ...served, ...range })).toThrow(/dhcp_(first|last)_ip/);
  });
  test("what somebody fixed is kept, in the range or not; the gateway's and what is taken are given to nobody", () => {
    expect(addressIn(served, "10.0.0.2", new Set())).toBe("10.0.0.2");
    expect(addressIn({ ...served, gatewayIp: "10.0.0.4" }, null, new Set(["10.0.0.5"]))).toBe("10.0.0.6");
    expect(addressIn(NET, "192.168.0.1", new Set(["192.168.0.1"]))).toBe("192.168.0.1"); // Nobody gives addresses there.
    expect(addressIn(NET, null, new Set())).toBeNull();
    for (const [fixed, why] of [
      ["10.0.1.4", /want an address of a host in cidr/],
      ["10.0.0.255", /want an address of a host in cidr/],
      ["10.0.0.3", /the DHCP server of network 'n' has it/],
      ["10.0.0.7", /already in use/],
    ] as const)
      expect(() => addressIn(served, fixed, new Set(["10.0.0.7"]))).toThrow(why);
  });
  test("in any order of asking and leaving nobody has another's address", () => {
    const small = withRange({ ...served, dhcpLastIp: "10.0.0.40" });
    const walk = (steps: readonly number[]) => {
      const held: string[] = [];
      for (const step of steps) {
        if (held.length > 30 || (held.length > 0 && step % 3 === 0)) held.splice(step % held.length, 1);
        else held.push(addressIn(small, null, new Set(held))!);
        expect(new Set(held).size).toBe(held.length);
      }
    };
    fc.assert(fc.property(fc.array(fc.nat(), { maxLength: 200 }), walk));
  });
});

describe("a DHCP server", () => {
  const server: DhcpServer = {
    ...{ key: "k", netId: NET.id, netns: null, device: "dhcp0", bridge: null, mac: "52:00:00:00:00:01", mtu: null },
    ...{ ip: "10.0.0.3", prefix: 24, mask: "255.255.255.0", gatewayIp: "10.0.0.1", dns: [], routes: {} },
    reservations: [{ mac: "52:00:00:00:00:02", ip: "10.0.0.4" }],
  };
  const files = { pid: "/d/pid", leases: "/d/leases", log: "/d/log" };
  const told = (change: Partial<DhcpServer> = {}) => confOf({ ...server, ...change }, files);
  test("answers those it knows and nobody else; says nothing of what the net has not", () => {
    expect(told()).toContain("dhcp-range=10.0.0.3,static,255.255.255.0,3600\n");
    expect(told()).toContain("dhcp-host=52:00:00:00:00:02,10.0.0.4\n");
    expect(told()).toContain("dhcp-option=option:router,10.0.0.1\n");
    expect(told()).not.toMatch(/121|dns-server|mtu/);
    expect(told({ gatewayIp: null })).toContain("dhcp-option=option:router\n");
  });
  test("a route by default is the router; beside others it stands among them too", () => {
    const routes = { default: "10.0.0.9", "10.1.0.0/16": "10.0.0.2" };
    expect(told({ routes })).toContain("dhcp-option=121,10.1.0.0/16,10.0.0.2,0.0.0.0/0,10.0.0.9\n");
    expect(told({ routes })).toContain("dhcp-option=option:router,10.0.0.9\n");
  });
  test("leases stay, but those of addresses that somebody else has now", () => {
    const held = "1764170000 52:00:00:00:00:02 10.0.0.4 vm *\n";
    const text = `${held}1764170000 52:00:00:00:00:09 10.0.0.4 old 01:52\n1764170000 52:00:00:00:00:02 10.0.0.5 * *\n`;
    expect(leasesThatHold(text, server.reservations)).toBe(held);
    expect(leasesThatHold("", server.reservations)).toBe("");
  });
});

test("a tap's name has at most 15 characters and comes from the port's id", () => {
  expect(tapName("01234567-89ab-8def-8123-456789abcdef" as VimPortId)).toBe("tap0123456789a");
});
