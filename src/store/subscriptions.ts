import type { Kysely, QueryExecutorProvider } from "kysely";
import type { KeptSubscription } from "../model/subscription.ts";

/** Who is told of events, and how far it has come: the same table in both stores. */
export type SubscriptionRow = { -readonly [K in keyof KeptSubscription]: KeptSubscription[K] };

/** Either store. */
type Store = QueryExecutorProvider;

const of = (db: Store) => db as unknown as Kysely<{ subscriptions: SubscriptionRow }>;

/** The subscriptions of a store, for whoever brings them what they ask for. */
export const subscriptionsIn = (db: Store) => ({
  read: () => readSubscriptions(db),
  save: (row: KeptSubscription) => saveSubscription(db, row),
  delete: (id: string) => deleteSubscription(db, id),
  updateCursors: (cursors: ReadonlyMap<string, number>) => updateCursors(db, cursors),
});

/** Oldest first. */
export function readSubscriptions(db: Store): Promise<SubscriptionRow[]> {
  return of(db).selectFrom("subscriptions").selectAll().orderBy("created_at").orderBy("id").execute();
}

async function saveSubscription(db: Store, row: KeptSubscription): Promise<void> {
  await of(db)
    .insertInto("subscriptions")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

/** In one transaction; one that is there no more stays away. */
async function updateCursors(db: Store, cursors: ReadonlyMap<string, number>): Promise<void> {
  await of(db)
    .transaction()
    .execute(async (tx) => {
      for (const [id, cursor] of cursors) await tx.updateTable("subscriptions").set({ cursor }).where("id", "=", id).execute();
    });
}

async function deleteSubscription(db: Store, id: string): Promise<void> {
  await of(db).deleteFrom("subscriptions").where("id", "=", id).execute();
}
