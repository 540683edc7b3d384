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
    const rows = new Map<T["id"], T>();
    const places = before.keys();
    let isSame = true;
    return {
      take: (row) => {
        const had = before.get(row.id);
        const isKept = had !== undefined && isAlike(had, row);
        isSame &&= isKept && places.next().value === row.id;
        rows.set(row.id, isKept ? had : row);
      },
      end: () => {
        if (!isSame || rows.size !== before.size) this.#last = rows;
        return this.#last;
      },
    };
  }
}
