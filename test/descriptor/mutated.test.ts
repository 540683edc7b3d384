import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { flawText } from "../../src/descriptor/flaw.ts";
import { readText } from "../../src/descriptor/read.ts";

const EXAMPLES = [
  "sol006/media-service.yaml",
  "sol006/media-service-active-passive.yaml",
  "sol006/media-service-scaled.yaml",
  "openmano/media-relay.vnf.yaml",
  "openmano/media.scenario.yaml",
  "media-relay-pool.yaml",
];
const examples = EXAMPLES.map(
  (name) => parse(readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8")) as unknown,
);

/** Every place in a value, as the keys that lead there. */
function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.keys(value).flatMap((k) => placesOf((value as Record<string, unknown>)[k], [...path, k]))];
}

function put(root: unknown, path: readonly string[], value: unknown): void {
  const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], root) as Record<
    string,
    unknown
  >;
  if (value === undefined) delete parent[path.at(-1)!];
  else parent[path.at(-1)!] = value;
}

const junk = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom("", "\0", "2 h", "constructor", "x".repeat(300), -1, 1e308, [[]], { a: null }, ["a", "b"]),
);

test("whatever is put into a descriptor, it is either compiled or refused in words", () => {
  fc.assert(
    fc.property(
      fc.nat(examples.length - 1),
      fc.array(fc.tuple(fc.nat(), junk), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (n, changes, isKey) => {
        const file = structuredClone(examples[n]);
        for (const [where, value] of changes) {
          const places = placesOf(file).filter((p) => p.length > 0);
          const place = places[where % Math.max(places.length, 1)];
          if (place)
            put(file, isKey && value !== undefined ? [...place.slice(0, -1), "toString"] : place, structuredClone(value));
        }
        const { outcome, flaws } = readText(JSON.stringify(file), "f");
        expect(outcome === null).toBe(flaws.length > 0);
        for (const flaw of flaws) expect(flawText(flaw)).not.toMatch(/undefined|\[object/);
      },
    ),
    { numRuns: 300 },
  );
});
