import { Fault } from "../lib/fault.ts";
import type { ServerPort } from "../model/vim-picture.ts";

/** Each is four entries in the switch for every way that leads from the port. */
const PAIRS_MAX = 16;

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
