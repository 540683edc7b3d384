import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import type { Upload } from "../model/package.ts";

/** Ours, and nobody else's in the folder: a content that is whole, and one that is not yet. */
const OURS = /^([0-9a-f-]{36})\.(content|[0-9a-f]{8}\.part)$/;
const BYTES_PER_MIB = 2 ** 20;
/** A disk that takes nothing, and no fault of what is written. */
const OF_DISK: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EROFS", "EACCES"]);

/** A content that came whole and is on the disk, under a name that only its receiver knows. */
export type Received = Upload & { readonly part: string };

/** Contents of packages. One has its name only when it is whole and sure to survive a power cut: what a crash leaves is a `.part`, and is swept away. */
export class PackageFiles {
  readonly #dir: string;
  readonly #bytesMax: number;
  /** Ids that files were written for before leftovers were swept away: those are none. Null: they were. */
  #fresh: Set<string> | null = new Set();

  constructor(dir: string, bytesMax: number) {
    this.#dir = dir;
    this.#bytesMax = bytesMax;
  }

  pathOf(id: string): string {
    return join(this.#dir, `${id}.content`);
  }

  /** Writes what comes to the disk as it comes. Throws TOO_LARGE, and whatever ends the stream; then nothing of it is left. */
  async receive(id: string, chunks: AsyncIterable<Uint8Array>): Promise<Received> {
    this.#fresh?.add(id);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const part = join(this.#dir, `${id}.${randomBytes(4).toString("hex")}.part`);
    try {
      await using file = await open(part, "wx", 0o600);
      const upload = await this.#write(file, chunks);
      await file.sync();
      return { ...upload, part };
    } catch (e) {
      await rm(part, { force: true });
      const { code = "" } = e as NodeJS.ErrnoException;
      if (OF_DISK.has(code)) throw new Fault("STORE_REFUSED", `the content cannot be written (${code})`, {}, { cause: e });
      throw e;
    }
  }

  async #write(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<Upload> {
    const hash = createHash("sha256");
    let bytes = 0;
    let head = Buffer.alloc(0);
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > this.#bytesMax)
        throw new Fault(
          "TOO_LARGE",
          `the content is larger than ${Math.floor(this.#bytesMax / BYTES_PER_MIB)} MiB, which the setting mano.packages.mibMax allows`,
        );
      if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4)]);
      hash.update(chunk);
      // A disk that is nearly full takes a part of it.
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
    const isZip = head.length >= 4 && head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5);
    return { type: isZip ? "application/zip" : "text/plain", bytes, sha256: hash.digest("hex") };
  }

  /** From now on it is the content of `id`. */
  async keep({ part }: Received, id: string): Promise<void> {
    this.#fresh?.add(id);
    await rename(part, this.pathOf(id));
    await this.#sync();
  }

  /** The content of one is that of the other too. */
  async share(from: string, to: string): Promise<void> {
    this.#fresh?.add(to);
    await rm(this.pathOf(to), { force: true });
    await link(this.pathOf(from), this.pathOf(to));
    await this.#sync();
  }

  async discard({ part }: Received): Promise<void> {
    await rm(part, { force: true });
  }

  async remove(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true });
  }

  /** Deletes what a crash left: parts, and contents that nobody has. */
  async sweep(has: (id: string) => boolean): Promise<void> {
    const names = await readdir(this.#dir).catch(() => []); // No folder, no leftovers.
    for (const name of names) {
      const [, id, kind] = OURS.exec(name) ?? [];
      if (id === undefined || this.#fresh?.has(id) || (kind === "content" && has(id))) continue;
      await rm(join(this.#dir, name), { force: true });
    }
    this.#fresh = null;
  }

  async #sync(): Promise<void> {
    await using folder = await open(this.#dir, "r");
    await folder.sync();
  }
}
