import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Ran, run } from "./run.ts";

/** Seeds `from`, `from + step`, … : so many of them. */
export interface Range {
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

/** What one process found; it stops after so many failing seeds. */
export interface Found {
  readonly ran: number;
  readonly failed: readonly string[];
}

const FAILED_MAX = 20;

/** Steps of a story that are shown, the last ones; all where one seed alone is run. */
const STEPS_SHOWN = 40;

/** A failing run in words, with the command that repeats it. */
function told({ seed, variant, plan, violations, steps }: Ran, isWhole: boolean): string {
  const only = process.env.CHAOS_ONLY ? `CHAOS_ONLY=${process.env.CHAOS_ONLY} ` : "";
  return [
    `seed ${seed} (${variant}): ${plan.map((p) => `${p.fault}@${Math.round(p.atMs)}`).join(", ")}`,
    ...violations.slice(0, 3).map((v) => `  ${v.invariant}: ${v.what}`),
    ...(isWhole ? steps : steps.slice(-STEPS_SHOWN)).map((s) => `    ${s}`),
    `  replay it: ${only}CHAOS_SEEDS=1 CHAOS_FROM=${seed} ./sempre test test/chaos`,
  ].join("\n");
}

export async function runAll({ from, count, step }: Range): Promise<Found> {
  const failed: string[] = [];
  let ran = 0;
  while (ran < count && failed.length < FAILED_MAX) {
    const seed = from + ran * step;
    ran++;
    const result = await run(seed, false);
    if (result.violations.length > 0) failed.push(await storyOf(result, count === 1));
  }
  return { ran, failed };
}

/** It is run once more, and its steps are kept this time. */
async function storyOf(failed: Ran, isWhole: boolean): Promise<string> {
  const again = await run(failed.seed, true);
  if (again.violations.length > 0) return told(again, isWhole);
  const what = failed.violations.map((v) => `${v.invariant}: ${v.what}`).join("; ");
  return `${told(again, isWhole)}\n  IT DID NOT FAIL THE SECOND TIME: the runs are not the same. The first time: ${what}`;
}

/** The same in a process of its own: simulated time and chance are global in a process. Throws when it ends without a result. */
export async function runElsewhere({ from, count, step }: Range): Promise<Found> {
  const args = ["--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), from, count, step].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  let found: Found | null = null;
  for await (const line of createInterface(child.stdout)) found = JSON.parse(line) as Found;
  const code = await ended;
  if (code !== 0 || found === null) throw new Error(`the runs from seed ${from} on ended with exit status ${code}`);
  return found;
}

/** As a program: FROM COUNT STEP, and the result as one line of JSON. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [from, count, step] = process.argv.slice(2).map(Number) as [number, number, number];
  console.log(JSON.stringify(await runAll({ from, count, step })));
}
