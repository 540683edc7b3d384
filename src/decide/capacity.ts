import type { VnfcId } from "../model/ids.ts";
import type { Member, Move, ProtectionGroup } from "../model/protection.ts";
import { isHot } from "./spare.ts";
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

  hasRoom(member: Member): boolean {
    return member.capacity === null || this.of(member) < member.capacity;
  }

  moved({ from, to }: Move): void {
    this.#add(from, -1);
    this.#add(to, 1);
  }

  #add(vnfc: VnfcId | null, n: number): void {
    if (vnfc !== null) this.#carried.set(vnfc, (this.#carried.get(vnfc) ?? 0) + n);
  }
}

/**
 * Of the members known to be up with room, other than the one that failed: the one that carries least, the first of equals. A spare
 * that was woken is the last choice: it is to rest again.
 */
export function standIn(group: ProtectionGroup, view: GroupView, load: Load, failed: Member | undefined): Member | undefined {
  const able = group.members.filter((m) => m !== failed && isUp(view, m) && load.hasRoom(m));
  const hot = able.filter(isHot);
  return (hot.length > 0 ? hot : able).reduce<Member | undefined>(
    (best, m) => (best === undefined || load.of(m) < load.of(best) ? m : best),
    undefined,
  );
}
