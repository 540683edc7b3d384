import type { VimEvent } from "../model/vim-event.ts";
import type { VimStore } from "./vim-picture.ts";

/** Writes what has been told already, in one transaction. */
export async function insertEvents(db: VimStore, events: readonly VimEvent[]): Promise<void> {
  await db
    .insertInto("events")
    .values(events.map((e) => ({ seq: e.seq, body_json: JSON.stringify(e) })))
    .execute();
}

/** Events after `seq`, oldest first. */
export async function readEventsSince(db: VimStore, seq: number, limit: number): Promise<VimEvent[]> {
  const rows = await db.selectFrom("events").select("body_json").where("seq", ">", seq).orderBy("seq").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body_json) as VimEvent);
}

/** What stands in the journal: its last number, how many there are, and up to which number they were forgotten. */
export async function readJournalState(db: VimStore): Promise<{ lastSeq: number; count: number; prunedTo: number }> {
  const row = await db
    .selectFrom("events")
    .select((eb) => [eb.fn.max<number | null>("seq").as("last"), eb.fn.countAll<number>().as("count")])
    .executeTakeFirstOrThrow();
  const pruned = await db.selectFrom("meta").select("value").where("key", "=", PRUNED_TO).executeTakeFirst();
  return { lastSeq: row.last ?? 0, count: row.count, prunedTo: pruned?.value ?? 0 };
}

const PRUNED_TO = "events_pruned_to";

/** Forgets the oldest `count`. Answers the last number of them. */
export async function pruneEvents(db: VimStore, count: number): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { seq } = await tx
      .selectFrom("events")
      .select("seq")
      .orderBy("seq")
      .limit(1)
      .offset(count - 1)
      .executeTakeFirstOrThrow();
    await tx.deleteFrom("events").where("seq", "<=", seq).execute();
    const row = { key: PRUNED_TO, value: seq };
    await tx
      .insertInto("meta")
      .values(row)
      .onConflict((c) => c.column("key").doUpdateSet(row))
      .execute();
    return seq;
  });
}
