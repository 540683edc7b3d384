import type { Evidence } from "../model/evidence.ts";
import type { GroupId, VnfcId } from "../model/ids.ts";
import type { Hit, Membership } from "./firing.ts";
import { ENDED_BY } from "./hold-off.ts";

/** After the switch has refused a plan. A MANO that lives has asked by itself by then, and nothing is left to be led. */
export const REFUSED_AGAIN_MS = 10_000;

/**
 * Facts against members whose plans have led nowhere: nobody could take over when they were heard, or the switch has refused. Each stands until
 * its member is back; who answers meanwhile may be whom it waits for (decision 0127).
 */
export class Unled {
  readonly #facts = new Map<string, Hit>();

  note(hit: Hit): void {
    this.#facts.set(`${hit.protection.id} ${hit.member.id}`, hit);
  }

  /** Something in favour of these members was heard. */
  ended(members: ReadonlySet<VnfcId>, says: Evidence["says"]): void {
    for (const [key, { member, evidence }] of this.#facts)
      if (ENDED_BY[evidence.says] === says && members.has(member.id)) this.#facts.delete(key);
  }

  /** They began a new life. */
  forget(members: ReadonlySet<VnfcId>): void {
    for (const [key, { member }] of this.#facts) if (members.has(member.id)) this.#facts.delete(key);
  }

  /** Those against others of the protections in which these are back. */
  besides(back: ReadonlySet<VnfcId>, of: readonly Membership[]): Hit[] {
    const isOne = (id: GroupId) => of.some((m) => m.protection.id === id);
    return [...this.#facts.values()].filter((h) => isOne(h.protection.id) && !back.has(h.member.id));
  }

  keepOnly(isThere: (id: GroupId) => boolean): void {
    for (const [key, { protection }] of this.#facts) if (!isThere(protection.id)) this.#facts.delete(key);
  }
}
