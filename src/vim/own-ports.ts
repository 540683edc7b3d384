import { createHash } from "node:crypto";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { ServerPort } from "../model/vim-picture.ts";

/** A port that the VIM itself has in a net, of no server: it comes and goes with what it is for. All of it follows from the net's id, so that after a crash it is the same port. */
export interface OwnPort {
  /** Its name, and the network's members that it comes and goes with. */
  readonly name: string;
  readonly goesWith: string;
  id(netId: NetId): VimPortId;
  /** Fifteen characters, as a tap's. */
  device(netId: NetId): string;
  /** Of the addresses that nobody sells. */
  mac(netId: NetId): string;
  is(port: Pick<ServerPort, "id" | "kind" | "netId" | "name">): boolean;
}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
export const macOf = (text: string): string => `52:${digestOf(text).slice(-10).match(/../g)!.join(":")}`;
export const deviceOf = (prefix: string, text: string): string => `${prefix}${digestOf(text).slice(0, 15 - prefix.length)}`;

function ownPort(name: string, prefix: string, goesWith: string): OwnPort {
  const textOf = (netId: NetId) => `${name}/${netId}`;
  /** Shaped as a version-8 uuid (RFC 9562). */
  const id = (netId: NetId) => {
    const hex = digestOf(textOf(netId));
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as VimPortId;
  };
  return {
    name,
    goesWith,
    id,
    device: (netId) => deviceOf(prefix, textOf(netId)),
    mac: (netId) => macOf(textOf(netId)),
    is: (port) => port.kind === "external" && port.name === name && port.netId !== null && port.id === id(port.netId),
  };
}

/** That of a net's DHCP server. */
export const DHCP_PORT = ownPort("dhcp", "dhcp", "enable_dhcp");
/** That of a net's router. */
export const ROUTER_PORT = ownPort("router", "rtr", "links");

/** What it is; null: it is a port of somebody. */
export const ownPortOf = (port: ServerPort): OwnPort | null => [DHCP_PORT, ROUTER_PORT].find((own) => own.is(port)) ?? null;
