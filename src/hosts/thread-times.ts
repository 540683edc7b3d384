import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import type { ThreadTimes } from "../model/thread-times.ts";

const NS_PER_MS = 1e6;
/** More than either file holds; one for all, as nothing waits in between. */
const HELD = Buffer.alloc(1024);

/**
 * How the threads of a process of this machine have fared with the scheduler (proc_pid_schedstat: ns on a core, ns in the run queue, times on a
 * core). Waits for nothing but the kernel, some tens of µs for each thread. Null where the process is gone, or the kernel does not count.
 */
export function readThreads(pid: number): ThreadTimes[] | null {
  const threads = namesIn(`/proc/${pid}/task`).flatMap((tid) => readThread(pid, tid) ?? []);
  return threads.length > 0 ? threads : null;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // ENOENT: gone.
  }
}

function readThread(pid: number, tid: string): ThreadTimes | null {
  try {
    const of = `/proc/${pid}/task/${tid}`;
    // First whether it waits: one that is given its core in between has a run more by then.
    const isRunnable = stateIn(textOf(`${of}/stat`)) === "R";
    const [ran, waited, runs] = textOf(`${of}/schedstat`).split(" ").map(Number);
    if (ran === undefined || waited === undefined || runs === undefined) return null;
    return { id: Number(tid), ranMs: ran / NS_PER_MS, waitedMs: waited / NS_PER_MS, runs, isRunnable };
  } catch {
    return null; // It has ended, or there is no schedstat.
  }
}

/** With as few calls of the kernel as there can be. */
function textOf(path: string): string {
  const fd = openSync(path, "r");
  try {
    return HELD.toString("latin1", 0, readSync(fd, HELD, 0, HELD.length, null));
  } finally {
    closeSync(fd);
  }
}

/** The letter after the name, which stands in parentheses and may hold any character (proc_pid_stat(5)). */
const stateIn = (stat: string): string | undefined => stat[stat.lastIndexOf(")") + 2];
