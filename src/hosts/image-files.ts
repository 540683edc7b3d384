import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { copyFile, link, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { Fault } from "../lib/fault.ts";
import type { ImageId } from "../model/ids.ts";
import { runBehind } from "./background.ts";
import type { FetchOrder, FetchWord } from "./image-fetch.ts";
import { type CopyOptions, type DiskFile, lookAtDisk } from "./qemu-img.ts";

const FETCH = join(import.meta.dirname, "image-fetch.ts");
/** What we name a file of ours by: the image's id and, so that no name is used twice, chance. `.part`: not whole yet. */
const OURS = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{8}\.(part|img|qcow2)$/;
const READ_BY_ALL = 0o004;

export interface ImageFilesOptions {
  /** Where downloads go: a folder of this VIM alone. */
  readonly dir: string;
  /** Other folders whose files may be images whoever may read them. */
  readonly folders: readonly string[];
  readonly bytesMax: number;
  /** As `FetchOrder.againAfterMs`; left out: two minutes in all. */
  readonly againAfterMs?: readonly number[];
}

const AGAIN_AFTER_MS = [1_000, 5_000, 15_000, 30_000, 60_000];

/** A disk file that is whole. */
export interface WholeFile extends DiskFile {
  readonly file: string;
  readonly md5: string;
  /** Null: it was not asked for. */
  readonly sha256: string | null;
}

/** Checksums that a file must have, lower-case hex. */
export interface Wanted {
  readonly md5?: string | undefined;
  readonly sha256?: string | undefined;
}

/** Files of images. One of ours has its name only when it is whole and on the disk: what a crash leaves is a `.part`, and is swept away. */
export class ImageFiles {
  readonly #options: ImageFilesOptions;

  constructor(options: ImageFilesOptions) {
    this.#options = options;
    mkdirSync(options.dir, { recursive: true });
  }

  /**
   * A file of the host as it stands. Throws INVALID where it is not there, is no disk image, or could show a tenant what only
   * root may read.
   */
  async look(path: string, wanted: Wanted): Promise<WholeFile> {
    const file = await this.#allowed(path);
    const [disk, md5, sha256] = await Promise.all([
      lookAtDisk(file),
      sumOf("md5sum", file),
      wanted.sha256 === undefined ? null : sumOf("sha256sum", file),
    ]);
    checkSums({ md5, sha256 }, wanted);
    return { ...disk, file: path, md5, sha256 };
  }

  /** A file that is no disk, such as a kernel: only that it is there. Throws INVALID. */
  async check(path: string): Promise<void> {
    await this.#allowed(path);
  }

  /** Downloads. Throws INVALID with what is wrong: the server's answer, the size, a checksum, what the file is. */
  async fetch(id: ImageId, url: string, wanted: Wanted, options: CopyOptions): Promise<WholeFile> {
    const { bytesMax, againAfterMs = AGAIN_AFTER_MS } = this.#options;
    return this.#make(id, async (part) => {
      const { md5, sha256 } = await this.#download({ url, to: part, bytesMax, againAfterMs }, options);
      checkSums({ md5, sha256 }, wanted);
      return { ...(await lookAtDisk(part, options.signal)), md5, sha256 };
    });
  }

  /**
   * A file that `fill` writes as qcow2, at `to` or where ours are. Throws CONFLICT where there is one already, INVALID for a folder that is not
   * for images: else a tenant wrote anywhere on the host.
   */
  async write(id: ImageId, fill: (part: string) => Promise<void>, to: string | null, signal?: AbortSignal): Promise<WholeFile> {
    if (to !== null) await this.checkTarget(to);
    const filled = async (part: string) => {
      await fill(part);
      const [disk, md5] = await Promise.all([lookAtDisk(part, signal), sumOf("md5sum", part, signal)]);
      return { ...disk, md5, sha256: null };
    };
    const whole = await this.#make(id, filled);
    if (to === null) return whole;
    await link(whole.file, to).catch((e: unknown) => this.#notLinked(e, whole.file, to));
    await rm(whole.file);
    return { ...whole, file: to };
  }

  /** Whether a copy may go there. Throws INVALID, CONFLICT. */
  async checkTarget(to: string): Promise<void> {
    const folder = await realpath(dirname(to)).catch(() => null);
    const isAllowed = [this.#options.dir, ...this.#options.folders].includes(folder ?? "");
    if (!isAllowed)
      throw new Fault("INVALID", `${dirname(to)} is no folder for images: name it in vim.images.folders, or leave the path out`);
    if (await stat(to).catch(() => null)) throw new Fault("CONFLICT", `${to} is there already`);
  }

  /** A folder on another disk wants a copy; a file that came meanwhile stays. */
  async #notLinked(e: unknown, file: string, to: string): Promise<void> {
    if ((e as NodeJS.ErrnoException).code !== "EXDEV") throw new Fault("CONFLICT", `${to}: ${(e as Error).message}`);
    const part = join(dirname(to), `${basename(file)}.part`);
    try {
      await copyFile(file, part);
      await sync(part);
      await link(part, to);
    } finally {
      await rm(part, { force: true });
    }
  }

  /** Deletes a file, if it is one of ours. */
  async remove(file: string | null): Promise<void> {
    if (file !== null && this.#isOurs(file)) await rm(file, { force: true });
  }

  /** Deletes what a crash left: parts, and whole files that no image has. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    const { dir } = this.#options;
    const files = (await readdir(dir)).filter((name) => OURS.test(name)).map((name) => join(dir, name));
    await Promise.all(files.filter((file) => !known.has(file)).map((file) => rm(file, { force: true })));
  }

  #isOurs(file: string): boolean {
    return file.startsWith(this.#options.dir + sep) && OURS.test(file.slice(this.#options.dir.length + 1));
  }

  /** The file appears under its name when it is whole, and when that is sure to survive a power cut. */
  async #make(id: ImageId, fill: (part: string) => Promise<Omit<WholeFile, "file">>): Promise<WholeFile> {
    const stem = join(this.#options.dir, `${id}.${randomBytes(4).toString("hex")}`);
    const part = `${stem}.part`;
    try {
      const made = await fill(part);
      const file = `${stem}.${made.format === "raw" ? "img" : "qcow2"}`;
      await sync(part);
      await rename(part, file);
      await sync(this.#options.dir);
      return { ...made, file };
    } finally {
      await rm(part, { force: true });
    }
  }

  async #download(order: FetchOrder, { onProgress, signal }: CopyOptions): Promise<Extract<FetchWord, { md5: string }>> {
    let last: FetchWord | undefined;
    const onLine = (line: string) => {
      last = JSON.parse(line) as FetchWord;
      if ("progress" in last) onProgress?.(last.progress);
    };
    await runBehind(process.execPath, [FETCH], { input: JSON.stringify(order), onLine, signal });
    if (last !== undefined && "md5" in last) return last;
    throw new Fault(
      "INVALID",
      `it cannot be downloaded: ${last !== undefined && "refused" in last ? last.refused : "nothing was said"}`,
    );
  }

  /** The file itself, behind whatever links. */
  async #allowed(path: string): Promise<string> {
    const missing = () => new Fault("INVALID", `Image file not found: ${path} (want the absolute path of a file on the host)`);
    if (!isAbsolute(path)) throw missing();
    const file = await realpath(path).catch(() => Promise.reject(missing()));
    const { mode, isFile } = await stat(file).then((s) => ({ mode: s.mode, isFile: s.isFile() }));
    if (!isFile) throw new Fault("INVALID", `${path} is no regular file`);
    const isInFolder = [this.#options.dir, ...this.#options.folders].some((folder) => file.startsWith(folder + sep));
    if (isInFolder || (mode & READ_BY_ALL) !== 0) return file;
    throw new Fault(
      "INVALID",
      `${path} is not for everybody to read: let everybody read it (chmod o+r), or name its folder in vim.images.folders`,
    );
  }
}

function checkSums(has: { readonly md5: string; readonly sha256: string | null }, wanted: Wanted): void {
  for (const kind of ["md5", "sha256"] as const)
    if (wanted[kind] !== undefined && wanted[kind] !== has[kind])
      throw new Fault("INVALID", `its ${kind} is ${has[kind]}, and ${wanted[kind]} was asked for`);
}

/** md5 is OpenVIM's: it tells files apart and protects nothing. */
async function sumOf(program: "md5sum" | "sha256sum", file: string, signal?: AbortSignal): Promise<string> {
  return (await runBehind(program, ["--zero", "--", file], { signal })).split(" ")[0]!;
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, "r");
  await handle.sync();
}
