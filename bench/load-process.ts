import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { HttpLoad, HttpLoadResult } from "./http-load.ts";

/** The core that the daemon has for itself, and the one for all that asks it; the same where the machine has but one. */
export const CORES = { daemon: 0, others: cpus().length > 1 ? 1 : 0 } as const;

export interface LoadProcess {
  /** Resolves with what it saw: at the end of its time, or of `end`. */
  readonly done: Promise<HttpLoadResult>;
  end(): void;
}

/** Clients in a process of their own, on a core of their own. */
export function startLoad(load: HttpLoad, core: number = CORES.others): LoadProcess {
  const script = join(import.meta.dirname, "http-load.ts");
  const child = spawn("taskset", ["-c", String(core), process.execPath, script, JSON.stringify(load)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const done = Promise.all([text(child.stdout), once(child, "exit")]).then(([out, [code]]) => {
    if (code !== 0) throw new Error(`the clients ended with ${code}`);
    return JSON.parse(out) as HttpLoadResult;
  });
  return { done, end: () => child.stdin.end() };
}
