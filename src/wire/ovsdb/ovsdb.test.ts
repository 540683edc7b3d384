import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonStream, JsonStreamError } from "./json-stream.ts";
import { mapOf, optionOf, readMessage, uuidOf, valuesOf } from "./messages.ts";

describe("JsonStream", () => {
  test("finds objects however the bytes are split", () => {
    const objects = fc.array(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), { maxLength: 4 });
    fc.assert(
      fc.property(objects, fc.array(fc.nat(60)), (values, cuts) => {
        const texts = values.map((v) => JSON.stringify(v));
        const bytes = Buffer.from(texts.join(""), "utf8");
        const stream = new JsonStream();
        const found: unknown[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...stream.push(bytes.subarray(at, at + cut)));
          at = Math.min(at + cut, bytes.length);
        }
        expect(found).toEqual(texts.map((t) => JSON.parse(t)));
      }),
    );
  });

  test("whatever comes, nothing but JsonStreamError is thrown", () => {
    const bytes = fc.array(fc.constantFrom(...Buffer.from('{}[]",:\\ \n1a')), { maxLength: 30 });
    fc.assert(
      fc.property(bytes, (chunk) => {
        try {
          new JsonStream().push(Buffer.from(chunk));
        } catch (e) {
          expect(e).toBeInstanceOf(JsonStreamError);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("braces and quotes inside of strings are text", () => {
    expect(new JsonStream().push(Buffer.from('{"a":"}{\\"}\\\\"} {"b":1}'))).toEqual([{ a: '}{"}\\' }, { b: 1 }]);
  });
});

test("messages of RFC 7047 are told apart", () => {
  expect(readMessage({ id: "echo", method: "echo", params: [] })).toEqual({ kind: "echo", id: "echo", params: [] });
  expect(readMessage({ id: null, method: "update", params: [null, { Interface: {} }] })).toEqual({
    kind: "update",
    updates: { Interface: {} },
  });
  expect(readMessage({ id: 3, result: [], error: null })).toEqual({ kind: "reply", id: 3, result: [], error: null });
  for (const other of [null, 4, [], {}, { method: "locked" }, { method: "update", params: [1] }])
    expect(readMessage(other)).toEqual({ kind: "other" });
});

test("OVSDB's sets and uuids become values", () => {
  expect([optionOf(["set", []]), optionOf(5), optionOf(undefined), optionOf(["set", ["up"]])]).toEqual([null, 5, null, "up"]);
  expect([valuesOf(["uuid", "a"]).length, valuesOf(["set", [1, 2]]), valuesOf(undefined)]).toEqual([1, [1, 2], []]);
  expect([[...mapOf(["map", [["a", "b"]]])], mapOf(["set", []]).size, mapOf(undefined).size]).toEqual([[["a", "b"]], 0, 0]);
  expect([uuidOf(["uuid", "a"]), uuidOf("a")]).toEqual(["a", ""]);
});
