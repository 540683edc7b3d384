import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DemoResult } from "../../src/lab/result.ts";

const FILE = "docs/demo-result.schema.json";
const path = join(import.meta.dirname, "../..", FILE);

test(`${FILE} is the schema of the code; UPDATE=1 writes it`, async () => {
  const text = `${JSON.stringify(DemoResult, null, 2)}\n`;
  if (process.env.UPDATE) await writeFile(path, text);
  // As values: the formatter may have laid the file out in its own way.
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(JSON.parse(text));
});
