import { type Args, EVENTS, errorBody, PROCEDURES, type Procedure, type RemoteError, type Reply } from "./protocol.ts";
import { type AnyField, decode, encode, i32, ProtocolError, struct, u32, type ValueOf } from "./xdr.ts";

/*
 *   0        4         8         12          16      20       24       28
 *   +--------+---------+---------+-----------+-------+--------+--------+----------
 *   | length | program | version | procedure | type  | serial | status | payload
 *   |        |         |         |           |       |        |        | (XDR)
 *   length counts itself. All numbers are big-endian. (virnetprotocol.x, libvirt 9.0.0)
 */
const header = struct({ program: u32, version: u32, procedure: i32, type: u32, serial: u32, status: u32 });
export type Header = ValueOf<typeof header>;
export type Frame = { readonly header: Header; readonly payload: Buffer };

const LENGTH_BYTES = 4;
const HEADER_BYTES = 24;
/** VIR_NET_MESSAGE_MAX plus its length word: 32 MiB since libvirt 2, and no more is ever held here. */
const FRAME_BYTES_MAX = 33_554_432 + LENGTH_BYTES;

export const PROGRAM = { remote: 0x20008086, keepalive: 0x6b656570 } as const;
export const TYPE = { call: 0, reply: 1, message: 2, stream: 3 } as const;
export const STATUS = { ok: 0, error: 1, continue: 2 } as const;
const VERSION = 1;
const KEEPALIVE = { ping: 1, pong: 2 } as const;

/** Cuts a byte stream into frames. No socket and no timer, so that every split of a stream can be tested. */
export class Framer {
  #held = Buffer.alloc(0);

  /** Throws ProtocolError for a length that cannot be: after it the stream has no frames any more. */
  push(chunk: Uint8Array): Frame[] {
    let bytes = Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    while (bytes.length >= LENGTH_BYTES) {
      const length = bytes.readUInt32BE(0);
      if (length < LENGTH_BYTES + HEADER_BYTES || length > FRAME_BYTES_MAX) throw new ProtocolError(`a frame of ${length} bytes`);
      if (bytes.length < length) break;
      frames.push(decodeFrame(bytes.subarray(LENGTH_BYTES, length)));
      bytes = bytes.subarray(length);
    }
    this.#held = bytes;
    return frames;
  }
}

function decodeFrame(bytes: Buffer): Frame {
  return { header: decode(header, bytes.subarray(0, HEADER_BYTES)), payload: bytes.subarray(HEADER_BYTES) };
}

export function encodeFrame(frame: Frame): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(LENGTH_BYTES + HEADER_BYTES + frame.payload.length);
  return Buffer.concat([length, encode(header, frame.header), frame.payload]);
}

const remote = (procedure: number, type: number, serial: number, status: number): Header => ({
  program: PROGRAM.remote,
  version: VERSION,
  procedure,
  type,
  serial,
  status,
});

export function encodeCall<P extends Procedure>(procedure: P, serial: number, args: Args<P>): Buffer {
  const { number, args: fields } = PROCEDURES[procedure];
  return encodeFrame({ header: remote(number, TYPE.call, serial, STATUS.ok), payload: encode(fields as AnyField, args) });
}

/** The answer to a call: its value, or libvirt's error. */
export type Answer<P extends Procedure> =
  | { readonly ok: true; readonly value: Reply<P> }
  | { readonly ok: false; readonly error: RemoteError };

/** Reads a reply to `procedure`. Throws ProtocolError where the frame is no such reply. */
export function decodeReply<P extends Procedure>(procedure: P, frame: Frame): Answer<P> {
  const { procedure: number, status } = frame.header;
  if (number !== PROCEDURES[procedure].number) throw new ProtocolError(`a reply to ${number}, not to ${procedure}`);
  if (status === STATUS.error) return { ok: false, error: decode(errorBody, frame.payload) };
  if (status !== STATUS.ok) throw new ProtocolError(`a reply with status ${status}`);
  return { ok: true, value: decode(PROCEDURES[procedure].reply as AnyField, frame.payload) };
}

type Event = keyof typeof EVENTS;
type Told<E extends Event> = E extends Event ? { readonly kind: E; readonly body: ValueOf<(typeof EVENTS)[E]["body"]> } : never;

/** What a frame that is no reply means. Dispatch is by type: the serial of an event means nothing. */
export type Pushed = Told<Event> | { readonly kind: "ping" | "pong" | "other" };

export function decodePushed({ header: h, payload }: Frame): Pushed {
  if (h.program === PROGRAM.keepalive) {
    return { kind: h.procedure === KEEPALIVE.ping ? "ping" : h.procedure === KEEPALIVE.pong ? "pong" : "other" };
  }
  const kind = (Object.keys(EVENTS) as Event[]).find((e) => EVENTS[e].number === h.procedure);
  if (h.program !== PROGRAM.remote || kind === undefined) return { kind: "other" };
  return { kind, body: decode(EVENTS[kind].body as AnyField, payload) } as Told<Event>;
}

/** Bytes of a stream that `procedure` has opened, under the serial of that call (virnetprotocol.x, VIR_NET_STREAM). None, with status ok, ends it; with error, breaks it off. */
export function encodeStream(procedure: Procedure, serial: number, status: keyof typeof STATUS, bytes: Uint8Array): Buffer {
  const header = remote(PROCEDURES[procedure].number, TYPE.stream, serial, STATUS[status]);
  return encodeFrame({ header, payload: Buffer.from(bytes) });
}

/** What a frame of a stream says: bytes, its end (no bytes, or status ok), or why it broke off. */
export function decodeStream({
  header: { status },
  payload,
}: Frame): { readonly bytes: Buffer } | { readonly end: string | null } {
  if (status === STATUS.error) return { end: decode(errorBody, payload).message ?? "no reason given" };
  return status === STATUS.continue && payload.length > 0 ? { bytes: payload } : { end: null };
}

/** A keepalive message (virkeepaliveprotocol.x): no payload, serial 0. */
export function encodeKeepalive(kind: keyof typeof KEEPALIVE): Buffer {
  const h = {
    program: PROGRAM.keepalive,
    version: VERSION,
    procedure: KEEPALIVE[kind],
    type: TYPE.message,
    serial: 0,
    status: STATUS.ok,
  };
  return encodeFrame({ header: h, payload: Buffer.alloc(0) });
}
