import type { Kysely, QueryExecutorProvider } from "kysely";
import type { KeptSubscription } from "../model/subscription.ts";

/** Who is told of events, and how far it has come: tables of both stores have these columns. */
export type SubscriptionRow = { -readonly [K in keyof KeptSubscription]: KeptSubscription[K] };

/** Either store. */
type Store = QueryExecutorProvider;

/** Tables of subscriptions: what a dialect's clients subscribe to, and what the MANO measures for them. */
export type SubscriptionTable = "subscriptions" | "pm_task";

const of = (db: Store) => db as unknown as Kysely<Record<SubscriptionTable, SubscriptionRow>>;

/** The subscriptions of a store, for whoever brings them what they ask for. */
export const subscriptionsIn = (db: Store, table: SubscriptionTable = "subscriptions") => ({
  read: () => readSubscriptions(db, table),
  save: (row: KeptSubscription) => saveSubscription(db, table, row),
  delete: (id: string) => deleteSubscription(db, table, id),
  updateCursors: (cursors: ReadonlyMap<string, number>) =>
    of(db)
      .transaction()
      .execute((tx) => updateCursors(tx, cursors, table)),
});

/** Oldest first. */
export function readSubscriptions(db: Store, table: SubscriptionTable = "subscriptions"): Promise<SubscriptionRow[]> {
  return of(db).selectFrom(table).selectAll().orderBy("created_at").orderBy("id").execute();
}

async function saveSubscription(db: Store, table: SubscriptionTable, row: KeptSubscription): Promise<void> {
  await of(db)
    .insertInto(table)
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

/** Part of the caller's transaction; one that is there no more stays away. */
export async function updateCursors(
  tx: Store,
  cursors: ReadonlyMap<string, number>,
  table: SubscriptionTable = "subscriptions",
): Promise<void> {
  for (const [id, cursor] of cursors) await of(tx).updateTable(table).set({ cursor }).where("id", "=", id).execute();
}

async function deleteSubscription(db: Store, table: SubscriptionTable, id: string): Promise<void> {
  await of(db).deleteFrom(table).where("id", "=", id).execute();
}
