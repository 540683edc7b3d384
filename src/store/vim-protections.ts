import type { KeptProtection } from "../model/armed.ts";
import type { GroupId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { updateRows } from "./update-rows.ts";
import type { VimStore } from "./vim-picture.ts";
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
    const binds = nets.map((n) => ({ id: n.id, bind_net: n.bindNet, bind_vlan: n.bindVlan, copy_net: n.copyNet }));
    await updateRows(tx, "nets", binds);
    const fences = ports.map((p) => ({ id: p.id, fenced: p.fenced ? 1 : 0 }));
    await updateRows(tx, "ports", fences);
    const fired = protections.map((p) => ({ id: p.id, fired_json: JSON.stringify(p.fired) }));
    await updateRows(tx, "protections", fired);
  });
}
