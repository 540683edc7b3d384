import type { UsedSource } from "../model/measurement.ts";
import type { ServerUsage } from "../model/server-usage.ts";
import type { VnfcView } from "../model/vnf-view.ts";
import { isAsLong, type Reading } from "./reading.ts";

// How much of their CPUs and of their memory VNFCs use, from what their hosts have counted. Pure.

/** So much was used of so much there was. Null: it is not known. Undefined: there was nothing, as of one that did not run. */
type Part = { readonly used: number; readonly of: number } | null | undefined;

const PERCENT = 100;
const DECIMALS = 100;

/**
 * In percent of all their CPUs, or of all their memory, in a period; a peak is that of the one VNFC that used most at once. `readings` are those of its
 * beginning, of its end, and what there are between: the more, the truer is a peak, and a mean of memory. Null: it is not known, since a VIM or a
 * host did not answer at an end, or one of them was started anew within.
 */
export function usedBy(source: UsedSource, vnfcs: readonly VnfcView[], readings: readonly Reading[]): number | null {
  const used = USED[source](vnfcs, readings);
  return used === null ? null : Math.round(used * DECIMALS) / DECIMALS;
}

const cpuMean = (vnfcs: readonly VnfcView[], readings: readonly Reading[]): number | null =>
  shareOf(vnfcs.map((v) => cpuOf(v, readings[0]!, readings.at(-1)!)));

const memoryAt = (vnfcs: readonly VnfcView[], reading: Reading): number | null => shareOf(vnfcs.map((v) => memoryOf(v, reading)));

const USED: Record<UsedSource, typeof cpuMean> = {
  cpuMean,
  cpuPeak: (vnfcs, readings) =>
    cpuMean(vnfcs, readings) === null ? null : highest(vnfcs.flatMap((v) => cpuSharesOf(v, readings))),
  memoryMean: (vnfcs, [, ...readings]) => {
    const known = readings.map((r) => memoryAt(vnfcs, r));
    return known.at(-1) == null ? null : meanOf(known.filter((m) => m !== null));
  },
  memoryPeak: (vnfcs, [, ...readings]) => {
    if (memoryAt(vnfcs, readings.at(-1)!) === null) return null;
    return highest(readings.flatMap((r) => vnfcs.map((v) => memoryAt([v], r))));
  },
};

/** From each reading in which it is known to the next one. */
function cpuSharesOf(vnfc: VnfcView, readings: readonly Reading[]): (number | null)[] {
  const known = readings.filter((r) => usageIn(r, vnfc) !== undefined);
  return known.slice(1).map((after, i) => shareOf([cpuOf(vnfc, known[i]!, after)]));
}

const usageIn = ({ usage }: Reading, { vimAccountId, serverId }: VnfcView): ServerUsage | undefined =>
  usage.get(vimAccountId)?.get(serverId);

/** Null too where it was started anew, or what the VIM read is of another time than that in which we asked. */
function cpuOf(vnfc: VnfcView, before: Reading, after: Reading): Part {
  const [from, to] = [usageIn(before, vnfc), usageIn(after, vnfc)];
  if (from === undefined || to === undefined || from.run !== to.run) return null;
  if (to.run === null) return undefined;
  const spanMs = to.readMs - from.readMs;
  if (from.cpuMs === null || to.cpuMs === null || to.cpuMs < from.cpuMs) return null;
  if (spanMs <= 0 || !isAsLong(spanMs, after.monoMs - before.monoMs)) return null;
  return { used: to.cpuMs - from.cpuMs, of: spanMs * to.vcpus };
}

function memoryOf(vnfc: VnfcView, reading: Reading): Part {
  const usage = usageIn(reading, vnfc);
  if (usage === undefined) return null;
  if (usage.run === null) return undefined;
  return usage.residentMiB === null ? null : { used: usage.residentMiB, of: usage.memoryMiB };
}

/** In percent; null as soon as one of them is not known, so that a half is never told as the whole. */
function shareOf(parts: readonly Part[]): number | null {
  if (parts.includes(null)) return null;
  const there = parts.filter((p) => p != null);
  const [used, of] = [sum(there.map((p) => p.used)), sum(there.map((p) => p.of))];
  return of > 0 ? (PERCENT * used) / of : null;
}

const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
const meanOf = (all: readonly number[]): number => sum(all) / all.length;

/** Of those that are known. */
function highest(all: readonly (number | null)[]): number | null {
  const known = all.filter((n) => n !== null);
  return known.length === 0 ? null : Math.max(...known);
}
