import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openmanoRefusal } from "../../src/descriptor/openmano-refusal.ts";
import { readText } from "../../src/descriptor/read.ts";
import type { VnfBlueprint } from "../../src/model/blueprint.ts";
import { recording } from "./recordings.ts";

/** Descriptors that were sent to the original, and what it said: what it took is taken, what it refused is refused in its words. */
const path = recording("openmano-rest.jsonl");

interface Exchange {
  readonly tag: string;
  readonly method: string;
  readonly path: string;
  readonly request: object | null;
  readonly status: number;
  readonly response: { readonly error?: { readonly code: number; readonly description: string } } | null;
}

describe.runIf(path !== null)("descriptors of OpenMANO's recording", () => {
  const lines =
    path === null
      ? []
      : readFileSync(path, "utf8")
          .split("\n")
          .filter((l) => l !== "");
  const sent = lines
    .map((l) => JSON.parse(l) as Exchange)
    .filter((e) => e.method === "POST" && /\/(vnfs|scenarios)$/.test(e.path));
  const known: VnfBlueprint[] = [];

  test.for(sent.map((e, i) => [i, e.tag, e] as const))("%i %s", ([, , { request, status, response }]) => {
    const { form, outcome, flaws } = readText(JSON.stringify(request), "body", {
      find: (name) => known.find((v) => v.name === name),
      names: known.map((v) => v.name),
    });
    if (status === 200) expect([form, flaws]).toEqual(["OpenMANO", []]);
    else expect(openmanoRefusal(flaws)).toEqual({ code: status, description: response?.error?.description });
    known.push(...(outcome?.descriptor.vnfds.flatMap((v) => v.blueprint ?? []) ?? []));
  });

  test("there are some", () => expect(sent.length).toBeGreaterThan(5));
});
