import type { FlowChange, FlowPhases } from "../model/flow.ts";
import { Writer } from "../wire/kit.ts";
import { ENVELOPE_BYTES, inBundle } from "../wire/openflow/bundle.ts";
import type { Codec, Unsent } from "../wire/openflow/codec.ts";
import type { AnyMessage } from "./channel.ts";
import type { PortBook } from "./ports.ts";

/** A message to be sent: as a value, or as bytes whose xid is still to be filled in. */
export type Outgoing<M> = Unsent<M> | Ready;

export interface Ready {
  readonly bytes: Uint8Array;
  /** Where its xid stands: the first, and once more where a message is inside. */
  readonly xidsAt: readonly number[];
}

/** Where the xid stands in a message. */
const XID_AT = 4;
const ONCE = [XID_AT];
const TWICE = [XID_AT, ENVELOPE_BYTES + XID_AT];

export const isReady = (message: object): message is Ready => "xidsAt" in message;

/** Changes in the words of one version, and bytes of those that were encoded beforehand, for as long as ports keep their numbers. */
export class Encoded<M extends AnyMessage> {
  readonly #codec: Codec<M>;
  readonly #messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>;
  #bytes = new WeakMap<FlowChange, Uint8Array>();
  #portsVersion = -1;

  constructor(codec: Codec<M>, messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>) {
    this.#codec = codec;
    this.#messageOf = messageOf;
  }

  /** Throws as `messages` does. */
  encode(phases: FlowPhases, ports: PortBook): void {
    this.#follow(ports);
    for (const change of phases.flat()) this.#bytes.set(change, this.#bytesOf(change, ports));
  }

  /** Throws Fault SWITCH_REFUSED for a port that the switch does not have. */
  messages(phases: FlowPhases, ports: PortBook): Outgoing<M>[][] {
    this.#follow(ports);
    return phases.map((phase) =>
      phase.map((change) => {
        const bytes = this.#bytes.get(change);
        return bytes === undefined ? this.#messageOf(change, ports) : { bytes, xidsAt: ONCE };
      }),
    );
  }

  /** The same changes as what is added to a bundle, in their order. */
  inBundle(phases: FlowPhases, ports: PortBook): Ready[] {
    this.#follow(ports);
    return phases.flatMap((phase) =>
      phase.map((change) => ({ bytes: inBundle(this.#bytes.get(change) ?? this.#bytesOf(change, ports)), xidsAt: TWICE })),
    );
  }

  #bytesOf(change: FlowChange, ports: PortBook): Uint8Array {
    const w = new Writer();
    this.#codec.encodeTo(w, this.#messageOf(change, ports), 0);
    return Buffer.from(w.done());
  }

  #follow(ports: PortBook): void {
    if (this.#portsVersion === ports.version) return;
    this.#portsVersion = ports.version;
    this.#bytes = new WeakMap();
  }
}
