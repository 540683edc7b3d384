import type { GroupId, NetId, VnfcId } from "../model/ids.ts";
import type { Health, ProtectionCommand, ProtectionGroup } from "../model/protection.ts";
import { decide } from "./decide.ts";
import { type GroupView, healthIfAwake } from "./view.ts";

/** A group of a pool, as it is now. */
export interface PooledGroup {
  readonly group: ProtectionGroup;
  readonly view: GroupView;
  readonly command: ProtectionCommand | null;
}

export interface ExposedNet {
  readonly groupId: GroupId;
  readonly netId: NetId;
  readonly name: string;
  /** Who serves it then; the one that failed where nobody does. */
  readonly servedBy: VnfcId;
}

/** What one more failure would cost. */
export interface Exposure {
  readonly failed: VnfcId;
  /** Nets it serves that nobody could take. */
  readonly unserved: readonly ExposedNet[];
  /** Nets that would still be served, but of whose member a failure after that nobody could make up for, as somebody could now. */
  readonly unprotected: readonly ExposedNet[];
}

/** Who would serve what, while failures are played through. */
interface World {
  readonly health: ReadonlyMap<VnfcId, Health>;
  readonly serving: ReadonlyMap<NetId, VnfcId | null>;
}

/**
 * For each member that is up: whom its failure would leave unserved, and whom unprotected; a member whose failure costs nothing is left
 * out. Groups that share members are played through together, in their order: what one takes of a spare the next has not. A
 * spare that rests counts as one that is up: it would be woken. Pure.
 */
export function exposuresOf(groups: readonly PooledGroup[], nowMs: number): Exposure[] {
  const now: World = {
    health: new Map(groups.flatMap(({ group, view }) => group.members.map((m) => [m.vnfcId, healthIfAwake(view, m.vnfcId)]))),
    serving: new Map(groups.flatMap(({ view }) => [...view.serving])),
  };
  const isSafe = (world: World, net: ExposedNet) => !lostBy(groups, world, net.servedBy, nowMs).lost.has(net.netId);
  const safe = servedIn(groups, now).filter((net) => isSafe(now, net));
  const up = [...now.health].flatMap(([id, h]) => (h.state === "up" ? id : []));
  return up.flatMap((failed) => {
    const { world, lost } = lostBy(groups, now, failed, nowMs);
    const unserved = servedIn(groups, now).filter((net) => lost.has(net.netId));
    const after = servedIn(groups, world).filter((net) => !lost.has(net.netId) && safe.some((s) => s.netId === net.netId));
    const unprotected = after.filter((net) => !isSafe(world, net));
    return unserved.length + unprotected.length > 0 ? { failed, unserved, unprotected } : [];
  });
}

/** Nets that a member serves that is up. */
function servedIn(groups: readonly PooledGroup[], { health, serving }: World): ExposedNet[] {
  return groups.flatMap(({ group }) =>
    group.trafficNets.flatMap(({ netId, name }) => {
      const servedBy = serving.get(netId);
      return servedBy && health.get(servedBy)?.state === "up" ? { groupId: group.id, netId, name, servedBy } : [];
    }),
  );
}

/** The world after a member has failed and its traffic has moved; `lost`: its nets that nobody took. */
function lostBy(groups: readonly PooledGroup[], { health, serving }: World, failed: VnfcId, nowMs: number) {
  const down = { state: "down", sinceMs: nowMs, seenBy: [], why: "as it would be" } as const;
  const after = { health: new Map(health).set(failed, down), serving: new Map(serving) };
  const lost = new Set<NetId>();
  for (const { group, command } of groups) {
    const own = group.trafficNets.filter((n) => after.serving.get(n.netId) === failed);
    if (own.length === 0) continue;
    const concerned = { ...group, trafficNets: own, policy: { ...group.policy, holdOffMs: 0 } };
    const others = [...after.serving].filter(([net]) => !own.some((n) => n.netId === net));
    const view = { ...after, carriedElsewhere: countOf(others.map(([, vnfc]) => vnfc)) };
    const { moves } = decide(concerned, view, command, nowMs);
    for (const { trafficNet, to } of moves) after.serving.set(trafficNet, to);
    for (const { netId } of own) if (after.serving.get(netId) === failed) lost.add(netId);
  }
  return { world: after, lost };
}

function countOf(served: readonly (VnfcId | null)[]): ReadonlyMap<VnfcId, number> {
  const count = new Map<VnfcId, number>();
  for (const vnfc of served) if (vnfc !== null) count.set(vnfc, (count.get(vnfc) ?? 0) + 1);
  return count;
}
