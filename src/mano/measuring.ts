import type { GroupId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Alarm, Failover } from "../model/mano-event.ts";
import {
  type CountedSource,
  type Direction,
  isCounted,
  isUsed,
  type Measured,
  type Metric,
  type PmValue,
  type ThresholdWish,
} from "../model/measurement.ts";
import type { PortCount } from "../model/port-count.ts";
import type { Scheme } from "../model/protection.ts";
import { externalCpsOf, type NsInstanceView, type VnfcView, type VnfView } from "../model/vnf-view.ts";
import type { Period, Reading } from "./reading.ts";
import { alarmSpanOf, coveredMs, spanOf } from "./spans.ts";
import { usedBy } from "./used.ts";

// What is measured of objects, from what was read at the beginning and at the end of a period. Pure.

/** An object that is measured, as it is at the end of the period. */
export interface MeasuredObject {
  readonly id: string;
  readonly nsId: NsId;
  readonly ns: NsInstanceView;
  /** Null: it is the NS. */
  readonly vnf: VnfView | null;
  /** Where the traffic of the NS enters, by the names of nets in a VIM. */
  readonly saps: readonly { readonly net: string; readonly vim: VimAccountId }[];
  /** Protection groups that are its own, of a VNF those within it. */
  readonly groups: readonly { readonly id: GroupId; readonly scheme: Scheme }[];
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
  type === "Vnfc"
    ? vnfcsOf(object).map((v) => v.id)
    : type === "ProtectionGroup"
      ? object.groups.map((g) => g.id)
      : allPointsOf(type, object.vnf, object.saps).map((p) => p.id);

/** What the MANO knows beside what is counted. */
export interface Known {
  isUp(id: VnfcId): boolean;
  /** Null: the store has not taken all that there is. */
  readonly faults: Faults | null;
}

/** Switch-overs because of a fault, and alarms that a group serves nobody (SERVICE_DOWN), found by whom they are of. */
export interface Faults {
  readonly ofNs: ReadonlyMap<NsId, readonly Failover[]>;
  readonly ofVnfc: ReadonlyMap<VnfcId, readonly Failover[]>;
  readonly ofGroup: ReadonlyMap<GroupId, readonly Failover[]>;
  readonly downs: ReadonlyMap<string, readonly Alarm[]>;
}

export function faultsIn(failovers: readonly Failover[], downs: readonly Alarm[] = []): Faults {
  const faults = failovers.filter((f) => f.kind === "failover");
  return {
    ofNs: Map.groupBy(faults, (f) => f.nsId),
    ofVnfc: Map.groupBy(faults, (f) => f.about),
    ofGroup: Map.groupBy(faults, (f) => f.groupId),
    downs: Map.groupBy(downs, (a) => a.managedObjectId),
  };
}

/** What was measured of an object in the period between two readings. What is not known, since a VIM did not answer or a port was made anew within, is left out. */
export function measure(
  measured: Measured,
  metrics: readonly Metric[],
  object: MeasuredObject,
  period: Period,
  known: Known,
  between: readonly Reading[] = [],
): PmValue[] {
  const [before, after] = period;
  const faults = known.faults && faultsOf(object, known.faults);
  const points = pointsOf(measured, object);
  return metrics.flatMap((metric) => {
    const told = (subObjectId: string | null, value: number | null): PmValue[] =>
      value === null ? [] : [{ objectId: object.id, subObjectId, metric: metric.name, at: after.at, value }];
    if (isUsed(metric))
      return usersOf(measured, object).flatMap(([id, of]) => told(id, usedBy(metric.source, of, [before, ...between, after])));
    if (isCounted(metric)) return points.flatMap((p) => told(p.id, grown(p, before, after, metric.source)));
    if (metric.source === "vnfcsUp") return told(null, vnfcsOf(object).filter((v) => known.isUp(v.id)).length);
    if (metric.source === "failovers") return told(null, faults?.filter(within(period)).length ?? null);
    if (metric.source === "failoverTime") return told(null, faults && coveredMs(faults.map(spanOf(after)), period));
    return serversOf(measured, object).flatMap(([id, groups]) => told(id, outageMs(groups, known.faults, period)));
  });
}

/** Groups whose outage is told as one: all of an object's, or each for itself. */
function serversOf({ objectType, subObjectIds }: Measured, { groups }: MeasuredObject): (readonly [string | null, Groups])[] {
  if (objectType !== "ProtectionGroup") return [[null, groups]];
  return groups.filter((g) => subObjectIds === null || subObjectIds.includes(g.id)).map((g) => [g.id, [g]]);
}

type Groups = MeasuredObject["groups"];

/**
 * For how long at least one traffic net was led to nobody who served: by failovers, and by the alarm that there is nobody. Where both members
 * serve at once (DUPLICATED) a failover interrupts nobody. Null: nothing is protected, or the store has not taken all that there is.
 */
function outageMs(groups: Groups, faults: Faults | null, period: Period): number | null {
  if (groups.length === 0 || faults === null) return null;
  const [, after] = period;
  const spans = groups.flatMap(({ id, scheme }) => [
    ...(scheme === "DUPLICATED" ? [] : (faults.ofGroup.get(id) ?? []).map(spanOf(after))),
    ...(faults.downs.get(id) ?? []).map(alarmSpanOf(after)),
  ]);
  return coveredMs(spans, period);
}

/** Whose CPUs and memory are told as one: of a VNF all of its VNFCs', of a VNFC its own. */
function usersOf(
  { objectType, subObjectIds }: Measured,
  object: MeasuredObject,
): (readonly [string | null, readonly VnfcView[]])[] {
  const vnfcs = vnfcsOf(object);
  if (objectType !== "Vnfc") return [[null, vnfcs]];
  return vnfcs.filter((v) => subObjectIds === null || subObjectIds.includes(v.id)).map((v) => [v.id, [v]]);
}

/** All of its VNFCs. */
export const vnfcsOf = ({ ns, vnf }: MeasuredObject): readonly VnfcView[] => (vnf ? [vnf] : ns.vnfs).flatMap((v) => v.vnfcViews);

const faultsOf = (object: MeasuredObject, { ofNs, ofVnfc }: Faults): readonly Failover[] =>
  object.vnf === null ? (ofNs.get(object.nsId) ?? []) : object.vnf.vnfcViews.flatMap((v) => ofVnfc.get(v.id) ?? []);

const within =
  ([before, after]: Period) =>
  ({ openedAt }: Failover): boolean =>
    Date.parse(openedAt) > before.wallMs && Date.parse(openedAt) <= after.wallMs;

/** The sum over its places; null as soon as one of them is not known, so that half of what twins carry is never told as the whole. */
function grown({ places }: Point, before: Reading, after: Reading, counter: CountedSource): number | null {
  const growths = places.map((place) => grownAt(place(before), place(after), counter));
  if (growths.includes(null)) return null;
  const counted = growths.filter((g): g is number => typeof g === "number");
  return counted.length === 0 ? null : counted.reduce((a, b) => a + b);
}

/** Null: a port came, went, or counts less than before, which is that it was made anew. Undefined: there was no port at either end, and so no packet. */
function grownAt(
  before: readonly PortCount[] | null,
  after: readonly PortCount[] | null,
  counter: CountedSource,
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
