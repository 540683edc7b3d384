import type { NetId } from "../model/ids.ts";
import type { StandIns } from "./stand-ins.ts";

/** Who is led into whom. */
export interface Binds {
  /** The nets that this one is led into: none, one, or two at once. */
  leadsTo(net: NetId): readonly NetId[];
  /** The nets that are led into this one. */
  boundTo(net: NetId): Iterable<NetId>;
}

export interface Reach {
  /** Whole bind groups: nothing outside of them comes out otherwise. */
  readonly affected: ReadonlySet<NetId>;
  /** These, and the nets that have to be known beside for them to come out right. */
  readonly all: ReadonlySet<NetId>;
}

/**
 * How far a change of these nets reaches: their bind groups, those of the nets that stand in for them or for which they stand in. What
 * else must be known are the nets that serve and stand in beside those. Does not grow with how many other nets there are.
 */
export function reachOf(nets: Iterable<NetId>, standIns: StandIns, binds: Binds): Reach {
  const affected = new Set<NetId>();
  const addGroup = (of: NetId) => {
    const found = [of];
    for (let id = found.pop(); id !== undefined; id = found.pop()) {
      if (affected.has(id)) continue;
      affected.add(id);
      found.push(...binds.leadsTo(id), ...binds.boundTo(id));
    }
  };
  for (const id of nets) addGroup(id);
  if (standIns.isEmpty) return { affected, all: affected };
  const askedBy = (id: NetId) =>
    binds
      .leadsTo(id)
      .slice(0, 1)
      .flatMap((serving) => standIns.of(id, serving));
  const standsInFor = (id: NetId) => [...standIns.whom(id)].filter((net) => askedBy(net).includes(id));
  // A gate of one that stands in watches those before it, so all that stand in for the same net follow from each of them.
  for (const id of [...affected])
    for (const net of [id, ...standsInFor(id)]) for (const other of [net, ...askedBy(net)]) addGroup(other);
  const all = new Set(affected);
  for (const id of affected) for (const net of standsInFor(id)) all.add(net);
  for (const id of [...all]) for (const other of [...binds.leadsTo(id), ...askedBy(id)]) all.add(other);
  return { affected, all };
}
