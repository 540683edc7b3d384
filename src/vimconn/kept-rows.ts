import { isAlike } from "../lib/alike.ts";

/**
 * The rows of a list as they were read last. One that has not changed is the same object as before: a look at a large VIM in which little happens leaves
 * little behind for V8 to keep and to collect, and what was worked out of a list that is the same in all holds on.
 */
export class KeptRows<T extends { readonly id: string }> {
  #last: ReadonlyMap<T["id"], T> = new Map();

  /** `end` gives the rows by id, in the order in which they came; the map of the last time where all of it is the same. */
  reading(): { take(row: T): void; end(): ReadonlyMap<T["id"], T> } {
    const before = this.#last;
    const places = before.keys();
    let same = 0; // So many of the first are those of the last time, in their order.
    let rows: Map<T["id"], T> | null = null;
    return {
      take: (row) => {
        const had = before.get(row.id);
        const kept = had !== undefined && isAlike(had, row) ? had : row;
        if (rows === null && kept === had && places.next().value === row.id) {
          same++;
          return;
        }
        rows ??= firstOf(before, same);
        rows.set(row.id, kept);
      },
      end: () => {
        if (rows !== null || same < before.size) this.#last = rows ?? firstOf(before, same);
        return this.#last;
      },
    };
  }
}

function firstOf<K, V>(all: ReadonlyMap<K, V>, count: number): Map<K, V> {
  return new Map(all.entries().take(count));
}
