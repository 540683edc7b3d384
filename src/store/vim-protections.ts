import type { KeptProtection } from "../model/armed.ts";
import type { GroupId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { updateBind, type VimStore } from "./vim-picture.ts";
import { protectionRow } from "./vim-rows.ts";

/** The row as it should stand, whether it is new or not. */
export async function saveProtection(db: VimStore, protection: KeptProtection): Promise<void> {
  const row = protectionRow.toRow(protection);
  await db
    .insertInto("protections")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function deleteProtection(db: VimStore, id: GroupId): Promise<void> {
  await db.deleteFrom("protections").where("id", "=", id).execute();
}

/** What a switch-over changed, in one transaction: binds, fences, and which plans fired. */
export async function storeSwitchOver(
  db: VimStore,
  nets: readonly VimNet[],
  ports: readonly ServerPort[],
  protections: readonly KeptProtection[],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const net of nets) await updateBind(tx, net);
    for (const { id, fenced } of ports)
      await tx
        .updateTable("ports")
        .set({ fenced: fenced ? 1 : 0 })
        .where("id", "=", id)
        .execute();
    for (const { id, fired } of protections)
      await tx
        .updateTable("protections")
        .set({ fired_json: JSON.stringify(fired) })
        .where("id", "=", id)
        .execute();
  });
}
