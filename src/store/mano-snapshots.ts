import type { VnfcId } from "../model/ids.ts";
import type { MadeFrom, SnapshotRecord } from "../model/vnf-snapshot.ts";
import type { ManoStore } from "./mano-schema.ts";

/** Those that are going too, oldest first. */
export async function readSnapshots(db: ManoStore): Promise<SnapshotRecord[]> {
  const rows = await db.selectFrom("vnf_snapshot").select("body").orderBy("created_at").orderBy("id").execute();
  return rows.map(({ body }) => JSON.parse(body) as SnapshotRecord);
}

export async function upsertSnapshot(db: ManoStore, record: SnapshotRecord): Promise<void> {
  const row = { is_going: record.isGoing ? 1 : 0, body: JSON.stringify(record) };
  await db
    .insertInto("vnf_snapshot")
    .values({ id: record.id, created_at: record.createdAt, ...row })
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function deleteSnapshot(db: ManoStore, id: string): Promise<void> {
  await db.deleteFrom("vnf_snapshot").where("id", "=", id).execute();
}

/** What a VNFC is made from, from now on; null: its VNFD's image. */
export async function updateMadeFrom(db: ManoStore, id: VnfcId, madeFrom: MadeFrom | null): Promise<void> {
  await db
    .updateTable("vnfc")
    .set({ made_from: madeFrom === null ? null : JSON.stringify(madeFrom) })
    .where("id", "=", id)
    .execute();
}
