import type { FlowEntry, FlowTable, GroupEntry } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Wanted, WantedPart } from "../steer/wanted.ts";
import type { CookiePart } from "../switch/flow-switch.ts";
import { SLICES, sliceOf, slicesIn } from "./slices.ts";

/**
 * What the switch was asked for last, apart by bind groups: what a change asks for is compared with what its own groups were asked for,
 * so that neither has to be worked out twice, and nothing of the others at all.
 */
export class Asked {
  readonly #partOf = new Map<NetId, WantedPart>();
  /** The nets of it by the slice that their hash falls in. */
  readonly #bySlice = Array.from({ length: SLICES }, () => new Set<NetId>());
  /** Entries that belong to no net. */
  #ours: readonly FlowEntry[] = [];
  #size = 0;

  /** All of it is this. */
  begin({ table, parts }: Wanted): void {
    this.#partOf.clear();
    for (const nets of this.#bySlice) nets.clear();
    const count = parts.reduce((n, p) => n + p.table.entries.length, 0);
    this.#ours = table.entries.slice(0, table.entries.length - count);
    this.#size = this.#ours.length;
    this.#put(parts);
  }

  /** What was asked for the groups of these nets. */
  of(nets: Iterable<NetId>): FlowTable {
    return joined(this.#partsOf(nets));
  }

  /** These nets and all that share a group with them. */
  netsWith(nets: Iterable<NetId>): NetId[] {
    return [...this.#partsOf(nets)].flatMap((p) => p.nets);
  }

  /** From now on the groups of these nets are asked for this, and for nothing else. */
  replace(nets: Iterable<NetId>, parts: readonly WantedPart[]): void {
    for (const part of this.#partsOf(nets)) {
      this.#size -= part.table.entries.length;
      for (const id of part.nets) if (this.#partOf.get(id) === part) this.#drop(id);
    }
    this.#put(parts);
  }

  all(): FlowTable {
    const { entries, groups } = joined(new Set(this.#partOf.values()));
    return { entries: [...this.#ours, ...entries], groups };
  }

  /** How many entries. */
  get size(): number {
    return this.#size;
  }

  /** Of the nets of these hashes, and with `withGroups` all groups. */
  in(of: CookiePart): FlowTable {
    const isIn = (e: FlowEntry) => (Number(BigInt.asUintN(32, e.cookie)) & of.mask) === of.bits;
    const its = [...this.#partsOf(slicesIn(of).flatMap((slice) => [...this.#bySlice[slice]!]))];
    return {
      entries: [...this.#ours, ...its.flatMap((p) => p.table.entries)].filter(isIn),
      groups: of.withGroups ? [...new Set(this.#partOf.values())].flatMap((p) => p.table.groups) : [],
    };
  }

  /** The nets whose groups were asked for any of these very entries and groups. */
  netsAskedFor({ entries, groups }: FlowTable): NetId[] {
    const those = new Set<FlowEntry | GroupEntry>([...entries, ...groups]);
    if (those.size === 0) return [];
    const isOf = ({ table }: WantedPart) => table.entries.some((e) => those.has(e)) || table.groups.some((g) => those.has(g));
    return [...new Set(this.#partOf.values())].filter(isOf).flatMap((p) => p.nets);
  }

  #put(parts: readonly WantedPart[]): void {
    for (const part of parts) {
      this.#size += part.table.entries.length;
      for (const id of part.nets) {
        this.#partOf.set(id, part);
        this.#bySlice[sliceOf(id)]!.add(id);
      }
    }
  }

  #drop(id: NetId): void {
    this.#partOf.delete(id);
    this.#bySlice[sliceOf(id)]!.delete(id);
  }

  #partsOf(nets: Iterable<NetId>): Set<WantedPart> {
    const parts = new Set<WantedPart>();
    for (const id of nets) {
      const part = this.#partOf.get(id);
      if (part !== undefined) parts.add(part);
    }
    return parts;
  }
}

function joined(parts: Iterable<WantedPart>): FlowTable {
  const tables = [...parts].map((p) => p.table);
  return { entries: tables.flatMap((t) => t.entries), groups: tables.flatMap((t) => t.groups) };
}
