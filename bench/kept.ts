import { appendFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { VERSION } from "../src/lib/version.ts";

/** One line more in the results of a bench, with what machine it ran on and how busy that was. */
export function keepLine(root: string, what: string, found: object): void {
  const machine = {
    ...{ cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node },
    load: loadavg()[0],
  };
  const line = { at: new Date().toISOString(), what, version: VERSION, ...found, machine };
  appendFileSync(join(root, "bench", "results", `${what}.jsonl`), `${JSON.stringify(line)}\n`);
}
