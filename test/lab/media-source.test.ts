import { describe, expect, test } from "vitest";
import { duePackets, ffmpegArguments, TsBuffer } from "../../src/lab/media-source.ts";
import { extendSeq, readRtpHeader, writeRtpHeader } from "../../src/lab/rtp.ts";

const TS = 188;

describe("how many packets are due", () => {
  for (const [what, start, now, sent, perMs, due, newStart] of [
    ["nothing at the start", 0, 0, 0, 1, 0, 0],
    ["one each ms", 0, 1, 0, 1, 1, 0],
    ["those already sent are not sent again", 100, 150, 50, 1, 0, 100],
    ["a late tick sends what fell due", 0, 12, 2, 1, 10, 0],
    ["a slow stream waits for its next packet", 0, 5, 0, 1 / 7, 0, 0],
    ["a slow stream sends it", 0, 7.01, 0, 1 / 7, 1, 0],
    ["a timer that is early sends nothing", 0, 9.5, 10, 1, 0, 0],
    ["a stall is caught up as far as 200 ms, the rest is skipped", 0, 1_000, 0, 1, 200, 800],
  ] as const) {
    test(what, () => expect(duePackets(start, now, sent, perMs)).toEqual({ due, start: newStart }));
  }
});

describe("the buffer", () => {
  const packet = (n: number) => Buffer.alloc(TS, n);
  const take = (buffer: TsBuffer) => {
    const into = Buffer.alloc(TS);
    buffer.take(into, 0);
    return into;
  };

  test("gives whole packets in order, however the bytes came", () => {
    const stream = Buffer.concat([packet(1), packet(2), packet(3)]);
    for (const cut of [1, 100, 187, 188, 189, 375, 377]) {
      const buffer = new TsBuffer();
      buffer.push(stream.subarray(0, cut));
      buffer.push(stream.subarray(cut));
      expect(buffer.packets).toBe(3);
      expect([take(buffer), take(buffer), take(buffer)]).toEqual([packet(1), packet(2), packet(3)]);
      expect(buffer.packets).toBe(0);
    }
  });

  test("gives a stuffing packet (PID 0x1fff) when less than a whole one is there, and loses nothing", () => {
    const buffer = new TsBuffer();
    buffer.push(packet(7).subarray(0, 50));
    expect(take(buffer).readUInt32BE(0)).toBe(0x471fff10);
    buffer.push(packet(7).subarray(50));
    expect(take(buffer)).toEqual(packet(7));
  });
});

test("ffmpeg is asked for 1,000 transport stream packets a second, with and without a font", () => {
  expect(ffmpegArguments(null).join(" ")).toMatch(/-muxrate 1504000/);
  expect(ffmpegArguments(null).join(" ")).not.toMatch(/drawtext/);
  expect(ffmpegArguments("/f.ttf").join(" ")).toMatch(/drawtext=fontfile=\/f.ttf/);
});

describe("RTP", () => {
  test("a header comes back as it was written", () => {
    const packet = Buffer.alloc(12 + TS);
    writeRtpHeader(packet, 0x1_2345, 0x1_0000_0005, 0xdeadbeef);
    expect(readRtpHeader(packet)).toEqual({ seq: 0x2345, timestamp: 5, ssrc: 0xdeadbeef, payloadAt: 12 });
  });

  for (const [what, bytes] of [
    ["nothing", ""],
    ["eleven bytes", "8021000100000000000000"],
    ["version 1", "402100010000000000000000"],
    ["another payload type", "806000010000000000000000"],
    ["more contributing sources than bytes", "852100010000000000000000"],
    ["an extension that is cut off", "902100010000000000000000"],
    ["an extension longer than the packet", "902100010000000000000000beef0002"],
  ] as const) {
    test(`${what} is no media packet`, () => expect(readRtpHeader(Buffer.from(bytes, "hex"))).toBeNull());
  }

  test("contributing sources and an extension are skipped", () => {
    expect(readRtpHeader(Buffer.from("912100010000000000000000aaaaaaaabeef0001cccccccc47", "hex"))?.payloadAt).toBe(24);
  });

  for (const [seq, highest, extended] of [
    [5, null, 0x1_0005],
    [6, 0x1_0005, 0x1_0006],
    [0, 0x1_ffff, 0x2_0000],
    [0xffff, 0x2_0000, 0x1_ffff],
    [4, 0x1_0005, 0x1_0004],
    [0xffff, 0x1_0000, 0xffff],
  ] as const) {
    test(`${seq} after ${highest} is ${extended}`, () => expect(extendSeq(seq, highest)).toBe(extended));
  }
});
