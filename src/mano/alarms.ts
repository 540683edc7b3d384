import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Alarm, AlarmPlace, FaultyResourceInfo, Severity } from "../model/mano-event.ts";
import type { EventStream } from "../notify/stream.ts";
import { readActiveAlarms, readAlarm, upsertAlarm } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { WriteQueue } from "./writes.ts";

/** Every reason for an alarm, once (X.733 event types; severities of SOL005 8.5.3.3). */
export const ALARM_CAUSES = {
  VNFC_DOWN: { severity: "MAJOR", eventType: "EQUIPMENT_ALARM", isRootCause: true },
  REDUNDANCY_LOST: { severity: "MINOR", eventType: "QOS_ALARM", isRootCause: false },
  SERVICE_DOWN: { severity: "CRITICAL", eventType: "QOS_ALARM", isRootCause: false },
  HEAL_GAVE_UP: { severity: "MAJOR", eventType: "PROCESSING_ERROR_ALARM", isRootCause: false },
  /** What was begun can neither be finished nor taken back without a person. */
  HEAL_STUCK: { severity: "MAJOR", eventType: "PROCESSING_ERROR_ALARM", isRootCause: false },
  /** Members of one group are on one compute host though its VIM has others: one failure would take both. */
  ANTI_AFFINITY_BROKEN: { severity: "WARNING", eventType: "QOS_ALARM", isRootCause: false },
  FAILOVER_STUCK: { severity: "CRITICAL", eventType: "PROCESSING_ERROR_ALARM", isRootCause: false },
  /** A lockout or a forced switch is in place: nobody else will lead traffic back, and operators forget. */
  PROTECTION_LOCKED: { severity: "WARNING", eventType: "QOS_ALARM", isRootCause: false },
  /** The link of users' port is lost, by its light or by BFD: no switch-over helps them. */
  TRAFFIC_PORT_DOWN: { severity: "MAJOR", eventType: "COMMUNICATIONS_ALARM", isRootCause: true },
  /** So many are silent at once that the fault may be ours: nobody is fenced for silence until somebody answers. */
  AUTOMATION_STOPPED: { severity: "MAJOR", eventType: "PROCESSING_ERROR_ALARM", isRootCause: true },
  /** A compute host does not answer, and members on it are down: the cause of theirs. About "<VIM account>/<host>". */
  HOST_DOWN: { severity: "CRITICAL", eventType: "EQUIPMENT_ALARM", isRootCause: true },
  /** A storage could not be read or written, and several members whose disks are on it were paused: the cause of theirs. About "<VIM account>/<storage>". */
  STORAGE_LOST: { severity: "CRITICAL", eventType: "EQUIPMENT_ALARM", isRootCause: true },
  /** A VIM has no session with its switch: what stands there goes on, and nothing can be changed. About "<VIM account>/switch". */
  SWITCH_DOWN: { severity: "CRITICAL", eventType: "COMMUNICATIONS_ALARM", isRootCause: true },
  /** Our own store, or a VIM's ("<VIM account>/store"), takes nothing: no wish can be taken, and what is learnt is lost at a restart. */
  STORE_NOT_WRITABLE: { severity: "CRITICAL", eventType: "PROCESSING_ERROR_ALARM", isRootCause: true },
  VIM_UNREACHABLE: { severity: "MAJOR", eventType: "COMMUNICATIONS_ALARM", isRootCause: true },
} as const satisfies Record<
  string,
  { severity: Alarm["perceivedSeverity"]; eventType: Alarm["eventType"]; isRootCause: boolean }
>;

export type AlarmCause = keyof typeof ALARM_CAUSES;

/** The most severe first. */
const SEVERITIES: readonly Severity[] = ["CRITICAL", "MAJOR", "MINOR", "WARNING", "INDETERMINATE", "CLEARED"];

/** The root alarm, and what it says is broken. */
interface Explanation {
  readonly objectId: string;
  readonly cause: AlarmCause;
  readonly resource: FaultyResourceInfo;
}

const keyOf = (objectId: string, cause: string): string => `${cause} ${objectId}`;

/** The alarms that are active: one for each cause and object, whatever is raised how often. */
export class AlarmBook {
  readonly #db: ManoStore;
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  readonly #clock: Clock;
  readonly #active = new Map<string, Alarm>();
  /** When an active alarm was on the disk and with the subscribers, monotonic ms. */
  readonly #toldAt = new Map<string, number>();
  #placeOf: (objectId: string) => AlarmPlace | null = () => null;

  private constructor(db: ManoStore, stream: EventStream, writes: WriteQueue, clock: Clock) {
    this.#db = db;
    this.#stream = stream;
    this.#writes = writes;
    this.#clock = clock;
  }

  static async open(db: ManoStore, stream: EventStream, writes: WriteQueue, clock: Clock): Promise<AlarmBook> {
    const book = new AlarmBook(db, stream, writes, clock);
    for (const alarm of await readActiveAlarms(db)) book.#active.set(keyOf(alarm.managedObjectId, alarm.probableCause), alarm);
    return book;
  }

  /** Who knows to which network service an object belongs. */
  placedBy(placeOf: (objectId: string) => AlarmPlace | null): void {
    this.#placeOf = placeOf;
  }

  isRaised(objectId: string, cause: AlarmCause): boolean {
    return this.#active.has(keyOf(objectId, cause));
  }

  /** It is active and has another for its cause. */
  isExplained(objectId: string, cause: AlarmCause): boolean {
    return this.#active.get(keyOf(objectId, cause))?.correlatedAlarmIds !== undefined;
  }

  /** Null while it is not active. */
  idOf(objectId: string, cause: AlarmCause): string | null {
    return this.#active.get(keyOf(objectId, cause))?.id ?? null;
  }

  /** What is active, also where the store has not taken it yet. */
  get active(): readonly Alarm[] {
    return [...this.#active.values()];
  }

  /** Null while it is not told, or when it was told in an earlier run. */
  toldAt(objectId: string, cause: AlarmCause): number | null {
    return this.#toldAt.get(keyOf(objectId, cause)) ?? null;
  }

  /** Raises an alarm unless it is active already. Resolves when it is told: handed to the subscribers and on the disk. */
  async raise(objectId: string, cause: AlarmCause, details: readonly string[]): Promise<void> {
    const key = keyOf(objectId, cause);
    if (this.#active.has(key)) return;
    const { severity, eventType, isRootCause } = ALARM_CAUSES[cause];
    const place = this.#placeOf(objectId);
    const alarm: Alarm = {
      id: randomUUID(),
      managedObjectId: objectId,
      raisedAt: this.#clock.wall().toISOString(),
      changedAt: null,
      clearedAt: null,
      ackState: "UNACKNOWLEDGED",
      perceivedSeverity: severity,
      eventType,
      probableCause: cause,
      isRootCause,
      faultDetails: details,
      ...(place && { place }),
    };
    this.#active.set(key, alarm);
    this.#writes.push((tx) => upsertAlarm(tx, alarm));
    this.#stream.push({ type: "alarm.raised", alarm });
    await this.#writes.flush();
    if (this.#active.has(key)) this.#toldAt.set(key, this.#clock.now());
  }

  /** What the active alarms of a cause are about. */
  activeOf(cause: AlarmCause): string[] {
    return [...this.#active.values()].filter((a) => a.probableCause === cause).map((a) => a.managedObjectId);
  }

  /** An active alarm has another for its cause: told once. Nothing where one of the two is not active. */
  explain(objectId: string, cause: AlarmCause, by: Explanation): void {
    const key = keyOf(objectId, cause);
    const [alarm, root] = [this.#active.get(key), this.#active.get(keyOf(by.objectId, by.cause))];
    if (!alarm || !root || alarm.correlatedAlarmIds?.includes(root.id)) return;
    this.#change(alarm, { isRootCause: false, correlatedAlarmIds: [root.id], rootCauseFaultyResource: by.resource });
  }

  clear(objectId: string, cause: AlarmCause): void {
    if (this.#active.size === 0) return; // As it mostly is, and asked for of every group in every pass.
    const key = keyOf(objectId, cause);
    const alarm = this.#active.get(key);
    if (!alarm) return;
    const clearedAt = this.#clock.wall().toISOString();
    const cleared: Alarm = {
      ...alarm,
      perceivedSeverity: "CLEARED",
      clearedFrom: alarm.perceivedSeverity,
      changedAt: clearedAt,
      clearedAt,
    };
    this.#active.delete(key);
    this.#toldAt.delete(key);
    this.#writes.push((tx) => upsertAlarm(tx, cleared));
    this.#stream.push({ type: "alarm.cleared", alarm: cleared });
  }

  /** Of things that are no more. */
  clearAllOf(objectIds: readonly string[]): void {
    for (const id of objectIds) for (const cause of Object.keys(ALARM_CAUSES)) this.clear(id, cause as AlarmCause);
  }

  /** Of VNFCs and groups that are no more: the run that took them away was killed before it could clear their alarms. */
  clearOfGone(): void {
    const gone = this.active.filter((a) => a.place !== undefined && this.#placeOf(a.managedObjectId) === null);
    this.clearAllOf(gone.map((a) => a.managedObjectId));
  }

  /** An operator has seen it, or takes that back. Written before this resolves. Throws NOT_FOUND. */
  async acknowledge(id: string, ackState: Alarm["ackState"]): Promise<Alarm> {
    const { acknowledgedAt: _, ...alarm } = await this.get(id);
    if (alarm.ackState === ackState) throw new Fault("CONFLICT", `alarm ${id} is ${ackState} already`, { id });
    const acknowledgedAt = ackState === "ACKNOWLEDGED" ? { acknowledgedAt: this.#clock.wall().toISOString() } : {};
    return this.#written(this.#change(alarm, { ackState, ...acknowledgedAt }));
  }

  /** Whoever knows the VNF better finds it more severe (SOL002 7.4.4). Written before this resolves. Throws NOT_FOUND, NOT_SUPPORTED: SOL002 has no 409 here. */
  async escalate(id: string, severity: Severity): Promise<Alarm> {
    const alarm = await this.get(id);
    const [now, then] = [SEVERITIES.indexOf(alarm.perceivedSeverity), SEVERITIES.indexOf(severity)];
    if (alarm.clearedAt !== null)
      throw new Fault("NOT_SUPPORTED", `alarm ${id} is cleared: there is nothing to escalate`, { id });
    if (then >= now)
      throw new Fault("NOT_SUPPORTED", `alarm ${id} is ${alarm.perceivedSeverity} already, and ${severity} is not more severe`, {
        id,
      });
    return this.#written(this.#change(alarm, { perceivedSeverity: severity }));
  }

  /** Active or not, also where the store has not taken it yet. Throws NOT_FOUND. */
  async get(id: string): Promise<Alarm> {
    const active = this.active.find((a) => a.id === id);
    if (active) return active;
    await this.#writes.flush();
    const alarm = await readAlarm(this.#db, id);
    if (!alarm) throw new Fault("NOT_FOUND", `there is no alarm ${id}; GET /nsfm/v1/alarms lists them`, { id });
    return alarm;
  }

  #change(alarm: Alarm, change: Partial<Alarm>): Alarm {
    const changed: Alarm = { ...alarm, ...change, changedAt: this.#clock.wall().toISOString() };
    if (changed.clearedAt === null) this.#active.set(keyOf(changed.managedObjectId, changed.probableCause), changed);
    this.#writes.push((tx) => upsertAlarm(tx, changed));
    this.#stream.push({ type: "alarm.changed", alarm: changed });
    return changed;
  }

  /** Throws STORE_REFUSED where the store does not take it now: it is written as soon as it does. */
  async #written(alarm: Alarm): Promise<Alarm> {
    await this.#writes.flush();
    const kept = await readAlarm(this.#db, alarm.id);
    // It may have changed once more by then.
    if (kept && (kept.changedAt ?? "") >= (alarm.changedAt ?? "")) return alarm;
    throw new Fault("STORE_REFUSED", `what was asked of alarm ${alarm.id} waits in memory; ask again`, { id: alarm.id });
  }
}
