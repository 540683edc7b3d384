import { createHash } from "node:crypto";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { ServerPort } from "../model/vim-picture.ts";

// The port that a net's DHCP server is plugged into: of no server, and the VIM's own.

const digest = (netId: NetId): string => createHash("sha256").update(`dhcp/${netId}`).digest("hex");

/** From the net's id, so that after a crash it is the same port. Shaped as a version-8 uuid (RFC 9562). */
export function dhcpPortId(netId: NetId): VimPortId {
  const hex = digest(netId);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as VimPortId;
}

/** Fifteen characters, as a tap's. */
export const dhcpDevice = (netId: NetId): string => `dhcp${digest(netId).slice(0, 11)}`;

/** Of the addresses that nobody sells. */
export const dhcpMac = (netId: NetId): string => `52:${digest(netId).slice(-10).match(/../g)!.join(":")}`;

export const isDhcpPort = ({ id, kind, netId, name }: ServerPort): boolean =>
  kind === "external" && name === DHCP_PORT && netId !== null && id === dhcpPortId(netId);

/** Its name. */
export const DHCP_PORT = "dhcp";
