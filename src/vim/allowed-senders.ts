import { Fault } from "../lib/fault.ts";
import { hasOwnBridges } from "../model/net.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";

/** Each is four entries in the switch for every way that leads from the port. */
const PAIRS_MAX = 16;

/**
 * Throws INVALID where a net asks that its ports be held to what they may send, and servers' vNICs on it are on bridges of their hosts, where no entry of ours
 * stands: it would be believed and would not be so. `ports`: of the net. `spansHosts`: bridges of the VIM's own are one switch.
 */
export function checkNetSenders(net: VimNet, ports: readonly ServerPort[], spansHosts: boolean): void {
  if (!net.portSecurity || net.kind === "data" || net.kind === "ptp") return;
  const where = `network '${net.name}' of type ${net.kind}`;
  if (!hasOwnBridges(net))
    throw new Fault(
      "INVALID",
      `port_security: ${where} is over ${net.provider ?? "no provider"}, where this VIM can hold nobody to its address: leave the provider out, or use a 'data' network`,
    );
  if (!spansHosts)
    throw new Fault(
      "INVALID",
      `port_security: ${where} is a bridge of each host, where this VIM can hold nobody to its address: set config.vim.tunnelIp, or use a 'data' network`,
    );
  const bridged = ports.find((p) => p.serverId !== null && p.switchPort === null && p.portSecurity !== false);
  if (bridged)
    throw new Fault(
      "INVALID",
      `port_security: port '${bridged.name}' of ${where} was made before config.vim.tunnelIp was set and is on the bridge of its host: reboot its server first`,
    );
}

/** Throws INVALID where a port cannot be held to what it may send. */
export function checkSenders({ kind, name, mac, switchPort, portSecurity, allowedPairs }: Omit<ServerPort, "id">): void {
  if (portSecurity !== null && kind === "instance:bridge" && switchPort === null)
    throw new Fault(
      "INVALID",
      `port '${name}' is on a bridge of its host: port_security is for ports of 'data' and 'ptp' networks`,
    );
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
