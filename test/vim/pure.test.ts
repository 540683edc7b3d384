import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostId, VimPortId } from "../../src/model/ids.ts";
import type { Host, ServerPort } from "../../src/model/vim-picture.ts";
import { place } from "../../src/place/place.ts";
import { dhcpRange, freeIp } from "../../src/vim/addresses.ts";
import { portStatus } from "../../src/vim/port-status.ts";
import { barePort, tapName } from "../../src/vim/ports.ts";
import { arpIn, arpProbe, arpReply } from "../../src/wire/arp.ts";

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

describe("placement", () => {
  const host = (id: string, memoryMiB: number, more: Partial<Host> = {}) =>
    ({
      id: id as HostId,
      name: id,
      memoryMiB,
      cpus: 1,
      adminUp: true,
      status: "ok",
      isLocal: true,
      availabilityZone: null,
      numas: [],
      ...more,
    }) as unknown as Host;
  const need = {
    ...{ memoryMiB: 100, vcpus: 1, numa: null, hostId: null },
    ...{ availabilityZone: null, antiAffinity: null, leaves: null },
  };
  const free = (h: Host, memoryMiB = 0, vcpus = 0) => ({ host: h, memoryMiB, vcpus, neighbours: [] as string[], away: null });
  const apart = (policy: "required" | "preferred") => ({ antiAffinity: { group: "g", policy } });
  const withTwin = (h: Host) => ({ ...free(h), neighbours: ["twin"] });
  const away = (h: Host, isLong: boolean) => ({ ...free(h), away: { why: "libvirtd is silent", isLong } });
  for (const [what, hosts, more, wanted] of [
    ["the fullest that has room", [free(host("a", 900)), free(host("b", 300)), free(host("c", 50))], {}, "b"],
    ["what runs there counts", [free(host("a", 150), 100), free(host("b", 900))], {}, "b"],
    ["vCPUs count, four to a thread", [free(host("a", 150), 0, 4), free(host("b", 900), 0, 3)], {}, "b"],
    ["the host asked for", [free(host("a", 900)), free(host("b", 300))], { hostId: "a" }, "a"],
    ["an inventory host cannot run it", [free(host("a", 900, { isLocal: false }))], {}, /host with 100 MB memory and 1 cpus/],
    ["a host that is admin down", [free(host("a", 900, { adminUp: false }))], {}, /host with 100 MB memory/],
    ["huge pages", [free(host("a", 900))], { numa: { memory: 4 } }, /host with 4 GB Hugepages memory available/],
    ["nothing there", [], {}, /^No room at data center/],
    ["not with its twin", [withTwin(host("a", 200)), free(host("b", 900))], apart("required"), "b"],
    ["nowhere but with its twin", [withTwin(host("a", 200))], apart("required"), /\(a: anti-affinity group g: twin is there\)$/],
    ["rather without its twin", [withTwin(host("a", 200)), free(host("b", 900))], apart("preferred"), "b"],
    ["with its twin before nowhere", [withTwin(host("a", 200)), free(host("b", 50))], apart("preferred"), "a"],
    ["its twin is no obstacle to who does not ask", [withTwin(host("a", 200))], {}, "a"],
    [
      "the zone asked for",
      [free(host("a", 200)), free(host("b", 900, { availabilityZone: "z" }))],
      { availabilityZone: "z" },
      "b",
    ],
    ["no host of the zone", [free(host("a", 200))], { availabilityZone: "z" }, /\(a: it is in no availability zone\)/],
    ["one that can be asked before one that is away", [away(host("a", 200), false), free(host("b", 900))], {}, "b"],
    ["one that was away for a moment before none", [away(host("a", 200), false)], {}, "a"],
    ["not one that is away for long", [away(host("a", 200), true)], {}, /\(a: it cannot be asked: libvirtd is silent\)/],
    ["not the host it leaves", [free(host("a", 200)), free(host("b", 900))], { leaves: "a" }, "b"],
    ["not one that is away, where it leaves another", [away(host("a", 200), false)], { leaves: "b" }, /a: it cannot be asked/],
    [
      "each host says why",
      [free(host("a", 50)), free(host("b", 900), 0, 4), free(host("c", 900, { adminUp: false }))],
      {},
      /\(a: 50 MB memory free; b: 0 cpus free; c: its admin_state_up is false\)$/,
    ],
  ] as const) {
    test(`${what}: ${wanted}`, () => {
      const placed = place({ ...need, ...(more as object) }, hosts);
      if (typeof wanted === "string") expect(placed).toEqual({ hostId: wanted });
      else expect(placed).toEqual({ reason: expect.stringMatching(wanted) });
    });
  }
});

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
});

test("a tap's name has at most 15 characters and comes from the port's id", () => {
  expect(tapName("01234567-89ab-8def-8123-456789abcdef" as VimPortId)).toBe("tap0123456789a");
});
