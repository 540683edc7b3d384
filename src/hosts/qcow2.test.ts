import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { emptyQcow2, makeQcow2 } from "./qcow2.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-qcow2-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const GIB = 2 ** 30;
const qemuImg = (...args: string[]) => execFileSync("qemu-img", args, { encoding: "utf8" });
const infoOf = (path: string) => JSON.parse(qemuImg("info", "--output=json", path)) as Record<string, unknown>;

describe("what QEMU finds in it", () => {
  test.each([0, 513, 512 * 2 ** 20, 512 * 2 ** 20 + 1, 5_000 * GIB])("an empty disk of %d bytes", async (bytes) => {
    const path = join(dir, `empty-${bytes}`);
    await makeQcow2(path, bytes, null);
    expect(infoOf(path)).toMatchObject({ format: "qcow2", "virtual-size": Math.ceil(bytes / 512) * 512 });
    expect(infoOf(path)["backing-filename"]).toBeUndefined();
    expect(qemuImg("check", path)).toContain("No errors were found");
    expect(statSync(path).size).toBeLessThan(2 ** 20);
  });

  test("a layer over a raw and over a qcow2 disk, which shows what is in it, then zeros", async () => {
    const raw = join(dir, "raw");
    writeFileSync(raw, Buffer.alloc(100_352, "sempre"));
    const [qcow2, layer] = [join(dir, "of-raw"), join(dir, "of-qcow2 mit Ä")];
    await makeQcow2(qcow2, 2 ** 20, { file: raw, format: "raw" });
    await makeQcow2(layer, 2 ** 21, { file: qcow2, format: "qcow2" });
    for (const path of [qcow2, layer]) expect(qemuImg("check", path)).toContain("No errors were found");
    expect(infoOf(layer)).toMatchObject({ "backing-filename": qcow2, "backing-filename-format": "qcow2" });
    const shown = join(dir, "shown");
    writeFileSync(shown, Buffer.concat([Buffer.alloc(100_352, "sempre"), Buffer.alloc(2 ** 21 - 100_352)]));
    expect(qemuImg("compare", "-f", "raw", "-F", "qcow2", shown, layer)).toContain("Images are identical");
  });

  test("written to by QEMU it stays sound", async () => {
    const path = join(dir, "written");
    await makeQcow2(path, GIB, null);
    execFileSync("qemu-io", ["-f", "qcow2", "-c", "write -P 7 600M 1M", "-c", "read -P 7 600M 1M", path]);
    expect(qemuImg("check", path)).toContain("No errors were found");
  });
});

test("what the format cannot hold is refused", () => {
  for (const bytes of [-1, 0.5, Number.NaN, 2 ** 60]) expect(() => emptyQcow2(bytes, null)).toThrow(RangeError);
  expect(() => emptyQcow2(512, { file: `/${"x".repeat(1_023)}`, format: "raw" })).toThrow(/backing file/);
});
