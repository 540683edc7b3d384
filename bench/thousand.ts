import { appendFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { rehearse } from "../src/compose/vim-rehearsal.ts";
import { daemonPriority } from "../src/lab/priority.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { runFirst } from "../src/lib/priority.ts";
import { VERSION } from "../src/lib/version.ts";
import type { VimEvent } from "../src/model/vim-event.ts";
import { armed, comesUp, type Pair, startThousandRig, type ThousandRig } from "./thousand-rig.ts";

export interface ThousandBench {
  readonly root: string;
  /** Pairs that exist; in each cell so many of them, or fewer, lose a member. */
  readonly existing: readonly number[];
  readonly failing: readonly number[];
  /** Runs of a cell; a tenth of it, but three at least, where a hundred or more fail. */
  readonly runs: number;
}

/** ms from the moment the evidence was read. */
interface Run {
  readonly decided: number;
  readonly onWire: number;
  readonly barrier: number;
  readonly stored: number;
  /** What this thread worked until the change was on the wire and told: does not grow with what else the machine does. */
  readonly own: number;
  /** The same until the last barrier was answered: with what is stored and told meanwhile. */
  readonly ownToBarrier: number;
  /** What the switch worked until then. */
  readonly switchCpu: number;
}

/** How cost grows: members fail at once, on one real switch, among more and more that exist. */
export async function benchThousand({ root, existing, failing, runs }: ThousandBench): Promise<number> {
  const rows: string[][] = [];
  let wrong = 0;
  await rehearse(); // As the daemon does when it takes its priority.
  await runFirst(daemonPriority());
  for (const pairs of existing) {
    console.log(`${pairs} pairs: ${4 * pairs} networks and switch ports`);
    await using rig = await startThousandRig(pairs);
    let revision = 1;
    for (const count of failing.filter((n) => n <= pairs)) {
      const done: Run[] = [];
      const n = count < 100 ? runs : Math.max(3, Math.round(runs / 10));
      for (let i = 0; i < n; i++) {
        const victims = rig.pairs.slice(0, count);
        done.push(await failAtOnce(rig, victims));
        wrong += victims.filter((p) => !isMoved(rig, p)).length;
        await restore(rig, victims, ++revision);
      }
      wrong += ((await rig.vim.fabric.reconcile())?.changes ?? 0) > 0 ? 1 : 0;
      rows.push(rowOf(pairs, count, done));
      keep(root, pairs, count, done);
      console.log(rows.at(-1)!.join("  "));
    }
  }
  console.log(`\n${table(HEADING, rows)}\n${wrong === 0 ? "all were moved, once each" : `${wrong} went wrong`}`);
  return wrong === 0 ? 0 : 1;
}

/** The first member of each ends, all told in one turn of the event loop, as one read of a socket tells them. */
async function failAtOnce({ vim, host, switchMs }: ThousandRig, victims: readonly Pair[]): Promise<Run> {
  const fired = new Set<string>();
  let [decided, onWire, barrier, own] = [0, 0, 0, 0];
  const all = Promise.withResolvers<void>();
  const unsubscribe = vim.events.subscribe((e: VimEvent) => {
    if (e.type === "protection.fired") {
      decided = Math.max(decided, e.fired.firedAt);
      own = threadMs() - before;
    }
    if (e.type !== "protection.confirmed" || fired.has(e.fired.protectionId)) return;
    fired.add(e.fired.protectionId);
    onWire = Math.max(onWire, e.fired.onWireAt ?? 0);
    barrier = Math.max(barrier, e.fired.barrierAt ?? 0);
    if (fired.size === victims.length) all.resolve();
  });
  const [before, switchBefore] = [threadMs(), switchMs()];
  const from = systemClock.now();
  for (const { members } of victims) {
    const about = { kind: "server", id: members[0].server.id } as const;
    host({ type: "evidence", evidence: { about, says: "stopped", source: "processExit", seenAt: from } });
  }
  await all.promise;
  const ownToBarrier = threadMs() - before;
  const switchCpu = switchMs() - switchBefore;
  unsubscribe();
  await vim.picture.settled();
  return {
    decided: decided - from,
    onWire: onWire - from,
    barrier: barrier - from,
    stored: systemClock.now() - from,
    own,
    ownToBarrier,
    switchCpu,
  };
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

const isMoved = ({ vim }: ThousandRig, { members: [a, b] }: Pair): boolean =>
  vim.picture.nets.get(a.traffic.id)?.bindNet === b.data.id;

async function restore({ vim }: ThousandRig, victims: readonly Pair[], revision: number): Promise<void> {
  for (const { members } of victims) comesUp(vim, members[0].server);
  for (const { members } of victims) await vim.binds.changeBind(members[0].traffic.id, members[0].data.id);
  for (const p of victims) await vim.protections.arm(armed(p, revision));
  await vim.picture.settled();
  await vim.events.flush();
  await systemClock.sleep(500 + 5 * victims.length); // Stand-ins follow what is armed, and plans are worked out ahead.
}

const HEADING = [
  "pairs",
  "fail",
  "n",
  "decided p50",
  "max",
  "on wire p50",
  "p99",
  "max",
  "barrier p50",
  "p99",
  "max",
  "stored p50",
  "own CPU p50",
  "to barrier",
  "switch CPU",
];

function figures(done: readonly Run[]) {
  const of = (what: keyof Run) => spreadOf(done.map((r) => r[what]))!;
  return {
    decided: of("decided"),
    onWire: of("onWire"),
    barrier: of("barrier"),
    stored: of("stored"),
    own: of("own"),
    ownToBarrier: of("ownToBarrier"),
    switchCpu: of("switchCpu"),
  };
}

function rowOf(pairs: number, count: number, done: readonly Run[]): string[] {
  const { decided, onWire, barrier, stored, own, ownToBarrier, switchCpu } = figures(done);
  const three = (s: { p50: number; p99: number; max: number }) => [ms(s.p50), ms(s.p99), ms(s.max)];
  const first = [String(pairs), String(count), String(done.length), ms(decided.p50), ms(decided.max)];
  return [...first, ...three(onWire), ...three(barrier), ms(stored.p50), ms(own.p50), ms(ownToBarrier.p50), ms(switchCpu.p50)];
}

function keep(root: string, pairs: number, count: number, done: readonly Run[]): void {
  const line = {
    at: new Date().toISOString(),
    what: "thousand",
    version: VERSION,
    pairs,
    failing: count,
    n: done.length,
    ...figures(done),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node, load: loadavg()[0] },
  };
  appendFileSync(join(root, "bench", "results", "thousand.jsonl"), `${JSON.stringify(line)}\n`);
}
