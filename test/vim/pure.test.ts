import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { VimPortId } from "../../src/model/ids.ts";
import type { ServerPort } from "../../src/model/vim-picture.ts";
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
