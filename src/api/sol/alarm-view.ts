import type { Alarm } from "../../model/mano-event.ts";
import type { ListRules } from "./selector.ts";

/** Fault management of network services (SOL005 clause 8) and of VNFs (SOL003 clause 7): the same alarms, about another kind of thing. */
export type FaultInterface = "nsfm" | "vnffm";

export const ALARM_LIST: ListRules = {
  always: [
    "id",
    "managedObjectId",
    "alarmRaisedTime",
    "alarmChangedTime",
    "alarmClearedTime",
    "alarmAcknowledgedTime",
    "ackState",
    "perceivedSeverity",
    "eventTime",
    "eventType",
    "faultType",
    "probableCause",
    "isRootCause",
    "_links",
  ],
  complex: ["vnfcInstanceIds", "rootCauseFaultyComponent", "rootCauseFaultyResource", "correlatedAlarmIds", "faultDetails"],
  byDefaultLeftOut: [],
};

export const alarmsAt = (of: FaultInterface): string => `/${of}/v1/alarms`;
export const alarmAt = (of: FaultInterface, id: string): string => `${alarmsAt(of)}/${id}`;

/** Whether an interface tells of it: of VNFs only what is about one, of network services nothing that is about a VNF without one. */
export const concerns = (of: FaultInterface, { place }: Alarm): boolean =>
  of === "nsfm" ? place?.isOfSoleVnf !== true : place?.vnf != null;

/** SOL005 8.5.2.4 and SOL003 7.5.2.4 Alarm. What is about a host, a switch or a store has its name there in place of an instance's. */
export function alarmView(of: FaultInterface, alarm: Alarm) {
  const { place, rootCauseFaultyResource: resource } = alarm;
  const vnf = place?.vnf ?? null;
  return {
    id: alarm.id,
    managedObjectId: (of === "nsfm" ? place?.nsId : vnf?.id) ?? alarm.managedObjectId,
    ...(of === "vnffm" && place && place.vnfcIds.length > 0 && { vnfcInstanceIds: place.vnfcIds }),
    ...(of === "nsfm" && vnf && { rootCauseFaultyComponent: { faultyVnfInstanceId: vnf.id } }),
    ...(resource && { rootCauseFaultyResource: resource }),
    alarmRaisedTime: alarm.raisedAt,
    ...(alarm.changedAt !== null && { alarmChangedTime: alarm.changedAt }),
    ...(alarm.clearedAt !== null && { alarmClearedTime: alarm.clearedAt }),
    ...(alarm.acknowledgedAt !== undefined && { alarmAcknowledgedTime: alarm.acknowledgedAt }),
    ackState: alarm.ackState,
    perceivedSeverity: alarm.perceivedSeverity,
    eventTime: alarm.raisedAt,
    eventType: alarm.eventType,
    faultType: alarm.probableCause,
    probableCause: alarm.probableCause,
    isRootCause: alarm.isRootCause,
    ...(alarm.correlatedAlarmIds && { correlatedAlarmIds: alarm.correlatedAlarmIds }),
    faultDetails: alarm.faultDetails,
    _links: { self: { href: alarmAt(of, alarm.id) }, ...objectLink(of, alarm) },
  };
}

function objectLink(of: FaultInterface, { place }: Alarm): { objectInstance?: { href: string } } {
  if (!place) return {};
  if (of === "nsfm") return { objectInstance: { href: `/nslcm/v2/ns_instances/${place.nsId}` } };
  return place.vnf ? { objectInstance: { href: `/vnflcm/v2/vnf_instances/${place.vnf.id}` } } : {};
}
