import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Failover } from "../model/mano-event.ts";
import type { Direction, Measured, Metric, PmValue, ThresholdWish } from "../model/measurement.ts";
import type { PortCount } from "../model/port-count.ts";
import { externalCpsOf, type NsInstanceView, type VnfcView, type VnfView } from "../model/vnf-view.ts";

// What is measured of objects, from what was read at the beginning and at the end of a period. Pure.

/** What was read at one moment. */
export interface Reading {
  readonly at: string;
  readonly wallMs: number;
  /** By VIM; one that did not answer, or does not count, is not there. */
  readonly counts: ReadonlyMap<VimAccountId, Counts>;
}

/** What the ports of one VIM had carried, so that those of a server and of a net are found at once. */
export interface Counts {
  readonly byServer: ReadonlyMap<string, readonly PortCount[]>;
  /** By the name of the net: where cables enter. */
  readonly outside: ReadonlyMap<string, readonly PortCount[]>;
}

export const countsOf = (all: readonly PortCount[]): Counts => ({
  byServer: Map.groupBy(
    all.filter((c) => c.serverId !== null),
    (c) => c.serverId as string,
  ),
  outside: Map.groupBy(
    all.filter((c) => c.serverId === null && c.netName !== null),
    (c) => c.netName as string,
  ),
});

/** An object that is measured, as it is at the end of the period. */
export interface MeasuredObject {
  readonly id: string;
  readonly nsId: NsId;
  readonly ns: NsInstanceView;
  /** Null: it is the NS. */
  readonly vnf: VnfView | null;
  /** Where the traffic of the NS enters, by the names of nets in a VIM. */
  readonly saps: readonly { readonly net: string; readonly vim: VimAccountId }[];
}

/** Where the packets of one sub-object are counted. */
interface Point {
  readonly id: string;
  of(reading: Reading): readonly PortCount[];
}

const portsOf =
  (vnfc: VnfcView, name: string) =>
  ({ counts }: Reading): readonly PortCount[] =>
    (counts.get(vnfc.vimAccountId)?.byServer.get(vnfc.serverId) ?? []).filter((c) => c.name === name);

/** The sub-objects of an object; none for a type that has none. */
function pointsOf({ objectType, subObjectIds }: Measured, { vnf, saps }: MeasuredObject): Point[] {
  const isWanted = ({ id }: Point) => subObjectIds === null || subObjectIds.includes(id);
  return allPointsOf(objectType, vnf, saps).filter(isWanted);
}

function allPointsOf(type: Measured["objectType"], vnf: VnfView | null, saps: MeasuredObject["saps"]): Point[] {
  if (type === "Sap")
    return saps.map(({ net, vim }) => ({ id: net, of: ({ counts }) => counts.get(vim)?.outside.get(net) ?? [] }));
  if (vnf === null) return [];
  if (type === "VnfIntCp")
    return vnf.vnfcViews.flatMap((vnfc) => vnfc.cps.map((cp) => ({ id: cp.id, of: portsOf(vnfc, cp.cpd) })));
  if (type !== "VnfExtCp") return [];
  return externalCpsOf(vnf).map(({ id, cps }) => ({
    id,
    of: (reading) => cps.flatMap((cp) => portsOf(cp.vnfc, cp.cpd)(reading)),
  }));
}

/** The ids of the sub-objects that an object has. */
export const subObjectsOf = (type: Measured["objectType"], object: MeasuredObject): string[] =>
  allPointsOf(type, object.vnf, object.saps).map((p) => p.id);

/** What the MANO knows beside what is counted. */
export interface Known {
  isUp(id: VnfcId): boolean;
  readonly failovers: readonly Failover[];
}

/** What was measured in the period between two readings. What is not known, since a VIM did not answer or a port was made anew within, is left out. */
export function measure(
  measured: Measured,
  metrics: readonly Metric[],
  objects: readonly MeasuredObject[],
  [before, after]: readonly [Reading, Reading],
  known: Known,
): PmValue[] {
  return objects.flatMap((object) =>
    metrics.flatMap((metric) => {
      const told = (subObjectId: string | null, value: number | null): PmValue[] =>
        value === null ? [] : [{ objectId: object.id, subObjectId, metric: metric.name, at: after.at, value }];
      const { source } = metric;
      if (source === "vnfcsUp") return told(null, vnfcsOf(object).filter((v) => known.isUp(v.id)).length);
      if (source === "failovers") return told(null, faultsOf(object, known).filter(within(before, after)).length);
      if (source === "outage") return told(null, outageMs(faultsOf(object, known), before.wallMs, after.wallMs));
      return pointsOf(measured, object).flatMap((p) => told(p.id, grown(p.of(before), p.of(after), source)));
    }),
  );
}

const vnfcsOf = ({ ns, vnf }: MeasuredObject): readonly VnfcView[] => (vnf ? [vnf] : ns.vnfs).flatMap((v) => v.vnfcViews);

/** Switch-overs because of a fault that concern it. */
function faultsOf(object: MeasuredObject, { failovers }: Known): Failover[] {
  const own = new Set(vnfcsOf(object).map((v) => v.id));
  return failovers.filter((f) => f.kind === "failover" && f.nsId === object.nsId && (object.vnf === null || own.has(f.about)));
}

const within =
  (before: Reading, after: Reading) =>
  ({ openedAt }: Failover): boolean =>
    Date.parse(openedAt) > before.wallMs && Date.parse(openedAt) <= after.wallMs;

/** Ports that were there all the time; one that counts less than before has been made anew. */
function grown(
  before: readonly PortCount[],
  after: readonly PortCount[],
  source: "bytesIn" | "bytesOut" | "packetsIn" | "packetsOut",
): number | null {
  const was = new Map(before.map((c) => [c.portId, c[source]]));
  const growths = after.flatMap((c) => {
    const [from, to] = [was.get(c.portId) ?? null, c[source]];
    return from === null || to === null || to < from ? [] : [to - from];
  });
  return growths.length === 0 ? null : growths.reduce((a, b) => a + b);
}

/** How much of a period traffic was led to a member that had failed, ms; two at the same time count once. */
export function outageMs(failovers: readonly Failover[], fromMs: number, toMs: number): number {
  const parts = failovers
    .map((f) => outageOf(f, toMs))
    .map(([a, b]) => [Math.max(a, fromMs), Math.min(b, toMs)] as const)
    .filter(([a, b]) => a < b)
    .sort(([a], [b]) => a - b);
  let [sum, end] = [0, fromMs];
  for (const [a, b] of parts) {
    sum += Math.max(0, b - Math.max(a, end));
    end = Math.max(end, b);
  }
  return Math.round(sum * 1_000) / 1_000;
}

/**
 * From the first sight of the fault until packets were seen to pass, or, where nobody looked, until the switch confirmed. Times of the monotonic clock, laid
 * to the wall's where the record was opened, which is when it was decided.
 */
function outageOf({ times, openedAt, closedAt }: Failover, nowMs: number): readonly [number, number] {
  const decidedMs = Date.parse(openedAt);
  const seen = [...Object.values(times.seen), times.told].filter((t) => t !== null);
  const decided = times.decided ?? times.told;
  const since = decided === null || seen.length === 0 ? 0 : Math.max(0, decided - Math.min(...seen));
  const over = times.verified ?? times.barrier;
  if (over !== null && decided !== null) return [decidedMs - since, decidedMs + (over - decided)];
  return [decidedMs - since, closedAt === null ? nowMs : Date.parse(closedAt)];
}

/** The sides on which values are of a threshold, and which of them crossed it: who has never been seen begins below. */
export function crossings(
  { value: at, hysteresis }: Pick<ThresholdWish, "value" | "hysteresis">,
  values: readonly PmValue[],
  sides: ReadonlyMap<string, Direction>,
): { readonly sides: Map<string, Direction>; readonly crossed: readonly { value: PmValue; direction: Direction }[] } {
  const now = new Map(sides);
  const crossed = values.flatMap((value) => {
    const key = `${value.objectId} ${value.subObjectId ?? ""}`;
    const was = now.get(key) ?? "DOWN";
    const direction = sideOf(value.value, at, hysteresis, was);
    now.set(key, direction);
    return direction === was ? [] : [{ value, direction }];
  });
  return { sides: now, crossed };
}

/** Where the hysteresis is 0 a value that is just the threshold is on the upper side. */
function sideOf(value: number, at: number, hysteresis: number, was: Direction): Direction {
  if (value >= at + hysteresis) return "UP";
  return value <= at - hysteresis ? "DOWN" : was;
}
