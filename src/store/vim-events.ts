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

export async function readLastSeq(db: VimStore): Promise<number> {
  const row = await db
    .selectFrom("events")
    .select((eb) => eb.fn.max<number | null>("seq").as("last"))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** Forgets all but the newest `keep`. */
export async function pruneEvents(db: VimStore, newest: number, keep: number): Promise<void> {
  await db
    .deleteFrom("events")
    .where("seq", "<=", newest - keep)
    .execute();
}
