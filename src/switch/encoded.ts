import type { FlowChange, FlowPhases } from "../model/flow.ts";
import { Writer } from "../wire/kit.ts";
import { ENVELOPE_BYTES, writeInBundle } from "../wire/openflow/bundle.ts";
import type { Codec, Unsent } from "../wire/openflow/codec.ts";
import type { AnyMessage } from "./channel.ts";
import type { PortBook } from "./ports.ts";

/** A message to be sent: as a value, as what writes it, or as bytes whose xid is still to be filled in. */
export type Outgoing<M> = Unsent<M> | Written | Ready;

/** Nothing is kept of it before its turn: a table of a hundred thousand entries would be that many buffers at once. */
export interface Written {
  readonly write: (w: Writer, xid: number) => void;
}

export interface Ready {
  readonly bytes: Uint8Array;
  /** Where its xid stands: the first, and once more where a message is inside. */
  readonly xidsAt: readonly number[];
}

/** Where the xid stands in a message. */
const XID_AT = 4;
const ONCE = [XID_AT];
const TWICE = [XID_AT, ENVELOPE_BYTES + XID_AT];

export const isWritten = (message: object): message is Written => "write" in message;
export const isReady = (message: object): message is Ready => "xidsAt" in message;

/** Changes in the words of one version, and bytes of those that were encoded beforehand, for as long as ports keep their numbers. */
export class Encoded<M extends AnyMessage> {
  readonly #codec: Codec<M>;
  readonly #messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>;
  /** In its envelope: the message without one begins after it. */
  #enveloped = new WeakMap<FlowChange, Uint8Array>();
  #portsVersion = -1;

  constructor(codec: Codec<M>, messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>) {
    this.#codec = codec;
    this.#messageOf = messageOf;
  }

  /** Throws Fault SWITCH_REFUSED for a port that the switch does not have. */
  encode(phases: FlowPhases, ports: PortBook): void {
    this.#follow(ports);
    for (const change of phases.flat()) {
      const w = new Writer();
      this.#writeInBundle(w, 0, change, ports);
      this.#enveloped.set(change, Buffer.from(w.done()));
    }
  }

  /** Throws Fault SWITCH_REFUSED for a port that the switch does not have. */
  messages(phases: FlowPhases, ports: PortBook): Outgoing<M>[][] {
    this.#follow(ports);
    return phases.map((phase) =>
      phase.map((change) => {
        const bytes = this.#enveloped.get(change);
        return bytes === undefined ? this.#messageOf(change, ports) : { bytes: bytes.subarray(ENVELOPE_BYTES), xidsAt: ONCE };
      }),
    );
  }

  /** The same changes as what is added to a bundle, in their order. For a port that is not there it throws when it is written. */
  inBundle(phases: FlowPhases, ports: PortBook): Outgoing<M>[] {
    this.#follow(ports);
    return phases.flat().map((change) => {
      const bytes = this.#enveloped.get(change);
      if (bytes !== undefined) return { bytes, xidsAt: TWICE };
      return { write: (w: Writer, xid: number) => this.#writeInBundle(w, xid, change, ports) };
    });
  }

  #writeInBundle(w: Writer, xid: number, change: FlowChange, ports: PortBook): void {
    writeInBundle(w, xid, () => this.#codec.encodeTo(w, this.#messageOf(change, ports), xid));
  }

  #follow(ports: PortBook): void {
    if (this.#portsVersion === ports.version) return;
    this.#portsVersion = ports.version;
    this.#enveloped = new WeakMap();
  }
}
