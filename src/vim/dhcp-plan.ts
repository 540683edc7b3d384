import type { DhcpServer } from "../model/dhcp.ts";
import type { VimNet, VimPicture } from "../model/vim-picture.ts";
import { isServed, maskOf, type Served } from "./addresses.ts";
import type { ApplianceKind } from "./appliances.ts";
import { routesOf } from "./net-links.ts";
import { type NetPlace, placesOf } from "./net-places.ts";
import { DHCP_PORT, ownPortOf } from "./own-ports.ts";

/** The DHCP servers that the nets ask for: several of one net have all the same answers. */
export const DHCP_SERVERS: ApplianceKind<DhcpServer> = {
  what: "DHCP server",
  port: DHCP_PORT,
  isAsked: isServed,
  of: (picture, net, places) => (isServed(net) ? placesOf(net, places).map((place) => serverAt(picture, net, place)) : []),
  portOf: ({ ip, mac }) => ({ ip, mac }),
};

function serverAt(picture: VimPicture, net: Served<VimNet>, place: NetPlace): DhcpServer {
  const reservations = picture
    .portsIn(net.id)
    .flatMap((port) => (port.mac === null || port.ip === null || ownPortOf(port) ? [] : [{ mac: port.mac, ip: port.ip }]))
    .sort((a, b) => (a.mac < b.mac ? -1 : 1));
  return {
    ...place,
    netId: net.id,
    device: DHCP_PORT.device(net.id),
    mac: picture.ports.get(DHCP_PORT.id(net.id))?.mac ?? DHCP_PORT.mac(net.id),
    ip: net.dhcpFirstIp,
    ...maskOf(net.cidr),
    gatewayIp: net.gatewayIp,
    dns: net.dns ?? [],
    routes: routesOf(net).guests,
    reservations,
  };
}
