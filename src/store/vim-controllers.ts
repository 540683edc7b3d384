import type { VimStore } from "./vim-picture.ts";
import type { OfcRow, PortMappingRow } from "./vim-schema.ts";

/** Oldest first. */
export const readControllers = (db: VimStore): Promise<OfcRow[]> =>
  db.selectFrom("ofcs").selectAll().orderBy("created_at").orderBy("id").execute();

export const readPortMappings = (db: VimStore): Promise<PortMappingRow[]> =>
  db.selectFrom("of_port_mappings").selectAll().orderBy("region").orderBy("compute_node").orderBy("pci").execute();

/** The row as it should stand, whether it is new or not. */
export async function saveController(db: VimStore, row: OfcRow): Promise<void> {
  await db
    .insertInto("ofcs")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function deleteController(db: VimStore, id: string): Promise<void> {
  await db.deleteFrom("ofcs").where("id", "=", id).execute();
}

/** All or none of them. */
export async function insertPortMappings(db: VimStore, rows: readonly PortMappingRow[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const row of rows) await tx.insertInto("of_port_mappings").values(row).execute();
  });
}

export async function deletePortMappings(db: VimStore, region: string): Promise<void> {
  await db.deleteFrom("of_port_mappings").where("region", "=", region).execute();
}
