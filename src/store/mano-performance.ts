import { sql } from "kysely";
import type { Direction, OpenPmReport, PmReport, PmValue } from "../model/measurement.ts";
import { among } from "./among.ts";
import type { ManoStore } from "./mano-schema.ts";
import { subscriptionsIn } from "./subscriptions.ts";

/** PM jobs and thresholds, each with what it notifies: the same columns as other subscriptions have. */
export const pmTasksIn = (db: ManoStore) => ({
  ...subscriptionsIn(db, "pm_task"),
  /** With all that it has collected. */
  delete: (id: string) =>
    db.transaction().execute(async (tx) => {
      await tx.deleteFrom("pm_report").where("task_id", "=", id).execute();
      await tx.deleteFrom("pm_crossing").where("task_id", "=", id).execute();
      await tx.deleteFrom("pm_task").where("id", "=", id).execute();
    }),
});

/** What a job has collected in one period; the last of a report makes it ready. */
export interface PmCollection {
  readonly report: Omit<PmReport, "values">;
  /** Its place in the report. */
  readonly nr: number;
  /** Null: there is nothing to add, and the report only becomes ready. */
  readonly values: readonly PmValue[] | null;
}

/** Unless its job has been deleted meanwhile. When the report is ready the oldest beyond `keep` go. */
export async function writePmCollection(db: ManoStore, { report, nr, values }: PmCollection, keep: number): Promise<void> {
  const { id, taskId, readyAt } = report;
  if (!(await isThere(db, taskId))) return;
  await db
    .insertInto("pm_report")
    .values({ id, task_id: taskId, ready_at: readyAt })
    .onConflict((c) => c.column("id").doUpdateSet({ ready_at: readyAt }))
    .execute();
  if (values !== null)
    await db
      .insertInto("pm_collection")
      .values({ report_id: id, nr, body: JSON.stringify(values) })
      .execute();
  if (readyAt === null) return;
  await db
    .deleteFrom("pm_report")
    .where("seq", "in", (of) =>
      of.selectFrom("pm_report").select("seq").where("task_id", "=", taskId).orderBy("seq", "desc").limit(-1).offset(keep),
    )
    .execute();
}

/** Which side of a threshold each of its objects was seen on last; unless it has been deleted meanwhile. */
export async function writePmCrossing(db: ManoStore, taskId: string, sides: ReadonlyMap<string, Direction>): Promise<void> {
  if (!(await isThere(db, taskId))) return;
  const body = JSON.stringify([...sides]);
  await db
    .insertInto("pm_crossing")
    .values({ task_id: taskId, body })
    .onConflict((c) => c.column("task_id").doUpdateSet({ body }))
    .execute();
}

async function isThere(db: ManoStore, taskId: string): Promise<boolean> {
  return (await db.selectFrom("pm_task").select("id").where("id", "=", taskId).executeTakeFirst()) !== undefined;
}

export async function readPmCrossings(db: ManoStore): Promise<Map<string, Map<string, Direction>>> {
  const rows = await db.selectFrom("pm_crossing").selectAll().execute();
  return new Map(rows.map((r) => [r.task_id, new Map(JSON.parse(r.body) as [string, Direction][])]));
}

export async function readPmReport(db: ManoStore, id: string): Promise<PmReport | null> {
  const row = await db.selectFrom("pm_report").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) return null;
  const collected = await db.selectFrom("pm_collection").select("body").where("report_id", "=", id).orderBy("nr").execute();
  const values = collected.flatMap((c) => JSON.parse(c.body) as PmValue[]);
  return { id, taskId: row.task_id, readyAt: row.ready_at, values };
}

/** Those that are still being collected, oldest first. */
export async function readOpenPmReports(db: ManoStore): Promise<OpenPmReport[]> {
  const rows = await db
    .selectFrom("pm_report as r")
    .leftJoin("pm_collection as c", "c.report_id", "r.id")
    .select(["r.id", "r.task_id", (of) => of.fn.max<number | null>("c.nr").as("last")])
    .where("r.ready_at", "is", null)
    .groupBy("r.seq")
    .orderBy("r.seq")
    .execute();
  return rows.map((r) => ({ id: r.id, taskId: r.task_id, collections: r.last ?? 0 }));
}

export interface ReadyReport {
  readonly id: string;
  readonly taskId: string;
  readonly readyAt: string;
}

/** Those of these jobs that are ready, newest first. */
export async function readReadyPmReports(db: ManoStore, taskIds: readonly string[]): Promise<ReadyReport[]> {
  const rows = await db
    .selectFrom("pm_report")
    .select(["id", "task_id", "ready_at"])
    .where(among(sql.ref("task_id"), taskIds))
    .where("ready_at", "is not", null)
    .orderBy("seq", "desc")
    .execute();
  return rows.map((r) => ({ id: r.id, taskId: r.task_id, readyAt: r.ready_at! }));
}
