import { type FlowTable, GROUP_ID_BASE, STAND_IN_ID_BASE } from "../model/flow.ts";

/** What a group is for. `owner`: the net whose entries lead into it. */
export type GroupUse =
  | { readonly way: "forward" | "back"; readonly owner: string }
  /** Beside a net's one group each way: a gate, or the way forward for a second tag. `what` tells it from all others. */
  | { readonly way: "standIn"; readonly owner: string; readonly what: string };

/** A use as one text, which is the same wherever it is worked out. */
export interface GroupText {
  readonly text: string;
  readonly owner: string;
}

/** Two numbers for each hash: even its way forward, odd its way back. */
const WAYS = (STAND_IN_ID_BASE - GROUP_ID_BASE) / 2;
/** OFPG_MAX is 0xffffff00 (1.3, 7.3.4.2). */
const STAND_IN_IDS = 0xffffff00 - STAND_IN_ID_BASE;
/** The first choice of a net is one of so many, as it was before collisions were resolved: an upgrade changes no entry. */
const FIRST_CHOICES = 0x7fffff;
/** Choices looked at for a group that stands already. Five hashes that all collide with others are not to be expected. */
const STANDING_TRIES = 5;

/**
 * Numbers for groups, no two alike. A number comes from what the group is for, so that a restart finds it again; where two uses hash to
 * the same number the later one takes its next choice, keeps it as long as its net is there, and is known by it after a restart from what
 * stands in the switch. Same calls, same numbers.
 */
export class GroupIds {
  readonly #idOf = new Map<string, { readonly id: number; readonly owner: string }>();
  /** By number. */
  readonly #taken = new Map<number, GroupText>();
  #standing: ReadonlySet<string> = new Set();

  of(use: GroupUse): number {
    const text = textOf(use);
    const had = this.#idOf.get(text);
    if (had !== undefined) return had.id;
    const id = this.#standingFor(use) ?? this.#firstFree(use);
    this.#idOf.set(text, { id, owner: use.owner });
    this.#taken.set(id, { text, owner: use.owner });
    return id;
  }

  /** What a number was given for. Undefined: it was given for nothing. */
  useOf(id: number): GroupText | undefined {
    return this.#taken.get(id);
  }

  /** What was read from the switch. */
  found({ entries, groups }: FlowTable): void {
    const buckets = new Map(groups.map((g) => [g.id, g.buckets]));
    const standing = new Set<string>();
    for (const { cookie, actions } of entries) {
      const owner = Number(cookie & 0xffffffffn);
      for (const a of actions) {
        if (a.do !== "group") continue;
        standing.add(`${owner} ${a.group}`);
        for (const b of buckets.get(a.group) ?? []) {
          for (const next of b.actions) if (next.do === "group") standing.add(`${owner} ${next.group}`);
        }
      }
    }
    this.#standing = standing;
  }

  /** Numbers for nets that are no more are free again. */
  keepOnly(nets: { has(net: string): boolean }): void {
    this.#free((owner) => !nets.has(owner));
  }

  /** Numbers for these nets are given anew. */
  forget(nets: ReadonlySet<string>): void {
    if (nets.size > 0) this.#free((owner) => nets.has(owner));
  }

  #free(isFree: (owner: string) => boolean): void {
    for (const [text, { id, owner }] of this.#idOf) {
      if (!isFree(owner)) continue;
      this.#idOf.delete(text);
      this.#taken.delete(id);
    }
  }

  #standingFor(use: GroupUse): number | null {
    if (this.#standing.size === 0) return null;
    const owner = hash32(use.owner);
    for (let nth = 0; nth < STANDING_TRIES; nth++) {
      const id = choice(use, nth);
      if (!this.#taken.has(id) && this.#standing.has(`${owner} ${id}`)) return id;
    }
    return null;
  }

  #firstFree(use: GroupUse): number {
    for (let nth = 0; ; nth++) {
      const id = choice(use, nth);
      if (!this.#taken.has(id)) return id;
    }
  }
}

const textOf = (use: GroupUse): string => (use.way === "standIn" ? `standIn ${use.what}` : `${use.way} ${use.owner}`);

function choice(use: GroupUse, nth: number): number {
  const again = nth === 0 ? "" : ` ${nth}`;
  if (use.way === "standIn") return STAND_IN_ID_BASE + (hash32(use.what + again) % STAND_IN_IDS);
  const hash = hash32(use.owner + again);
  return GROUP_ID_BASE + 2 * (nth === 0 ? hash & FIRST_CHOICES : hash % WAYS) + (use.way === "forward" ? 0 : 1);
}

/** FNV-1a, 32 bits. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
