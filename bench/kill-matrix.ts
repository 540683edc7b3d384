import { appendFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { type ExperimentOptions, runOnce } from "../src/lab/experiment.ts";
import type { FaultKind } from "../src/lab/fault-injection.ts";
import { ensureGuestImage } from "../src/lab/image.ts";
import { type RunningLab, startLab } from "../src/lab/lab.ts";
import { LAB_FOLDER, removeLeftovers } from "../src/lab/leftovers.ts";
import { runLine } from "../src/lab/printed.ts";
import type { DemoRun } from "../src/lab/result.ts";
import { spreadOf } from "../src/lab/stats.ts";

export interface KillMatrix {
  readonly root: string;
  /** Runs of each story in each lab. */
  readonly runs: number;
  readonly pps: number;
  readonly schemes: readonly ("active-active" | "active-passive")[];
  readonly versions: readonly ("1.0" | "1.3")[];
}

/** What happens to VNFC A, and who else dies a moment before. */
interface Story {
  readonly name: string;
  readonly fault: FaultKind;
  readonly also?: (lab: RunningLab) => void;
}

const killed = (pid: number | null) => process.kill(pid as number, "SIGKILL");
const STORIES: readonly Story[] = [
  ...(["kill", "pause", "hang", "panic", "relay", "link"] as const).map((fault) => ({ name: fault, fault })),
  { name: "kill, VIM killed", fault: "kill", also: (lab) => killed(lab.daemons.vim.pid) },
  { name: "kill, MANO killed", fault: "kill", also: (lab) => killed(lab.daemons.mano.pid) },
  {
    name: "kill, VIM and MANO killed",
    fault: "kill",
    also: (lab) => [lab.daemons.vim.pid, lab.daemons.mano.pid].map(killed),
  },
  { name: "kill, switch killed", fault: "kill", also: (lab) => killed(lab.ovs.switchPid) },
];

/** Every fault, in every scheme and OpenFlow version, again and again; keeps a line in git for each cell. */
export async function benchKillMatrix({ root, runs, pps, schemes, versions }: KillMatrix): Promise<number> {
  await removeLeftovers(join(root, LAB_FOLDER), console.log);
  const image = await ensureGuestImage(join(root, ".cache", "guest"), console.log);
  const rows: string[][] = [];
  let missed = 0;
  for (const scheme of schemes) {
    for (const openflow of versions) {
      const runFolder = join(root, "var", "bench", `${Date.now()}`);
      const options = { scheme, openflow, mode: "push", pollIntervalMs: 1000, video: false } as const;
      await using lab = await startLab({ ...options, root, runFolder, image, pps, progress: () => {} });
      for (const story of STORIES) {
        const cell = await runsOf(lab, story, scheme, runs);
        missed += cell.filter((r) => !r.verified).length;
        rows.push(rowOf(`${scheme} ${openflow} ${story.name}`, cell));
        keep(root, { scheme, openflow, story: story.name, pps }, cell);
      }
    }
  }
  console.log(`\n${table(HEADING, rows)}`);
  return missed === 0 ? 0 : 1;
}

async function runsOf(lab: RunningLab, story: Story, scheme: string, n: number): Promise<DemoRun[]> {
  const also: ExperimentOptions["also"] = story.also && { when: "before", act: () => story.also?.(lab) };
  const done: DemoRun[] = [];
  for (let i = 1; i <= n; i++) {
    const run = await runOnce(lab, {
      fault: story.fault,
      mode: "push",
      scheme: scheme === "active-active" ? "ACTIVE_ACTIVE" : "ACTIVE_PASSIVE",
      onMoment: () => {},
      ...(also && { also }),
    });
    done.push(run);
    console.log(`${story.name}:${runLine(i, run)}`);
  }
  return done;
}

const HEADING = [
  "",
  "n",
  "missed",
  "first packet p50",
  "p99",
  "max",
  "A lost p50",
  "max",
  "B lost max",
  "incidents",
  "alarms left",
];

function figures(cell: readonly DemoRun[]) {
  const lost = (viewer: number) => spreadOf(cell.map((r) => r.viewers[viewer]?.lost ?? 0));
  return {
    n: cell.length,
    missed: cell.filter((r) => !r.verified).length,
    firstPacket: spreadOf(cell.flatMap((r) => r.times.firstPacket ?? [])),
    lostA: lost(0),
    lostB: lost(1),
    notOneIncident: cell.filter((r) => r.incidents !== 1).length,
    alarmsLeft: cell.filter((r) => (r.alarmsLeft ?? 0) > 0).length,
  };
}

function rowOf(name: string, cell: readonly DemoRun[]): string[] {
  const f = figures(cell);
  const wrong = (n: number) => (n === 0 ? "right" : `${n} wrong`);
  return [
    name,
    String(f.n),
    String(f.missed),
    ms(f.firstPacket?.p50),
    ms(f.firstPacket?.p99),
    ms(f.firstPacket?.max),
    String(f.lostA?.p50 ?? "-"),
    String(f.lostA?.max ?? "-"),
    String(f.lostB?.max ?? "-"),
    wrong(f.notOneIncident),
    wrong(f.alarmsLeft),
  ];
}

function keep(root: string, what: object, cell: readonly DemoRun[]): void {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node };
  const line = { at: new Date().toISOString(), what: "kill-matrix", ...what, ...figures(cell), machine };
  appendFileSync(join(root, "bench", "results", "kill-matrix.jsonl"), `${JSON.stringify(line)}\n`);
}
