import { parentPort, workerData } from "node:worker_threads";
import type { Task } from "./aside.ts";
import { knownOf } from "./compile.ts";
import { readDescriptorFile } from "./read.ts";

// Begun by `aside.ts` for one task.
const { bytes, file, known } = workerData as Task;
parentPort?.postMessage(await readDescriptorFile(bytes, file, knownOf(known.blueprints, [...known.names])));
