import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Fault } from "./fault.ts";

/**
 * Gives all threads of this process real-time priority (SCHED_FIFO); threads made later inherit it. Throws Fault NOT_ALLOWED where
 * this user may not (CAP_SYS_NICE, or RLIMIT_RTPRIO too low).
 */
export async function runFirst(priority: number): Promise<void> {
  const args = ["--all-tasks", "--fifo", "--pid", String(priority), String(process.pid)];
  await promisify(execFile)("chrt", args).catch((e: Error) => {
    throw new Fault("NOT_ALLOWED", `real-time priority ${priority} is refused: ${e.message.trim()}`, { priority }, { cause: e });
  });
}
