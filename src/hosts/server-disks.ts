import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../lib/fault.ts";
import type { ServerId } from "../model/ids.ts";
import type { DiskFormat } from "../model/vim-picture.ts";
import { makeQcow2 } from "./qcow2.ts";
import { copyDisk, resizeQcow2 } from "./qemu-img.ts";
import { makeSeed } from "./seed.ts";

/** A disk of a server's own, qcow2. */
export interface OwnDisk {
  readonly file: string;
  /** What it shows before anything is written to it; null: nothing. */
  readonly from: { readonly file: string; readonly format: DiskFormat } | null;
  /** A copy that stands alone, and not a layer over `from`. */
  readonly isCopy: boolean;
  readonly bytes: number;
}

/** What cloud-init reads at the first boot: texts by file name. */
export interface OwnSeed {
  readonly file: string;
  readonly texts: Readonly<Record<string, string>>;
}

export interface OwnFiles {
  readonly disks: readonly OwnDisk[];
  readonly seed: OwnSeed | null;
}

/** The disks of the servers of one host: a folder for each server. */
export class ServerDisks {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  folderOf(id: ServerId): string {
    return join(this.#dir, id);
  }

  /**
   * Makes what is not there yet. `isFirst`: this server has never had them; else a disk that is missing is lost, and an empty one in its place
   * would be worse than none: INVALID.
   */
  async prepare(id: ServerId, { disks, seed }: OwnFiles, { isFirst }: { readonly isFirst: boolean }): Promise<void> {
    if (disks.length === 0 && seed === null) return;
    await mkdir(this.folderOf(id), { recursive: true });
    const make = async (file: string, fill: (part: string) => Promise<void>) => {
      if (await isThere(file)) return;
      if (!isFirst)
        throw new Fault("INVALID", `${file} is not there any more: rebuild the server to have it made anew from its image`);
      await makeWhole(file, fill);
    };
    await Promise.all([
      ...disks.map((disk) => make(disk.file, (part) => fillDisk(disk, part))),
      ...(seed === null ? [] : [make(seed.file, (part) => makeSeed(part, seed.texts))]),
    ]);
  }

  async remove(id: ServerId): Promise<void> {
    await rm(this.folderOf(id), { recursive: true, force: true });
  }
}

async function fillDisk({ from, isCopy, bytes }: OwnDisk, part: string): Promise<void> {
  if (from === null || !isCopy) return makeQcow2(part, bytes, from);
  await copyDisk(from, part);
  await resizeQcow2(part, bytes);
}

/** Whole or not there, whenever we are killed: what was begun has another name, and goes with the server's folder. */
async function makeWhole(file: string, fill: (part: string) => Promise<void>): Promise<void> {
  const part = join(dirname(file), `${randomBytes(4).toString("hex")}.part`);
  try {
    await fill(part);
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
