import type { KeptProtection } from "../model/armed.ts";
import type { NetId } from "../model/ids.ts";
import type { VimPicture } from "../model/vim-picture.ts";

interface Limit {
  readonly capacity: number;
  readonly name: string;
}

/** Traffic nets that are about to be led to a data net, beside those that are: of moves that leave in one write. */
export type Coming = ReadonlyMap<NetId, number>;

/** How many traffic nets may be led to the data net of each member, by what is armed; where two protections differ, the fewer. */
export class Capacities {
  readonly #picture: Pick<VimPicture, "boundTo">;
  #limits: ReadonlyMap<NetId, Limit> = new Map();

  constructor(picture: Pick<VimPicture, "boundTo">) {
    this.#picture = picture;
  }

  /** Nothing is limited. */
  get isEmpty(): boolean {
    return this.#limits.size === 0;
  }

  follow(protections: Iterable<KeptProtection>): void {
    const limits = new Map<NetId, Limit>();
    for (const { members } of protections)
      for (const { dataNet, name, capacity } of members)
        if (capacity !== null && capacity < (limits.get(dataNet)?.capacity ?? Number.POSITIVE_INFINITY))
          limits.set(dataNet, { capacity, name });
    this.#limits = limits;
  }

  /** How many more may be led there. */
  roomOf(dataNet: NetId): number {
    const limit = this.#limits.get(dataNet);
    return limit === undefined ? Number.POSITIVE_INFINITY : limit.capacity - this.#picture.boundTo(dataNet).length;
  }

  /** Why this traffic net cannot be led there too; null where it can, or is already. */
  obstacle(dataNet: NetId, trafficNet: NetId, coming: Coming): string | null {
    const limit = this.#limits.get(dataNet);
    if (limit === undefined) return null;
    const others = this.#picture.boundTo(dataNet).filter((n) => n.id !== trafficNet);
    const carries = others.length + (coming.get(dataNet) ?? 0);
    return carries < limit.capacity ? null : `${limit.name} carries all it may (${limit.capacity})`;
  }
}
