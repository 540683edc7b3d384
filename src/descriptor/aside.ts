import { Worker } from "node:worker_threads";
import type { VnfBlueprint } from "../model/blueprint.ts";
import { knownOf } from "./compile.ts";
import { type Reading, readDescriptorFile } from "./read.ts";
import { Zip } from "./zip.ts";

/** What takes a few milliseconds to read is read at once; a thread takes longer to begin. Of a package, what its texts unpack to. */
const AT_ONCE_BYTES_MAX = 16 * 1024;
const LONGEST_MS = 30_000;
const HEAP_MIB_MAX = 512;

/** Handed to the thread. */
export interface Task {
  readonly bytes: Uint8Array;
  readonly file: string;
  readonly known: OnBoard;
}

/** VNFDs that may be referred to: those that are needed, and what all are called. */
export interface OnBoard {
  readonly blueprints: readonly VnfBlueprint[];
  readonly names: readonly string[];
}

/** As `readDescriptorFile`, beside a daemon whose reactions must not wait: what is large is read by a thread of its own, with a heap and a time of its own. */
export async function readAside(bytes: Uint8Array, file: string, known: OnBoard): Promise<Reading> {
  if (await isSmall(bytes)) return readDescriptorFile(bytes, file, knownOf(known.blueprints, [...known.names]));
  const task: Task = { bytes, file, known };
  const worker = new Worker(new URL("./aside-thread.ts", import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
  const { promise, resolve, reject } = Promise.withResolvers<Reading>();
  const tooMuch = (what: string): void => resolve(refused(file, what));
  const late = setTimeout(() => tooMuch(`it took more than ${LONGEST_MS / 1000} s to read`), LONGEST_MS);
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

async function isSmall(bytes: Uint8Array): Promise<boolean> {
  if (bytes.length > AT_ONCE_BYTES_MAX) return false;
  if (!Zip.isOne(bytes)) return true;
  try {
    return (await Zip.open(bytes)).unpackedBytes <= AT_ONCE_BYTES_MAX * 4;
  } catch {
    return true; // It is refused at once, with the reason.
  }
}

const refused = (file: string, what: string): Reading => ({
  form: "unknown",
  outcome: null,
  flaws: [{ file, line: null, column: null, path: "", what, remedy: "write less" }],
  notes: [],
});
