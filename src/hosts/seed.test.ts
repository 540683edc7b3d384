import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeSeed } from "./seed.ts";

/** A program in the place of xorriso that ends as a real one was seen to. */
let dir: string;
const path = process.env.PATH;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "seed-"));
  process.env.PATH = `${dir}:${path}`;
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(dir, { recursive: true });
});

/** It crashes so often first, with half of a file written. */
function crashing(times: number): void {
  const script = `#!/bin/sh
while [ "$1" != -output ]; do shift; done
[ -e "$2" ] && exit 9
echo half > "$2"; echo . >> ${dir}/runs
[ "$(wc -l < ${dir}/runs)" -gt ${times} ] || kill -SEGV $$
`;
  writeFileSync(join(dir, "xorriso"), script, { mode: 0o755 });
}
const runs = () => readFileSync(join(dir, "runs"), "utf8").split("\n").length - 1;

test("a program that crashes is run once more, over nothing that is left of it", async () => {
  crashing(2);
  await makeSeed(join(dir, "seed.iso"), { "meta-data": "x" });
  expect([runs(), existsSync(join(dir, "seed.iso"))]).toEqual([3, true]);
  expect(readdirSync(dir).sort()).toEqual(["runs", "seed.iso", "xorriso"]);
});

test("one that always does is told", async () => {
  crashing(9);
  await expect(makeSeed(join(dir, "seed.iso"), { "meta-data": "x" })).rejects.toMatchObject({ code: "COMMAND_FAILED" });
  expect(runs()).toBe(3);
});
