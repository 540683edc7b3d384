import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countsOf, failuresOf, filesToRunAgain, type TestReport } from "./test-report.ts";

/** What is run, in this order; a step that fails does not keep the next from telling what it knows. */
const CHECKS = [
  { what: "types", command: "tsc", args: ["-p", "tsconfig.json"] },
  { what: "format and lint", command: "biome", args: ["check", "."] },
] as const;

/** Type check, lint, all tests (or those of `files`). Ends with one line of counts; gives the exit status. */
export async function runTests(root: string, files: readonly string[]): Promise<number> {
  const failed: string[] = [];
  for (const { what, command, args } of CHECKS) {
    console.log(`sempre test: ${what}`);
    if ((await run(root, command, args)) !== 0) failed.push(what);
  }
  console.log("sempre test: tests, on real Open vSwitch, libvirt and QEMU");
  const first = await vitest(root, "tests", files);
  const again = filesToRunAgain(first.report);
  const second = again.length === 0 ? null : await runAgain(root, first.report, again);
  const counts = countsOf(first.report, second?.report ?? null);
  if ((second ?? first).status !== 0 && counts.failed === 0) failed.push("tests that could not be loaded");
  for (const what of failed) console.log(`sempre test: failed: ${what}`);
  const [passed, notPassed] = [counts.passed + CHECKS.length - failed.length, counts.failed + failed.length];
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const twice = again.length > 0 ? `, ${again.length} ${again.length === 1 ? "file" : "files"} run twice` : "";
  console.log(`${passed} passed, ${notPassed} failed${skipped}${twice}`);
  return notPassed === 0 ? 0 : 1;
}

/** Once more, by themselves, with every failure of the first run told (decision 0131). */
async function runAgain(root: string, report: TestReport, files: readonly string[]): Promise<Run> {
  console.log("sempre test: what failed is run once more, by itself; it failed with:");
  for (const failure of failuresOf(report)) console.log(`  ${failure}`);
  const second = await vitest(root, "tests-again", files);
  for (const failure of failuresOf(report)) console.log(`sempre test: failed the first time: ${failure}`);
  return second;
}

interface Run {
  readonly status: number;
  readonly report: TestReport;
}

async function vitest(root: string, name: string, files: readonly string[]): Promise<Run> {
  const at = join(root, ".cache", `${name}.json`);
  rmSync(at, { force: true }); // What an earlier call wrote says nothing of this one.
  const status = await run(root, "vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${at}`, ...files]);
  return { status, report: JSON.parse(readFileSync(at, "utf8")) as TestReport };
}

async function run(root: string, command: string, args: readonly string[]): Promise<number> {
  const child = spawn(join(root, "node_modules", ".bin", command), args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
