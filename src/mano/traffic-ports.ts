import type { ProtectionGroup } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { portsOfNet } from "../vimconn/inventory-index.ts";
import type { AlarmBook } from "./alarms.ts";

/** Raises the alarm of users who are reached by nobody, or clears it. */
export function tellCutOff(alarms: AlarmBook, group: ProtectionGroup, seen: Inventory): void {
  const lost = usersCutOff(group, seen);
  if (lost.length > 0) void alarms.raise(group.id, "TRAFFIC_PORT_DOWN", lost);
  else alarms.clear(group.id, "TRAFFIC_PORT_DOWN");
}

/** Ports of a group's users that have lost their link, in words: whoever serves them, these users are reached by nobody. Pure. */
function usersCutOff({ trafficNets }: ProtectionGroup, seen: Inventory): string[] {
  const ports = trafficNets.flatMap((n) => portsOfNet(seen, n.netId));
  const lost = ports.filter((p) => p.serverId === null && p.status === "DOWN");
  return lost.map(
    (p) => `port ${p.name} (${p.switchPort ?? "on no switch"}) of ${seen.nets.get(p.netId!)?.name ?? p.netId} is down`,
  );
}
