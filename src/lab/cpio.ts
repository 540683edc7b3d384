/** One entry of an archive: a path without leading slash, its permission bits and what it is. */
export type CpioEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  /** A character device, as the kernel needs /dev/console before any file system is mounted. */
  | { readonly kind: "device"; readonly path: string; readonly major: number; readonly minor: number };

/** File types of st_mode (inode(7)). */
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const NOTHING = new Uint8Array(0);

interface Header {
  readonly mode: number;
  readonly bytes: Uint8Array;
  readonly major: number;
  readonly minor: number;
}

function headerOf(entry: CpioEntry): Header {
  const plain = { bytes: NOTHING, major: 0, minor: 0 };
  switch (entry.kind) {
    case "file":
      return { ...plain, mode: S_IFREG | entry.mode, bytes: entry.bytes };
    case "folder":
      return { ...plain, mode: S_IFDIR | 0o755 };
    case "symlink":
      return { ...plain, mode: S_IFLNK | 0o777, bytes: Buffer.from(entry.target) };
    case "device":
      return { ...plain, mode: S_IFCHR | 0o600, major: entry.major, minor: entry.minor };
  }
}

const hex8 = (n: number): string => n.toString(16).padStart(8, "0");
/** Names and contents are padded to four bytes, counted from the start of the archive. */
const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

function record(inode: number, path: string, { mode, bytes, major, minor }: Header): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // magic, then 13 fields: ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, major, minor, name.length, 0];
  const head = Buffer.concat([Buffer.from(`070701${fields.map(hex8).join("")}`), name]);
  return [head, padding(head.length), Buffer.from(bytes), padding(bytes.length)];
}

/**
 * An initramfs archive in the "newc" format (Linux Documentation/driver-api/early-userspace/buffer-format.rst). Folders that
 * the paths need are added; times and owners are zero, so equal input gives equal bytes.
 */
export function cpioNewc(entries: readonly CpioEntry[]): Buffer {
  const given = new Set(entries.map((e) => e.path));
  const missing = foldersOf(entries).filter((path) => !given.has(path));
  const all: CpioEntry[] = [...missing.map((path) => ({ kind: "folder" as const, path })), ...entries];
  const records = all.flatMap((entry, i) => record(i + 1, entry.path, headerOf(entry)));
  const end = record(0, "TRAILER!!!", { mode: 0, bytes: NOTHING, major: 0, minor: 0 });
  return Buffer.concat([...records, ...end]);
}

/** Every folder above the entries, parents before children: the kernel creates none by itself. */
function foldersOf(entries: readonly CpioEntry[]): string[] {
  const folders = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split("/");
    for (let n = 1; n < parts.length; n++) folders.add(parts.slice(0, n).join("/"));
  }
  return [...folders];
}
