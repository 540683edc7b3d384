import { type Fields, pad, struct, u16, u32, Writer } from "../kit.ts";
import { HEADER_BYTES } from "./framer.ts";
import { OF13 } from "./hello.ts";

/**
 * Bundles in OpenFlow 1.3: ONF extension EXT-230, which became 1.4's own messages (1.4, 7.3.9). What is added to a bundle changes
 * nothing before its commit, and then all of it does, in the order in which it was added, or nothing.
 */
const ONF = 0x4f4e4600;
const CONTROL = 2300;
const ADD = 2301;
const EXPERIMENTER = 4;
/** OFPBF_ATOMIC: a packet meets all of it or nothing; OFPBF_ORDERED: groups stand before the entries that lead to them. */
const FLAGS = 0b11;
/** One is open at a time on a connection, from its first byte to its last in one write. */
const BUNDLE = 0;

const CONTROL_TYPES = { open: 0, commit: 4, discard: 6 } as const;

const control = struct({ bundle: u32, type: u16, flags: u16 });
const envelope: Fields = { bundle: u32, _: pad(2), flags: u16 };
const addition = struct(envelope);

/** OFPT_BUNDLE_CONTROL: an experimenter message of OpenFlow 1.3. */
export function bundleControl(type: keyof typeof CONTROL_TYPES) {
  const w = new Writer();
  control.write(w, { bundle: BUNDLE, type: CONTROL_TYPES[type], flags: FLAGS });
  return { kind: "experimenter", experimenter: ONF, subtype: CONTROL, data: new Uint8Array(w.done()) } as const;
}

/** Where the message begins in its envelope. */
export const ENVELOPE_BYTES = HEADER_BYTES + 16;

/**
 * OFPT_BUNDLE_ADD_MESSAGE around a whole message, which `write` writes. Both carry the same xid: a switch refuses the envelope otherwise.
 * Written in place: a table of a hundred thousand entries is as many messages.
 */
export function writeInBundle(w: Writer, xid: number, write: () => void): void {
  const from = w.at;
  w.u8(OF13);
  w.u8(EXPERIMENTER);
  const lengthAt = w.reserve(2);
  w.u32(xid);
  w.u32(ONF);
  w.u32(ADD);
  addition.write(w, { bundle: BUNDLE, flags: FLAGS });
  write();
  w.patchU16(lengthAt, w.at - from);
}
