import type { VimAccountId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { portsOfNet } from "../vimconn/inventory-index.ts";

/**
 * Links that traffic of a group takes in one VIM, on which BFD is to run and would not find a loss as fast as it is set to, in words: its peer
 * was never heard, it is up on slow timers (RFC 5880 6.8.3), it is down. `enters`: the VIM that its traffic enters. Pure.
 */
export function slowLinks(
  { trafficNets, members }: ProtectionGroup,
  seen: Inventory,
  vim: VimAccountId,
  enters: VimAccountId,
): string[] {
  const ofTraffic = vim === enters ? trafficNets.map((n) => n.netId) : [];
  const ofMembers = members.flatMap(({ dataNet, vimAccountId, away }) => {
    if (vim === enters) return dataNet; // To a member elsewhere: that of the way to it.
    return vim === vimAccountId && away ? away.homeNet : [];
  });
  const ports = [...new Set([...ofTraffic, ...ofMembers])].flatMap((net) => portsOfNet(seen, net));
  return ports.flatMap(({ name, switchPort, bfdWhyNot }) =>
    bfdWhyNot == null
      ? []
      : `the link of port ${name} (${switchPort ?? "on no switch"}) is not yet protected by its BFD: ${bfdWhyNot}`,
  );
}
