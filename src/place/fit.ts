import type { Numa, Pinned, PinnedThread, Thread } from "../model/numa.ts";
import { chooseInterfaces, freeCards } from "./cards.ts";
import type { NumaNeed, Pinning } from "./need.ts";

/** How a NUMA node stands to what is asked. */
export interface Fit {
  readonly numa: Numa;
  readonly freeGiB: number;
  readonly hasPages: boolean;
  readonly hasThreads: boolean;
  /** What the server would have for itself; null: it does not fit. */
  readonly pinned: Pinned | null;
  /** What it lacks, in words; null: nothing. */
  readonly lacks: string | null;
}

export function fitNuma(need: NumaNeed, numa: Numa, takenOnHost: readonly Pinned[], onlySwitched: boolean): Fit {
  const taken = takenOnHost.filter((p) => p.numaSocket === numa.numaSocket);
  const freeGiB = numa.hugepagesGiB - taken.reduce((n, p) => n + p.hugepagesGiB, 0);
  const hasPages = freeGiB >= need.hugepagesGiB;
  const cores = freeCores(numa.cores, taken);
  const threads = need.pinning === null ? [] : pinThreads(need.pinning, cores);
  const seen = { numa, freeGiB, hasPages, hasThreads: threads !== null };
  const lack = (lacks: string): Fit => ({ ...seen, pinned: null, lacks: `numa ${numa.numaSocket}: ${lacks}` });
  if (!hasPages) return lack(`${freeGiB} GB hugepages free`);
  if (threads === null) return lack(`${freeText(need.pinning!, cores)} free`);
  const interfaces = chooseInterfaces(need.interfaces, freeCards(numa.interfaces, taken, onlySwitched));
  if (!Array.isArray(interfaces)) {
    const { name, dedicated, mbps } = interfaces;
    const what = dedicated === "no" ? "function of a card with" : "unused card of";
    return lack(`no ${what} ${mbps} Mbps free for interface '${name}'${onlySwitched ? " and cabled to the switch" : ""}`);
  }
  const { hugepagesGiB, pinning } = need;
  const pinned = { numaSocket: numa.numaSocket, hugepagesGiB, kind: pinning?.kind ?? null, threads, interfaces };
  return { ...seen, pinned, lacks: null };
}

/** The free threads of a core, and whether they are all it has. */
interface Core {
  readonly free: readonly Thread[];
  readonly isWhole: boolean;
}

/** By core id, lowest first; cores without a free thread left out. */
function freeCores(threads: readonly Thread[], taken: readonly Pinned[]): Core[] {
  const used = new Set(taken.flatMap((p) => p.threads.map((t) => t.threadId)));
  const byCore = Map.groupBy(threads, (t) => t.coreId);
  return [...byCore]
    .sort(([a], [b]) => a - b)
    .map(([, all]) => {
      const free = all.filter((t) => t.status === null && !used.has(t.threadId));
      return { free, isWhole: free.length === all.length };
    })
    .filter((core) => core.free.length > 0);
}

const THREADS_OF_A_PAIR = 2;
/** Cores that can be given as a whole: of one thread to who wants cores, not to who wants pairs. */
const wholeCores = ({ kind }: Pinning, cores: readonly Core[]): Core[] =>
  cores.filter((c) => c.isWhole && c.free.length >= (kind === "paired-threads" ? THREADS_OF_A_PAIR : 1));

const freeText = (pinning: Pinning, cores: readonly Core[]): string =>
  pinning.kind === "threads"
    ? `${cores.reduce((n, c) => n + c.free.length, 0)} cpu-threads`
    : `${wholeCores(pinning, cores).length} cpu-cores`;

/** Threads for the guest's CPUs, or null where there are not enough. */
function pinThreads(pinning: Pinning, cores: readonly Core[]): PinnedThread[] | null {
  const { kind, count, ids } = pinning;
  if (kind === "threads") {
    // Cores that are in use already are filled before a new one is begun.
    const free = [...cores].sort((a, b) => a.free.length - b.free.length).flatMap((c) => c.free);
    return free.length < count ? null : ids.map((vcpu, i) => pin(free[i]!, vcpu));
  }
  const whole = wholeCores(pinning, cores).slice(0, count);
  if (whole.length < count) return null;
  const ofCore = kind === "cores" ? 1 : THREADS_OF_A_PAIR;
  return whole.flatMap(({ free }, core) => free.map((t, i) => pin(t, i < ofCore ? ids[core * ofCore + i]! : null)));
}

const pin = ({ coreId, threadId }: Thread, vcpu: number | null): PinnedThread => ({ coreId, threadId, vcpu });
