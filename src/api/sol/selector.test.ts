import { expect, test } from "vitest";
import { type ListRules, parseSelector, type Selecting } from "./selector.ts";

const RULES: ListRules = { always: ["id", "name"], complex: ["parts", "notes", "more"], byDefaultLeftOut: ["notes", "more"] };
const THING = { id: "1", name: "a", parts: [{ x: 1, y: { z: 2, w: 3 } }], notes: { k: "v" }, more: [1] };
const { id, name, parts, notes, more } = THING;

test.for([
  [{}, { id, name, parts }],
  [{ exclude_default: "" }, { id, name, parts }],
  [{ all_fields: "" }, THING],
  [{ fields: "notes" }, { id, name, notes }],
  [{ fields: "notes,more" }, { id, name, notes, more }],
  [{ fields: "id" }, { id, name }],
  [{ fields: "parts/y/z" }, { id, name, parts: [{ y: { z: 2 } }] }],
  [
    { fields: "more", exclude_default: "" },
    { id, name, parts, more },
  ],
  [{ exclude_fields: "parts" }, { id, name, notes, more }],
  [{ exclude_fields: "parts/y,notes" }, { id, name, parts: [{ x: 1 }], more }],
] as const)("%j", ([query, shown]) => {
  expect(parseSelector(query, RULES)(THING)).toEqual(shown);
});

test.for<[Selecting, RegExp]>([
  [{ fields: "wrong" }, /fields: there is no attribute "wrong"; there are: id, name, parts/],
  [{ fields: "" }, /fields: want names/],
  [{ exclude_fields: "id" }, /exclude_fields: id is always there/],
  [{ exclude_fields: "a,,b" }, /exclude_fields: /],
  [{ all_fields: "", fields: "notes" }, /all_fields, fields do not go together/],
  [{ fields: "notes", exclude_fields: "more" }, /do not go together/],
  [{ exclude_fields: "more", exclude_default: "" }, /do not go together/],
  [{ all_fields: "yes" }, /all_fields: it has no value/],
])("%j is refused", ([query, why]) => {
  expect(() => parseSelector(query, RULES)).toThrow(why);
});

test("what is selected from is not changed", () => {
  const before = structuredClone(THING);
  parseSelector({ exclude_fields: "parts/y" }, RULES)(THING);
  expect(THING).toEqual(before);
});
