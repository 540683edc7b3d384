import type { Clock } from "../lib/clock.ts";
import type { NetId, VnfcId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { deleteGroup, upsertGroup } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Arming } from "./arming.ts";
import type { Guard } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { Deployment } from "./plan.ts";
import type { Reaction } from "./reaction.ts";

export interface TurnoverParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Pick<Lifecycle, "protect">;
  readonly arming: Pick<Arming, "mayKnow" | "disarm">;
  readonly reaction: Reaction;
  /** A group is no more. */
  dropped(guard: Guard): void;
}

/** The groups of an NS as they are to be, those that have nobody any more among them. */
export interface Groups {
  readonly d: Deployment;
  readonly wholes: readonly ProtectionGroup[];
  readonly guards: readonly Guard[];
  /** Names of the VNFCs that are to be members. */
  readonly wanted: ReadonlySet<string>;
  /** Its machine is new, and answers. */
  isUp(id: VnfcId): boolean;
}

/**
 * Groups that come and go while their NS serves, as its VNF becomes something else: one that comes takes its nets from the one that goes when all its members
 * are up, and not before; that is served throughout. Nothing is remembered but what is on the disk.
 */
export class Turnover {
  readonly #parts: TurnoverParts;

  constructor(parts: TurnoverParts) {
    this.#parts = parts;
  }

  /** A step; `others`: the groups that neither come nor go. */
  async step(of: Groups, site: Site): Promise<{ readonly others: readonly ProtectionGroup[]; readonly isChanged: boolean }> {
    const { d, wholes, guards, wanted } = of;
    if (d.formerly === undefined) return { others: wholes, isChanged: false };
    const hasOne = (g: ProtectionGroup) => guards.some((guard) => guard.group.id === g.id);
    const isMeant = (g: ProtectionGroup) => g.members.some((m) => wanted.has(m.name));
    const coming = wholes.filter((g) => !hasOne(g) && isMeant(g));
    const meant = wholes.filter(isMeant);
    const going = guards.filter((guard) => !meant.some((g) => g.id === guard.group.id));
    const isGone = (g: ProtectionGroup) => going.some((guard) => guard.group.id === g.id);
    const others = wholes.filter((g) => hasOne(g) && !isGone(g));
    const isReady = coming.every((g) => g.members.filter((m) => wanted.has(m.name)).every((m) => of.isUp(m.vnfcId)));
    if (!isReady) return { others, isChanged: false };
    let isChanged = false;
    for (const guard of going) isChanged = (await this.#letGo(guard, meant, site)) || isChanged;
    for (const group of coming) isChanged = (await this.#found(of, group, site)) || isChanged;
    return { others, isChanged };
  }

  /** Its nets are no more its own; it ends when nothing leads to its members. True: something was done. */
  async #letGo(guard: Guard, meant: readonly ProtectionGroup[], { vim, connector, seen, signal }: Site): Promise<boolean> {
    const { db, clock, reaction, arming, dropped } = this.#parts;
    const { group } = guard;
    if (group.trafficNets.length > 0 || group.members.some((m) => !m.isLeaving)) {
      const bare: ProtectionGroup = { ...group, trafficNets: [], members: group.members.map((m) => ({ ...m, isLeaving: true })) };
      await upsertGroup(db, bare);
      reaction.regroup(guard, bare, new Map(guard.members.map((m) => [m.member.vnfcId, m.serverId])));
      reaction.decideNow(guard, "command", clock.now());
      return true;
    }
    const data = new Set<NetId | null>(group.members.map((m) => m.dataNet));
    const isTaken = (id: NetId) => meant.some((g) => g.trafficNets.some((n) => n.netId === id));
    const bound = [...seen.nets.values()].filter((n) => n.bindNet !== null && data.has(n.bindNet));
    const left = bound.filter((n) => !isTaken(n.id));
    for (const net of left) await connector.changeBind(net.id, null);
    if (bound.length > 0) return left.length > 0;
    if (group.members.some((m) => arming.mayKnow(guard, m.vnfcId, "target"))) return false;
    await arming.disarm(guard, vim, signal);
    await db.transaction().execute((tx) => deleteGroup(tx, group.id, clock.wall().toISOString()));
    dropped(guard);
    return true;
  }

  /** Its nets are led to it before it is heard of, so that nobody is without them for a moment. */
  async #found({ d, guards }: Groups, group: ProtectionGroup, { vim, connector, seen }: Site): Promise<boolean> {
    const { db, clock, lifecycle, reaction } = this.#parts;
    const isKept = guards.some((g) => g.group.trafficNets.some((n) => group.trafficNets.some((own) => own.netId === n.netId)));
    if (isKept) return true; // In the next pass: who has them yet lets go of them first.
    for (const net of group.trafficNets) {
      const to = group.members.find((m) => m.vnfcId === net.normal)!;
      const copy = group.scheme === "DUPLICATED" ? (group.members.find((m) => m.vnfcId !== to.vnfcId)?.dataNet ?? null) : null;
      if (seen.nets.get(net.netId)?.bindNet !== to.dataNet) await connector.changeBind(net.netId, to.dataNet, copy);
    }
    await upsertGroup(db, group);
    lifecycle.protect(d, [group]);
    const guard = reaction.guardOf(group.id);
    guard?.observe(seen, vim);
    for (const net of group.trafficNets) guard?.moveEnded(net.netId, clock.now(), { vnfc: net.normal });
    if (guard) reaction.observed(guard);
    return true;
  }
}
