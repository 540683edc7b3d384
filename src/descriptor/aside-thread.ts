import { parentPort, workerData } from "node:worker_threads";
import type { Task } from "./aside.ts";
import { knownOf } from "./compile.ts";
import { readContent, readPnfdContent } from "./content.ts";

// Begun by `aside.ts` for one task.
const { given, file, known, outside } = workerData as Task;
parentPort?.postMessage(
  known === null
    ? await readPnfdContent(given, file)
    : await readContent(given, file, knownOf(known.blueprints, [...known.names]), outside),
);
