import { expect, test } from "vitest";
import { KeptRows } from "./kept-rows.ts";

interface Row {
  readonly id: string;
  readonly status: string;
  readonly opinions?: Readonly<Record<string, string>>;
}

function reader(): (...rows: Row[]) => ReadonlyMap<string, Row> {
  const kept = new KeptRows<Row>();
  return (...rows) => {
    const reading = kept.reading();
    for (const row of rows) reading.take(row);
    return reading.end();
  };
}
const row = (id: string, status = "UP", opinions = {}): Row => ({ id, status, opinions });

test("a list that is the same in all is the one of the last time", () => {
  const read = reader();
  const first = read(row("a"), row("b", "UP", { probe: "silent" }));
  expect(read(row("a"), row("b", "UP", { probe: "silent" }))).toBe(first);
});

test("of a list that has changed the rows that have not are those of the last time", () => {
  const read = reader();
  const first = read(row("a"), row("b"));
  const second = read(row("a"), row("b", "DOWN"), row("c"));
  expect([...second]).toEqual([
    ["a", row("a")],
    ["b", row("b", "DOWN")],
    ["c", row("c")],
  ]);
  expect(second.get("a")).toBe(first.get("a"));
  expect(first.get("b")).toEqual(row("b"));
});

test("what differs in a member within, in one more or one less, in its order or its end is another", () => {
  for (const [before, after] of [
    [[row("a", "UP", { probe: "silent" })], [row("a", "UP", { probe: "answers" })]],
    [[row("a")], [row("a", "UP", { probe: "silent" })]],
    [[row("a", "UP", { probe: "silent" })], [row("a")]],
    [[{ id: "a", status: "UP" }], [row("a")]],
    [
      [row("a"), row("b")],
      [row("b"), row("a")],
    ],
    [[row("a"), row("b")], [row("a")]],
    [[row("a")], []],
  ] as const) {
    const read = reader();
    const first = read(...before);
    const second = read(...after);
    expect([...second.values()]).toEqual(after);
    expect(second).not.toBe(first);
  }
});
