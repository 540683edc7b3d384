import type { KeptProtection } from "../model/armed.ts";
import type { NetId } from "../model/ids.ts";
import { probedIp } from "../model/net.ts";
import type { ServerPort, VimPicture } from "../model/vim-picture.ts";
import type { ProbeTarget } from "./probe-targets.ts";
import type { TrafficTarget } from "./traffic-watch.ts";

// Who is to be looked at, by what is armed. Pure: reads the picture.

/** Those of which a port is a member's service port. */
type ProtectionsOf = (port: ServerPort) => readonly KeptProtection[];

/** Service ports that are to be asked all the time: of members that run and have answered once. */
export function probeTargets(picture: VimPicture, protectionsOf: ProtectionsOf): ProbeTarget[] {
  return believed(picture).flatMap((port): ProbeTarget[] => {
    const { id: portId, switchPort, mac, serverId } = port;
    const ip = probedIp(port);
    const policy = protectionsOf(port).find((p) => p.probe !== null)?.probe;
    const hostId = picture.servers.get(serverId!)?.hostId ?? null;
    return policy && switchPort !== null && ip !== null ? [{ portId, switchPort, ip, mac, policy, hostId, serverId }] : [];
  });
}

/** Service ports whose counters are to be watched: of those that traffic is led to. */
export function trafficTargets(picture: VimPicture, protectionsOf: ProtectionsOf): TrafficTarget[] {
  const isServing = (net: NetId) => picture.boundTo(net).some((n) => n.bindNet === net);
  return believed(picture).flatMap((port): TrafficTarget[] => {
    const { id: portId, switchPort, netId, fenced } = port;
    if (switchPort === null || netId === null || fenced || !isServing(netId)) return [];
    const policy = protectionsOf(port).find((p) => p.traffic !== null)?.traffic;
    const hostId = picture.servers.get(port.serverId!)?.hostId ?? null;
    return policy ? [{ portId, switchPort, silentMs: policy.silentMs, hostId }] : [];
  });
}

/** By the servers: where there are none, however many ports there are, nothing is looked at. */
const believed = (picture: VimPicture): ServerPort[] =>
  [...picture.servers.values()].flatMap(({ id, status }) =>
    status === "ACTIVE" ? picture.portsOf(id).filter((p) => p.status === "ACTIVE") : [],
  );
