import type { FlowPhases } from "../model/flow.ts";
import { flowChanges } from "../steer/changes.ts";
import type { CookiePart, FlowSwitch, Unlike } from "../switch/flow-switch.ts";
import { SLICES } from "./slices.ts";
import type { Told } from "./told.ts";
import type { Wish, Work } from "./wish.ts";

/** A table up to this size is read whole in every pass: some ms of this thread. */
const WHOLE_MAX = 4_000;
/** A larger one in parts of about so many entries, a few in each pass, so that nothing else waits for it. */
const PART_ENTRIES = 1_000;
export const PARTS_A_PASS = 4;
const COUNT_TRIES = 5;

export interface PartSwitch extends FlowSwitch {
  readonly compare: NonNullable<FlowSwitch["compare"]>;
  readonly count: () => Promise<number>;
}

/** What was found in one part. */
export interface Found {
  /** What would make the switch what was asked for. */
  readonly mend: FlowPhases;
  /** What would make what was asked for what the picture asks for: nothing, or we have lost count. */
  readonly work: Work;
}

/**
 * Looks whether what was asked for stands in a large table, and whether it is still what the picture asks for: part after part, by the
 * lowest bits of the hash of a net that its entries carry in their cookies. Groups have no such bits, and come with the first part.
 */
export class Audit {
  #next = 0;

  /** Null: this table is read whole. */
  static of(session: FlowSwitch, entries: number): PartSwitch | null {
    const { compare, count } = session;
    return entries > WHOLE_MAX && compare !== undefined && count !== undefined ? (session as PartSwitch) : null;
  }

  /** As many entries as were asked for: what somebody else has emptied is found at once. `isNewAs`: as of the fabric. */
  async isCounted(session: PartSwitch, wish: Wish, isNewAs: () => () => boolean): Promise<boolean> {
    for (let tries = 0; tries < COUNT_TRIES; tries++) {
      const isNew = isNewAs();
      const count = await session.count();
      if (isNew()) return count === wish.size;
    }
    return true; // Changes come too fast for it; each of them is confirmed.
  }

  /** The part whose turn it is. */
  part(entries: number): CookiePart {
    const parts = Math.min(SLICES, 2 ** Math.ceil(Math.log2(Math.max(1, entries / PART_ENTRIES))));
    const bits = this.#next % parts;
    return { bits, mask: parts - 1, withGroups: bits === 0 };
  }

  /** `unlike`: how that part differs from what was asked for, as it was `told`. */
  compare(session: FlowSwitch, wish: Wish, part: CookiePart, told: Told, { missing, found }: Unlike): Found {
    this.#next++;
    return { mend: flowChanges(told.missing(missing), found), work: wish.workOut(session, wish.netsIn(part)) };
  }
}
