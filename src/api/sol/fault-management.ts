import { Type } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { Alarm, Severity } from "../../model/mano-event.ts";
import type { AlarmsAsked } from "../../store/mano-records.ts";
import { ALARM_LIST, alarmsAt, alarmView, concerns, type FaultInterface } from "./alarm-view.ts";
import { Members } from "./members.ts";
import { between, oneOf } from "./narrow.ts";
import { Dated, type SolCall, type SolRoute } from "./route.ts";

/** What fault management may ask for, in both interfaces. Each throws a Fault; what changes something resolves when that is on the disk. */
export interface FaultDoors {
  /** Newest first, as many as are asked for; fewer: there are no more. */
  listAlarms(asked: AlarmsAsked): Promise<readonly Alarm[]>;
  /** Throws NOT_FOUND. */
  getAlarm(id: string): Promise<Alarm>;
  acknowledge(id: string, ackState: Alarm["ackState"]): Promise<Alarm>;
  escalate(id: string, severity: Severity): Promise<Alarm>;
}

/** SOL005 8.5.2.8, SOL003 7.5.2.8 AlarmModifications. */
const alarmModifications = Type.Object(
  { ackState: Type.Enum(["ACKNOWLEDGED", "UNACKNOWLEDGED"], { description: "ACKNOWLEDGED or UNACKNOWLEDGED" }) },
  { description: "an object with ackState" },
);

/** SOL002 7.5.2.9 PerceivedSeverityRequest. CLEARED is nothing that can be proposed. */
const proposal = Type.Object(
  {
    proposedPerceivedSeverity: Type.Enum(["CRITICAL", "MAJOR", "MINOR", "WARNING", "INDETERMINATE"], {
      description: "CRITICAL, MAJOR, MINOR, WARNING or INDETERMINATE",
    }),
  },
  { description: "an object with proposedPerceivedSeverity" },
);

type Call = SolCall<FaultDoors>;

const routesOf = (of: FaultInterface): SolRoute<FaultDoors>[] => [
  {
    is: `GET ${alarmsAt(of) as "/"}`,
    gives: 200,
    does: ({ doors }) => alarms(of, doors),
    lists: ALARM_LIST,
  },
  {
    is: `GET ${alarmsAt(of) as "/"}/:id`,
    gives: 200,
    does: async (call) => dated(of, await found(of, call)),
  },
  {
    is: `PATCH ${alarmsAt(of) as "/"}/:id`,
    gives: 200,
    body: alarmModifications,
    does: async (call) => {
      const { id } = await found(of, call);
      await call.doors.acknowledge(id, (call.body as { ackState: Alarm["ackState"] }).ackState);
      return call.body;
    },
  },
];

const alarms = (of: FaultInterface, doors: FaultDoors): Members =>
  new Members(["string", "string"], async (after, limit, filter) => {
    const rows = await doors.listAlarms({
      behind: after && { raisedAt: after[0] as string, id: after[1] as string },
      limit,
      ofVnf: of === "vnffm",
      ids: oneOf(filter, "id"),
      causes: oneOf(filter, "probableCause") ?? oneOf(filter, "faultType"),
      severities: oneOf(filter, "perceivedSeverity"),
      ackStates: oneOf(filter, "ackState"),
      raised: between(filter, "alarmRaisedTime"),
    });
    const keyOf = (a: Alarm) => [a.raisedAt, a.id];
    const members = rows.filter((a) => concerns(of, a)).map((a) => ({ key: keyOf(a), show: () => alarmView(of, a) }));
    return { members, next: rows.length < limit ? null : keyOf(rows.at(-1)!) };
  });

async function found(of: FaultInterface, { doors, params }: Call): Promise<Alarm> {
  const alarm = await doors.getAlarm(params.id!);
  if (concerns(of, alarm)) return alarm;
  throw new Fault("NOT_FOUND", `there is no alarm ${alarm.id}; GET ${alarmsAt(of)} lists those there are`, { id: alarm.id });
}

const dated = (of: FaultInterface, alarm: Alarm) => new Dated(alarmView(of, alarm), alarm.changedAt ?? alarm.raisedAt);

/** NS fault management, SOL005 clause 8. */
export const NS_FAULT_ROUTES: readonly SolRoute<FaultDoors>[] = routesOf("nsfm");

/** VNF fault management, SOL003 clause 7; what an element manager may ask beside that, SOL002 7.4.4. */
export const VNF_FAULT_ROUTES: readonly SolRoute<FaultDoors>[] = [
  ...routesOf("vnffm"),
  {
    is: "POST /vnffm/v1/alarms/:id/escalate",
    gives: 204,
    body: proposal,
    does: async (call) => {
      const { id } = await found("vnffm", call);
      await call.doors.escalate(id, (call.body as { proposedPerceivedSeverity: Severity }).proposedPerceivedSeverity);
    },
  },
];
