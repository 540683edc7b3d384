import type { Kysely, QueryExecutorProvider } from "kysely";

/** Who is told of events, and how far it has come. The same table in both stores; `tenant_id` is the VIM's. */
export interface SubscriptionRow {
  id: string;
  tenant_id: string | null;
  callback: string;
  filter_json: string;
  /** What it takes to convince the subscriber that it is us; null: nothing. */
  sealed: string | null;
  cursor: number;
  created_at: string;
}

/** Either store. */
type Store = QueryExecutorProvider;

const of = (db: Store) => db as unknown as Kysely<{ subscriptions: SubscriptionRow }>;

/** Oldest first. */
export function readSubscriptions(db: Store): Promise<SubscriptionRow[]> {
  return of(db).selectFrom("subscriptions").selectAll().orderBy("created_at").orderBy("id").execute();
}

export async function saveSubscription(db: Store, row: SubscriptionRow): Promise<void> {
  await of(db)
    .insertInto("subscriptions")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

/** In one transaction; one that is there no more stays away. */
export async function updateCursors(db: Store, cursors: ReadonlyMap<string, number>): Promise<void> {
  await of(db)
    .transaction()
    .execute(async (tx) => {
      for (const [id, cursor] of cursors) await tx.updateTable("subscriptions").set({ cursor }).where("id", "=", id).execute();
    });
}

export async function deleteSubscription(db: Store, id: string): Promise<void> {
  await of(db).deleteFrom("subscriptions").where("id", "=", id).execute();
}
