import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** More than this is a mistake: each takes a turn of the scheduler. */
export const BURDEN_MAX = 64;

/**
 * A process that does nothing, at full speed and at the priority of every program (nice 0). It looks for the process that started
 * it after each some milliseconds of work, so that none is left behind by a kill -9.
 */
const BUSY = 'while [ -d "/proc/$1" ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; done';

/** So many busy processes until it is disposed of: each is ended by its own pid. */
export function burden(n: number, noteProcess: (pid: number) => void): AsyncDisposable {
  const busy = Array.from({ length: n }, () => spawn("sh", ["-c", BUSY, "busy", String(process.pid)], { stdio: "ignore" }));
  for (const { pid } of busy) if (pid !== undefined) noteProcess(pid);
  return { [Symbol.asyncDispose]: async () => void (await Promise.all(busy.map(end))) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
