import type { NetId, ServerId, TenantId, VimPortId } from "./ids.ts";

/** Kinds of OpenVIM networks: E-LAN and E-Line on the OpenFlow fabric, and two kinds of host bridges. */
export type NetKind = "data" | "ptp" | "bridge_data" | "bridge_man";
export type WireStatus = "ACTIVE" | "DOWN" | "BUILD" | "ERROR";

export interface Net {
  readonly id: NetId;
  readonly name: string;
  readonly kind: NetKind;
  readonly tenantId: TenantId | null;
  readonly shared: boolean;
  readonly adminUp: boolean;
  readonly status: WireStatus;
  readonly lastError: string | null;
  readonly vlan: number | null;
  /** `openflow:PORT[:vlan]`, `bridge:NAME`, `macvtap:IFACE`, `default`, or null. */
  readonly provider: string | null;
  /** The net this one is led into at layer 2 (`bind_net`). A traffic net is bound to the data net of the member that serves it. */
  readonly bindNet: NetId | null;
  /**
   * A second net that this one is led into at the same time: what enters goes to both, and both answer (1+1 with a permanent bridge,
   * ITU-T G.8031 7.1). Null: to one only. Never there without `bindNet`.
   */
  readonly copyNet: NetId | null;
  /** VLAN put on and taken off at the boundary of the bind, from `bind_type` "vlan:N". */
  readonly bindVlan: number | null;
  /** Ports of servers in it send as themselves only, where they do not say otherwise (`steer/port-security.ts`). */
  readonly portSecurity: boolean;
  readonly createdAt: string;
}

/** The address that requests of our own (ARP, IPv4) can ask for; null: there is none. */
export const probedIp = ({ ip }: Pick<VimPort, "ip">): string | null => (ip === null || ip.includes(":") ? null : ip);

/** A network for which the VIM makes the bridges itself: where bridges of hosts are one switch its ports are of that switch (decision 0113). */
export const hasOwnBridges = ({ provider }: Pick<Net, "provider">): boolean => provider?.startsWith("OVS:") ?? false;

export type VimPortKind = "external" | "instance:data" | "instance:bridge";

/** Who a port may send as beside itself: an IPv4 address or prefix (`a.b.c.d/n`), from a MAC address; null: from its own. */
export interface AddressPair {
  readonly mac: string | null;
  readonly ip: string;
}

/** A link port: what a vNIC or an outside cable is to the VIM. */
export interface VimPort {
  readonly id: VimPortId;
  readonly name: string;
  readonly kind: VimPortKind;
  readonly tenantId: TenantId | null;
  readonly netId: NetId | null;
  readonly serverId: ServerId | null;
  readonly mac: string | null;
  readonly ip: string | null;
  /** Name of the port on the OpenFlow switch; null where it is on none. */
  readonly switchPort: string | null;
  readonly vlan: number | null;
  readonly bandwidthMbps: number | null;
  readonly adminUp: boolean;
  readonly status: WireStatus;
  /** Closed in the switch because the member behind it failed, until its server starts a new life: no entry leads to it or from it. */
  readonly fenced: boolean;
  /** It sends as itself only; null: as its net says. */
  readonly portSecurity: boolean | null;
  readonly allowedPairs: readonly AddressPair[];
}
