import type { ManoStore, RunningRow } from "./mano-schema.ts";

export async function readRunning(db: ManoStore): Promise<RunningRow[]> {
  return db.selectFrom("running").selectAll().orderBy("day").execute();
}

/** Replaces that day's; forgets those before `from`. */
export async function writeRunning(db: ManoStore, row: RunningRow, from: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto("running")
      .values(row)
      .onConflict((c) => c.column("day").doUpdateSet({ lived_ms: row.lived_ms, ahead_ms: row.ahead_ms }))
      .execute();
    await tx.deleteFrom("running").where("day", "<", from).execute();
  });
}
