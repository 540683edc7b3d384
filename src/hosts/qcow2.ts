import { writeFile } from "node:fs/promises";
import type { DiskFormat } from "../model/vim-picture.ts";

/*
 * An empty qcow2 file (QEMU, docs/interop/qcow2.rst, version 3), by one write: a server's disk is made while somebody waits for the server, and
 * `qemu-img create` is four programs one after the other for the same bytes. Clusters of 64 KiB, as qemu-img makes them:
 *
 *   | header, backing file | refcount table | refcount block | L1 table ... |
 *
 * Nothing is allocated: what the guest reads comes from the backing file, and is zero where there is none or behind its end.
 */
const CLUSTER_BITS = 16;
const CLUSTER = 2 ** CLUSTER_BITS;
/** What one entry of the L1 table stands for: a whole L2 table of clusters. */
const L1_ENTRY_COVERS = (CLUSTER / 8) * CLUSTER;
/** 32 MiB, the limit of QEMU's own driver. */
const L1_ENTRIES_MAX = 4_194_304;
const MAGIC = 0x514649fb;
const VERSION = 3;
/** Bytes of a refcount: 2 to the power of this, in bits: 16. */
const REFCOUNT_ORDER = 4;
const HEADER_BYTES = 104;
const SECTOR = 512;
/** Header extensions. */
const BACKING_FORMAT = 0xe2792aca;
const NO_MORE = 0;
/** Of the name of a backing file. */
const NAME_BYTES_MAX = 1_023;

/** The file shows `file` until it is written to. */
export interface Backing {
  readonly file: string;
  readonly format: DiskFormat;
}

/** `bytes`: the size that the guest sees, rounded up to whole sectors. Throws what the file system refuses; a file that is there is written over. */
export async function makeQcow2(path: string, bytes: number, backing: Backing | null): Promise<void> {
  await writeFile(path, emptyQcow2(bytes, backing));
}

/** All bytes of such a file. Throws RangeError for what the format cannot hold. */
export function emptyQcow2(bytes: number, backing: Backing | null): Buffer {
  const size = Math.ceil(bytes / SECTOR) * SECTOR;
  const l1Entries = Math.max(1, Math.ceil(size / L1_ENTRY_COVERS));
  if (!Number.isSafeInteger(bytes) || bytes < 0 || l1Entries > L1_ENTRIES_MAX)
    throw new RangeError(`no size of a disk: ${bytes}`);
  const l1Clusters = Math.ceil((8 * l1Entries) / CLUSTER);
  const clusters = 3 + l1Clusters;
  const image = Buffer.alloc(clusters * CLUSTER);
  writeHeader(image, size, l1Entries, backing);
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let i = 0; i < clusters; i++) image.writeUInt16BE(1, 2 * CLUSTER + 2 * i);
  return image;
}

function writeHeader(image: Buffer, size: number, l1Entries: number, backing: Backing | null): void {
  image.writeUInt32BE(MAGIC, 0);
  image.writeUInt32BE(VERSION, 4);
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(BigInt(size), 24);
  image.writeUInt32BE(l1Entries, 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  image.writeBigUInt64BE(BigInt(CLUSTER), 48);
  image.writeUInt32BE(1, 56); // Clusters of the refcount table.
  image.writeUInt32BE(REFCOUNT_ORDER, 96);
  image.writeUInt32BE(HEADER_BYTES, 100);
  const end = backing === null ? HEADER_BYTES : writeExtension(image, HEADER_BYTES, BACKING_FORMAT, backing.format);
  const nameAt = writeExtension(image, end, NO_MORE, "");
  if (backing === null) return;
  const nameBytes = Buffer.byteLength(backing.file);
  if (nameBytes > NAME_BYTES_MAX)
    throw new RangeError(`the name of a backing file has ${nameBytes} bytes, of ${NAME_BYTES_MAX} at most`);
  image.write(backing.file, nameAt);
  image.writeBigUInt64BE(BigInt(nameAt), 8);
  image.writeUInt32BE(nameBytes, 16);
}

/** Where the next one begins: at a multiple of eight. */
function writeExtension(image: Buffer, at: number, type: number, text: string): number {
  image.writeUInt32BE(type, at);
  image.writeUInt32BE(text.length, at + 4);
  image.write(text, at + 8, "latin1");
  return at + 8 + 8 * Math.ceil(text.length / 8);
}
