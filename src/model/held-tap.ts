import type { Match } from "./flow.ts";

/** The tap of a guest that is held to what it may send: a packet goes on by the first of these that fits it, and by none it is dropped. */
export interface HeldTap {
  readonly tap: string;
  /** Of neighbour discovery, what it says of its own addresses. */
  readonly advertised: readonly Match[];
  /** What it may not send from any address. */
  readonly barred: readonly Match[];
  readonly allowed: readonly Match[];
}
