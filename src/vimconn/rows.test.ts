import fc from "fast-check";
import { expect, test } from "vitest";
import { RowCutter } from "./rows.ts";

function read(text: string, sizes: readonly number[] = []): { rows: unknown[]; isList: boolean; body: unknown } {
  const bytes = Buffer.from(text);
  const cutter = new RowCutter("ports");
  const rows: unknown[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    rows.push(...cutter.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return { rows, ...cutter.end() };
}

test("whatever a list has for rows, and wherever its bytes are split, the rows are those that JSON has", () => {
  const row = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
  const around = fc.dictionary(
    fc.string().filter((k) => k !== "ports" && k !== "__proto__"),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(
      fc.array(row),
      around,
      around,
      fc.constantFrom(undefined, 1, "\t"),
      fc.array(fc.nat(40)),
      (rows, before, after, space, sizes) => {
        const text = JSON.stringify({ ...before, ports: rows, ...after }, null, space);
        const { ports, ...rest } = JSON.parse(text);
        const found = read(text, sizes);
        expect(found.rows).toEqual(ports);
        expect(found).toMatchObject({ isList: true, body: { ...rest, ports: [] } });
      },
    ),
  );
});

test("what is no such list is told whole, as it came", () => {
  const refusal = { error: { description: 'it has no "ports":[ for you', list: [{ a: 1 }] } };
  expect(read(JSON.stringify(refusal), [7, 30])).toEqual({ rows: [], isList: false, body: refusal });
  expect(read('{"ports":null}')).toMatchObject({ rows: [], isList: false });
  expect(read('[{"ports":[{}]}]')).toMatchObject({ rows: [], isList: false });
  expect(read('{"a\\"ports":[{}]}')).toMatchObject({ rows: [], isList: false });
  expect(read('{"nets":{"ports":[{}]}}')).toMatchObject({ rows: [], isList: false });
});

test("what breaks off, is no JSON, or has rows that are none is an error", () => {
  for (const text of ['{"ports":[{"id":"1"},', '{"ports":[{"id":"1"', "", "<html>", '{"ports":[{"id":}]}', '{"ports":[{}] x}'])
    expect(() => read(text), text).toThrow(SyntaxError);
  for (const text of ['{"ports":[1,{}]}', '{"ports":["a"]}', '{"ports":[[{}]]}', '{"ports":[null]}'])
    expect(() => read(text), text).toThrow("a row that is no object");
});
