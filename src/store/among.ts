import { type RawBuilder, sql } from "kysely";

/** One of a list that a client has sent. However long it is, the text of the statement is the same: prepared statements are kept by their text. */
export const among = (column: RawBuilder<unknown>, values: readonly string[]): RawBuilder<boolean> =>
  sql<boolean>`${column} in (select value from json_each(${JSON.stringify(values)}))`;
