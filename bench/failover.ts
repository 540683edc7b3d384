import { appendFileSync, readFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { runOnce } from "../src/lab/experiment.ts";
import { ensureGuestImage } from "../src/lab/image.ts";
import { type RunningLab, startLab } from "../src/lab/lab.ts";
import { LAB_FOLDER, removeLeftovers } from "../src/lab/leftovers.ts";
import { runLine } from "../src/lab/printed.ts";
import { type DemoRun, summarise } from "../src/lab/result.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { whenInterrupted } from "./interrupted.ts";

export interface FailoverBench {
  readonly root: string;
  /** Kills in push mode, and in the reference mode beside it. */
  readonly runs: number;
  readonly pollRuns: number;
  readonly pps: number;
  /** Busy processes beside it; the idle daemons are looked at among them. */
  readonly load: number;
  /** Otherwise than the example has it, ms. */
  readonly probeInterval?: number;
}

/** How long the daemons are watched doing nothing, ms. */
const IDLE_MS = 10_000;
/** The exit status of who was interrupted; what was measured by then is of fewer runs than was asked for, and is not kept. */
const INTERRUPTED = 130;
/** Kernel ticks of /proc/PID/stat in a second (USER_HZ). */
const TICKS_PER_S = 100;

interface Idle {
  readonly cpuPercent: number;
  readonly rssMiB: number;
  /** The daemon's share: pages that several processes have (Node itself) are divided among them. */
  readonly pssMiB: number;
}

/** Kills VNFC A again and again, first with push, then with the dissertation's polling, in one lab; keeps one line in git. */
export async function benchFailover({ root, runs, pollRuns, pps, load, probeInterval }: FailoverBench): Promise<number> {
  const stopped = whenInterrupted();
  await removeLeftovers(join(root, LAB_FOLDER), console.log);
  const image = await ensureGuestImage(join(root, ".cache", "guest"), console.log);
  const runFolder = join(root, "var", "bench", String(Date.now()));
  const options = { scheme: "active-active", openflow: "1.3", mode: "push", pollIntervalMs: 1000, video: false } as const;
  await using lab = await startLab({
    ...{ ...options, root, runFolder, image, pps, load, tuning: { probeIntervalMs: probeInterval } },
    progress: console.log,
  });
  const idle = { vim: await idleOf(lab.daemons.vim.pid), mano: await idleOf(lab.daemons.mano.pid) };
  const push = await kills(lab, "push", runs, stopped);
  if (!stopped.aborted) await lab.setMode("poll");
  const poll = await kills(lab, "poll", pollRuns, stopped);
  if (stopped.aborted) return INTERRUPTED;

  const line = {
    at: new Date().toISOString(),
    what: "failover",
    pps,
    load,
    ...(probeInterval === undefined ? {} : { probeIntervalMs: probeInterval }),
    idle,
    push: { ...summarise(push), steps: steps(push) },
    poll: { ...summarise(poll), steps: steps(poll) },
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node },
  };
  appendFileSync(join(root, "bench", "results", "failover.jsonl"), `${JSON.stringify(line)}\n`);
  console.log(`\n${stepsTable(push, poll)}\n\nidle: VIM ${text(idle.vim)}, MANO ${text(idle.mano)}`);
  return [...push, ...poll].every((r) => r.verified) ? 0 : 1;
}

const text = ({ cpuPercent, rssMiB, pssMiB }: Idle) =>
  `${cpuPercent.toFixed(1)} % of a core, ${rssMiB.toFixed(0)} MiB resident (${pssMiB.toFixed(0)} MiB its share)`;

async function kills(lab: RunningLab, mode: "push" | "poll", n: number, stopped: AbortSignal): Promise<DemoRun[]> {
  const done: DemoRun[] = [];
  for (let i = 1; i <= n && !stopped.aborted; i++) {
    const run = await runOnce(lab, { fault: "kill", mode, scheme: "ACTIVE_ACTIVE", onMoment: () => {} });
    done.push(run);
    console.log(runLine(i, run));
  }
  return done;
}

async function idleOf(pid: number | null): Promise<Idle> {
  const ticks = () => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(stat[11]) + Number(stat[12]);
  };
  const before = ticks();
  await systemClock.sleep(IDLE_MS);
  const cpuPercent = ((ticks() - before) / TICKS_PER_S / (IDLE_MS / 1000)) * 100;
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (what: string) => Number(new RegExp(`^${what}:\\s+(\\d+)`, "m").exec(memory)?.[1]) / 1024;
  return { cpuPercent, rssMiB: mib("Rss"), pssMiB: mib("Pss") };
}

/** Each step of a failover: ms from the fault. Where the time goes. */
function steps(runs: readonly DemoRun[]) {
  const of = (pick: (r: DemoRun) => number | null | undefined) => spreadOf(runs.flatMap((r) => pick(r) ?? []));
  const sources = [...new Set(runs.flatMap((r) => Object.keys(r.times.seen)))];
  return {
    ...Object.fromEntries(sources.map((s) => [`seen by ${s}`, of((r) => r.times.seen[s])])),
    "told to the MANO": of((r) => r.times.told),
    decided: of((r) => r.times.decided),
    "on the wire": of((r) => r.times.onWire),
    barrier: of((r) => r.times.barrier),
    "first good packet": of((r) => r.times.firstPacket),
    "alarm told": of((r) => r.times.alarmTold),
    "viewer A: interruption": of((r) => r.viewers[0]?.interruptionMs),
    "viewer A: lost packets": of((r) => r.viewers[0]?.lost),
    "viewer B: longest silence": of((r) => r.viewers[1]?.interruptionMs),
    "viewer B: lost packets": of((r) => r.viewers[1]?.lost),
  };
}

function stepsTable(push: readonly DemoRun[], poll: readonly DemoRun[]): string {
  const [a, b] = [steps(push), steps(poll)] as Record<string, ReturnType<typeof spreadOf>>[];
  const names = [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])];
  const cells = (s: ReturnType<typeof spreadOf> | undefined) => [ms(s?.p50), ms(s?.p99), ms(s?.max)];
  const heading = ["ms from the fault", `push n=${push.length} p50`, "p99", "max", `poll n=${poll.length} p50`, "p99", "max"];
  return table(
    heading,
    names.map((name) => [name, ...cells(a?.[name]), ...cells(b?.[name])]),
  );
}
