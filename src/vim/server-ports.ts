import { createHash } from "node:crypto";
import { Fault } from "../lib/fault.ts";
import type { HostId, ServerId, VimPortId } from "../model/ids.ts";
import { hasOwnBridges } from "../model/net.ts";
import { CARD_MODELS, isOfCard, type PinnedInterface } from "../model/numa.ts";
import type { AskedVnic, Server, ServerPort, VimNet } from "../model/vim-picture.ts";
import { checkSenders, type OnBridges } from "./allowed-senders.ts";
import { found } from "./asking.ts";
import type { Picture } from "./picture.ts";
import { ipIn } from "./port-addresses.ts";
import { barePort, checkMac, checkRoom, movedTapName, newMac, tapName } from "./ports.ts";

/**
 * The link ports of a new server: one for each virtual network interface it asks for, then one for each function of a card it has.
 * Throws NOT_FOUND for a net, INVALID where a net takes no such port or it cannot be held as it is asked to be, CONFLICT for a MAC address.
 */
export function portsFor(picture: Picture, server: Server, vnics: readonly AskedVnic[], onBridges: OnBridges): ServerPort[] {
  const { spansHosts } = onBridges;
  const ports: ServerPort[] = [];
  for (const [i, vnic] of vnics.entries())
    if (vnic.type === undefined) ports.push(vnicPort(picture, server, vnic, i, { siblings: ports, spansHosts }));
  for (const given of server.pinned?.interfaces ?? []) {
    const vnic = vnics.find((v) => v.type !== undefined && v.name === given.name);
    ports.push(cardPort(picture, server, given, vnic, ports));
  }
  for (const port of ports) checkSenders(port, onBridges, server);
  return ports;
}

interface Beside {
  readonly siblings: readonly ServerPort[];
  readonly spansHosts: boolean;
}

function vnicPort(
  picture: Picture,
  server: Server,
  vnic: AskedVnic,
  index: number,
  { siblings, spansHosts }: Beside,
): ServerPort {
  const net = netOf(picture, vnic);
  const isSwitched = net.kind === "data" || net.kind === "ptp";
  if (isSwitched) checkRoom(picture, net, 1 + siblings.filter((p) => p.netId === net.id).length);
  if (vnic.mac) checkMac(picture, vnic.mac, siblings);
  const id = portId(server.id, index);
  const isPlugged = isSwitched || (spansHosts && hasOwnBridges(net));
  return {
    ...barePort(vnic.name),
    id,
    kind: isSwitched ? "instance:data" : "instance:bridge",
    tenantId: isSwitched ? server.tenantId : null,
    netId: net.id,
    serverId: server.id,
    mac: vnic.mac ?? newMac(isTaken(picture, siblings)),
    ip: ipIn(picture, net, vnic.ip ?? null, siblings),
    switchPort: isPlugged ? tapName(id) : null,
    vlan: isPlugged ? null : net.vlan, // Its packets are tagged outside of the host's bridge.
    bandwidthMbps: vnic.bandwidthMbps ?? null,
    status: "DOWN",
    vpci: vnic.vpci ?? null,
    model: vnic.model ?? null,
    ...securityOf(vnic),
  };
}

const securityOf = (vnic: AskedVnic | undefined) => ({
  portSecurity: vnic?.portSecurity ?? null,
  allowedPairs: vnic?.allowedPairs ?? [],
});

/** On a net, or on none yet. A virtual function carries the VLAN of its net, so that several nets share the cable. */
function cardPort(
  picture: Picture,
  server: Server,
  given: PinnedInterface,
  vnic: AskedVnic | undefined,
  siblings: readonly ServerPort[],
): ServerPort {
  const asked = server.extended?.numas?.[0]?.interfaces?.find((i, n) => (i.name ?? `xe${n}`) === given.name);
  const netId = vnic?.netId ?? (asked?.uuid as AskedVnic["netId"] | undefined);
  const net = netId === undefined ? null : netOf(picture, { netId });
  if (net !== null) checkRoom(picture, net, 1 + siblings.filter((p) => p.netId === net.id).length);
  const mac = given.dedicated === "yes" ? given.mac : (vnic?.mac ?? asked?.mac_address?.toLowerCase());
  if (mac) checkMac(picture, mac, siblings);
  return {
    ...barePort(given.name),
    id: portId(server.id, `card/${given.name}`),
    kind: "instance:data",
    tenantId: server.tenantId,
    netId: net?.id ?? null,
    serverId: server.id,
    mac: mac ?? ownMac(picture, given, siblings),
    ip: net === null ? (vnic?.ip ?? null) : ipIn(picture, net, vnic?.ip ?? null, siblings),
    switchPort: given.switchPort,
    vlan: given.dedicated === "no" ? (net?.vlan ?? null) : null,
    bandwidthMbps: given.dedicated === "yes" ? null : given.mbps,
    status: "DOWN",
    vpci: vnic?.vpci ?? asked?.vpci ?? null,
    model: CARD_MODELS[given.dedicated],
    ...securityOf(vnic),
  };
}

/** The same ports on another host: taps of other names, functions of other cards. A MAC address stays where it can be set. */
export function movedPorts(server: Server, had: readonly ServerPort[], taskNo: number): ServerPort[] {
  return had.map((port) => {
    if (!isOfCard(port)) return { ...port, switchPort: port.switchPort && movedTapName(port.id, taskNo) };
    const given = server.pinned!.interfaces.find((i) => i.name === port.name)!;
    return { ...port, switchPort: given.switchPort, mac: given.dedicated === "yes" ? given.mac : port.mac };
  });
}

/** Functions of cards where they are cabled to now, which somebody may have said otherwise since the host was described. */
export function asCabled(server: Server, ports: readonly ServerPort[], cabledTo: Cabling): ServerPort[] {
  return ports.map((port) => {
    if (!isOfCard(port)) return port;
    const given = server.pinned!.interfaces.find((i) => i.name === port.name)!;
    return { ...port, switchPort: cabledTo(server.hostId, given.cardPci) };
  });
}

/** The switch port that a card of a host leads to; null: to none. */
export type Cabling = (host: HostId, cardPci: string) => string | null;

const netOf = (picture: Picture, { netId }: Pick<AskedVnic, "netId">): VimNet =>
  found(picture.nets, netId, `network '${netId}' not found`);

const isTaken = (picture: Picture, siblings: readonly ServerPort[]) => (mac: string) =>
  picture.ports.hasAny("mac", mac) || siblings.some((p) => p.mac === mac);

/** That of the function, unless a server that had it before took it along to another host. */
function ownMac(picture: Picture, { mac }: PinnedInterface, siblings: readonly ServerPort[]): string {
  const taken = isTaken(picture, siblings);
  return mac === "" || taken(mac) ? newMac(taken) : mac;
}

/** Taps of a server in the switch; functions of cards are the host's. */
export const tapsOf = (ports: readonly ServerPort[]): string[] => ports.flatMap((p) => (isOfCard(p) ? [] : (p.switchPort ?? [])));

/** What of `extended` and of the networks must agree. Throws INVALID in the original's words. */
export function checkVnics(vnics: readonly AskedVnic[], server: Pick<Server, "extended">, nets: Picture["nets"]): void {
  const described = server.extended?.numas?.[0]?.interfaces ?? [];
  for (const { name, type, netId } of vnics) {
    if (type === undefined) continue;
    const its = described.find((i, n) => (i.name ?? `xe${n}`) === name);
    if (its === undefined) throw inNetworks(`interface name ${name} from network not found at flavor`);
    if (CARD_MODELS[its.dedicated] !== type)
      throw inNetworks(`mismatch at interface '${name}' from flavor 'dedicated=${its.dedicated}' and networks 'type=${type}'`);
    const kind = nets.get(netId)?.kind;
    if (kind !== undefined && kind !== "data" && kind !== "ptp")
      throw inNetworks(`network uuid ${netId} for dataplane interface is not of type data or ptp`);
  }
}

const inNetworks = (what: string) => new Fault("INVALID", `Error at field netwoks: ${what}`); // OpenVIM's spelling.

/** From the server's id, so that a repeated request (same id) has the same ports and taps. Shaped as a version-8 uuid (RFC 9562). */
function portId(serverId: ServerId, which: number | string): VimPortId {
  const hex = createHash("sha256").update(`${serverId}/${which}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as VimPortId;
}
