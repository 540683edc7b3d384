import type { NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { Inventory, VimLinkPort, VimNet } from "./connector.ts";

// What is asked of an inventory for each of thousands of members: by an index made once, the first time that anybody asks.

interface PortIndex {
  readonly ports: ReadonlyMap<VimPortId, VimLinkPort>;
  readonly byServer: ReadonlyMap<ServerId | null, readonly VimLinkPort[]>;
  readonly byNet: ReadonlyMap<NetId | null, readonly VimLinkPort[]>;
}

/** An inventory may have a list of the one before, where nothing in it has changed. */
const ofPorts = new WeakMap<Inventory["ports"], PortIndex>();
const ofNets = new WeakMap<Inventory["nets"], ReadonlyMap<string, readonly VimNet[]>>();

function once<K extends object, V>(made: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const had = made.get(key);
  if (had !== undefined) return had;
  const value = make(key);
  made.set(key, value);
  return value;
}

const portsIn = ({ ports }: Inventory): PortIndex =>
  once(ofPorts, ports, (all) => ({
    ports: new Map(all.map((p) => [p.id, p])),
    byServer: Map.groupBy(all, (p) => p.serverId),
    byNet: Map.groupBy(all, (p) => p.netId),
  }));

const netsByName = ({ nets }: Inventory) => once(ofNets, nets, (all) => Map.groupBy(all.values(), (n) => n.name));

export const portWith = (seen: Inventory, id: VimPortId | null): VimLinkPort | undefined =>
  id === null ? undefined : portsIn(seen).ports.get(id);

export const portsOfServer = (seen: Inventory, id: ServerId): readonly VimLinkPort[] => portsIn(seen).byServer.get(id) ?? [];

export const portsOfNet = (seen: Inventory, id: NetId): readonly VimLinkPort[] => portsIn(seen).byNet.get(id) ?? [];

/** Nets that have this for their name or for their id. */
export function netsCalled(seen: Inventory, name: string): VimNet[] {
  const byId = seen.nets.get(name as NetId);
  const named = netsByName(seen).get(name) ?? [];
  return byId === undefined || named.includes(byId) ? [...named] : [...named, byId];
}
