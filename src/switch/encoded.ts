import type { FlowChange, FlowPhases } from "../model/flow.ts";
import { Writer } from "../wire/kit.ts";
import type { Codec, Unsent } from "../wire/openflow/codec.ts";
import type { AnyMessage } from "./channel.ts";
import type { PortBook } from "./ports.ts";

/** A message to be sent: as a value, or as bytes whose xid is still to be filled in. */
export type Outgoing<M> = Unsent<M> | Buffer;

/** Changes in the words of one version, and bytes of those that were encoded beforehand, for as long as ports keep their numbers. */
export class Encoded<M extends AnyMessage> {
  readonly #codec: Codec<M>;
  readonly #messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>;
  #bytes = new WeakMap<FlowChange, Buffer>();
  #portsVersion = -1;

  constructor(codec: Codec<M>, messageOf: (change: FlowChange, ports: PortBook) => Unsent<M>) {
    this.#codec = codec;
    this.#messageOf = messageOf;
  }

  /** Throws as `messages` does. */
  encode(phases: FlowPhases, ports: PortBook): void {
    this.#follow(ports);
    for (const change of phases.flat()) {
      const w = new Writer();
      this.#codec.encodeTo(w, this.#messageOf(change, ports), 0);
      this.#bytes.set(change, Buffer.from(w.done()));
    }
  }

  /** Throws Fault SWITCH_REFUSED for a port that the switch does not have. */
  messages(phases: FlowPhases, ports: PortBook): Outgoing<M>[][] {
    this.#follow(ports);
    return phases.map((phase) => phase.map((change) => this.#bytes.get(change) ?? this.#messageOf(change, ports)));
  }

  #follow(ports: PortBook): void {
    if (this.#portsVersion === ports.version) return;
    this.#portsVersion = ports.version;
    this.#bytes = new WeakMap();
  }
}
