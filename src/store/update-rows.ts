import { type QueryExecutorProvider, sql } from "kysely";

/**
 * Gives rows that are there other values, by their id, in one statement however many they are: a thousand statements would hold this thread
 * for a good part of a second. All rows have the same columns; one that is not there stays away.
 */
export async function updateRows(
  db: QueryExecutorProvider,
  table: string,
  rows: readonly { readonly id: string }[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first).filter((c) => c !== "id");
  const sets = columns.map((c) => sql`${sql.ref(c)} = j.value ->> ${sql.lit(`$.${c}`)}`);
  await sql`update ${sql.table(table)} set ${sql.join(sets)} from json_each(${JSON.stringify(rows)}) as j
    where ${sql.ref(`${table}.id`)} = j.value ->> '$.id'`.execute(db);
}
