import { sql } from "kysely";
import type { GroupId } from "../model/ids.ts";
import type { Alarm, Failover, ManoEvent } from "../model/mano-event.ts";
import { among } from "./among.ts";
import { tenantOf } from "./mano-owners.ts";
import type { ManoStore } from "./mano-schema.ts";

/** Newest first. */
export async function readFailovers(db: ManoStore, limit: number, tenant: string | null = null): Promise<Failover[]> {
  const all = db.selectFrom("failover").select("body");
  const own = tenant === null ? all : all.where("tenant_id", "=", tenant);
  const rows = await own.orderBy("opened_at", "desc").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body) as Failover);
}

/** Those that are open, and those that were closed then (ISO 8601) or later. */
export async function readFailoversClosedSince(db: ManoStore, since: string): Promise<Failover[]> {
  const rows = await db
    .selectFrom("failover")
    .select("body")
    .where((is) => is.or([is("closed_at", "is", null), is("closed_at", ">=", since)]))
    .execute();
  return rows.map((r) => JSON.parse(r.body) as Failover);
}

export async function readFailover(db: ManoStore, id: string): Promise<Failover | null> {
  const row = await db.selectFrom("failover").select("body").where("id", "=", id).executeTakeFirst();
  return row ? (JSON.parse(row.body) as Failover) : null;
}

/** Of one group, oldest first, newest `limit`. */
export async function readFailoversOfGroup(db: ManoStore, groupId: GroupId, limit: number): Promise<Failover[]> {
  const rows = await db
    .selectFrom("failover")
    .select("body")
    .where("group_id", "=", groupId)
    .orderBy("opened_at", "desc")
    .limit(limit)
    .execute();
  return rows.map((r) => JSON.parse(r.body) as Failover).reverse();
}

export async function upsertFailover(db: ManoStore, f: Failover): Promise<void> {
  const body = JSON.stringify(f);
  await db
    .insertInto("failover")
    .values({
      id: f.id,
      group_id: f.groupId,
      state: f.state,
      opened_at: f.openedAt,
      closed_at: f.closedAt,
      tenant_id: tenantOf(f.nsId),
      body,
    })
    .onConflict((c) => c.column("id").doUpdateSet({ state: f.state, closed_at: f.closedAt, body }))
    .execute();
}

/** Newest first. */
export async function readAlarms(db: ManoStore, limit: number): Promise<Alarm[]> {
  const rows = await db.selectFrom("alarm").select("body").orderBy("raised_at", "desc").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body) as Alarm);
}

/** A part of the list of alarms. What is left out, or undefined, is not asked. */
export interface AlarmsAsked {
  /** Those behind this one; null: from the newest. */
  readonly behind: { readonly raisedAt: string; readonly id: string } | null;
  readonly limit: number;
  /** Whose they are. */
  readonly tenant?: string | undefined;
  /** Only such as are about a VNF. */
  readonly ofVnf?: boolean;
  readonly ids?: readonly string[] | undefined;
  readonly causes?: readonly string[] | undefined;
  readonly severities?: readonly string[] | undefined;
  readonly ackStates?: readonly string[] | undefined;
  /** Both ends included. */
  readonly raised?: { readonly from?: string; readonly to?: string } | undefined;
}

/** The newest first; those raised in one moment by their ids. */
export async function readAlarmsAsked(db: ManoStore, asked: AlarmsAsked): Promise<Alarm[]> {
  const { behind, limit, tenant, ofVnf, ids, causes, severities, ackStates, raised } = asked;
  let query = db.selectFrom("alarm").select("body");
  if (behind) query = query.where(sql<boolean>`(raised_at, id) < (${behind.raisedAt}, ${behind.id})`);
  if (tenant !== undefined) query = query.where("tenant_id", "=", tenant);
  if (ofVnf) query = query.where(sql`json_extract(body, '$.place.vnf')`, "is not", null);
  if (ids) query = query.where(among(sql`id`, ids));
  if (causes) query = query.where(among(sql`probable_cause`, causes));
  if (severities) query = query.where(among(sql`json_extract(body, '$.perceivedSeverity')`, severities));
  if (ackStates) query = query.where(among(sql`json_extract(body, '$.ackState')`, ackStates));
  if (raised?.from !== undefined) query = query.where("raised_at", ">=", raised.from);
  if (raised?.to !== undefined) query = query.where("raised_at", "<=", raised.to);
  const rows = await query.orderBy("raised_at", "desc").orderBy("id", "desc").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body) as Alarm);
}

/** Those of these ids that are there. */
export async function readAlarmIds(db: ManoStore, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom("alarm").select("id").where(among(sql`id`, ids)).execute();
  return new Set(rows.map((r) => r.id));
}

export async function readActiveAlarms(db: ManoStore): Promise<Alarm[]> {
  const rows = await db.selectFrom("alarm").select("body").where("cleared_at", "is", null).execute();
  return rows.map((r) => JSON.parse(r.body) as Alarm);
}

/** Those of a cause that were cleared then (ISO 8601) or later. */
export async function readAlarmsClearedSince(db: ManoStore, cause: string, since: string): Promise<Alarm[]> {
  const query = db.selectFrom("alarm").select("body").where("probable_cause", "=", cause).where("cleared_at", ">=", since);
  return (await query.execute()).map((r) => JSON.parse(r.body) as Alarm);
}

export async function readAlarm(db: ManoStore, id: string): Promise<Alarm | null> {
  const row = await db.selectFrom("alarm").select("body").where("id", "=", id).executeTakeFirst();
  return row ? (JSON.parse(row.body) as Alarm) : null;
}

export async function upsertAlarm(db: ManoStore, a: Alarm): Promise<void> {
  const body = JSON.stringify(a);
  await db
    .insertInto("alarm")
    .values({
      id: a.id,
      managed_object_id: a.managedObjectId,
      probable_cause: a.probableCause,
      raised_at: a.raisedAt,
      cleared_at: a.clearedAt,
      tenant_id: tenantOf(a.place?.nsId),
      body,
    })
    .onConflict((c) => c.column("id").doUpdateSet({ cleared_at: a.clearedAt, body }))
    .execute();
}

/** What happens, and apart from it what is told of performance: events by their numbers. */
export type JournalTable = "journal" | "pm_journal";

export async function insertJournal(db: ManoStore, event: ManoEvent, table: JournalTable = "journal"): Promise<void> {
  await db
    .insertInto(table)
    .values({ seq: event.seq, body: JSON.stringify(event) })
    .execute();
}

/** Events after `seq`, oldest first. */
export async function readJournalSince(
  db: ManoStore,
  seq: number,
  limit: number,
  table: JournalTable = "journal",
): Promise<ManoEvent[]> {
  const rows = await db.selectFrom(table).select("body").where("seq", ">", seq).orderBy("seq").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body) as ManoEvent);
}

export async function readLastSeq(db: ManoStore, table: JournalTable = "journal"): Promise<number> {
  const row = await db
    .selectFrom(table)
    .select((eb) => eb.fn.max<number | null>("seq").as("last"))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** How much the journal has. */
export interface JournalExtent {
  readonly count: number;
  /** Events up to this number are not in it any more. */
  readonly prunedTo: number;
}

export async function readJournalExtent(db: ManoStore, table: JournalTable = "journal"): Promise<JournalExtent> {
  const row = await db
    .selectFrom(table)
    .select((eb) => [eb.fn.min<number | null>("seq").as("first"), eb.fn.countAll<number>().as("count")])
    .executeTakeFirst();
  return { count: row?.count ?? 0, prunedTo: Math.max(0, (row?.first ?? 1) - 1) };
}

/** Forgets the oldest ones. Gives the number up to which there are none any more. Numbers have gaps, so they are counted. */
export async function pruneJournal(db: ManoStore, count: number, table: JournalTable = "journal"): Promise<number> {
  const oldest = await db.selectFrom(table).select("seq").orderBy("seq").limit(count).execute();
  const last = oldest.at(-1)?.seq ?? 0;
  await db.deleteFrom(table).where("seq", "<=", last).execute();
  return last;
}
