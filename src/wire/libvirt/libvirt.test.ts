import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePushed,
  decodeReply,
  encodeCall,
  encodeFrame,
  encodeKeepalive,
  type Frame,
  Framer,
  STATUS,
  TYPE,
} from "./frame.ts";
import { EVENTS, errorBody, PROCEDURES, type Procedure } from "./protocol.ts";
import { type AnyField, decode, encode, type Field, ProtocolError } from "./xdr.ts";

/** What libvirt 9.0.0's own client and daemon said to each other (test/harness/record-libvirt.ts). */
const RECORDED = new URL("../../../test/vectors/libvirt/session.json", import.meta.url);
const vectors = (JSON.parse(readFileSync(RECORDED, "utf8")) as { from: string; hex: string }[]).map(({ hex }) =>
  Buffer.from(hex, "hex"),
);

const nameOf = (frame: Frame): Procedure =>
  (Object.keys(PROCEDURES) as Procedure[]).find((name) => PROCEDURES[name].number === frame.header.procedure)!;

/** The fields that a frame's payload should have. */
function fieldsOf(frame: Frame): Field<unknown> {
  const { type, status } = frame.header;
  if (type === TYPE.message)
    return Object.values(EVENTS).find((e) => e.number === frame.header.procedure)!.body as Field<unknown>;
  if (status === STATUS.error) return errorBody as Field<unknown>;
  return PROCEDURES[nameOf(frame)][type === TYPE.call ? "args" : "reply"] as Field<unknown>;
}

const frameOf = (bytes: Buffer): Frame => new Framer().push(bytes)[0]!;

/** Sound: either ProtocolError, or a value that survives encode and decode. Nothing else may be thrown. */
function expectSound(fields: Field<unknown>, payload: Uint8Array): void {
  let value: unknown;
  try {
    value = decode(fields, payload);
  } catch (e) {
    expect(e).toBeInstanceOf(ProtocolError);
    return;
  }
  expect(decode(fields, encode(fields, value))).toEqual(value);
}

describe("frames recorded from libvirt's own client", () => {
  test("cover every procedure we speak but the last good-bye", () => {
    const seen = new Set(vectors.map((v) => v.readInt32BE(12)));
    const missing = Object.entries(PROCEDURES).filter(([, p]) => !seen.has(p.number));
    expect(missing.map(([name]) => name)).toEqual(["connectClose"]);
  });

  test("decode, and encode back to the same bytes", () => {
    for (const bytes of vectors) {
      const frame = frameOf(bytes);
      const fields = fieldsOf(frame);
      expect(encodeFrame({ ...frame, payload: encode(fields, decode(fields, frame.payload)) })).toEqual(bytes);
    }
  });

  test("calls are made as libvirt's client makes them", () => {
    for (const bytes of vectors) {
      const { header, payload } = frameOf(bytes);
      if (header.type !== TYPE.call) continue;
      const procedure = nameOf(frameOf(bytes));
      expect(encodeCall(procedure, header.serial, decode(PROCEDURES[procedure].args as AnyField, payload))).toEqual(bytes);
    }
  });

  test("a refusal keeps libvirt's words, an event its domain", () => {
    const frames = vectors.map(frameOf);
    const refusal = decodeReply("lookupByName", frames.find((f) => f.header.status === STATUS.error)!);
    expect(refusal).toMatchObject({
      ok: false,
      error: { code: 42, domain: 10, message: expect.stringContaining("no such domain") },
    });
    const events = frames.filter((f) => f.header.type === TYPE.message).map(decodePushed);
    expect(events[0]).toMatchObject({ kind: "lifecycle", body: { event: 0, domain: { name: "recorded" } } });
  });

  test("cut short anywhere are sound", () => {
    for (const bytes of vectors) {
      const { payload, ...frame } = frameOf(bytes);
      for (let n = 0; n < payload.length; n++) expectSound(fieldsOf({ ...frame, payload }), payload.subarray(0, n));
    }
  });

  test("split at every byte give the same frames", () => {
    const both = Buffer.concat(vectors.slice(0, 4));
    const whole = new Framer().push(both);
    for (let at = 0; at <= both.length; at++) {
      const framer = new Framer();
      expect([...framer.push(both.subarray(0, at)), ...framer.push(both.subarray(at))]).toEqual(whole);
    }
  });

  test("mutated are sound", () => {
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const mutant = fc.tuple(fc.nat(vectors.length - 1), fc.array(mutation, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(mutant, ([i, changes]) => {
        const frame = frameOf(vectors[i]!);
        const payload = Buffer.from(frame.payload);
        for (const [at, byte] of changes) if (payload.length > 0) payload[at % payload.length] = byte;
        expectSound(fieldsOf(frame), payload);
      }),
      { numRuns: 10_000 },
    );
  });
});

test("a frame that cannot be ends the stream with a ProtocolError", () => {
  for (const length of [0, 27, 0x7fffffff]) {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt32BE(length);
    expect(() => new Framer().push(bytes)).toThrow(ProtocolError);
  }
});

test("a keepalive message is as virkeepaliveprotocol.x has it", () => {
  expect(encodeKeepalive("pong").toString("hex")).toBe("0000001c6b6565700000000100000002000000020000000000000000");
  expect(decodePushed(frameOf(encodeKeepalive("ping")))).toEqual({ kind: "ping" });
});
