import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { LibvirtSession } from "./libvirt.ts";
import type { CopyOptions } from "./qemu-img.ts";
import { esc } from "./xml-text.ts";

/** How often a copy is asked how far it is, ms. */
const LOOK_EVERY_MS = 200;
/** An ended job is gone a moment before what became of it can be asked. */
const ENDED_MAX_LOOKS = 20;
/** QEMU has this long to let go of the file, in looks. */
const ENDING_MAX_LOOKS = 500;

/**
 * Copies a disk of a running domain into a qcow2 file that stands alone, as the disk is at this moment, while the guest goes on
 * (libvirt, virDomainBackupBegin in push mode). A copy into the same folder that an earlier daemon has left running is ended first. Throws CONFLICT
 * where somebody else's backup runs, STOPPED where the copy ended before it was whole.
 */
export async function copyRunningDisk(
  libvirt: LibvirtSession,
  clock: Clock,
  from: { readonly uuid: string; readonly dev: string },
  to: string,
  { onProgress, signal }: CopyOptions,
): Promise<void> {
  const { uuid, dev } = from;
  await endLeftOver(libvirt, clock, uuid, dirname(to));
  await rm(to, { force: true }); // What a copy that gave way has left there; libvirt writes over nothing.
  await libvirt.beginBackup(uuid, backupXml(dev, to));
  try {
    for (;;) {
      const progress = await libvirt.jobProgress(uuid);
      if (progress === null) break;
      if (progress.total > 0) onProgress?.((100 * progress.done) / progress.total);
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  } catch (e) {
    await end(libvirt, clock, uuid).catch(() => {}); // What is wrong is said already.
    throw signal?.aborted ? new Fault("STOPPED", String((signal.reason as Error)?.message ?? signal.reason)) : e;
  }
  if (!(await hasEndedWell(libvirt, clock, uuid))) throw new Fault("STOPPED", "the copy of the disk ended before it was whole");
}

async function hasEndedWell(libvirt: LibvirtSession, clock: Clock, uuid: string): Promise<boolean> {
  for (let looks = 0; looks < ENDED_MAX_LOOKS; looks++) {
    if (await libvirt.hasCompletedJob(uuid).catch(() => false)) return true;
    await clock.sleep(LOOK_EVERY_MS / 10);
  }
  return false;
}

async function endLeftOver(libvirt: LibvirtSession, clock: Clock, uuid: string, folder: string): Promise<void> {
  const running = await libvirt.backupXml(uuid);
  if (running === null) return;
  if (!running.includes(esc(folder))) throw new Fault("CONFLICT", "another backup of this server runs");
  await end(libvirt, clock, uuid);
}

/** Resolves when it has ended: libvirt only asks QEMU. */
async function end(libvirt: LibvirtSession, clock: Clock, uuid: string): Promise<void> {
  await libvirt.abortJob(uuid);
  for (let looks = 0; (await libvirt.backupXml(uuid)) !== null; looks++) {
    if (looks === ENDING_MAX_LOOKS) throw new Fault("TIMEOUT", "a copy of the disk does not end");
    await clock.sleep(LOOK_EVERY_MS / 10);
  }
}

/** Of several disks only the one that is named. */
const backupXml = (dev: string, to: string): string =>
  `<domainbackup mode='push'><disks><disk name='${esc(dev)}' backup='yes' type='file'><target file='${esc(to)}'/><driver type='qcow2'/></disk></disks></domainbackup>`;
