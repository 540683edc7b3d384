import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CpioEntry, cpioNewc } from "../../src/lab/cpio.ts";

/** The archive as busybox, and not we, reads it: mode, size and path of each entry. */
const listing = (archive: Buffer): string[] => {
  const lines = execFileSync("busybox", ["cpio", "-itv"], {
    input: archive,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
  return lines
    .trim()
    .split("\n")
    .map((line) => line.replace(/\s+/g, " "));
};

test("another program reads what is written: file, folder, symbolic link, device, and folders nobody named", () => {
  const archive = cpioNewc([
    { kind: "device", path: "dev/console", major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, bytes: Buffer.from("#!/bin/sh\n") },
    { kind: "symlink", path: "bin/sh", target: "busybox" },
  ]);
  const rows = listing(archive);
  expect(rows.map((row) => row[0])).toEqual(["d", "d", "c", "-", "l"]);
  expect(rows[2]).toMatch(/^crw------- .* dev\/console$/);
  expect(rows[3]).toMatch(/^-rwxr-xr-x .* 10 .* init$/);
  expect(rows[4]).toMatch(/bin\/sh -> busybox$/);
});

test("any contents come out as they went in", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (first, second) => {
      const file = (path: string, bytes: Uint8Array): CpioEntry => ({ kind: "file", path, mode: 0o644, bytes });
      const archive = cpioNewc([file("a", first), file("longer", second)]);
      expect(archive.length % 4).toBe(0);
      const out = execFileSync("busybox", ["cpio", "-i", "--to-stdout", "longer"], {
        input: archive,
        stdio: ["pipe", "pipe", "ignore"],
      });
      expect(Buffer.compare(out, Buffer.from(second))).toBe(0);
    }),
    { numRuns: 30 },
  );
});

test("equal entries give equal bytes, whenever they are written", () => {
  const entries: CpioEntry[] = [{ kind: "file", path: "etc/x", mode: 0o644, bytes: Buffer.from("x") }];
  expect(cpioNewc(entries)).toEqual(cpioNewc(entries));
});
