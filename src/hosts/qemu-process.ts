import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { AGENT_CHARDEV, QMP_CHARDEV } from "./domain-xml.ts";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  readonly startTime: string;
}

export interface QemuProcess extends ProcessRef {
  /** Where our own monitor listens; null where QEMU was started without one. */
  readonly qmpSocket: string | null;
  /** Where it listens for whoever speaks to the guest's agent; null where the guest has no such channel. */
  readonly agentSocket: string | null;
  /** Files of this machine that its disks are, or stand on. */
  readonly disks: readonly string[];
}

/**
 * The running process behind `pid`, or null where there is none or it is a zombie: a zombie holds a number but runs no
 * code, opens no socket and moves no packet.
 */
export async function readProcess(pid: number): Promise<ProcessRef | null> {
  try {
    return parseStat(pid, await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return null; // ENOENT and ESRCH: gone.
  }
}

/** /proc/PID/stat (proc_pid_stat(5)); the name stands in parentheses and may hold any character. */
export function parseStat(pid: number, stat: string): ProcessRef | null {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined || state === "Z" || state === "X") return null;
  return { pid, startTime };
}

/**
 * The QEMU that runs the domain with this UUID, by its command line (`-uuid UUID`), which libvirt always gives. Looks in
 * this machine's /proc, where processes of inner PID namespaces stand too, under the numbers we can watch them by. One whose monitor
 * listens in one of `elsewhere` belongs to another host of this machine: the same server, before or after it was made anew.
 */
export async function findQemu(uuid: string, elsewhere: readonly string[] = []): Promise<QemuProcess | null> {
  const pids = (await readdir("/proc")).filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
  // Young processes have high numbers, mostly, and the one wanted is mostly young.
  for (const pid of pids.sort((a, b) => b - a)) {
    const args = await readArgs(pid);
    if (args[args.indexOf("-uuid") + 1] !== uuid || !args.includes("-uuid")) continue;
    const qmpSocket = socketOf(args, QMP_CHARDEV);
    if (qmpSocket !== null && elsewhere.includes(dirname(qmpSocket))) continue;
    const process = await readProcess(pid);
    if (process) return { ...process, qmpSocket, agentSocket: socketOf(args, AGENT_CHARDEV), disks: disksOf(args) };
  }
  return null;
}

/**
 * SIGKILL to the QEMU of this domain, if there is one. `unless`: it has ended by itself; what is found after that is
 * a new life of the domain, begun while we looked.
 */
export async function killQemu(uuid: string, elsewhere: readonly string[], unless: AbortSignal): Promise<void> {
  const found = await findQemu(uuid, elsewhere);
  if (found === null || unless.aborted) return;
  try {
    process.kill(found.pid, "SIGKILL");
  } catch {
    // ESRCH: it ended in between.
  }
}

/** libvirt asks QEMU to end and waits ten seconds before it kills it. One that stands still hears nothing; it is killed after this, ms. */
const ENDS_BY_ITSELF_MS = 300;

/** Kills the QEMU of a domain that is being ended, where that takes too long. `unless`: as `killQemu`. */
export async function killIfLate(uuid: string, elsewhere: readonly string[], clock: Clock, unless: AbortSignal): Promise<void> {
  const isLate = await clock.sleep(ENDS_BY_ITSELF_MS, unless).then(
    () => true,
    () => false, // It ended by itself.
  );
  if (isLate) await killQemu(uuid, elsewhere, unless);
}

async function readArgs(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  } catch {
    return [];
  }
}

/** What `-blockdev {"driver":"file","filename":…}` names, as libvirt writes it. */
export function disksOf(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => {
    if (args[i - 1] !== "-blockdev" || !arg.startsWith("{")) return [];
    const { driver, filename } = JSON.parse(arg) as { readonly driver?: string; readonly filename?: string };
    return driver === "file" && filename !== undefined ? filename : [];
  });
}

/** The path in `socket,id=sempreqmp,path=…,server=on,wait=off`, where two commas stand for one. */
export function socketOf(args: readonly string[], chardev: string): string | null {
  const option = args.find((arg) => arg.startsWith(`socket,id=${chardev},`));
  const path = option?.match(/,path=((?:[^,]|,,)*)/)?.[1];
  return path?.replaceAll(",,", ",") ?? null;
}
