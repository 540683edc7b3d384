import type { FlowEntry, FlowTable, GroupEntry } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Missing } from "../switch/flow-switch.ts";
import type { KeptPart } from "./kept-part.ts";

const ENTRIES_AT_ONCE = 2_000;

/** A bind group, and what of it is told. */
export interface Tellable {
  readonly part: KeptPart;
  entries(): readonly FlowEntry[];
  readonly groups: readonly GroupEntry[];
}

/**
 * What is wanted, told to a switch one bind group after the other, and remembered in that order: of what it says is missing it is then known
 * what that is, and whose.
 */
export class Told {
  readonly #source: Iterable<Tellable>;
  readonly #told: Tellable[] = [];

  /** Gone through once. */
  constructor(source: Iterable<Tellable>) {
    this.#source = source;
  }

  /** Tells all of it. Once. */
  readonly tell = (hear: (table: FlowTable) => void): void => {
    for (const one of this.#source) {
      this.#told.push(one);
      hear({ entries: one.entries(), groups: one.groups });
    }
  };

  /** The very entries and groups that are missing. */
  missing(missing: readonly Missing[]): FlowTable {
    return joined(missing.map((of) => picked(this.#told[of.nth]!, of)));
  }

  /** The nets of the bind groups that something is missing of. */
  netsOf(missing: readonly Missing[]): NetId[] {
    return missing.flatMap(({ nth }) => this.#told[nth]!.part.nets);
  }

  /** What was told of these nets and is not missing. */
  standing(nets: ReadonlySet<NetId>, missing: readonly Missing[]): FlowTable {
    const lacking = new Map(missing.map((of) => [of.nth, of]));
    return joined(this.#told.flatMap((one, nth) => (isOf(one, nets) ? [left(one, lacking.get(nth))] : [])));
  }

  /** What is missing of all others, whole bind groups at once and so many entries that each of these tables is some work for a switch. */
  *missingBeside(nets: ReadonlySet<NetId>, missing: readonly Missing[]): Generator<FlowTable> {
    let some: FlowTable[] = [];
    let size = 0;
    for (const of of missing) {
      const one = this.#told[of.nth]!;
      if (isOf(one, nets)) continue;
      some.push(picked(one, of));
      size += of.entries.length;
      if (size < ENTRIES_AT_ONCE) continue;
      yield joined(some);
      [some, size] = [[], 0];
    }
    if (some.length > 0) yield joined(some);
  }
}

const isOf = ({ part }: Tellable, nets: ReadonlySet<NetId>) => part.nets.some((id) => nets.has(id));

function picked(one: Tellable, of: Missing): FlowTable {
  const entries = of.entries.length === 0 ? [] : one.entries();
  return { entries: of.entries.map((n) => entries[n]!), groups: of.groups.map((n) => one.groups[n]!) };
}

function left(one: Tellable, without: Missing | undefined): FlowTable {
  const [entries, groups] = [new Set(without?.entries), new Set(without?.groups)];
  return {
    entries: one.entries().filter((_, n) => !entries.has(n)),
    groups: one.groups.filter((_, n) => !groups.has(n)),
  };
}

const joined = (tables: readonly FlowTable[]): FlowTable => ({
  entries: tables.flatMap((t) => t.entries),
  groups: tables.flatMap((t) => t.groups),
});
