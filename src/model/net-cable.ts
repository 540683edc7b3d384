import type { NetId } from "./ids.ts";

/** What a device of the VIM's own is plugged into a net with: a namespace's end and the net's. */
export interface NetCable {
  /** Of the net, and of the place where a net has such devices at several; a file name. */
  readonly key: string;
  readonly netId: NetId;
  /** The network namespace that the cable ends in; null: this process's own. */
  readonly netns: string | null;
  /** The cable's end there. */
  readonly device: string;
  /** A bridge of the host that the cable is plugged into, made where it is missing and `isOurs`; null: the switch. */
  readonly bridge: { readonly name: string; readonly isOurs: boolean } | null;
  readonly mac: string;
  /** Bytes, where the net carries less than an Ethernet does; null: as an Ethernet. */
  readonly mtu: number | null;
}
