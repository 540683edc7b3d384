import { type Fields, ProtocolError, Reader, struct, type ValueOf, Writer } from "../kit.ts";
import { HEADER_BYTES } from "./framer.ts";

/** One row per message: its type number (OFPT_*) and its fields after the header. */
export type MessageTable = Readonly<Record<string, { readonly type: number; readonly fields: Fields }>>;

/** A message as a value: `kind` is the row, `xid` ties a reply to its request. */
export type MessageOf<T extends MessageTable> = {
  [K in keyof T & string]: { readonly kind: K; readonly xid: number } & ValueOf<T[K]["fields"]>;
}[keyof T & string];

/** A message that was given no xid yet. */
export type Unsent<M> = M extends { readonly xid: number } ? Omit<M, "xid"> : never;

export interface Codec<M> {
  /** Version byte of the header. */
  readonly version: number;
  /** Exactly one frame. Throws ProtocolError for anything but a message of this version. */
  decode(frame: Uint8Array): M;
  encode(message: M): Buffer;
  /** Appends, so that many messages leave in one write. */
  encodeTo(w: Writer, message: Unsent<M>, xid: number): void;
  /** Name of the row with this OFPT_ number, for texts about an error. */
  kindOf(type: number): string | undefined;
}

const FRAME_BYTES_MAX = 0xffff;

/** Makes the two directions from a table of messages. */
export function codec<const T extends MessageTable>(version: number, table: T): Codec<MessageOf<T>> {
  const byKind = new Map(Object.entries(table).map(([kind, { type, fields }]) => [kind, { kind, type, body: struct(fields) }]));
  const byType = new Map([...byKind.values()].map((row) => [row.type, row]));

  const encodeTo = (w: Writer, message: { readonly kind: string }, xid: number) => {
    const row = byKind.get(message.kind);
    if (row === undefined) throw new RangeError(`no message named ${message.kind}`);
    const from = w.at;
    w.u8(version);
    w.u8(row.type);
    const lengthAt = w.reserve(2);
    w.u32(xid);
    row.body.write(w, message as never);
    if (w.at - from > FRAME_BYTES_MAX) throw new RangeError(`${message.kind} of ${w.at - from} bytes`);
    w.patchU16(lengthAt, w.at - from);
  };

  return {
    version,
    encodeTo: (w, message, xid) => encodeTo(w, message as { kind: string }, xid),
    encode(message) {
      const w = new Writer();
      encodeTo(w, message, message.xid);
      return w.done();
    },
    decode(frame) {
      const r = new Reader(frame);
      const header = readHeader(r, version);
      const row = byType.get(header.type);
      if (row === undefined) throw new ProtocolError("UNKNOWN_TYPE", `type ${header.type}`);
      const body = row.body.read(r);
      if (r.left !== 0) throw new ProtocolError("BAD_LENGTH", `${r.left} bytes too many in ${row.kind}`);
      return { kind: row.kind, xid: header.xid, ...body } as MessageOf<T>;
    },
    kindOf: (type) => byType.get(type)?.kind,
  };
}

/** Reads the header and checks that version and length are what they must be. */
function readHeader(r: Reader, wanted: number): { readonly type: number; readonly xid: number } {
  const whole = r.left;
  if (whole < HEADER_BYTES) throw new ProtocolError("TRUNCATED", `a frame of ${whole} bytes`);
  const version = r.u8();
  if (version !== wanted) throw new ProtocolError("BAD_VALUE", `version ${version} where ${wanted} was agreed`);
  const type = r.u8();
  const length = r.u16();
  if (length !== whole) throw new ProtocolError("BAD_LENGTH", `length says ${length}, the frame has ${whole}`);
  return { type, xid: r.u32() };
}
