import { Fault } from "../lib/fault.ts";
import type { DhcpServer } from "../model/dhcp.ts";
import type { NetId } from "../model/ids.ts";
import type { VimNet, VimPicture } from "../model/vim-picture.ts";
import { isServed, maskOf, type Served } from "./addresses.ts";
import { bridgeOf } from "./bridges.ts";
import { dhcpDevice, dhcpMac, dhcpPortId, isDhcpPort } from "./dhcp-port.ts";

/** Where nets are to be found. Namespaces: null is this process's own. */
export interface DhcpPlaces {
  readonly switchNetns: string | null;
  /** Of the compute hosts, each once: a bridge of a host is in its namespace. */
  readonly hostNetns: readonly (string | null)[];
  /** Bytes that nets of the switch carry, where that is less than an Ethernet does. */
  readonly mtu: number | null;
}

export interface DhcpPlan {
  readonly servers: readonly DhcpServer[];
  /** Nets that were to have one and cannot, and why. */
  readonly problems: ReadonlyMap<NetId, string>;
}

/** The DHCP servers that the nets ask for. */
export function dhcpPlan(picture: VimPicture, places: DhcpPlaces): DhcpPlan {
  const problems = new Map<NetId, string>();
  const servers = [...picture.nets.values()].filter(isServed).flatMap((net) => {
    try {
      return serversOf(picture, net, places);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      problems.set(net.id, e.detail);
      return [];
    }
  });
  return { servers, problems };
}

/** A net of the switch has one; a net of host bridges one at each host that has bridges of its own, all with the same answers. */
function serversOf(picture: VimPicture, net: Served, { switchNetns, hostNetns, mtu }: DhcpPlaces): DhcpServer[] {
  const answers = answersOf(picture, net);
  if (net.kind === "ptp") return []; // It has two ends, and both are somebody else's.
  if (net.kind === "data") return [{ ...answers, key: net.id, netns: switchNetns, bridge: null, mtu }];
  if (net.provider === "default" || net.provider?.startsWith("macvtap:")) return []; // Others give addresses there.
  const bridge = bridgeOf(net);
  // One that somebody else made may be the same wire on all hosts.
  const at = bridge.isOurs ? hostNetns : hostNetns.slice(0, 1);
  return at.map((netns, i) => ({ ...answers, key: i === 0 ? net.id : `${net.id}.${i}`, netns, bridge, mtu: null }));
}

/** A net's id is a uuid: what follows it names the place. */
const UUID_LENGTH = 36;
export const netOfKey = (key: string): NetId => key.slice(0, UUID_LENGTH) as NetId;

function answersOf(picture: VimPicture, net: Served) {
  const reservations = picture
    .portsIn(net.id)
    .flatMap((port) => (port.mac === null || port.ip === null || isDhcpPort(port) ? [] : [{ mac: port.mac, ip: port.ip }]))
    .sort((a, b) => (a.mac < b.mac ? -1 : 1));
  return {
    netId: net.id,
    device: dhcpDevice(net.id),
    mac: picture.ports.get(dhcpPortId(net.id))?.mac ?? dhcpMac(net.id),
    ip: net.dhcpFirstIp,
    ...maskOf(net.cidr),
    gatewayIp: net.gatewayIp,
    dns: net.dns ?? [],
    routes: net.routes ?? {},
    reservations,
  };
}

/** Whether its server's port is to stand in the picture: it is a member of the net in the switch. */
export const hasDhcpPort = (net: VimNet | undefined): boolean => net !== undefined && isServed(net) && net.kind === "data";
