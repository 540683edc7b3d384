import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum, icmpEcho, ipAnswerIn, tcpReset, tcpSyn, udpDatagram } from "./ip-probe.ts";
import { probeFrames } from "./probe-frames.ts";

const from = { mac: "0e:53:4d:50:52:01", ip: "10.62.0.254" };
const to = { mac: "02:00:00:00:0a:0a", ip: "10.62.0.100" };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** The ends turned round, as who answers sees them. */
const back = { from: to, to: from };

describe("frames", () => {
  test("the checksum is RFC 1071's example", () => {
    expect(checksum(bytes("0001 f203 f4f5 f6f7"), 0, 8)).toBe(~0xddf2 & 0xffff);
    expect(checksum(bytes("0001 f203 f4f5 f6f7"), 0, 7)).toBe(~(0xddf2 - 0xf7) & 0xffff); // An odd byte stands in front of a zero.
  });

  test("an ICMP echo request, byte by byte", () => {
    expect(hex(icmpEcho({ from, to }, 0x5350, 7))).toBe(
      hex(
        bytes(`02000000 0a0a 0e534d50 5201 0800
          4500001c 00004000 40012504 0a3e00fe 0a3e0064
          0800a4a8 53500007 ${"00".repeat(18)}`),
      ),
    );
  });

  test("a TCP SYN, and the RST that ends what it began, byte by byte", () => {
    const ipHeader = "02000000 0a0a 0e534d50 5201 0800 45000028 00004000 400624f3 0a3e00fe 0a3e0064";
    const syn = bytes(`${ipHeader} c0070050 53500007 00000000 50020400 82560000 ${"00".repeat(6)}`);
    const rst = bytes(`${ipHeader} c0070050 53500008 00000000 50040400 82530000 ${"00".repeat(6)}`);
    expect(hex(tcpSyn({ from, to }, 0xc007, 80, 0x53500007))).toBe(hex(syn));
    expect(hex(tcpReset({ from, to }, 0xc007, 80, 0x53500008))).toBe(hex(rst));
    const frames = probeFrames(from.mac);
    expect(hex(frames.connection(from.ip, to, 80, 7))).toBe(hex(syn));
    expect(hex(frames.hangUp(from.ip, to, 80, 7))).toBe(hex(rst));
  });

  test("headers and bodies sum up to nothing, as a receiver checks them", () => {
    const mac = fc
      .uint8Array({ minLength: 6, maxLength: 6 })
      .map((m) => [...m].map((b) => b.toString(16).padStart(2, "0")).join(":"));
    const end = fc.record({ mac, ip: fc.ipV4() });
    const u16 = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(end, end, u16, u16, fc.uint8Array({ maxLength: 40 }), (a, b, x, y, payload) => {
        const echo = icmpEcho({ from: a, to: b }, x, y);
        expect([checksum(echo, 14, 20), checksum(echo, 34, 8)]).toEqual([0, 0]);
        const datagram = udpDatagram({ from: a, to: b }, x, y, payload);
        expect(checksum(datagram, 14, 20)).toBe(0);
        expect(checksum(datagram, 26, 16 + payload.length, 17 + 8 + payload.length)).toBe(0);
        expect(ipAnswerIn(datagram)).toEqual({ kind: "udp", ip: a.ip, fromPort: x, toPort: y });
      }),
    );
  });
});

describe("answers", () => {
  const echoReply = icmpEcho(back, 0x5350, 9);
  echoReply[34] = 0;

  test("an echo reply tells its sequence", () => {
    expect(ipAnswerIn(echoReply)).toEqual({ kind: "icmp", ip: to.ip, id: 0x5350, sequence: 9 });
  });

  test("an echo request, a fragment, IPv6 and anything cut short is no answer", () => {
    const fragment = Uint8Array.from(echoReply);
    fragment[20] = 0x20;
    const six = Uint8Array.from(echoReply);
    six[14] = 0x65;
    for (const frame of [icmpEcho(back, 1, 1), fragment, six]) expect(ipAnswerIn(frame)).toBeNull();
    for (let n = 0; n < 42; n++) expect(ipAnswerIn(echoReply.subarray(0, n))).toBeNull();
  });

  test("IP options are stepped over", () => {
    const options = Buffer.concat([echoReply.subarray(0, 34), Buffer.alloc(4), echoReply.subarray(34)]);
    options[14] = 0x46;
    expect(ipAnswerIn(options)).toMatchObject({ kind: "icmp", sequence: 9 });
  });

  test("no bytes make it throw", () => {
    const head = bytes(`${"00".repeat(12)} 0800`);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (b) => void ipAnswerIn(Buffer.concat([head, b]))));
  });

  test("each answer leads to its request: ICMP by sequence, UDP by our source port", () => {
    const frames = probeFrames(from.mac);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 << 20 }), (request) => {
        const echo = frames.echo(from.ip, to, request);
        echo[34] = 0;
        expect(frames.answerIn(echo)).toMatchObject({ kind: "icmp", request: request & 0x3fff });
        const sent = ipAnswerIn(frames.datagram(from.ip, to, 7, request));
        if (sent?.kind !== "udp") throw new Error("no datagram");
        const reply = udpDatagram(back, sent.toPort, sent.fromPort, new Uint8Array());
        expect(frames.answerIn(reply)).toEqual({ kind: "udp", ip: to.ip, udpPort: 7, request: request & 0x3fff });
      }),
    );
  });

  /** What answers a SYN, made of one: ends turned round, with these flags and this acknowledgement. */
  const segment = (flags: number, acknowledges: number, fromPort = 80, toPort = 0xc007) => {
    const frame = tcpSyn(back, fromPort, toPort, 0x01020304);
    frame[47] = flags;
    new DataView(frame.buffer).setUint32(42, acknowledges);
    return frame;
  };

  test("a connection is accepted, or refused, by who was asked for it", () => {
    const frames = probeFrames(from.mac);
    const answer = { kind: "tcp", ip: to.ip, mac: to.mac, tcpPort: 80, request: 7 };
    expect(frames.answerIn(segment(0x12, 0x53500008))).toEqual({ ...answer, accepts: true });
    expect(frames.answerIn(segment(0x14, 0x53500008))).toEqual({ ...answer, accepts: false });
    const others = [
      segment(0x12, 0x53500009),
      segment(0x10, 0x53500008),
      segment(0x04, 0x53500008),
      segment(0x02, 0),
      segment(0x12, 0x53500008, 80, 5004),
    ];
    for (const frame of others) expect(frames.answerIn(frame)).toBeNull();
    for (let n = 0; n < 54; n++) expect(frames.answerIn(segment(0x12, 0x53500008).subarray(0, n))).toBeNull();
  });

  test("other people's echoes and datagrams answer nothing of ours", () => {
    const frames = probeFrames(from.mac);
    const strange = icmpEcho(back, 1, 1);
    strange[34] = 0;
    expect(frames.answerIn(strange)).toBeNull();
    expect(frames.answerIn(udpDatagram(back, 7, 5004, new Uint8Array()))).toBeNull();
  });
});
