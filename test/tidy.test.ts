import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");

/** Who may import whom. A folder that is not named may import nothing of ours. Read it top to bottom: it is the architecture. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  lib: [],
  wire: [], // Bytes only. Could be published tomorrow.
  model: [],
  detect: ["model"], //  ┐
  decide: ["model"], //  ├ pure: no promise, no clock, no node:
  steer: ["model"], //   │
  place: ["model"], //   ┘
  descriptor: ["model", "lib"], // Bytes and text in, nouns out; no store, no network.
  hosts: ["model", "lib", "wire"], //  ┐
  switch: ["model", "lib", "wire"], // ├ edges: never import each other
  vimconn: ["model", "lib"], //        │
  store: ["model", "lib"], //          │
  notify: ["model", "lib"], //         ┘
  act: ["model", "lib", "hosts", "switch", "vimconn"], // The only folder that changes the outside world.
  vim: ["model", "lib", "place", "steer", "detect", "decide", "act", "hosts", "switch", "store", "notify"],
  mano: ["model", "lib", "descriptor", "detect", "decide", "steer", "act", "vimconn", "store", "notify"], // Sees a VIM only through vimconn.
  api: ["model", "lib", "store"], // Writes desired state, reads the journal. Never acts.
  cli: ["model", "lib", "store", "descriptor"], // Reads a store, an API or a descriptor, and shows it.
};
/** Composition: the lab, compose/ and the files directly in src/ put the parts together, so they may import every folder. */
const COMPOSES = new Set(["lab", "compose"]);
const PURE = new Set(["model", "detect", "decide", "steer", "place"]);
const IMPURE = /\b(async|await|Promise|Date\.now|performance|Math\.random|setTimeout|process\.)\b|from "node:/;
const LINES_MAX = 400;

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));

function untidy(file: string): string[] {
  const isTop = !file.includes("/");
  const folder = file.split("/")[0] as string;
  const source = readFileSync(join(SRC, file), "utf8");
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  const found: string[] = [];
  for (const [, path] of code.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
    const target = relative(SRC, resolve(SRC, dirname(file), path as string)).split("/")[0] as string;
    const isTestPart = target === ".." && file.endsWith(".test.ts"); // A test beside the source may use test/harness.
    const allowed = isTop || isTestPart || COMPOSES.has(folder) || target === folder || MAY_IMPORT[folder]?.includes(target);
    if (!allowed) found.push(`${folder}/ may not import ${target}/`);
  }
  if (/\bTODO\b(?!\(#\d+\))/.test(source)) found.push("TODO without an issue number");
  if (/\b(manager|util|helper|common|base)s?\b/i.test(file)) found.push("a name that says nothing");
  if (file.endsWith(".test.ts")) return found.map((what) => `src/${file}: ${what}`);
  if (PURE.has(folder) && IMPURE.test(code)) found.push("pure folders have no I/O, no clock and no chance");
  if (source.split("\n").length > LINES_MAX) found.push(`over ${LINES_MAX} lines: split it where it has a seam`);
  return found.map((what) => `src/${file}: ${what}`);
}

test("the source is tidy: folders import only what they may, pure folders are pure, files are small", () => {
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap(untidy)).toEqual([]);
});

const TOOLS = resolve(import.meta.dirname, "../tools");
/** What a tool may import of ours: it speaks to a running VIM by its wire, and computes with the pure folders. */
const TOOLS_MAY_IMPORT = new Set(["model", "steer", "lib"]);

function untidyTool(file: string): string[] {
  const source = readFileSync(join(TOOLS, file), "utf8");
  const folders = [...source.matchAll(/from\s*"(\.[^"]+)"/g)].flatMap(([, path]) => {
    const target = relative(SRC, resolve(TOOLS, dirname(file), path as string));
    return target.startsWith("../") ? [] : [target.split("/")[0] as string];
  });
  const found = folders.filter((f) => !TOOLS_MAY_IMPORT.has(f)).map((f) => `may not import ${f}/`);
  if (source.split("\n").length > LINES_MAX) found.push(`over ${LINES_MAX} lines: split it where it has a seam`);
  return found.map((what) => `tools/${file}: ${what}`);
}

test("tools are tidy too, and nothing in src/ needs them", () => {
  const tools = readdirSync(TOOLS, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts"));
  expect(tools.flatMap(untidyTool)).toEqual([]);
  expect(files.filter((f) => readFileSync(join(SRC, f), "utf8").includes("/tools/"))).toEqual([]);
});

test("every folder has its line in the table", () => {
  const folders = [...new Set(files.filter((f) => f.includes("/")).map((f) => f.split("/")[0] as string))];
  expect(folders.filter((f) => !(f in MAY_IMPORT) && !COMPOSES.has(f))).toEqual([]);
});
