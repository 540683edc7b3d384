import type { DatapathId, PortNo } from "./ids.ts";

export interface SwitchPort {
  readonly name: string;
  readonly no: PortNo;
  readonly mac: string;
  /** OFPPS_LINK_DOWN or OFPPC_PORT_DOWN set: no packet goes through. */
  readonly linkDown: boolean;
}

/** What a switch can be asked for, which depends on its OpenFlow version and on the way we reach it. */
export interface Abilities {
  /** Why there can be no groups (OpenFlow 1.3, 5.6.1) and so no fast failover; null: there can. */
  readonly noGroups: string | null;
  /** An address can be asked for by some of its bits. */
  readonly masks: boolean;
  /** Who sent a packet can be asked for: its MAC address, and of IPv4 and ARP the address it says it has. */
  readonly senders: boolean;
  /** The MAC address in an ARP packet can be asked for too. */
  readonly arpSha: boolean;
  /** Who sent an IPv6 packet, and which address neighbour discovery speaks of. */
  readonly ipv6: boolean;
  /** A packet that no entry matches is dropped; else it goes to a controller, unless an entry of ours drops it. */
  readonly dropsMisses: boolean;
  /** Frames of ours can be sent out of a port, and what is addressed to us is handed over: what probes need. */
  readonly packets: boolean;
  /** Port counters are those of the moment they are asked for. */
  readonly counters: boolean;
}

/** Of a switch that speaks OpenFlow with us: a table miss goes to the controller in 1.0 (5.1), and is a drop in 1.3 (5.4). */
export const ABILITIES = {
  "1.0": {
    noGroups: "OpenFlow 1.0 has no fast-failover groups",
    masks: false,
    senders: true,
    arpSha: false,
    ipv6: false,
    dropsMisses: false,
    packets: true,
    counters: true,
  },
  "1.3": {
    noGroups: null,
    masks: true,
    senders: true,
    arpSha: true,
    ipv6: true,
    dropsMisses: true,
    packets: true,
    counters: true,
  },
} as const satisfies Record<string, Abilities>;

/** What a switch tells without being asked. */
export type SwitchEvent =
  | { readonly type: "up"; readonly datapath: DatapathId; readonly ports: readonly SwitchPort[] }
  | { readonly type: "down"; readonly datapath: DatapathId; readonly why: string }
  | {
      readonly type: "port";
      readonly datapath: DatapathId;
      readonly reason: "add" | "delete" | "modify";
      readonly port: SwitchPort;
      readonly seenAt: number;
    }
  | {
      readonly type: "packetIn";
      readonly datapath: DatapathId;
      readonly inPort: string;
      readonly frame: Uint8Array;
      readonly seenAt: number;
    }
  | { readonly type: "refused"; readonly datapath: DatapathId; readonly error: string };

/** Monotonic ms: the last byte of the change left us; the barrier after it was answered. */
export interface Applied {
  readonly changes: number;
  readonly onWireAt: number;
  readonly barrierAt: number;
}
