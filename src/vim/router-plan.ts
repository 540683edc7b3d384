import { Fault } from "../lib/fault.ts";
import type { Router, RouterWay } from "../model/router.ts";
import type { VimNet, VimPicture } from "../model/vim-picture.ts";
import { isRouted, maskOf } from "./addresses.ts";
import type { ApplianceKind } from "./appliances.ts";
import { checkLinks, routesOf, type Way, waysOf } from "./net-links.ts";
import { type NetPlace, placesOf } from "./net-places.ts";
import { deviceOf, macOf, ROUTER_PORT } from "./own-ports.ts";

/** The routers that the `links` of nets ask for. `isOpen`: whether nets may be led out to this bridge. */
export const routers = (isOpen: (bridge: string) => boolean): ApplianceKind<Router> => ({
  what: "router",
  port: ROUTER_PORT,
  isAsked: ({ links }) => links !== null && links.length > 0,
  of: (picture, net, places) => {
    checkLinks(net, []);
    checkOpen(net, isOpen);
    return placesOf(net, places).map((place) => routerAt(picture, net, place));
  },
  /** One that is one Ethernet with others speaks for all of them. */
  portOf: ({ inside, ways, mac }) => ({ ip: inside?.ip ?? null, mac: ways.some((w) => w.address === null) ? null : mac }),
});

/** Throws FORBIDDEN: a way out of the host is for its owner to open. */
export function checkOpen(net: Pick<VimNet, "links">, isOpen: (bridge: string) => boolean): void {
  const closed = net.links?.find(({ iface }) => !isOpen(iface));
  if (closed)
    throw new Fault(
      "FORBIDDEN",
      `links: no network may be led out to '${closed.iface}' of the host: whoever runs this VIM can allow it in config.vim.linkBridges`,
    );
}

function routerAt(picture: VimPicture, net: VimNet, place: NetPlace): Router {
  const { id, cidr, gatewayIp } = net;
  const hasAddress = isRouted(net) && cidr !== null && gatewayIp !== null;
  return {
    ...place,
    netId: id,
    device: ROUTER_PORT.device(id),
    mac: picture.ports.get(ROUTER_PORT.id(id))?.mac ?? ROUTER_PORT.mac(id),
    inside: hasAddress ? { ip: gatewayIp, prefix: maskOf(cidr).prefix, cidr } : null,
    ways: waysOf(net).map((way) => routerWay(id, way)),
    routes: routesOf(net).router,
  };
}

function routerWay(netId: string, way: Way): RouterWay {
  const name = `router/${netId}/${way.iface}/${way.vlan ?? ""}`;
  return { ...way, device: deviceOf("lnk", name), mac: macOf(name) };
}
