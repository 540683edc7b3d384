import { Fault } from "../lib/fault.ts";
import { hasOwnBridges } from "../model/net.ts";
import type { Server, ServerPort, VimNet, VimPicture } from "../model/vim-picture.ts";
import { sendersOf } from "../steer/port-security.ts";
import { sharedDeviceOf } from "./bridges.ts";
import { whyNotHeld } from "./held-taps.ts";

/** Each is four entries in the switch for every way that leads from the port. */
const PAIRS_MAX = 16;

/** How ports on bridges of hosts are held, where no flow entry of ours stands. */
export interface OnBridges {
  readonly picture: Pick<VimPicture, "hosts" | "servers" | "nets">;
  /** Bridges of the VIM's own are one switch. */
  readonly spansHosts: boolean;
  /** Why this machine's kernel holds nobody; null: it can. */
  readonly whyNone: string | null;
}

/**
 * Throws INVALID where a net asks that its ports be held to what they may send, and somebody on it cannot be: it would be believed and would not be so.
 * `ports`: of the net.
 */
export function checkNetSenders(net: VimNet, ports: readonly ServerPort[], on: OnBridges): void {
  if (!net.portSecurity || net.kind === "data" || net.kind === "ptp") return;
  const where = `network '${net.name}' of type ${net.kind}`;
  if (sharedDeviceOf(net) !== null)
    throw new Fault(
      "INVALID",
      `port_security: ${where} is over ${net.provider}, where this VIM can hold nobody to its address: leave the provider out, or use a 'data' network`,
    );
  if (on.whyNone !== null && !(on.spansHosts && hasOwnBridges(net)))
    throw new Fault(
      "INVALID",
      `port_security: ${where} is a bridge of each host, where this machine can hold nobody to its address (${on.whyNone}): set config.vim.tunnelIp, or use a 'data' network`,
    );
  for (const port of ports) checkHeld({ ...port, portSecurity: port.portSecurity ?? true }, on);
}

/** Throws INVALID where a port cannot be held to what it may send. `server`: the one it is of, where that is new. */
export function checkSenders(port: Omit<ServerPort, "id">, on: OnBridges, server?: Server): void {
  const { name, mac, portSecurity, allowedPairs } = port;
  checkHeld(port, on, server);
  if (portSecurity && mac === null && allowedPairs.every((pair) => pair.mac === null))
    throw new Fault(
      "INVALID",
      `port '${name}' has no mac_address to hold it to: give it one, or allowed_address_pairs that have one`,
    );
  if (allowedPairs.length > PAIRS_MAX)
    throw new Fault("INVALID", `port '${name}' has ${allowedPairs.length} allowed_address_pairs: at most ${PAIRS_MAX}`);
  const nobodys = allowedPairs.find((pair) => pair.ip.startsWith("0.") || pair.ip.endsWith("/0") || /^::(\/|$)/.test(pair.ip));
  if (nobodys)
    throw new Fault(
      "INVALID",
      `allowed_address_pairs: '${nobodys.ip}' is no address of a port; port_security false allows every one`,
    );
}

function checkHeld(port: Omit<ServerPort, "id">, { picture, whyNone }: OnBridges, made?: Server): void {
  if (port.kind !== "instance:bridge" || port.switchPort !== null) return;
  const net = port.netId === null ? undefined : picture.nets.get(port.netId);
  const server = made ?? (port.serverId === null ? undefined : picture.servers.get(port.serverId));
  if (net === undefined || server === undefined || sendersOf(net, port) === null) return;
  const why = whyNone ?? whyNotHeld(picture, server, net);
  if (why !== null)
    throw new Fault("INVALID", `port '${port.name}' is on a bridge of its host and cannot be held to what it may send: ${why}`);
}
