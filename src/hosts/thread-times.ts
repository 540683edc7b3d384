import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { threadSet } from "../model/thread-set.ts";
import type { ThreadTimes } from "../model/thread-times.ts";

const NS_PER_MS = 1e6;
/** Cores that the kernel may leave without a tick while one thread has them for itself; those that were named when this machine booted. */
const TICKLESS = "/sys/devices/system/cpu/nohz_full";
/** Of /proc/PID/stat, counted from the state on: the core it ran on last, or waits for (proc_pid_stat(5), field 39). */
const CORE_FIELD = 36;
/** More than either file holds; one for all, as nothing waits in between. */
const HELD = Buffer.alloc(1024);

/**
 * How the threads of a process of this machine have fared with the scheduler (proc_pid_schedstat: ns on a core, ns in the run queue, times on a
 * core). Waits for nothing but the kernel, some tens of µs for each thread. Null where the process is gone, or the kernel does not count.
 * `tickless`: cores on which what runs is counted late.
 */
export function readThreads(pid: number, tickless: ReadonlySet<number> = ticklessCores()): ThreadTimes[] | null {
  const threads = namesIn(`/proc/${pid}/task`).flatMap((tid) => readThread(pid, tid, tickless) ?? []);
  return threads.length > 0 ? threads : null;
}

/**
 * Threads of a process of this machine that wait in the kernel and can not be interrupted (state D of proc_pid_stat(5)), each with how often it has been
 * on a core: one that has the same number a while later has waited all the time. That is what one does that has asked a disk for something.
 */
export function readWaiting(pid: number): Map<string, number> {
  const waiting = new Map<string, number>();
  for (const tid of namesIn(`/proc/${pid}/task`)) {
    try {
      const of = `/proc/${pid}/task/${tid}`;
      if (fieldsOf(textOf(`${of}/stat`))[0] === "D") waiting.set(tid, Number(textOf(`${of}/schedstat`).split(" ")[2]));
    } catch {
      // It has ended.
    }
  }
  return waiting;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // ENOENT: gone.
  }
}

let known: ReadonlySet<number> | null = null;

/** Read once: only the next boot changes it. None where the kernel has no such file, or names none in it. */
function ticklessCores(): ReadonlySet<number> {
  if (known !== null) return known;
  try {
    known = threadSet(readFileSync(TICKLESS, "latin1").trim()) ?? new Set();
  } catch {
    known = new Set();
  }
  return known;
}

function readThread(pid: number, tid: string, tickless: ReadonlySet<number>): ThreadTimes | null {
  try {
    const of = `/proc/${pid}/task/${tid}`;
    // First whether it waits: one that is given its core in between has a run more by then.
    const stat = fieldsOf(textOf(`${of}/stat`));
    const isRunnable = stat[0] === "R";
    const [ran, waited, runs] = textOf(`${of}/schedstat`).split(" ").map(Number);
    if (ran === undefined || waited === undefined || runs === undefined) return null;
    const times = { id: Number(tid), ranMs: ran / NS_PER_MS, waitedMs: waited / NS_PER_MS, runs, isRunnable };
    return tickless.has(Number(stat[CORE_FIELD])) ? { ...times, isTickless: true } : times;
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

/** From the state on: what follows the name, which stands in parentheses and may hold any character (proc_pid_stat(5)). */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(")") + 2).split(" ");
