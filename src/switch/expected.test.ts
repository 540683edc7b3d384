import fc from "fast-check";
import { expect, test } from "vitest";
import { Writer as Wire, type Writer } from "../wire/kit.ts";
import { Expected } from "./expected.ts";

/** A length of 16 bits, 16 bits that count, 32 bits that do not (a counter), and words that count. */
const HEAD = [-1, 0];

interface Row {
  readonly tag: number;
  readonly words: readonly number[];
}

function write(w: Writer, { tag, words }: Row, counter = 0): void {
  w.u16(8 + 4 * words.length);
  w.u16(tag);
  w.u32(counter);
  for (const word of words) w.u32(word);
}

function rowsOf(rows: readonly Row[], counter: number): Uint8Array {
  const w = new Wire();
  for (const row of rows) write(w, row, counter);
  return w.done();
}

function expecting(rows: readonly (Row | null)[]): Expected {
  const expected = new Expected(HEAD);
  for (const row of rows) expected.add((w) => row !== null && write(w, row));
  return expected;
}

function strangers(expected: Expected, told: Uint8Array): string[] {
  const found: string[] = [];
  expected.meet(told, (row) => found.push(Buffer.from(row).toString("hex")));
  return found;
}

/** Few values, so that there are rows that differ in little and rows that are there twice. */
const row: fc.Arbitrary<Row> = fc.record({
  tag: fc.nat(2),
  words: fc.array(fc.constantFrom(0, 1, 0x80000000), { maxLength: 4 }),
});
const textOf = (r: Row) => JSON.stringify(r);

test("what is told as expected is known, whatever its counters say; all else is strange, and what was not told is not found", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.array(row, { maxLength: 60 }), fc.nat(), (wanted, told, counter) => {
      const expected = expecting(wanted);
      const known = new Set(wanted.map(textOf));
      const strange = told.filter((r) => !known.has(textOf(r)));
      expect(strangers(expected, rowsOf(told, counter))).toEqual(
        strange.map((r) => Buffer.from(rowsOf([r], counter)).toString("hex")),
      );
      const heard = new Set(told.map(textOf));
      const firsts = wanted.map((r, n) => wanted.findIndex((o) => textOf(o) === textOf(r)) === n);
      const missing = wanted.flatMap((r, n) => (heard.has(textOf(r)) || !firsts[n] ? [] : [n]));
      expect(expected.missing(0, wanted.length)).toEqual(missing);
      expect(expected.missing(1, wanted.length - 1)).toEqual(missing.flatMap((n) => (n === 0 ? [] : [n - 1])));
    }),
  );
});

test("a thousand rows, in parts and in another order than they were expected", () => {
  const rows = Array.from({ length: 1_000 }, (_, n): Row => ({ tag: n % 7, words: [n, n << 16] }));
  const expected = expecting(rows);
  const told = rows.toReversed();
  for (let i = 0; i < told.length; i += 100) expect(strangers(expected, rowsOf(told.slice(i, i + 100), i))).toEqual([]);
  expect(expected.missing(0, rows.length)).toEqual([]);
});

test("one that cannot be said is never found", () => {
  const rows: Row[] = [1, 2, 3].map((tag) => ({ tag, words: [] }));
  const expected = expecting(rows.map((row, n) => (n === 1 ? null : row)));
  expect(strangers(expected, rowsOf(rows, 0))).toHaveLength(1);
  expect(expected.missing(0, rows.length)).toEqual([1]);
});

test("what comes when it is over is let pass", () => {
  const rows: Row[] = [{ tag: 1, words: [2] }];
  const expected = expecting(rows);
  expected[Symbol.dispose]();
  expect(strangers(expected, rowsOf([...rows, { tag: 2, words: [] }], 0))).toEqual([]);
});

test.each(["0000", "000400", "0003000000", "000c000100000000", "00060001000000000000"])("lengths that cannot be: %s", (hex) => {
  expect(() => strangers(expecting([]), Buffer.from(hex, "hex"))).toThrow("a length field contradicts what it measures");
});
