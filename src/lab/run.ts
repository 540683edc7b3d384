import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";

const exec = promisify(execFile);

/** A command of the lab answers at once or is stuck; a download has its own, longer limit. */
const RUN_MS_MAX = 20_000;
/** Output kept from one command. */
const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs a command to its end and gives its standard output. Throws Fault MISSING_PART when there is no such program, TIMEOUT
 * when it does not end, COMMAND_FAILED (with what it wrote to standard error) when it says no.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeoutMs = RUN_MS_MAX, cwd, signal } = options;
  try {
    const settings = { timeout: timeoutMs, maxBuffer: OUTPUT_BYTES_MAX, ...(cwd ? { cwd } : {}), ...(signal ? { signal } : {}) };
    return (await exec(command, [...args], settings)).stdout;
  } catch (e) {
    throw faultOf(e as ExecError, [command, ...args].join(" "));
  }
}

interface ExecError extends Error {
  readonly code?: string | number;
  readonly killed?: boolean;
  readonly stderr?: string;
}

function faultOf(e: ExecError, line: string): Fault {
  if (e.code === "ENOENT") return new Fault("MISSING_PART", `there is no program ${line.split(" ")[0]}`, { line }, { cause: e });
  if (e.killed) return new Fault("TIMEOUT", line, { line }, { cause: e });
  return new Fault("COMMAND_FAILED", `${line}: ${e.stderr?.trim() || e.message}`, { line, exit: String(e.code) }, { cause: e });
}
