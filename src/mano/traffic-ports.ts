import type { ProtectionGroup } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";

/** Raises the alarm of users who are reached by nobody, or clears it. */
export function tellCutOff(alarms: AlarmBook, group: ProtectionGroup, seen: Inventory): void {
  const lost = usersCutOff(group, seen);
  if (lost.length > 0) void alarms.raise(group.id, "TRAFFIC_PORT_DOWN", lost);
  else alarms.clear(group.id, "TRAFFIC_PORT_DOWN");
}

/** Ports of a group's users that have lost their link, in words: whoever serves them, these users are reached by nobody. Pure. */
function usersCutOff({ trafficNets }: ProtectionGroup, { ports, nets }: Inventory): string[] {
  const served = new Set(trafficNets.map((n) => n.netId));
  const lost = ports.filter((p) => p.serverId === null && p.netId !== null && served.has(p.netId) && p.status === "DOWN");
  return lost.map((p) => `port ${p.name} (${p.switchPort ?? "on no switch"}) of ${nets.get(p.netId!)?.name ?? p.netId} is down`);
}
