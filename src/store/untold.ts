import type { ManoEventBody } from "../model/mano-event.ts";
import type { ManoStore } from "./mano-schema.ts";

/** Events of a change that is in the store, which the journal has not yet. */
export interface Untold {
  readonly id: string;
  readonly events: readonly ManoEventBody[];
}

/** Part of the transaction of the change. */
export async function insertUntold(tx: ManoStore, { id, events }: Untold): Promise<void> {
  await tx
    .insertInto("untold")
    .values({ id, body: JSON.stringify(events) })
    .execute();
}

/** Part of the transaction in which the journal gets them. */
export async function deleteUntold(tx: ManoStore, id: string): Promise<void> {
  await tx.deleteFrom("untold").where("id", "=", id).execute();
}

/** In the order in which the changes were made. */
export async function readUntold(db: ManoStore): Promise<Untold[]> {
  const rows = await db.selectFrom("untold").selectAll().orderBy("rowid").execute();
  return rows.map(({ id, body }) => ({ id, events: JSON.parse(body) as ManoEventBody[] }));
}
