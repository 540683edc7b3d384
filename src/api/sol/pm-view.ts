import { nameUuid } from "../../lib/name-uuid.ts";
import type { ManoEvent } from "../../model/mano-event.ts";
import {
  type JobWish,
  type Measured,
  metricNamed,
  type PmEvent,
  type PmInterface,
  type PmReport,
  type PmTask,
  type PmValue,
  type ThresholdWish,
} from "../../model/measurement.ts";
import { withAbsoluteLinks } from "./address.ts";
import { nsAt } from "./ns-lcm-view.ts";
import type { ListRules } from "./selector.ts";
import { vnfAt } from "./vnf-lcm-view.ts";

// Performance management as SOL003 clause 6 and SOL005 clause 7 show it. By their definitions a measured value is an object, and
// `performanceValue` has to stand where none is described: there it is the bare number.

export const PM_JOB_LIST: ListRules = {
  always: ["id", "objectType", "objectInstanceIds", "subObjectInstanceIds", "criteria", "callbackUri", "_links"],
  complex: ["reports", "allReports"],
  byDefaultLeftOut: ["reports", "allReports"],
};

export const THRESHOLD_LIST: ListRules = {
  always: ["id", "objectType", "objectInstanceId", "subObjectInstanceIds", "criteria", "callbackUri", "_links"],
  complex: [],
  byDefaultLeftOut: [],
};

export const pmJobsAt = (of: PmInterface): string => `/${of}/v2/pm_jobs`;
export const thresholdsAt = (of: PmInterface): string => `/${of}/v2/thresholds`;
const reportAt = (of: PmInterface, jobId: string, id: string): string => `${pmJobsAt(of)}/${jobId}/reports/${id}`;
const objectAt = (of: PmInterface, id: string): string => (of === "nspm" ? nsAt(id) : vnfAt(id));

/** A report that is ready. */
export interface ShownReport {
  readonly id: string;
  readonly readyAt: string;
}

const aboutOf = ({ objectType, subObjectIds }: PmTask) => ({
  objectType,
  ...(subObjectIds !== null && { subObjectInstanceIds: subObjectIds }),
});

/** PmJob. `reports` is by its definition one report: the newest; `allReports` are all that there are. */
export function pmJobView(job: PmTask<JobWish>, reports: readonly ShownReport[], apiRoot: string) {
  const { id, interface: of, metrics, groups, collectionS, reportingS, until } = job;
  const objects = job.objectIds.map((o) => ({ href: objectAt(of, o) }));
  const links = { objects };
  const shown = reports.map((r) => ({
    href: `${apiRoot}${reportAt(of, id, r.id)}`,
    readyTime: r.readyAt,
    ...(of === "nspm" && { _links: { self: { href: reportAt(of, id, r.id) }, ...links } }),
  }));
  return {
    id,
    ...aboutOf(job),
    objectInstanceIds: job.objectIds,
    criteria: {
      ...(metrics.length > 0 && { performanceMetric: metrics }),
      ...(groups.length > 0 && { performanceMetricGroup: groups }),
      collectionPeriod: collectionS,
      reportingPeriod: reportingS,
      ...(until !== null && { reportingBoundary: until }),
    },
    callbackUri: job.callbackUri,
    ...(shown[0] && { reports: shown[0], allReports: shown }),
    _links: { self: { href: `${pmJobsAt(of)}/${id}` }, ...links },
  };
}

/** Threshold. */
export const thresholdView = (t: PmTask<ThresholdWish>) => ({
  id: t.id,
  ...aboutOf(t),
  objectInstanceId: t.objectIds[0]!,
  criteria: {
    performanceMetric: t.metric,
    thresholdType: "SIMPLE",
    simpleThresholdDetails: { thresholdValue: t.value, hysteresis: t.hysteresis },
  },
  callbackUri: t.callbackUri,
  _links: {
    self: { href: `${thresholdsAt(t.interface)}/${t.id}` },
    object: { href: objectAt(t.interface, t.objectIds[0]!) },
  },
});

/** PerformanceReport: an entry for each metric of each object, and of each of its parts. */
export function reportView(job: PmTask<JobWish>, { values }: PmReport) {
  const entries = Map.groupBy(values, (v) => JSON.stringify([v.objectId, v.subObjectId, v.metric]));
  return { entries: [...entries.values()].map((of) => entryOf(job, of)) };
}

function entryOf(job: PmTask<JobWish>, values: readonly PmValue[]) {
  const { objectId, subObjectId, metric } = values[0]!;
  return {
    objectType: job.objectType,
    objectInstanceId: objectId,
    ...(subObjectId !== null && { subObjectInstanceId: job.interface === "nspm" ? [subObjectId] : subObjectId }),
    performanceMetric: metric,
    performanceValue: values.at(-1)!.value,
    performanceValues: values.map(({ at, value }) => ({
      timeStamp: at,
      value: measured(job, metric, value),
      performanceValue: value,
    })),
  };
}

const measured = ({ interface: of, objectType }: Pick<Measured, "interface" | "objectType">, metric: string, value: number) => ({
  value,
  unit: metricNamed(of, objectType, metric)?.unit,
});

/** PerformanceInformationAvailableNotification, one for each object, or ThresholdCrossedNotification, as they are sent; none: it is about another task. */
export function pmNotifications(task: PmTask, event: ManoEvent): object[] {
  if (event.type === "pm.crossed") return [notificationOf(task, event, event.objectId, crossedOf(event))];
  if (event.type !== "pm.report") return [];
  return event.objectIds.map((id) => notificationOf(task, event, id, availableOf(event, id)));
}

/** The same each time that it is sent: a receiver knows it again by its id. */
const notificationOf = (
  task: PmTask,
  { seq, at, interface: of, objectType }: ManoEvent & PmEvent,
  objectId: string,
  what: object,
): object => {
  const about = { timeStamp: at, objectType, objectInstanceId: objectId };
  return withAbsoluteLinks({ id: nameUuid(`${of} ${seq} ${at} ${objectId}`), ...about, ...what }, task.apiRoot) as object;
};

function availableOf(
  { interface: of, jobId, reportId, subObjectIds }: Extract<PmEvent, { type: "pm.report" }>,
  objectId: string,
) {
  return {
    notificationType: "PerformanceInformationAvailableNotification",
    pmJobId: jobId,
    ...(subObjectIds !== null && { subObjectInstanceIds: subObjectIds }),
    _links: {
      objectInstance: { href: objectAt(of, objectId) },
      pmJob: { href: `${pmJobsAt(of)}/${jobId}` },
      performanceReport: { href: reportAt(of, jobId, reportId) },
    },
  };
}

function crossedOf(event: Extract<PmEvent, { type: "pm.crossed" }>) {
  const { interface: of, thresholdId, direction, objectId, subObjectId, metric, value } = event;
  return {
    notificationType: "ThresholdCrossedNotification",
    thresholdId,
    crossingDirection: direction,
    ...(subObjectId !== null && { subObjectInstanceId: subObjectId }),
    performanceMetric: metric,
    performanceValue: measured(event, metric, value),
    _links: {
      objectInstance: { href: objectAt(of, objectId) },
      threshold: { href: `${thresholdsAt(of)}/${thresholdId}` },
    },
  };
}
