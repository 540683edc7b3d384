import { open, readFile } from "node:fs/promises";
import type { KnownVnfds } from "./compile.ts";
import { type PnfdReading, readPnfd } from "./pnfd.ts";
import { type Reading, readDescriptorFile, readPackageFile } from "./read.ts";
import { type PackedFile, Zip } from "./zip.ts";

/** A file from outside a package that was fetched, and the path that it is given in it. */
export interface ExternalFile extends PackedFile {
  readonly uri: string;
}

/** What was read, and every file of the package that it came in; none: it is none, or is refused. */
export interface Content {
  readonly reading: Reading;
  readonly files: readonly PackedFile[];
}

/** As `Content`, of a PNFD. */
export interface PnfdContent {
  readonly reading: PnfdReading;
  readonly files: readonly PackedFile[];
}

/** Texts are read whole; one that is longer is refused by its length. */
export const TEXT_BYTES_MAX = 4 * 2 ** 20;

/** As `readDescriptorFile`, of what is held in memory or is on a disk at a path, with the checksum of each file of a package. */
export async function readContent(
  given: Uint8Array | string,
  file: string,
  known: KnownVnfds,
  outside: readonly ExternalFile[] = [],
): Promise<Content> {
  const isPackage = Zip.isOne(typeof given === "string" ? await headOf(given) : given);
  if (!isPackage) {
    const bytes = typeof given === "string" ? await textOf(given) : given;
    return { reading: await readDescriptorFile(bytes, file, known), files: [] };
  }
  // A descriptor names it by its URL.
  const byUri = outside.map((f) => ({ ...f, path: f.uri }));
  return readPackageFile(given, file, known, byUri);
}

/** As `readContent`, of a PNFD. */
export async function readPnfdContent(given: Uint8Array | string, file: string): Promise<PnfdContent> {
  const isPackage = Zip.isOne(typeof given === "string" ? await headOf(given) : given);
  const held = isPackage || typeof given !== "string" ? given : await textOf(given);
  const reading = await readPnfd(held, isPackage, file);
  return { reading, files: isPackage && reading.flaws.length === 0 ? await filesOf(given) : [] };
}

async function filesOf(given: Uint8Array | string): Promise<PackedFile[]> {
  using zip = await Zip.open(given);
  return await zip.files(); // Before it is closed.
}

async function headOf(path: string): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.subarray(0, bytesRead);
}

async function textOf(path: string): Promise<Uint8Array> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size <= TEXT_BYTES_MAX) return await readFile(file); // Before it is closed.
  const { buffer } = await file.read(Buffer.alloc(TEXT_BYTES_MAX + 1), 0, TEXT_BYTES_MAX + 1, 0);
  return buffer;
}
