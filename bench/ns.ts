import { ms, table } from "../src/cli/table.ts";
import { percentile, type Spread, spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { keepLine } from "./kept.ts";
import { NsBed, timed } from "./ns-bed.ts";
import { type FailoverTimes, failInTurn, sideOf } from "./ns-failover.ts";

/** What issue 5 asks for. */
const INSTANTIATION_P95_MS = 50;
const LIST_P99_MS = 50;
const MEMORY_MIB = 256;
/** Network services that come up while the next one is asked for. */
const COMING_UP_MAX = 16;
const TELL_EVERY = 50;
const LISTS = 200;
/** Failures of each kind and MANO. */
const FAILURES = 60;
const ALONE = ["alone"];

/**
 * A MANO with many network services, each with a protection group, over a VIM that answers at once: how long one more takes to be asked for, how long
 * lists take, and the memory. Then members of it fail, and of a MANO with one network service, in turn.
 */
export async function benchNs({ root, runs }: { readonly root: string; readonly runs: number }): Promise<number> {
  const names = Array.from({ length: runs }, (_, n) => `n${n}`);
  await using bed = await NsBed.start(root, names);
  const shares = await instantiatedAll(bed, names);
  const lists: number[] = [];
  for (let n = 0; n < LISTS; n++) lists.push(await timed(() => bed.ask("GET", "/nslcm/v2/ns_instances")));
  const memoryMiB = bed.residentMiB;
  await using alone = await NsBed.start(root, ALONE);
  await instantiatedAll(alone, ALONE);
  const sides = [await sideOf(alone, ALONE), await sideOf(bed, names)];
  const commanded = await failInTurn(sides, FAILURES, false);
  const armed = await failInTurn(sides, FAILURES, true);
  for (const { receiver } of sides) await receiver[Symbol.asyncDispose]();
  return told(root, { count: runs, shares, lists, memoryMiB, commanded, armed });
}

/** Gives our share of each. */
async function instantiatedAll(bed: NsBed, names: readonly string[]): Promise<number[]> {
  const begunAt = systemClock.now();
  const shares: number[] = [];
  const comingUp = new Set<Promise<void>>();
  for (const name of names) {
    const { id, share } = await bed.instantiated(name);
    shares.push(share);
    const up = bed.comesUp(name, id).finally(() => comingUp.delete(up));
    comingUp.add(up);
    if (comingUp.size >= COMING_UP_MAX) await Promise.race(comingUp);
    if (shares.length % TELL_EVERY === 0) tell(shares.length, names.length, begunAt, bed.residentMiB);
  }
  await Promise.all(comingUp);
  return shares;
}

function tell(done: number, runs: number, begunAt: number, memoryMiB: number): void {
  const seconds = (systemClock.now() - begunAt) / 1_000;
  const leftSeconds = (seconds / done) * (runs - done);
  console.log(
    `${done} of ${runs} network services after ${seconds.toFixed(0)} s, about ${leftSeconds.toFixed(0)} s left; MANO ${memoryMiB.toFixed(0)} MiB`,
  );
}

interface Found {
  readonly count: number;
  readonly shares: readonly number[];
  readonly lists: readonly number[];
  readonly memoryMiB: number;
  /** Of the MANO with one network service, then of the one with many. */
  readonly commanded: readonly FailoverTimes[];
  readonly armed: readonly FailoverTimes[];
}

function told(root: string, { count, shares, lists, memoryMiB, commanded, armed }: Found): number {
  const [share, list, p95] = [spreadOf(shares)!, spreadOf(lists)!, percentile(shares, 95)!];
  console.log(
    table(
      [`${count} network services, ms`, "p50", "p95", "p99", "max"],
      [
        ["our share of an instantiation", ms(share.p50), ms(p95), ms(share.p99), ms(share.max)],
        ["a list of them", ms(list.p50), "", ms(list.p99), ms(list.max)],
      ],
    ),
  );
  console.log(`memory of the MANO: ${memoryMiB.toFixed(0)} MiB`);
  const failovers = {
    "no plan fires → the VIM is asked": commanded.map((t) => spreadOf(t.acted)!),
    "no plan fires → alarm at a subscriber": commanded.map((t) => spreadOf(t.alarm)!),
    "the armed plan fires → the next plan": armed.map((t) => spreadOf(t.acted)!),
    "the armed plan fires → alarm at a subscriber": armed.map((t) => spreadOf(t.alarm)!),
  };
  const columns = (s: Spread) => [ms(s.p50), ms(s.p99), ms(s.max)];
  console.log(
    table(
      [`failures, n=${FAILURES}, ms`, "with 1: p50", "p99", "max", `with ${count}: p50`, "p99", "max"],
      Object.entries(failovers).map(([what, both]) => [what, ...both.flatMap(columns)]),
    ),
  );
  keepLine(root, "ns", { count, instantiation: { ...share, p95 }, list, memoryMiB, failures: FAILURES, failovers });
  return p95 <= INSTANTIATION_P95_MS && list.p99 <= LIST_P99_MS && memoryMiB <= MEMORY_MIB ? 0 : 1;
}
