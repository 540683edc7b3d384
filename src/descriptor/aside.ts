import { readFile, stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { VnfBlueprint } from "../model/blueprint.ts";
import { knownOf } from "./compile.ts";
import { type Content, type ExternalFile, type PnfdContent, readContent, readPnfdContent } from "./content.ts";
import type { Flaw } from "./flaw.ts";
import { Zip } from "./zip.ts";

/** What takes a few milliseconds to read is read at once; a thread takes longer to begin. Of a package, what its texts unpack to. */
const AT_ONCE_BYTES_MAX = 16 * 1024;
const LONGEST_MS = 30_000;
const HEAP_MIB_MAX = 512;
/** Every file of a package is read for its checksum: slowly, where the disk is. */
const HASHED_BYTES_PER_MS = 10_000;

/** What is read: held in memory, or the path of a package or a text on a disk. */
export type Given = Uint8Array | string;

/** Handed to the thread. */
export interface Task {
  readonly given: Given;
  readonly file: string;
  /** Null: it is a PNFD, which refers to nothing. */
  readonly known: OnBoard | null;
  /** What was fetched of it by URL. */
  readonly outside: readonly ExternalFile[];
}

/** VNFDs that may be referred to: those that are needed, and what all are called. */
export interface OnBoard {
  readonly blueprints: readonly VnfBlueprint[];
  readonly names: readonly string[];
}

/** As `readContent`, beside a daemon whose reactions must not wait: what is large is read by a thread of its own, with a heap and a time of its own. */
export async function readAside(
  given: Given,
  file: string,
  known: OnBoard,
  outside: readonly ExternalFile[] = [],
): Promise<Content> {
  if (await isSmall(given)) return readContent(given, file, knownOf(known.blueprints, [...known.names]), outside);
  const refused = (flaw: Flaw): Content => ({
    reading: { form: "unknown", outcome: null, flaws: [flaw], notes: [] },
    files: [],
  });
  return inThread({ given, file, known, outside }, refused);
}

/** As `readAside`, of a PNFD. */
export async function readPnfdAside(given: Given, file: string): Promise<PnfdContent> {
  if (await isSmall(given)) return readPnfdContent(given, file);
  const refused = (flaw: Flaw): PnfdContent => ({ reading: { pnfd: null, flaws: [flaw], parts: null }, files: [] });
  return inThread({ given, file, known: null, outside: [] }, refused);
}

async function inThread<T>(task: Task, refused: (flaw: Flaw) => T): Promise<T> {
  const { given, file } = task;
  const longestMs = LONGEST_MS + (await bytesOf(given)) / HASHED_BYTES_PER_MS;
  const worker = new Worker(new URL("./aside-thread.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const tooMuch = (what: string): void =>
    resolve(refused({ file, line: null, column: null, path: "", what, remedy: "write less" }));
  const late = setTimeout(() => tooMuch(`it took more than ${Math.round(longestMs / 1000)} s to read`), longestMs);
  worker.once("message", resolve);
  worker.once("error", (e: NodeJS.ErrnoException) =>
    e.code === "ERR_WORKER_OUT_OF_MEMORY" ? tooMuch("it took too much memory to read") : reject(e),
  );
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    await worker.terminate();
  }
}

const bytesOf = async (given: Given): Promise<number> => (typeof given === "string" ? (await stat(given)).size : given.length);

async function isSmall(given: Given): Promise<boolean> {
  if ((await bytesOf(given)) > AT_ONCE_BYTES_MAX) return false;
  const bytes = typeof given === "string" ? await readFile(given) : given;
  if (!Zip.isOne(bytes)) return true;
  try {
    using zip = await Zip.open(bytes);
    return zip.unpackedBytes <= AT_ONCE_BYTES_MAX * 4;
  } catch {
    return true; // It is refused at once, with the reason.
  }
}
