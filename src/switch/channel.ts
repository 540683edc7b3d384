import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { ProtocolError, Writer } from "../wire/kit.ts";
import { MORE } from "../wire/openflow/choice.ts";
import type { Codec, Unsent } from "../wire/openflow/codec.ts";
import { errorName } from "../wire/openflow/errors.ts";
import type { Message10 } from "../wire/openflow/of10.ts";
import type { Message13 } from "../wire/openflow/of13.ts";
import { isReady, isWritten, type Outgoing } from "./encoded.ts";
import type { Greeted } from "./greet.ts";

export type AnyMessage = Message10 | Message13;
type OfKind<M, K> = Extract<M, { readonly kind: K }>;

/** What became of a batch: the moments, and the messages that the switch refused, in the order of its errors. */
export interface BatchResult {
  readonly onWireAt: number;
  readonly barrierAt: number;
  readonly refused: readonly Refusal[];
}

/** `phase` and `index` say which message of the batch it was. */
export interface Refusal {
  readonly phase: number;
  readonly index: number;
  readonly error: string;
}

interface Waiter<M> {
  readonly reply: M["kind" & keyof M];
  readonly take: (part: M) => void;
  /** Reads the parts of its reply. */
  readonly codec: Codec<M>;
  bytes: number;
  readonly askedAt: number;
  readonly resolve: () => void;
  readonly reject: (e: Error) => void;
}

interface Batch {
  readonly firstXid: number;
  readonly lastXid: number;
  /** Messages of each phase, its barrier not counted. */
  readonly sizes: readonly number[];
  readonly refused: Refusal[];
  /** Of the echo requests in it: their answers tell how far the switch is. */
  readonly echoXid: number;
  /** When it was asked, or when the last of these answers came. */
  heardAt: number;
  onWireAt: number;
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (e: Error) => void;
}

/** All parts of one multipart reply together: some 600,000 flow entries. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024;
/** A switch that answers echoes but not this request. Longer than a full table of a slow switch takes. */
export const ANSWER_LIMIT_MS = 10_000;
/** A switch works for some 100 ms on so many, and for seconds on a full table: it answers nothing else until it is through. */
const ECHO_EVERY = 2_000;
const XID_MAX = 0xffffffff;
/** Far from the small numbers that a peer gives its own hello and echoes. */
const FIRST_XID = 0x10000;

const ECHO = { kind: "echoRequest", data: new Uint8Array() } as const;

export interface ChannelListener<M> {
  /** Everything that answers no request of ours. `at`: when its bytes came. */
  message(message: M, at: number): void;
  /** Once, with the reason. */
  closed(why: string): void;
}

/**
 * One OpenFlow connection after hello. Replies are matched by xid and kind (a switch may use the xid of our request for
 * its own messages), errors are tied to the message that caused them, and the end of the connection answers everybody.
 */
export class Channel<M extends AnyMessage> {
  readonly codec: Codec<M>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #framer: Greeted["framer"];
  readonly #waiters = new Map<number, Waiter<M>>();
  readonly #batches: Batch[] = [];
  #listener: ChannelListener<M> | null = null;
  #xid = FIRST_XID;
  #mayWrite = false;
  #closed: string | null = null;

  constructor(socket: Socket, codec: Codec<M>, greeted: Greeted, clock: Clock) {
    this.codec = codec;
    this.#socket = socket;
    this.#clock = clock;
    this.#framer = greeted.framer;
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("error", (e) => this.close(e.message));
    socket.on("close", () => this.close("the switch closed the connection"));
  }

  /** Takes what came with the hello, then lets the socket flow. */
  open(listener: ChannelListener<M>, frames: readonly Uint8Array[]): void {
    this.#listener = listener;
    this.#guard(() => {
      for (const frame of frames) this.#onFrame(frame, this.#clock.now());
    });
    this.#socket.resume();
  }

  /** From here on `batch` may be used: the switch has accepted our role. */
  allowWrites(): void {
    this.#mayWrite = true;
  }

  /** Bytes that came on this connection, ever: what grows shows life. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Asks, and resolves with the reply of this kind. Rejects with Fault SWITCH_REFUSED, SWITCH_NOT_CONNECTED or TIMEOUT. */
  async request<K extends M["kind"]>(message: Unsent<M>, reply: K): Promise<OfKind<M, K>> {
    let first: OfKind<M, K> | undefined;
    await this.requestParts(message, reply, (part) => {
      first ??= part;
    });
    return first!;
  }

  /**
   * The same for a reply in parts, each handed over as it comes and kept by nobody here: a large table is hundreds of them. Resolves when
   * the part without OFPMPF_REPLY_MORE has come; rejects with what `take` throws. `codec`: what reads them, where it is another one of the
   * same version.
   */
  requestParts<K extends M["kind"], P = M>(
    message: Unsent<M>,
    reply: K,
    take: (part: OfKind<P, K>) => void,
    codec = this.codec as unknown as Codec<P>,
  ): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#gone());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const xid = this.#takeXids(1);
    const asked = { reply: reply as never, take: take as never, codec: codec as unknown as Codec<M> };
    this.#waiters.set(xid, { ...asked, bytes: 0, askedAt: this.#clock.now(), resolve, reject });
    this.#send(message, xid);
    return promise;
  }

  /** Sends what has no answer. Does nothing on a closed connection: its listener knows already. */
  post(message: Unsent<M>): void {
    if (this.#closed === null) this.#send(message, this.#takeXids(1));
  }

  /**
   * Writes all phases with a barrier after each, at once and without waiting in between. Resolves with the last barrier's
   * reply. A refused message has no reply of its own, so errors are found by their xid until then. Throws Error when
   * called before `allowWrites`: an EQUAL controller may write, so the switch would not stop a stale leader.
   */
  batch(phases: readonly (readonly Outgoing<M>[])[]): Promise<BatchResult> {
    if (!this.#mayWrite) throw new Error("a change was written before the role was taken");
    if (this.#closed !== null) return Promise.reject(this.#gone());
    const sizes = phases.map((phase) => phase.length);
    const count = sizes.reduce((sum, size) => sum + size + 1, 0);
    const firstXid = this.#takeXids(count);
    const echoXid = this.#takeXids(1);
    const bytes = this.#encodePhases(phases, firstXid, echoXid);
    const { promise, resolve, reject } = Promise.withResolvers<BatchResult>();
    const heardAt = this.#clock.now();
    const lastXid = firstXid + count - 1;
    const batch: Batch = { firstXid, lastXid, sizes, refused: [], echoXid, heardAt, onWireAt: 0, resolve, reject };
    this.#batches.push(batch);
    this.#socket.write(bytes);
    batch.onWireAt = this.#clock.now();
    return promise;
  }

  #encodePhases(phases: readonly (readonly Outgoing<M>[])[], firstXid: number, echoXid: number): Buffer {
    const w = new Writer();
    let xid = firstXid;
    for (const phase of phases) {
      for (const [n, message] of phase.entries()) {
        if (n % ECHO_EVERY === ECHO_EVERY - 1) this.codec.encodeTo(w, ECHO as Unsent<M>, echoXid);
        if (isReady(message)) {
          const from = w.bytes(message.bytes);
          for (const at of message.xidsAt) w.patchU32(from + at, xid);
        } else if (isWritten(message)) message.write(w, xid);
        else this.codec.encodeTo(w, message, xid);
        xid++;
      }
      this.codec.encodeTo(w, { kind: "barrierRequest" } as unknown as Unsent<M>, xid++);
    }
    return w.done();
  }

  /** Rejects what has waited longer than ANSWER_LIMIT_MS. Called by the keep-alive, so that a request needs no timer of its own. */
  expire(): void {
    const before = this.#clock.now() - ANSWER_LIMIT_MS;
    const late = () => new Fault("TIMEOUT", `the switch did not answer within ${ANSWER_LIMIT_MS} ms`);
    for (const [xid, waiter] of this.#waiters) {
      if (waiter.askedAt > before) continue;
      this.#waiters.delete(xid);
      waiter.reject(late());
    }
    while (this.#batches[0] !== undefined && this.#batches[0].heardAt <= before) this.#batches.shift()?.reject(late());
  }

  /** Ends the connection; all that wait are rejected. Safe to repeat. */
  close(why: string): void {
    if (this.#closed !== null) return;
    this.#closed = why;
    this.#socket.destroy();
    for (const waiting of [...this.#waiters.values(), ...this.#batches]) waiting.reject(this.#gone());
    this.#waiters.clear();
    this.#batches.length = 0;
    this.#listener?.closed(why);
  }

  #gone(): Fault {
    return new Fault("SWITCH_NOT_CONNECTED", this.#closed ?? "");
  }

  #send(message: Unsent<M>, xid: number): void {
    const w = new Writer();
    this.codec.encodeTo(w, message, xid);
    this.#socket.write(w.done());
  }

  /** `count` numbers that follow each other; the first of them. */
  #takeXids(count: number): number {
    if (this.#xid + count > XID_MAX) this.#xid = FIRST_XID;
    const first = this.#xid;
    this.#xid += count;
    return first;
  }

  #onData(chunk: Buffer): void {
    const at = this.#clock.now();
    this.#guard(() => {
      for (const frame of this.#framer.push(chunk)) this.#onFrame(frame, at);
    });
  }

  /** A peer that breaks the protocol loses its connection; a bug of ours stays a bug. */
  #guard(read: () => void): void {
    try {
      read();
    } catch (e) {
      if (!(e instanceof ProtocolError)) throw e;
      this.close(e.message);
    }
  }

  #onFrame(frame: Uint8Array, at: number): void {
    if (this.#closed !== null) return;
    const message = (this.#waiters.get(xidOf(frame))?.codec ?? this.codec).decode(frame);
    switch (message.kind) {
      case "echoRequest":
        this.#send({ kind: "echoReply", data: message.data } as unknown as Unsent<M>, message.xid);
        return;
      case "echoReply":
        if (this.#onEcho(message.xid, at)) return;
        break;
      case "barrierReply":
        if (this.#onBarrier(message.xid, at)) return;
        break;
      case "error":
        if (this.#onError(message.xid, errorName(this.codec.version as 1 | 4, message.errorType, message.code))) return;
        break;
    }
    const waiter = this.#waiters.get(message.xid);
    if (waiter !== undefined && waiter.reply === message.kind) this.#onReply(waiter, message, frame.length);
    else this.#listener?.message(message, at);
  }

  #onReply(waiter: Waiter<M>, message: M, bytes: number): void {
    waiter.bytes += bytes;
    if (waiter.bytes > REPLY_BYTES_MAX) throw new ProtocolError("TOO_LONG", `${message.kind} of ${waiter.bytes} bytes`);
    try {
      waiter.take(message);
    } catch (e) {
      if (e instanceof ProtocolError) throw e;
      waiter.reject(e as Error); // The parts that are still to come are taken as well, and change nothing.
    }
    if ("part" in message && (message.part.flags & MORE) !== 0) return;
    this.#waiters.delete(message.xid);
    waiter.resolve();
  }

  /** True when it says how far the switch is with a batch. */
  #onEcho(xid: number, at: number): boolean {
    const batch = this.#batches.find((b) => b.echoXid === xid);
    if (batch !== undefined) batch.heardAt = at;
    return batch !== undefined;
  }

  /** True when it is a barrier of ours; the last one of a batch ends it. */
  #onBarrier(xid: number, at: number): boolean {
    const batch = this.#batches.find((b) => xid >= b.firstXid && xid <= b.lastXid);
    if (batch === undefined) return false;
    if (xid !== batch.lastXid) return true;
    this.#batches.splice(this.#batches.indexOf(batch), 1);
    const next = this.#batches[0];
    if (next !== undefined) next.heardAt = Math.max(next.heardAt, at); // It was waited for until now.
    batch.resolve({ onWireAt: batch.onWireAt, barrierAt: at, refused: batch.refused });
    return true;
  }

  /** True when the error belongs to somebody who waits. */
  #onError(xid: number, error: string): boolean {
    const waiter = this.#waiters.get(xid);
    if (waiter !== undefined) {
      this.#waiters.delete(xid);
      waiter.reject(new Fault("SWITCH_REFUSED", error, { error }));
      return true;
    }
    const batch = this.#batches.find((b) => xid >= b.firstXid && xid <= b.lastXid);
    batch?.refused.push({ ...placeOf(batch, xid), error });
    return batch !== undefined;
  }
}

/** Of a whole frame, which is a header at least. */
const xidOf = (f: Uint8Array): number => ((f[4]! << 24) | (f[5]! << 16) | (f[6]! << 8) | f[7]!) >>> 0;

/** Which message of the batch has this xid. */
function placeOf(batch: Batch, xid: number): { readonly phase: number; readonly index: number } {
  let index = xid - batch.firstXid;
  for (const [phase, size] of batch.sizes.entries()) {
    if (index <= size) return { phase, index };
    index -= size + 1;
  }
  throw new Error(`xid ${xid} is not of this batch`);
}
