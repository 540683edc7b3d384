import type { VnfcId } from "../model/ids.ts";
import type { Member, Move, ProtectionGroup } from "../model/protection.ts";
import { type GroupView, isUp } from "./view.ts";

/** How many traffic nets each member carries, while the nets of a group are decided one after another. */
export class Load {
  readonly #carried: Map<VnfcId, number>;

  constructor(group: ProtectionGroup, view: GroupView) {
    this.#carried = new Map(view.carriedElsewhere);
    for (const { netId } of group.trafficNets) this.#add(view.serving.get(netId) ?? null, 1);
  }

  of(member: Member): number {
    return this.#carried.get(member.vnfcId) ?? 0;
  }

  /** How many more it may carry. */
  roomOf(member: Member): number {
    return member.capacity === null ? Number.POSITIVE_INFINITY : Math.max(0, member.capacity - this.of(member));
  }

  hasRoom(member: Member): boolean {
    return this.roomOf(member) > 0;
  }

  moved({ from, to }: Move): void {
    this.#add(from, -1);
    this.#add(to, 1);
  }

  #add(vnfc: VnfcId | null, n: number): void {
    if (vnfc !== null) this.#carried.set(vnfc, (this.#carried.get(vnfc) ?? 0) + n);
  }
}

export const isHot = (m: Member): boolean => m.standby === "hot";

/**
 * The members known to be up with room, other than the one that failed, the best first: a spare that was woken after all others, since it is
 * to rest again; then the one that carries least. Among equals each failed member has a first choice of its own, so that what two
 * failures at once would do does not meet on one spare.
 */
export function standIns(group: ProtectionGroup, view: GroupView, load: Load, failed: Member | undefined): Member[] {
  const able = group.members.filter((m) => m !== failed && !m.isLeaving && isUp(view, m) && load.hasRoom(m));
  const byRank = able.sort((a, b) => Number(isHot(b)) - Number(isHot(a)) || load.of(a) - load.of(b));
  const turn = failed === undefined ? 0 : group.members.indexOf(failed);
  return [...Map.groupBy(byRank, (m) => `${m.standby} ${load.of(m)}`).values()].flatMap((equals) => {
    const first = turn % equals.length;
    return [...equals.slice(first), ...equals.slice(0, first)];
  });
}
