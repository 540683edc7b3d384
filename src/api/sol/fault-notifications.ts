import type { Alarm, ManoEvent } from "../../model/mano-event.ts";
import { alarmAt, alarmsAt, alarmView, concerns, type FaultInterface } from "./alarm-view.ts";
import type { Facts } from "./notification-facts.ts";
import type { Note } from "./notifications.ts";

/** SOL005 8.5.2.5 to 8.5.2.7, SOL003 7.5.2.5 to 7.5.2.7. */
export function faultNote(of: FaultInterface, event: ManoEvent): Note | null {
  switch (event.type) {
    case "alarm.raised":
    case "alarm.changed":
      return event.alarm.clearedAt === null || !isAboutClearing(event.alarm) ? ofAlarm(of, event.alarm) : null;
    case "alarm.cleared":
      return ofCleared(of, event.alarm);
    case "events.lost":
      return {
        type: "AlarmListRebuiltNotification",
        facts: { notificationTypes: ["AlarmListRebuiltNotification"] },
        body: {},
        links: { alarms: alarmsAt(of) },
      };
    default:
      return null;
  }
}

/** What changed last is that it was cleared: that has a notification of its own. */
const isAboutClearing = (alarm: Alarm): boolean => alarm.changedAt === alarm.clearedAt;

function ofAlarm(of: FaultInterface, alarm: Alarm): Note | null {
  if (!concerns(of, alarm)) return null;
  const type = "AlarmNotification";
  return { type, facts: factsOf(type, alarm), body: { alarm: alarmView(of, alarm) }, links: {} };
}

function ofCleared(of: FaultInterface, alarm: Alarm): Note | null {
  if (!concerns(of, alarm)) return null;
  const type = "AlarmClearedNotification";
  const body = { alarmId: alarm.id, alarmClearedTime: alarm.clearedAt };
  return { type, facts: factsOf(type, alarm), body, links: { alarm: alarmAt(of, alarm.id) } };
}

/** Who asked to hear of critical alarms hears also that one is over. */
function factsOf(type: string, alarm: Alarm): Facts {
  const { place, clearedFrom, perceivedSeverity, rootCauseFaultyResource } = alarm;
  return {
    notificationTypes: [type],
    perceivedSeverities: [perceivedSeverity, ...(clearedFrom ? [clearedFrom] : [])],
    eventTypes: [alarm.eventType],
    probableCauses: [alarm.probableCause],
    faultyResourceTypes: rootCauseFaultyResource ? [rootCauseFaultyResource.faultyResourceType] : [],
    nsInstanceIds: place ? [place.nsId] : [],
    nsInstanceNames: place ? [place.nsName] : [],
    nsdIds: place?.nsdIds ?? [],
    vnfdIds: (place?.vnf ? [place.vnf.vnfdId] : place?.vnfdIds) ?? [],
    pnfdIds: [],
    vnfInstanceIds: place?.vnf ? [place.vnf.id] : [],
    vnfInstanceNames: place?.vnf ? [place.vnf.name] : [],
  };
}
