/**
 * What the network should look like, in the words of OpenFlow but free of its two wire versions. Ports are named, as
 * `binding:switch_port` names them; `switch/` turns names into the numbers of the session it speaks on.
 */
export interface Match {
  readonly inPort?: string;
  /** VLAN id 1..4094; "none": without a tag. Absence means any tag or none, as in OpenVIM. */
  readonly vlan?: number | "none";
  /** An address, or `GROUP_ADDRESSES`. */
  readonly ethDst?: string;
  readonly ethSrc?: string;
  /** Only IPv4 packets: from this address, or from this prefix (`a.b.c.d/n`, the bits beyond n being 0). */
  readonly ipv4Src?: string;
  /** Only ARP packets: of a sender that says it has this address, or one of this prefix. Never beside `ipv4Src`. */
  readonly arpSpa?: string;
  /** Beside `arpSpa`: the MAC address that the sender says it has. OpenFlow 1.0 cannot ask for it. */
  readonly arpSha?: string;
  /** Beside `ipv4Src`: only UDP between these ports. */
  readonly udp?: { readonly src: number; readonly dst: number };
  /** Only IPv6 packets: from this address, or from this prefix (RFC 5952, the bits beyond it being 0). Only OpenFlow 1.3 can ask for it, and for the next two. */
  readonly ipv6Src?: string;
  /** Only ICMPv6 of this type (RFC 4443, 4861). */
  readonly icmpv6?: number;
  /** Beside `icmpv6`: a neighbour solicitation or advertisement about this address, or one of this prefix. */
  readonly ndTarget?: string;
  /** What a tunnel said with the packet; without one it is 0. Only OpenFlow 1.3 can ask for it. */
  readonly tunnelKey?: number;
}

/** Broadcast and every multicast address: the bit of IEEE 802 that says "group". Only OpenFlow 1.3 can ask for it. */
export const GROUP_ADDRESSES = "01:00:00:00:00:00/01:00:00:00:00:00";

export type Action =
  | { readonly do: "output"; readonly port: string }
  | { readonly do: "group"; readonly group: number }
  /** `push`: the packet comes untagged, so OpenFlow 1.3 needs PUSH_VLAN before the tag is set. */
  | { readonly do: "setVlan"; readonly vlan: number; readonly push: boolean }
  | { readonly do: "stripVlan" }
  /** What a tunnel says with the packet (VXLAN's network identifier), 24 bits. */
  | { readonly do: "setTunnelKey"; readonly key: number }
  /** Out of the port that the packet came in by (OFPP_IN_PORT), whichever that is. */
  | { readonly do: "turnBack" }
  /** Out of the port whose number the tunnel said: only Open vSwitch has words for it. */
  | { readonly do: "outputByTunnelKey" }
  | { readonly do: "toController" };

/** No actions means: drop. */
export interface FlowEntry {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly actions: readonly Action[];
}

/**
 * OpenFlow 1.3 group (5.6.1). `all` copies a packet into every bucket; `indirect` has exactly one; `fastFailover` uses the first
 * bucket that is live, which the switch finds out by itself, without its controller.
 */
export interface GroupEntry {
  readonly id: number;
  readonly type: "all" | "indirect" | "fastFailover";
  readonly buckets: readonly Bucket[];
}

/** No actions means: drop. An action may be another group (chaining, 1.3, 5.6.1). */
export interface Bucket {
  readonly actions: readonly Action[];
  /** Live while this port's link is up and nobody has taken it down; null (OFPP_ANY): always. Only `fastFailover` looks at it. */
  readonly watchPort: string | null;
}

export interface FlowTable {
  readonly entries: readonly FlowEntry[];
  readonly groups: readonly GroupEntry[];
}

export type FlowChange =
  | { readonly op: "addGroup"; readonly group: GroupEntry }
  | { readonly op: "modifyGroup"; readonly group: GroupEntry }
  | { readonly op: "deleteGroup"; readonly groupId: number }
  /** OFPFC_ADD also replaces an entry with the same match and priority in place (1.3, 6.4). */
  | { readonly op: "addEntry"; readonly entry: FlowEntry }
  | { readonly op: "deleteEntry"; readonly entry: FlowEntry };

/** Phases in order; a barrier stands after each, so a switch that reorders messages does so within one phase only. */
export type FlowPhases = readonly (readonly FlowChange[])[];

/** Our entries carry this in the upper 32 bits of their cookie ("SMPR"); entries without it are somebody else's. */
export const COOKIE_MARK = 0x534d5052n;
export const isOurs = (cookie: bigint): boolean => cookie >> 32n === COOKIE_MARK;
/** The cookie of an entry of ours where nobody keeps whose it is: controllers of others write cookies of their own. */
export const NO_OWNER = COOKIE_MARK << 32n;
/** Group ids from here on are ours, so that a foreign group is never touched. */
export const GROUP_ID_BASE = 0x5e000000;
/** From here on: groups that wait for the loss of a port (`steer/stand-ins.ts`). */
export const STAND_IN_ID_BASE = 0x80000000;

/**
 * Source address of our own probes: locally administered, never a guest's. One entry per switch sends what is
 * addressed to it to the controller, so an answer to a probe is found whichever port it comes from.
 */
export const PROBE_MAC = "0e:53:4d:50:52:01";
