import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Fault } from "../lib/fault.ts";

/** A background program's last words are kept up to this, in characters. */
const WORDS_MAX = 2_000;
/**
 * What stands before the program: it ends with the thread that started it, however that ends; it is no real-time process though the
 * daemon may be one; it yields to everything else.
 */
const BEHIND = ["--pdeathsig", "KILL", "--", "chrt", "--other", "0", "nice", "-n", "10"] as const;

export interface BackgroundOptions {
  /** Each line of its standard output, ended by a newline or a carriage return. */
  readonly onLine?: (line: string) => void;
  /** Written to its standard input, which is then closed: what nobody else may read on a command line. */
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program that reads or writes whole disks, beside a daemon whose reactions must not wait for it. Resolves with its standard output
 * when it has ended well. Throws MISSING_PART, COMMAND_FAILED with its own words, STOPPED where `signal` ended it.
 */
export async function runBehind(command: string, args: readonly string[], options: BackgroundOptions = {}): Promise<string> {
  const child = spawn("setpriv", [...BEHIND, command, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    signal: options.signal,
    killSignal: "SIGKILL",
  });
  child.stdin.on("error", () => {}); // It ended before it read; its exit says why.
  child.stdin.end(options.input ?? "");
  const said: string[] = [];
  let words = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (options.onLine) options.onLine(line);
    else said.push(line);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-WORDS_MAX);
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once("error", (cause) => reject(notStarted(cause, options.signal)));
  child.once("close", (code, killedBy) => {
    if (code === 0) resolve(said.join("\n"));
    else reject(failed(command, words.trim(), code ?? killedBy));
  });
  return promise;
}

function notStarted(cause: Error, signal: AbortSignal | undefined): Fault {
  if (signal?.aborted)
    return new Fault("STOPPED", String(signal.reason instanceof Error ? signal.reason.message : signal.reason));
  return new Fault("MISSING_PART", `a background program cannot be started: ${cause.message}`, {}, { cause });
}

/** Of those before it `nice` is the one that finds out that there is no such program, and says so with 127. */
function failed(command: string, words: string, exit: number | string | null): Fault {
  if (exit === 127) return new Fault("MISSING_PART", `there is no program ${command}: ${words}`, { command });
  return new Fault("COMMAND_FAILED", `${command}: ${words || `it ended with ${exit}`}`, { command, exit: String(exit) });
}
