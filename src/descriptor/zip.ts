import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { type Entry, fromBufferPromise, openPromise, type ZipFile } from "yauzl";

/** Of one that is held in memory; larger ones hold disk images, and are read from a disk. */
export const PACKAGE_BYTES_MAX = 64 * 2 ** 20;
const ENTRIES_MAX = 1_000;
const UNPACKED_BYTES_MAX = 2 ** 30;
/** Of one on a disk. */
const UNPACKED_FILE_BYTES_MAX = 2 ** 38;
/** No descriptor and no disk image packs better by far; what does is made to fill a disk. */
const RATIO_MAX = 200;
const SMALL_BYTES = 2 ** 20;
const SYMLINK = 0o120000;

/** A file of a package, looked into: what its bytes come to, in hexadecimal. */
export interface PackedFile {
  readonly path: string;
  readonly bytes: number;
  readonly md5: string;
  readonly sha256: string;
  readonly sha512: string;
}

/** What is wrong with a package as such, and what to do. */
export class PackageRefused extends Error {
  readonly remedy: string;
  readonly about: string;

  constructor(about: string, what: string, remedy: string) {
    super(what);
    this.about = about;
    this.remedy = remedy;
  }
}

/** A zip whose names, sizes and kinds of entries were all looked at before anything was unpacked. Nothing is ever written to a disk. */
export class Zip implements Disposable {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#zip = zip;
    this.#entries = entries;
  }

  static isOne(bytes: Uint8Array): boolean {
    return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
  }

  /** One that is held in memory, or the path of one on a disk. Throws PackageRefused. */
  static async open(source: Uint8Array | string): Promise<Zip> {
    const isFile = typeof source === "string";
    if (!isFile && source.length > PACKAGE_BYTES_MAX)
      throw new PackageRefused(
        "",
        `the package has ${source.length} bytes`,
        `make it ${PACKAGE_BYTES_MAX} at most; disk images are given to the VIM`,
      );
    const entries = new Map<string, Entry>();
    let zip: ZipFile | null = null;
    try {
      zip = await opened(source);
      if (zip.entryCount > ENTRIES_MAX)
        throw new PackageRefused("", `the package has ${zip.entryCount} entries`, `put ${ENTRIES_MAX} into it at most`);
      let unpacked = 0;
      for await (const entry of zip.eachEntry()) {
        unpacked += entry.uncompressedSize;
        check(entry, unpacked, entries.has(entry.fileName), isFile ? UNPACKED_FILE_BYTES_MAX : UNPACKED_BYTES_MAX);
        if (!entry.fileName.endsWith("/")) entries.set(entry.fileName, entry);
      }
      return new Zip(zip, entries);
    } catch (e) {
      zip?.close();
      if (e instanceof PackageRefused) throw e;
      throw asRefusal("", e);
    }
  }

  [Symbol.dispose](): void {
    this.#zip.close();
  }

  get unpackedBytes(): number {
    return [...this.#entries.values()].reduce((sum, e) => sum + e.uncompressedSize, 0);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** What a file unpacks to. */
  bytesOf(name: string): number {
    return this.#entries.get(name)!.uncompressedSize;
  }

  /** A file as it unpacks; null: there is none. */
  async stream(name: string): Promise<Readable | null> {
    const entry = this.#entries.get(name);
    return entry ? this.#zip.openReadStreamPromise(entry) : null;
  }

  /** A file that is small, as a text; null: there is none. Throws PackageRefused. */
  async text(name: string): Promise<string | null> {
    const chunks: Buffer[] = [];
    const entry = this.#entries.get(name);
    if (!entry) return null;
    if (entry.uncompressedSize > SMALL_BYTES)
      throw new PackageRefused(name, `it has ${entry.uncompressedSize} bytes`, `write at most ${SMALL_BYTES}`);
    await this.#through(entry, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString("utf8");
  }

  /** The digest of a file in hexadecimal. Throws PackageRefused. */
  async digest(name: string, algorithm: "sha256" | "sha512"): Promise<string> {
    return (await this.digests(name, [algorithm]))[algorithm];
  }

  /** Several digests of a file, which is read once. Throws PackageRefused. */
  async digests<A extends "md5" | "sha256" | "sha512">(name: string, algorithms: readonly A[]): Promise<Record<A, string>> {
    const hashes = algorithms.map((a) => [a, createHash(a)] as const);
    await this.#through(this.#entries.get(name)!, (chunk) => {
      for (const [, hash] of hashes) hash.update(chunk);
    });
    return Object.fromEntries(hashes.map(([a, hash]) => [a, hash.digest("hex")])) as Record<A, string>;
  }

  /** Every file of it. Throws PackageRefused. */
  async files(): Promise<PackedFile[]> {
    const files: PackedFile[] = [];
    for (const path of this.names)
      files.push({ path, bytes: this.bytesOf(path), ...(await this.digests(path, ["md5", "sha256", "sha512"])) });
    return files;
  }

  async #through(entry: Entry, take: (chunk: Buffer) => void): Promise<void> {
    try {
      const stream = await this.#zip.openReadStreamPromise(entry);
      for await (const chunk of stream) take(chunk as Buffer);
    } catch (e) {
      throw asRefusal(entry.fileName, e);
    }
  }
}

function opened(source: Uint8Array | string): Promise<ZipFile> {
  const options = { lazyEntries: true, strictFileNames: true, autoClose: false };
  if (typeof source === "string") return openPromise(source, options);
  return fromBufferPromise(Buffer.from(source.buffer, source.byteOffset, source.byteLength), options);
}

function check(entry: Entry, unpacked: number, isSecond: boolean, unpackedMax: number): void {
  const { fileName, uncompressedSize, compressedSize } = entry;
  if (isSecond) throw new PackageRefused(fileName, "the package has two files of this name", "leave one of them");
  if (entry.isEncrypted()) throw new PackageRefused(fileName, "it is encrypted", "pack it without a password");
  if (((entry.externalFileAttributes >>> 16) & 0o170000) === SYMLINK)
    throw new PackageRefused(fileName, "it is a symbolic link", "pack the file itself");
  if (unpacked > unpackedMax)
    throw new PackageRefused(fileName, `the package unpacks to more than ${unpackedMax} bytes`, "pack less");
  if (uncompressedSize > SMALL_BYTES && uncompressedSize > compressedSize * RATIO_MAX)
    throw new PackageRefused(
      fileName,
      `${compressedSize} bytes unpack to ${uncompressedSize}`,
      "pack what such a package holds, not a bomb",
    );
}

/** What yauzl says of names and sizes that no honest packer writes. */
function asRefusal(about: string, e: unknown): PackageRefused {
  const said = e instanceof Error ? e.message : String(e);
  const isPath = /absolute path|relative path|invalid characters in fileName/.test(said);
  return new PackageRefused(
    about,
    isPath ? `a name leads out of the package (${said})` : `it cannot be unpacked (${said})`,
    isPath ? "pack with paths inside it only" : "pack it again",
  );
}
