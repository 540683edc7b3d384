import { readFile } from "node:fs/promises";
import type { Clock } from "../lib/clock.ts";
import type { DiskFailure } from "../model/evidence.ts";
import { storageOf } from "./mounts.ts";
import { readWaiting } from "./thread-times.ts";

/** Between two looks: who waits for a disk that is well, however busy, is on a core again within. */
const APART_MS = 2_000;

/**
 * The storage that a QEMU of this machine waits for: one of its threads does nothing else from one look to the next, 2 s later. Null: none does, or
 * its disks are on several storages, and nobody can tell which it is. Nothing of that storage is touched.
 */
export async function hungDiskOf(
  { pid, disks }: { readonly pid: number; readonly disks: readonly string[] },
  clock: Clock,
): Promise<Pick<DiskFailure, "storage" | "why"> | null> {
  const before = readWaiting(pid);
  if (before.size === 0 || disks.length === 0) return null;
  await clock.sleep(APART_MS);
  const after = readWaiting(pid);
  const stuck = [...before].filter(([tid, runs]) => after.get(tid) === runs).length;
  if (stuck === 0) return null;
  const mounts = await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "");
  const [storage = null, ...others] = new Set(disks.map((d) => storageOf(mounts, d)));
  if (storage === null || others.length > 0) return null;
  return { storage, why: `${stuck} of its threads wait for a disk that does not answer` };
}
