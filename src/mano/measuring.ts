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
  /** Of the monotonic clock: a period is as long as it says, however clocks are set. */
  readonly monoMs: number;
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

/** Where the packets of one sub-object are counted: in one place, or, where twins share it, in several. */
interface Point {
  readonly id: string;
  readonly places: readonly Place[];
}

/** Null: it is not known. Empty: there is no port. */
type Place = (reading: Reading) => readonly PortCount[] | null;

const portsOf =
  (vnfc: VnfcView, name: string): Place =>
  ({ counts }) => {
    const there = counts.get(vnfc.vimAccountId);
    return there ? (there.byServer.get(vnfc.serverId) ?? []).filter((c) => c.name === name) : null;
  };

const cablesOf =
  ({ net, vim }: MeasuredObject["saps"][number]): Place =>
  ({ counts }) => {
    const there = counts.get(vim);
    return there ? (there.outside.get(net) ?? []) : null;
  };

/** The sub-objects of an object; none for a type that has none. */
function pointsOf({ objectType, subObjectIds }: Measured, { vnf, saps }: MeasuredObject): Point[] {
  const isWanted = ({ id }: Point) => subObjectIds === null || subObjectIds.includes(id);
  return allPointsOf(objectType, vnf, saps).filter(isWanted);
}

function allPointsOf(type: Measured["objectType"], vnf: VnfView | null, saps: MeasuredObject["saps"]): Point[] {
  if (type === "Sap") return saps.map((sap) => ({ id: sap.net, places: [cablesOf(sap)] }));
  if (vnf === null) return [];
  if (type === "VnfIntCp")
    return vnf.vnfcViews.flatMap((vnfc) => vnfc.cps.map((cp) => ({ id: cp.id, places: [portsOf(vnfc, cp.cpd)] })));
  if (type !== "VnfExtCp") return [];
  return externalCpsOf(vnf).map(({ id, cps }) => ({ id, places: cps.map((cp) => portsOf(cp.vnfc, cp.cpd)) }));
}

/** The ids of the sub-objects that an object has. */
export const subObjectsOf = (type: Measured["objectType"], object: MeasuredObject): string[] =>
  allPointsOf(type, object.vnf, object.saps).map((p) => p.id);

/** What the MANO knows beside what is counted. */
export interface Known {
  isUp(id: VnfcId): boolean;
  /** Null: the store has not taken all that there is. */
  readonly faults: Faults | null;
}

/** Switch-overs because of a fault, found by whom they are of. */
export interface Faults {
  readonly ofNs: ReadonlyMap<NsId, readonly Failover[]>;
  readonly ofVnfc: ReadonlyMap<VnfcId, readonly Failover[]>;
}

export function faultsIn(failovers: readonly Failover[]): Faults {
  const faults = failovers.filter((f) => f.kind === "failover");
  return { ofNs: Map.groupBy(faults, (f) => f.nsId), ofVnfc: Map.groupBy(faults, (f) => f.about) };
}

type Period = readonly [before: Reading, after: Reading];

/** A period may be so much longer than it should be, or this share of it: then what grew in it is still told as of one. */
const SLACK_MS = 500;
const SLACK = 0.2;

/** Whether what lies between two readings is one period, by a wall clock that was not set within. One that a boundary ends early is. */
export function isOnePeriod([before, after]: Period, everyMs: number): boolean {
  const spanMs = after.monoMs - before.monoMs;
  const setMs = Math.abs(after.wallMs - before.wallMs - spanMs);
  return spanMs <= everyMs + Math.max(SLACK_MS, everyMs * SLACK) && setMs <= SLACK_MS;
}

/** What was measured of an object in the period between two readings. What is not known, since a VIM did not answer or a port was made anew within, is left out. */
export function measure(
  measured: Measured,
  metrics: readonly Metric[],
  object: MeasuredObject,
  period: Period,
  known: Known,
): PmValue[] {
  const [before, after] = period;
  const faults = known.faults && faultsOf(object, known.faults);
  const points = pointsOf(measured, object);
  return metrics.flatMap((metric) => {
    const told = (subObjectId: string | null, value: number | null): PmValue[] =>
      value === null ? [] : [{ objectId: object.id, subObjectId, metric: metric.name, at: after.at, value }];
    const { source } = metric;
    if (source === "vnfcsUp") return told(null, vnfcsOf(object).filter((v) => known.isUp(v.id)).length);
    if (source === "failovers") return told(null, faults?.filter(within(period)).length ?? null);
    if (source === "failoverTime") return told(null, faults && failoverMs(faults, period));
    return points.flatMap((p) => told(p.id, grown(p, before, after, source)));
  });
}

const vnfcsOf = ({ ns, vnf }: MeasuredObject): readonly VnfcView[] => (vnf ? [vnf] : ns.vnfs).flatMap((v) => v.vnfcViews);

const faultsOf = (object: MeasuredObject, { ofNs, ofVnfc }: Faults): readonly Failover[] =>
  object.vnf === null ? (ofNs.get(object.nsId) ?? []) : object.vnf.vnfcViews.flatMap((v) => ofVnfc.get(v.id) ?? []);

const within =
  ([before, after]: Period) =>
  ({ openedAt }: Failover): boolean =>
    Date.parse(openedAt) > before.wallMs && Date.parse(openedAt) <= after.wallMs;

type Counter = "bytesIn" | "bytesOut" | "packetsIn" | "packetsOut";

/** The sum over its places; null as soon as one of them is not known, so that half of what twins carry is never told as the whole. */
function grown({ places }: Point, before: Reading, after: Reading, counter: Counter): number | null {
  const growths = places.map((place) => grownAt(place(before), place(after), counter));
  if (growths.includes(null)) return null;
  const counted = growths.filter((g): g is number => typeof g === "number");
  return counted.length === 0 ? null : counted.reduce((a, b) => a + b);
}

/** Null: a port came, went, or counts less than before, which is that it was made anew. Undefined: there was no port at either end, and so no packet. */
function grownAt(
  before: readonly PortCount[] | null,
  after: readonly PortCount[] | null,
  counter: Counter,
): number | null | undefined {
  if (before === null || after === null || before.length !== after.length) return null;
  const was = new Map(before.map((c) => [c.portId, c[counter]]));
  let sum: number | undefined;
  for (const c of after) {
    const [from, to] = [was.get(c.portId) ?? null, c[counter]];
    if (from === null || to === null || to < from) return null;
    sum = (sum ?? 0) + to - from;
  }
  return sum;
}

/** Records are read so long after a reading at most: what is of then is later than it. */
const READ_WITHIN_MS = 60_000;

/** How much of a period traffic was led to a member that had failed, ms; two at the same time count once. */
export function failoverMs(failovers: readonly Failover[], [before, after]: Period): number {
  const [fromMs, toMs] = [before.monoMs, after.monoMs];
  const parts = failovers
    .map((f) => spanOf(f, after))
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
 * From the first sight of the fault until packets were seen to pass, or, where nobody could see, until the switch confirmed; while the record is open, until
 * now. By the monotonic clock: a time far beyond now is of an earlier boot, and so long ago.
 */
function spanOf({ times, openedAt, closedAt }: Failover, now: Reading): readonly [number, number] {
  const known = (ms: number) => (ms > now.monoMs + READ_WITHIN_MS ? Number.NEGATIVE_INFINITY : ms);
  const ofWall = (iso: string) => known(Date.parse(iso) - now.wallMs + now.monoMs);
  const seen = [...Object.values(times.seen), times.told, times.decided].filter((t) => t !== null);
  const since = seen.length > 0 ? known(Math.min(...seen)) : ofWall(openedAt);
  if (times.verified !== null) return [since, known(times.verified)];
  if (closedAt === null) return [since, now.monoMs];
  return [since, times.barrier === null ? ofWall(closedAt) : known(times.barrier)];
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
