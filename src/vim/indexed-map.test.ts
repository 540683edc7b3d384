import fc from "fast-check";
import { expect, test } from "vitest";
import { IndexedMap } from "./indexed-map.ts";

interface Value {
  readonly colour: string | null;
  readonly size: number;
}

const change = fc.oneof(
  { weight: 8, arbitrary: fc.record({ key: fc.nat(9), colour: fc.constantFrom(null, "red", "blue"), size: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ gone: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant("clear" as const) },
);

test("whatever is set, replaced, deleted or cleared: a look-up finds what a search through the whole map finds, in its order", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const lookups = { colour: (v: Value) => v.colour, isBig: (v: Value) => (v.size === 2 ? true : null) };
      const map = new IndexedMap<number, Value, typeof lookups>(lookups);
      for (const c of changes) {
        if (c === "clear") map.clear();
        else if ("gone" in c) map.delete(c.gone);
        else map.set(c.key, { colour: c.colour, size: c.size });
        const all = [...map.values()];
        for (const colour of ["red", "blue"]) expect(map.by("colour", colour)).toEqual(all.filter((v) => v.colour === colour));
        expect(map.by("isBig", true)).toEqual(all.filter((v) => v.size === 2));
        expect(map.hasAny("isBig", true)).toBe(all.some((v) => v.size === 2));
        expect([...map.keys()].sort((a, b) => map.placeOf(a) - map.placeOf(b))).toEqual([...map.keys()]);
        expect(map.by("colour", null), "null is by nothing").toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
});
