import { sql } from "kysely";
import type { ManoStore } from "./mano-schema.ts";

/** Tenants by the ids of what is theirs. */
export async function readOwners(db: ManoStore): Promise<Map<string, string>> {
  return new Map((await db.selectFrom("owner").selectAll().execute()).map((r) => [r.id, r.tenant_id]));
}

/** Whoever had it first keeps it. */
export async function insertOwner(db: ManoStore, id: string, tenantId: string): Promise<void> {
  await db
    .insertInto("owner")
    .values({ id, tenant_id: tenantId })
    .onConflict((c) => c.doNothing())
    .execute();
}

/** The tenant of a record of this NS, as a value to be inserted. Null: nobody in particular. */
export const tenantOf = (nsId: string | undefined) =>
  sql<string | null>`(select tenant_id from owner where id = ${nsId ?? null})`;
