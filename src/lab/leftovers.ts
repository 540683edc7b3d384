import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../lib/fault.ts";
import { deleteDevice, deleteNetns, LAB_PREFIX, listNetns, pidsIn } from "./netns.ts";

/** One process, told apart from a later one with the same pid: kernel ticks since boot at its start (proc(5), field 22). */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

/** Everything a lab has made in this machine, written down before it is made, so that a kill -9 leaves nothing unknown. */
export interface LabFile {
  readonly id: string;
  /** Start ticks compare within one boot only. */
  readonly bootId: string;
  readonly owner: ProcessId;
  readonly netns: readonly string[];
  readonly devices: readonly string[];
  readonly processes: readonly ProcessId[];
  readonly folders: readonly string[];
}

export const LAB_FOLDER = "var/lab";
/** How long processes of an earlier run may take to be gone after SIGKILL. */
const GONE_MS_MAX = 5_000;
/** How long a lab may take to end by itself, with its guests and daemons. */
const END_MS_MAX = 20_000;

/** When process `pid` started, or null where there is none. A zombie is none: it runs no more. */
export function startTicksOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // The name may hold blanks and brackets; field 3 follows it.
    return fields[0] === "Z" ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const runs = ({ pid, startTicks }: ProcessId): boolean => startTicksOf(pid) === startTicks;

/** The open lab: its list on disk, and the stack that takes everything down in reverse order. */
export class Lab implements AsyncDisposable {
  readonly id: string;
  /** Register how to end a thing here right after making it. */
  readonly ends = new AsyncDisposableStack();
  readonly #path: string;
  #file: LabFile;

  /** Opens the list. Throws Fault ALREADY_RUNNING where a live process has a lab of this id. */
  constructor(id: string, folder = LAB_FOLDER) {
    if (!/^[a-z0-9]{1,8}$/.test(id)) throw new Fault("INVALID", `a lab id is 1 to 8 of a-z and 0-9: ${id}`, { id });
    this.id = id;
    this.#path = join(folder, `${id}.json`);
    mkdirSync(folder, { recursive: true });
    const before = readLabFile(this.#path);
    if (before && isLive(before)) throw new Fault("ALREADY_RUNNING", `lab ${id}`, { id, pid: before.owner.pid });
    const owner = { pid: process.pid, startTicks: startTicksOf(process.pid)! };
    this.#file = { id, bootId: bootId(), owner, netns: [], devices: [], processes: [], folders: [] };
    this.#write();
  }

  /** Notes a namespace, a device of this namespace or a folder that is about to be made. */
  note(kind: "netns" | "devices" | "folders", name: string): void {
    if (kind !== "folders" && !name.startsWith(LAB_PREFIX)) throw new Error(`not a name of a lab: ${name}`);
    this.#file = { ...this.#file, [kind]: [...this.#file[kind], name] };
    this.#write();
  }

  /** Notes a process just started; one that has ended by now is not noted. */
  noteProcess(pid: number): void {
    const startTicks = startTicksOf(pid);
    if (startTicks === null) return;
    this.#file = { ...this.#file, processes: [...this.#file.processes.filter(runs), { pid, startTicks }] };
    this.#write();
  }

  /** Runs the stack, then removes whatever it missed, and the list last. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.ends.disposeAsync();
    } finally {
      await clear(this.#file);
      rmSync(this.#path, { force: true });
    }
  }

  #write(): void {
    const draft = `${this.#path}.draft`;
    writeFileSync(draft, JSON.stringify(this.#file), { flush: true });
    renameSync(draft, this.#path);
  }
}

const isLive = (file: LabFile): boolean => file.bootId === bootId() && runs(file.owner);

function readLabFile(path: string): LabFile | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LabFile;
  } catch {
    return null; // Not there; or cut off by a power failure, and then nothing of that boot is left but the file.
  }
}

/**
 * Removes what labs left whose process was killed: processes first (only where the start time is the noted one), then
 * namespaces, devices, folders. A lab whose process runs is left alone. Gives the ids of the labs removed.
 */
export async function removeLeftovers(folder = LAB_FOLDER, progress: (line: string) => void = () => {}): Promise<string[]> {
  const removed: string[] = [];
  const names = await readdir(folder).catch(() => []);
  for (const path of names.filter((n) => n.endsWith(".json")).map((n) => join(folder, n))) {
    const file = readLabFile(path);
    if (file && isLive(file)) continue;
    if (file) await clear(file);
    rmSync(path, { force: true });
    removed.push(basename(path, ".json"));
    progress(`removed what lab ${basename(path, ".json")} had left behind`);
  }
  return removed;
}

/** Asks the processes of live labs to end and waits for it. Gives the ids of the labs ended. */
export async function endLiveLabs(folder = LAB_FOLDER): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((n) => n.endsWith(".json"));
  const live = names.flatMap((n) => readLabFile(join(folder, n)) ?? []).filter(isLive);
  for (const { owner } of live) process.kill(owner.pid, "SIGTERM");
  for (let waited = 0; waited < END_MS_MAX && live.some((l) => runs(l.owner)); waited += 50) await sleep(50);
  return live.map((l) => l.id);
}

async function clear(file: LabFile): Promise<void> {
  if (file.bootId === bootId()) {
    await endAll(file.processes);
    for (const netns of file.netns) await clearNetns(netns);
    for (const name of file.devices) await deleteDevice({ name }).catch(ignoreMissing);
  }
  for (const path of file.folders) await rm(path, { recursive: true, force: true });
}

/** A namespace bears the lab's prefix, so whatever still runs in it is the lab's, but for this process, which may live in it. */
async function clearNetns(netns: string): Promise<void> {
  if (!(await listNetns()).includes(netns)) return;
  const inside = (await pidsIn(netns))
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ pid, startTicks: startTicksOf(pid) ?? -1 }));
  await endAll(inside);
  await deleteNetns(netns);
}

function ignoreMissing(e: unknown): void {
  if (!(e instanceof Fault && e.code === "COMMAND_FAILED" && e.message.includes("Cannot find device"))) throw e;
}

async function endAll(processes: readonly ProcessId[]): Promise<void> {
  for (const one of processes.filter(runs)) kill(one.pid);
  for (let waited = 0; waited < GONE_MS_MAX && processes.some(runs); waited += 20) await sleep(20);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== "ESRCH") throw e;
  }
}
