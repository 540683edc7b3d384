import type { NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { Inventory, VimLinkPort, VimNet } from "./connector.ts";

// What is asked of an inventory for each of thousands of members: by an index made once, the first time that anybody asks.

/** An inventory may have a list of the one before, where nothing in it has changed. */
const portsById = new WeakMap<Inventory["ports"], ReadonlyMap<VimPortId, VimLinkPort>>();
const portsByServer = new WeakMap<Inventory["ports"], ReadonlyMap<ServerId | null, readonly VimLinkPort[]>>();
const portsByNet = new WeakMap<Inventory["ports"], ReadonlyMap<NetId | null, readonly VimLinkPort[]>>();
const netsByName = new WeakMap<Inventory["nets"], ReadonlyMap<string, readonly VimNet[]>>();

function once<K extends object, V>(made: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  const had = made.get(key);
  if (had !== undefined) return had;
  const value = make(key);
  made.set(key, value);
  return value;
}

export const portWith = ({ ports }: Inventory, id: VimPortId | null): VimLinkPort | undefined =>
  id === null ? undefined : once(portsById, ports, (all) => new Map(all.map((p) => [p.id, p]))).get(id);

export const portsOfServer = ({ ports }: Inventory, id: ServerId): readonly VimLinkPort[] =>
  once(portsByServer, ports, (all) => Map.groupBy(all, (p) => p.serverId)).get(id) ?? [];

export const portsOfNet = ({ ports }: Inventory, id: NetId): readonly VimLinkPort[] =>
  once(portsByNet, ports, (all) => Map.groupBy(all, (p) => p.netId)).get(id) ?? [];

/** Nets that have this for their name or for their id. */
export function netsCalled({ nets }: Inventory, name: string): VimNet[] {
  const byId = nets.get(name as NetId);
  const named = once(netsByName, nets, (all) => Map.groupBy(all.values(), (n) => n.name)).get(name) ?? [];
  return byId === undefined || named.includes(byId) ? [...named] : [...named, byId];
}
