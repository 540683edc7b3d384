import type { Direction, PmReport } from "../model/measurement.ts";
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

/** Unless its job has been deleted meanwhile. When it is ready the oldest beyond `keep` go. */
export async function writePmReport(db: ManoStore, { id, taskId, readyAt, collections, values }: PmReport, keep: number) {
  if (!(await isThere(db, taskId))) return;
  const row = { id, task_id: taskId, ready_at: readyAt, body: JSON.stringify({ collections, values }) };
  await db
    .insertInto("pm_report")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet({ ready_at: row.ready_at, body: row.body }))
    .execute();
  if (readyAt === null) return;
  await db
    .deleteFrom("pm_report")
    .where("task_id", "=", taskId)
    .where("id", "in", (of) =>
      of
        .selectFrom("pm_report")
        .select("id")
        .where("task_id", "=", taskId)
        .where("ready_at", "is not", null)
        .orderBy("ready_at", "desc")
        .orderBy("id")
        .limit(-1)
        .offset(keep),
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
  return row ? reportOf(row) : null;
}

/** Those that are still being collected. */
export async function readOpenPmReports(db: ManoStore): Promise<PmReport[]> {
  return (await db.selectFrom("pm_report").selectAll().where("ready_at", "is", null).execute()).map(reportOf);
}

export interface ReadyReport {
  readonly id: string;
  readonly taskId: string;
  readonly readyAt: string;
}

/** Those that are ready, newest first; `taskId` null: of every job. */
export async function readReadyPmReports(db: ManoStore, taskId: string | null): Promise<ReadyReport[]> {
  const all = db
    .selectFrom("pm_report")
    .select(["id", "task_id", "ready_at"])
    .where("ready_at", "is not", null)
    .orderBy("ready_at", "desc")
    .orderBy("id");
  const rows = await (taskId === null ? all : all.where("task_id", "=", taskId)).execute();
  return rows.map((r) => ({ id: r.id, taskId: r.task_id, readyAt: r.ready_at! }));
}

const reportOf = (row: { id: string; task_id: string; ready_at: string | null; body: string }): PmReport => ({
  id: row.id,
  taskId: row.task_id,
  readyAt: row.ready_at,
  ...(JSON.parse(row.body) as Pick<PmReport, "collections" | "values">),
});
