import { cpus, release } from "node:os";
import { join } from "node:path";
import { runOnce } from "../src/lab/experiment.ts";
import { ensureGuestImage } from "../src/lab/image.ts";
import { type RunningLab, SCHEMES, type SchemeName, startLab } from "../src/lab/lab.ts";
import { LAB_FOLDER, removeLeftovers } from "../src/lab/leftovers.ts";
import { runLine } from "../src/lab/printed.ts";
import { systemClock } from "../src/lib/clock.ts";
import { Fault } from "../src/lib/fault.ts";
import { whenInterrupted } from "./interrupted.ts";
import {
  added,
  type Cell,
  type CellKey,
  countedAs,
  keep,
  keyText,
  type Run,
  readLedger,
  runOf,
  versionOf,
} from "./matrix/ledger.ts";
import { lengthText, matrixTable } from "./matrix/printed.ts";
import { STORIES, type Story } from "./matrix/stories.ts";

export interface KillMatrix {
  readonly root: string;
  /** Each cell is run until it has so many runs of this version, those of earlier calls included. */
  readonly runs: number;
  readonly pps: number;
  readonly schemes: readonly SchemeName[];
  readonly versions: readonly ("1.0" | "1.3")[];
  /** Only stories with one of these names; all where it is left out. */
  readonly stories?: readonly string[];
  readonly load: number;
  readonly probeIntervalMs: number;
  /** Runs of versions since this commit count too: a night of measuring outlives a small change. */
  readonly since?: string;
  /** Only shows what is in the ledger. */
  readonly summary?: boolean;
}

/** Traffic returns this soon, ms: between two runs it is waited for. The examples have 2,000. */
const WAIT_TO_RESTORE_MS = 500;
/** Before any run was timed, ms. */
const RUN_MS_GUESS = 8_000;

interface Work {
  readonly key: CellKey;
  readonly story: Story;
  readonly missing: number;
}

/**
 * Every fault, in every scheme and OpenFlow version, again and again, with one lab for each of these; a line in git for each cell and
 * call. It can be stopped at any time and goes on where it was. Gives the exit status: 0 when no run of this call was missed.
 */
export async function benchKillMatrix(bench: KillMatrix): Promise<number> {
  const path = join(bench.root, "bench", "results", "kill-matrix.jsonl");
  const version = versionOf(bench.root);
  const counted = () => added(countedAs(version, readLedger(path), bench.root, bench.since));
  const heading = `version ${version}${bench.since ? `, and those since ${bench.since}` : ""}`;
  const show = () => console.log(`\n${heading}\n\n${matrixTable(counted())}`);
  if (bench.summary) {
    show();
    return 0;
  }
  const work = workFor(bench, version, counted());
  const progress = new Progress(work);
  const stopped = whenInterrupted();
  await removeLeftovers(join(bench.root, LAB_FOLDER), console.log);
  let missed = 0;
  for (const scheme of bench.schemes) {
    for (const openflow of bench.versions) {
      const cells = work.filter((w) => w.key.scheme === scheme && w.key.openflow === openflow && w.missing > 0);
      if (cells.length === 0 || stopped.aborted) continue;
      await using lab = await labFor(bench, scheme, openflow);
      for (const cell of cells) missed += await runCell(lab, cell, { path, scheme, progress, signal: stopped });
    }
  }
  show();
  return missed === 0 ? 0 : 1;
}

/** Every cell that is asked for, with the runs it still lacks. Throws INVALID for a story that there is not. */
function workFor(bench: KillMatrix, version: string, had: readonly Cell[]): Work[] {
  const { runs, pps, load, probeIntervalMs, schemes, versions } = bench;
  const names = STORIES.map((s) => s.name);
  const unknown = bench.stories?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0)
    throw new Fault("INVALID", `there is no story '${unknown.join("', '")}'; there are '${names.join("', '")}'`);
  const stories = STORIES.filter((s) => bench.stories?.includes(s.name) ?? true);
  return schemes.flatMap((scheme) =>
    versions.flatMap((openflow) =>
      stories.map((story): Work => {
        const key = { version, scheme, openflow, story: story.name, pps, load, probeIntervalMs };
        const done = had.find((c) => keyText(c) === keyText(key))?.runs.length ?? 0;
        return { key, story, missing: Math.max(0, runs - done) };
      }),
    ),
  );
}

async function labFor({ root, pps, load, probeIntervalMs }: KillMatrix, scheme: SchemeName, openflow: "1.0" | "1.3") {
  const image = await ensureGuestImage(join(root, ".cache", "guest"), console.log);
  const runFolder = join(root, "var", "bench", `${Date.now()}`);
  const tuning = { probeIntervalMs, waitToRestoreMs: WAIT_TO_RESTORE_MS };
  const options = { scheme, openflow, mode: "push", pollIntervalMs: 1000, video: false, tuning, load } as const;
  console.log(`lab: ${scheme}, OpenFlow ${openflow}; stores and logs are in ${runFolder}`);
  return startLab({ ...options, root, runFolder, image, pps, progress: () => {} });
}

interface Course {
  readonly path: string;
  readonly scheme: SchemeName;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What was measured is kept also when a run throws. Gives how many were missed. */
async function runCell(
  lab: RunningLab,
  { key, story, missing }: Work,
  { path, scheme, progress, signal }: Course,
): Promise<number> {
  const runs: Run[] = [];
  try {
    for (let i = 1; i <= missing && !signal.aborted; i++) {
      const run = await runOnce(lab, {
        fault: story.fault,
        mode: "push",
        scheme: SCHEMES[scheme],
        onMoment: () => {},
        watchesOwners: true,
        restsWhileHealing: true,
        isTwinDown: story.isTwinDown ?? false,
        ...(story.also ? { also: story.also(lab) } : {}),
      });
      const kept = runOf(story, run);
      runs.push(kept);
      const wrong = [kept.areIncidentsRight ? [] : `${kept.incidents} records`, kept.areAlarmsRight ? [] : "alarms wrong"].flat();
      console.log(`${progress.done()} ${scheme} ${key.openflow} ${story.name}:${runLine(i, run)}  ${wrong.join(", ")}`);
    }
  } finally {
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node };
    if (runs.length > 0) keep(path, { at: new Date().toISOString(), what: "kill-matrix", ...key, runs, machine });
  }
  return runs.filter((r) => !r.served).length;
}

/** How far it is, and how long it will take at the pace so far. */
class Progress {
  readonly #all: number;
  readonly #startedAt = systemClock.now();
  #done = 0;

  constructor(work: readonly Work[]) {
    this.#all = work.reduce((sum, w) => sum + w.missing, 0);
    console.log(`${this.#all} runs to make, about ${lengthText(this.#all * RUN_MS_GUESS)}`);
  }

  /** Counts one more. */
  done(): string {
    this.#done++;
    const left = ((systemClock.now() - this.#startedAt) / this.#done) * (this.#all - this.#done);
    return `[${this.#done}/${this.#all}, ${lengthText(left)} left]`;
  }
}
