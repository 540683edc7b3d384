import type { NetCable } from "./net-cable.ts";

/**
 * A way out of a net, OpenVIM's `links`: to a Linux bridge beside the net. With an address (`nat`, as in OpenVIM, or `ip`) the net's router
 * has it there; without one the bridge and the net are one Ethernet.
 */
export interface NetLink {
  /** The bridge. */
  readonly iface: string;
  /** The router's address there, behind which all of the net is hidden (NAT); or whether it is hidden behind `ip`. */
  readonly nat?: string | boolean;
  /** The router's address there and the prefix of its net, a.b.c.d/n. */
  readonly ip?: string;
  /** The tag of what leaves by it; left out: none. */
  readonly vlan?: number;
}

/** The router of one net at one place: what leads out of it. */
export interface Router extends NetCable {
  /** Its address in the net, and the prefix; null: all its links are of Ethernet alone. */
  readonly inside: { readonly ip: string; readonly prefix: number; readonly cidr: string } | null;
  readonly ways: readonly RouterWay[];
  /** Next hop by destination, `default` or a CIDR. */
  readonly routes: Readonly<Record<string, string>>;
}

export interface RouterWay {
  /** The end of its cable that is plugged into `iface`. */
  readonly device: string;
  readonly iface: string;
  readonly vlan: number | null;
  readonly mac: string;
  /** a.b.c.d/n; null: one Ethernet with the net. */
  readonly address: string | null;
  /** The net's addresses are not seen there: masqueraded (NAT). */
  readonly isHidden: boolean;
}
