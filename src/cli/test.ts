import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What is run, in this order; a step that fails does not keep the next from telling what it knows. */
const CHECKS = [
  { what: "types", command: "tsc", args: ["-p", "tsconfig.json"] },
  { what: "format and lint", command: "biome", args: ["check", "."] },
] as const;

interface Counted {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  /** A file that could not even be loaded. */
  readonly numFailedTestSuites: number;
  readonly success: boolean;
}

/** Type check, lint, all tests (or those of `files`). Ends with one line of counts; gives the exit status. */
export async function runTests(root: string, files: readonly string[]): Promise<number> {
  const failed: string[] = [];
  for (const { what, command, args } of CHECKS) {
    console.log(`sempre test: ${what}`);
    if ((await run(root, command, args)) !== 0) failed.push(what);
  }
  console.log("sempre test: tests, on real Open vSwitch, libvirt and QEMU");
  const report = join(root, ".cache", "tests.json");
  const status = await run(root, "vitest", [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...files,
  ]);
  const counted = JSON.parse(readFileSync(report, "utf8")) as Counted;
  if (status !== 0 && counted.numFailedTests === 0) failed.push("tests that could not be loaded");
  for (const what of failed) console.log(`sempre test: failed: ${what}`);
  const [passed, notPassed] = [counted.numPassedTests + CHECKS.length - failed.length, counted.numFailedTests + failed.length];
  const skipped = counted.numPendingTests > 0 ? `, ${counted.numPendingTests} skipped` : "";
  console.log(`${passed} passed, ${notPassed} failed${skipped}`);
  return notPassed === 0 ? 0 : 1;
}

async function run(root: string, command: string, args: readonly string[]): Promise<number> {
  const child = spawn(join(root, "node_modules", ".bin", command), args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
