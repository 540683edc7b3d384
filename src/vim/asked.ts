import type { FlowEntry, FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { WantedPart } from "../steer/wanted.ts";
import { type CookiePart, EVERY_COOKIE } from "../switch/flow-switch.ts";
import { KeptPart } from "./kept-part.ts";
import { SLICES, sliceOf, slicesIn } from "./slices.ts";
import type { Tellable } from "./told.ts";

/** What is asked of a table up to this size is kept as values; a larger one is packed as it comes (`kept-part.ts`). */
const VALUES_MAX = 4_000;

/**
 * What the switch was asked for last, apart by bind groups: what a change asks for is compared with what its own groups were asked for,
 * so that neither has to be worked out twice, and nothing of the others at all.
 */
export class Asked {
  readonly #partOf = new Map<NetId, KeptPart>();
  /** The nets of it by the slice that their hash falls in. */
  readonly #bySlice = Array.from({ length: SLICES }, () => new Set<NetId>());
  /** Entries that belong to no net. */
  #ours = new KeptPart({ nets: [], table: { entries: [], groups: [] } });
  #size = 0;

  /** All of it is this, and what is put from now on. */
  begin(ours: readonly FlowEntry[]): void {
    this.#partOf.clear();
    for (const nets of this.#bySlice) nets.clear();
    this.#ours = new KeptPart({ nets: [], table: { entries: ours, groups: [] } });
    this.#size = this.#ours.size;
  }

  /** What was asked for the groups of these nets. */
  of(nets: Iterable<NetId>): FlowTable {
    const parts = [...this.#partsOf(nets)];
    return { entries: parts.flatMap((p) => p.entries), groups: parts.flatMap((p) => p.groups) };
  }

  /** These nets and all that share a group with them. */
  netsWith(nets: Iterable<NetId>): NetId[] {
    return [...this.#partsOf(nets)].flatMap((p) => p.nets);
  }

  /** From now on the groups of these nets are asked for this, and for nothing else. */
  replace(nets: Iterable<NetId>, parts: readonly WantedPart[]): void {
    for (const part of this.#partsOf(nets)) {
      this.#size -= part.size;
      for (const id of part.nets) if (this.#partOf.get(id) === part) this.#drop(id);
    }
    for (const part of parts) this.put(part);
  }

  /** Another group, which was asked for nothing. */
  put(part: WantedPart): KeptPart {
    const kept = new KeptPart(part);
    this.#size += kept.size;
    for (const id of kept.nets) {
      this.#partOf.set(id, kept);
      this.#bySlice[sliceOf(id)]!.add(id);
    }
    return kept;
  }

  all(): FlowTable {
    const tables = [...this.tellable(EVERY_COOKIE)];
    return { entries: tables.flatMap((t) => t.entries()), groups: tables.flatMap((t) => t.groups) };
  }

  /** How many entries. */
  get size(): number {
    return this.#size;
  }

  get ours(): KeptPart {
    return this.#ours;
  }

  /** Of the nets of these hashes, and with `withGroups` all groups. */
  *tellable(of: CookiePart): Generator<Tellable> {
    const isIn = (e: FlowEntry) => (Number(BigInt.asUintN(32, e.cookie)) & of.mask) === of.bits;
    const entriesOf = (part: KeptPart) => () => (of.mask === 0 ? part.entries : part.entries.filter(isIn));
    const its = this.#partsOf(slicesIn(of).flatMap((slice) => [...this.#bySlice[slice]!]));
    for (const part of [this.#ours, ...its]) yield { part, entries: entriesOf(part), groups: of.withGroups ? part.groups : [] };
    if (!of.withGroups) return;
    for (const part of new Set(this.#partOf.values())) if (!its.has(part)) yield { part, entries: () => [], groups: part.groups };
  }

  /** Of what is so large that it is not kept as values: from now on these are not. */
  pack(nets: Iterable<NetId>): void {
    if (this.#size > VALUES_MAX) for (const part of this.#partsOf(nets)) part.pack();
  }

  #drop(id: NetId): void {
    this.#partOf.delete(id);
    this.#bySlice[sliceOf(id)]!.delete(id);
  }

  #partsOf(nets: Iterable<NetId>): Set<KeptPart> {
    const parts = new Set<KeptPart>();
    for (const id of nets) {
      const part = this.#partOf.get(id);
      if (part !== undefined) parts.add(part);
    }
    return parts;
  }
}
