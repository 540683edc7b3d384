import type { NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { Inventory, VimLinkPort, VimNet } from "./connector.ts";

// What is asked of an inventory for each of thousands of members: by an index made once, the first time that anybody asks.

interface Index {
  readonly ports: ReadonlyMap<VimPortId, VimLinkPort>;
  readonly byServer: ReadonlyMap<ServerId | null, readonly VimLinkPort[]>;
  readonly byNet: ReadonlyMap<NetId | null, readonly VimLinkPort[]>;
  readonly byName: ReadonlyMap<string, readonly VimNet[]>;
}

const made = new WeakMap<Inventory, Index>();

function indexOf(seen: Inventory): Index {
  const had = made.get(seen);
  if (had) return had;
  const { ports, nets } = seen;
  const index: Index = {
    ports: new Map(ports.map((p) => [p.id, p])),
    byServer: Map.groupBy(ports, (p) => p.serverId),
    byNet: Map.groupBy(ports, (p) => p.netId),
    byName: Map.groupBy(nets.values(), (n) => n.name),
  };
  made.set(seen, index);
  return index;
}

export const portWith = (seen: Inventory, id: VimPortId | null): VimLinkPort | undefined =>
  id === null ? undefined : indexOf(seen).ports.get(id);

export const portsOfServer = (seen: Inventory, id: ServerId): readonly VimLinkPort[] => indexOf(seen).byServer.get(id) ?? [];

export const portsOfNet = (seen: Inventory, id: NetId): readonly VimLinkPort[] => indexOf(seen).byNet.get(id) ?? [];

/** Nets that have this for their name or for their id. */
export function netsCalled(seen: Inventory, name: string): VimNet[] {
  const byId = seen.nets.get(name as NetId);
  const named = indexOf(seen).byName.get(name) ?? [];
  return byId === undefined || named.includes(byId) ? [...named] : [...named, byId];
}
