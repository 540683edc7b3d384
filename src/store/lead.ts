import type { DatabaseSync } from "node:sqlite";
import { Fault } from "../lib/fault.ts";

/** Asked by the triggers below; named so that a message of SQLite about it can be found. */
const REFUSAL = "sempre_stale_leader";

/**
 * Takes the lead over an open store: its epoch, one more than that of whoever led it before. From here on every row this
 * connection writes is refused with STALE_EPOCH, in the transaction it belongs to, once somebody else has taken a higher
 * epoch; `lost` is told first. Triggers of this connection do it, so no query can forget to.
 */
export function takeLead(db: DatabaseSync, lost: (why: Fault) => void): number {
  const epoch = nextEpoch(db);
  db.function(REFUSAL, () => {
    const why = new Fault("STALE_EPOCH", `this store is led under an epoch above ${epoch}; this daemon writes nothing more`, {
      epoch,
    });
    lost(why);
    throw why;
  });
  for (const table of tablesOf(db)) for (const op of ["insert", "update", "delete"]) db.exec(guardOf(table, op, epoch));
  return epoch;
}

function nextEpoch(db: DatabaseSync): number {
  const row = db
    .prepare(
      "insert into meta (key, value) values ('epoch', 1) on conflict (key) do update set value = meta.value + 1 returning value",
    )
    .get();
  return Number(row!.value);
}

function tablesOf(db: DatabaseSync): string[] {
  const rows = db.prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").all();
  return rows.map((row) => String(row.name));
}

const guardOf = (table: string, op: string, epoch: number): string =>
  `create temp trigger led_${table}_${op} before ${op} on main.${table}
   when (select value from main.meta where key = 'epoch') > ${epoch} begin select ${REFUSAL}(); end`;
