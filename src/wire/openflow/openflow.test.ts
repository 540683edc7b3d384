import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kinds10, kinds13, messageOf } from "../../../test/vectors/openflow/arbitraries.ts";
import { fromText } from "../../../test/vectors/openflow/text.ts";
import { ProtocolError, Writer } from "../kit.ts";
import { bundleControl, ENVELOPE_BYTES, writeInBundle } from "./bundle.ts";
import type { Codec } from "./codec.ts";
import { errorName, STALE } from "./errors.ts";
import { Framer } from "./framer.ts";
import { encodeHello, negotiate, OF10, OF13 } from "./hello.ts";
import { type Message10, of10, plainWildcards, WILD } from "./of10.ts";
import { type Message13, of13, PORT } from "./of13.ts";

type AnyMessage = Message10 | Message13;
const DIR = join(import.meta.dirname, "../../../test/vectors/openflow");

const vectors = readdirSync(DIR)
  .filter((file) => file.endsWith(".hex"))
  .map((file) => ({
    file,
    codec: (file.startsWith("of10") ? of10 : of13) as Codec<AnyMessage>,
    wire: Buffer.from(readFileSync(join(DIR, file), "utf8").replaceAll("\n", ""), "hex"),
    expected: fromText(readFileSync(join(DIR, file.replace(".hex", ".json")), "utf8")) as AnyMessage,
  }));

/** Sound: either ProtocolError, or a value that survives encode and decode. Nothing else may be thrown. */
function assertSound(codec: Codec<AnyMessage>, bytes: Uint8Array, what: string): void {
  try {
    const value = codec.decode(bytes);
    expect(codec.decode(codec.encode(value))).toEqual(value);
  } catch (e) {
    if (!(e instanceof ProtocolError)) throw new Error(`${what}: ${Buffer.from(bytes).toString("hex")}`, { cause: e });
  }
}

const XID_AT = 4;
const wireOf = (file: string) => vectors.find((v) => v.file === file)!.wire;

describe("a bundle is what ovs-ofctl makes of it", () => {
  test.each(["open", "commit"] as const)("%s", (type) => {
    const theirs = wireOf(`of13-bundle-${type}.hex`);
    expect(of13.encode({ ...bundleControl(type), xid: theirs.readUInt32BE(XID_AT) }).toString("hex")).toBe(
      theirs.toString("hex"),
    );
  });

  test("a message in its envelope, the xid of both filled in", () => {
    const theirs = wireOf("of13-bundle-add.hex");
    const ours = new Writer();
    writeInBundle(ours, theirs.readUInt32BE(XID_AT), () => ours.bytes(theirs.subarray(ENVELOPE_BYTES)));
    expect(ours.done().toString("hex")).toBe(theirs.toString("hex"));
  });
});

describe("recorded from ovs-ofctl and ovs-vswitchd", () => {
  test.each(vectors)("$file decodes to its .json, and encodes back to the same bytes", ({ codec, wire, expected }) => {
    expect(codec.decode(wire)).toEqual(expected);
    expect(codec.encode(expected).toString("hex")).toBe(wire.toString("hex"));
  });

  test("cut short anywhere, they are sound", () => {
    for (const { file, codec, wire } of vectors.filter((v) => v.wire.length < 1000)) {
      for (let n = 8; n < wire.length; n++) {
        const cut = Buffer.from(wire.subarray(0, n));
        cut.writeUInt16BE(n, 2);
        assertSound(codec, cut, `${file} cut to ${n} bytes`);
      }
    }
  });

  test("10,000 mutations of them are sound", () => {
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    const random = mulberry32(seed);
    const below = (n: number) => Math.floor(random() * n);
    const long = vectors.filter((v) => v.wire.length > 8 && v.wire.length < 1500);
    for (let i = 0; i < 10_000; i++) {
      const { codec, wire } = long[below(long.length)]!;
      const bytes = Buffer.from(wire);
      for (let n = below(4); n >= 0; n--) bytes[8 + below(bytes.length - 8)] = below(256);
      assertSound(codec, bytes, `SEED=${seed} round ${i}`);
    }
  });
});

/** A small seeded generator (Tommy Ettinger's mulberry32), so that a failing fuzz run can be repeated. */
function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("any message survives encode and decode", () => {
  test.each(Object.entries(kinds10))("1.0 %s", (kind, body) => {
    fc.assert(fc.property(messageOf<Message10>(kind, body), (m) => void expect(of10.decode(of10.encode(m))).toEqual(m)));
  });
  test.each(Object.entries(kinds13))("1.3 %s", (kind, body) => {
    fc.assert(fc.property(messageOf<Message13>(kind, body), (m) => void expect(of13.decode(of13.encode(m))).toEqual(m)));
  });
});

describe("ovs-ofctl ofp-print reads what we encode", () => {
  const print = (bytes: Buffer) =>
    execFileSync("ovs-ofctl", ["ofp-print", "-"], { input: bytes.toString("hex"), encoding: "utf8" }).trim();
  const flowMod13 = {
    ...{ kind: "flowMod", xid: 9, cookie: 5n, cookieMask: 0n, table: 1, command: "add", idleTimeoutSec: 0, hardTimeoutSec: 0 },
    ...{
      priority: 77,
      buffer: 0xffffffff,
      outPort: PORT.any,
      outGroup: PORT.any,
      flags: 0,
      match: { inPort: 2, vlanVid: 0x1005 },
    },
    instructions: [
      {
        kind: "applyActions",
        actions: [
          { kind: "setField", field: { vlanVid: 0x1007 } },
          { kind: "output", port: 4, maxLen: 0 },
        ],
      },
    ],
  } as const satisfies Message13;
  const output = (port: number) =>
    ({ weight: 0, watchPort: PORT.any, watchGroup: PORT.any, actions: [{ kind: "output", port, maxLen: 0 }] }) as const;

  test.each<[string, AnyMessage, string]>([
    [
      "flow-mod",
      flowMod13,
      "OFPT_FLOW_MOD (OF1.3) (xid=0x9): ADD table:1 priority=77,in_port=2,dl_vlan=5 cookie:0x5 actions=set_field:4103->vlan_vid,output:4",
    ],
    [
      "group-mod",
      { kind: "groupMod", xid: 1, command: "modify", type: "all", group: 0x5e000001, buckets: [output(1), output(2)] },
      "OFPT_GROUP_MOD (OF1.3) (xid=0x1):\n MOD group_id=1577058305,type=all,bucket=actions=output:1,bucket=actions=output:2",
    ],
    [
      "group-mod that waits for the loss of port 1",
      {
        ...{ kind: "groupMod", xid: 4, command: "add", type: "fastFailover", group: 0x80000001 },
        buckets: [
          { ...output(0), watchPort: 1, actions: [] },
          { ...output(3), watchPort: 2 },
        ],
      },
      "OFPT_GROUP_MOD (OF1.3) (xid=0x4):\n ADD group_id=2147483649,type=ff,bucket=watch_port:1,actions=drop,bucket=watch_port:2,actions=output:3",
    ],
    [
      "group-mod that leads to another group",
      {
        ...{ kind: "groupMod", xid: 5, command: "add", type: "all", group: 0x5e000001 },
        buckets: [output(1), { ...output(0), actions: [{ kind: "group", group: 0x80000001 }] }],
      },
      "OFPT_GROUP_MOD (OF1.3) (xid=0x5):\n ADD group_id=1577058305,type=all,bucket=actions=output:1,bucket=actions=group:2147483649",
    ],
    [
      "role",
      { kind: "roleRequest", xid: 2, role: "master", generationId: 7n },
      "OFPT_ROLE_REQUEST (OF1.3) (xid=0x2): role=primary generation_id=7",
    ],
    [
      "config",
      { kind: "setConfig", xid: 3, flags: 0, missSendLen: 0xffff },
      "OFPT_SET_CONFIG (OF1.3) (xid=0x3): frags=normal miss_send_len=65535",
    ],
  ])("%s", (_, message, reading) => {
    expect(print(of13.encode(message as Message13))).toBe(reading);
  });

  test("hello", () => {
    expect(print(encodeHello(1))).toBe("OFPT_HELLO (OF1.3) (xid=0x1):\n version bitmap: 0x01, 0x04");
  });
});

describe("framer", () => {
  test("split at every byte, the same frames come out", () => {
    const wires = vectors
      .filter((v) => v.wire.length < 200)
      .slice(0, 12)
      .map((v) => v.wire);
    const all = Buffer.concat(wires);
    for (let at = 0; at <= all.length; at++) {
      const framer = new Framer();
      const copies = (chunk: Buffer) => framer.push(chunk).map((f) => Buffer.from(f).toString("hex"));
      expect([...copies(all.subarray(0, at)), ...copies(all.subarray(at))]).toEqual(wires.map((w) => w.toString("hex")));
    }
  });

  test("byte by byte too", () => {
    const framer = new Framer();
    const frames = [...vectors[0]!.wire].flatMap((b) => framer.push(Buffer.from([b])));
    expect(frames.map((f) => Buffer.from(f))).toEqual([vectors[0]!.wire]);
  });

  test("a length below the header is refused", () => {
    expect(() => new Framer().push(Buffer.from("0400000700000001", "hex"))).toThrow(ProtocolError);
  });
});

describe("negotiation", () => {
  //  hello of the peer, version agreed
  test.each([
    ["1.3 with bitmap 1.0..1.3", "0400001000000001" + "000100080000001e", OF13],
    ["1.5 with bitmap 1.3 and 1.5", "0600001000000001" + "0001000800000050", OF13],
    ["1.5 with bitmap 1.0 and 1.5", "0600001000000001" + "0001000800000042", OF10],
    ["1.5 with bitmap 1.5 alone", "0600001000000001" + "0001000800000040", undefined],
    ["1.5 without bitmap", "0600000800000001", OF13],
    ["1.3 without bitmap", "0400000800000001", OF13],
    ["1.1 without bitmap", "0200000800000001", undefined],
    ["1.0", "0100000800000001", OF10],
    ["1.0 with rubbish behind the header", "0100000b00000001ffffff", OF10],
  ])("%s", (_, hex, version) => {
    expect(negotiate(Buffer.from(hex, "hex"))).toBe(version);
  });

  test("no hello at all is a ProtocolError", () => {
    expect(() => negotiate(Buffer.from("0405000800000001", "hex"))).toThrow(ProtocolError);
  });
});

test("errors have the names of the specification", () => {
  expect(errorName(OF13, 11, 0)).toBe(STALE);
  expect(errorName(OF10, 2, 4)).toBe("BAD_ACTION/BAD_OUT_PORT");
  expect(errorName(OF13, 99, 3)).toBe("99/3");
});

test("1.0 wildcards: 32 and more bits of an address mean all", () => {
  expect(plainWildcards(0x3820ff)).toBe(WILD.all);
  expect(plainWildcards(0x3820fe)).toBe(WILD.all & ~WILD.inPort);
});

test("a message longer than its length field can say is a bug of ours", () => {
  const frame = new Uint8Array(0x10000);
  expect(() => of13.encode({ kind: "echoRequest", xid: 1, data: frame })).toThrow(RangeError);
});
