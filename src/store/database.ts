import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { SqliteDatabase, SqliteStatement } from "kysely";
import { Fault } from "../lib/fault.ts";

/** How long a statement waits for another process that holds the write lock (an operator's sqlite3, a backup), ms. */
const BUSY_TIMEOUT_MS = 5_000;

export interface StorePlace {
  readonly path: string;
  readonly migrationsDir: string;
  /** Left out: 5 s. */
  readonly busyTimeoutMs?: number;
}

/** Opens the SQLite file, and makes it where it is new; brings it to the newest migration. Throws STORE_NEWER when a newer program has written it. */
export function openDatabase({ path, migrationsDir, busyTimeoutMs = BUSY_TIMEOUT_MS }: StorePlace): DatabaseSync {
  if (path !== ":memory:") makeFile(path);
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: busyTimeoutMs });
  try {
    db.exec("pragma journal_mode = wal; pragma synchronous = full;");
    migrate(db, migrationsDir);
  } catch (e) {
    db.close();
    throw e;
  }
  return db;
}

/** A file that is there already, to look into it. */
export const openReadOnly = (path: string): DatabaseSync => new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });

/** A new one is for its owner only; the rights of one that is there are left as they are. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, "a", 0o600));
}

/** Numbered SQL files (0001-….sql), never edited once released; all or nothing. Returns the numbers that were run. */
export function migrate(db: DatabaseSync, dir: string): number[] {
  const files = migrationFiles(dir);
  db.exec("begin immediate"); // One migrator at a time, also across processes.
  try {
    db.exec(
      "create table if not exists migration (id integer primary key, ran_at text not null default current_timestamp) strict",
    );
    const have = new Set(
      db
        .prepare("select id from migration")
        .all()
        .map((row) => Number(row.id)),
    );
    refuseNewer(Math.max(0, ...have), Math.max(0, ...files.keys()));
    const missing = [...files.keys()].filter((id) => !have.has(id)).sort((a, b) => a - b);
    for (const id of missing) {
      db.exec(files.get(id)!);
      db.prepare("insert into migration (id) values (?)").run(id);
    }
    db.exec("commit");
    return missing;
  } catch (e) {
    rollBack(db);
    throw e;
  }
}

function refuseNewer(newest: number, known: number): void {
  if (newest <= known) return;
  throw new Fault(
    "STORE_NEWER",
    `it is at migration ${newest}, this program knows up to ${known}; start the newer program or another store`,
    {
      newest,
      known,
    },
  );
}

function migrationFiles(dir: string): Map<number, string> {
  const files = new Map<number, string>();
  for (const name of readdirSync(dir)) {
    const number = /^(\d{4})-.+\.sql$/.exec(name)?.[1];
    if (number === undefined) continue;
    if (files.has(Number(number))) throw new Error(`two migrations with the number ${number} in ${dir}`);
    files.set(Number(number), readFileSync(join(dir, name), "utf8"));
  }
  return files;
}

/** SQLite has rolled back by itself where the disk was full; to ask for it once more fails, and hides what was wrong. */
export function rollBack(db: DatabaseSync): void {
  if (db.isTransaction) db.exec("rollback");
}

/** node:sqlite in the shape of better-sqlite3, which is what Kysely's SQLite dialect speaks. Statements are prepared once. */
export function forKysely(db: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>([
    ["rollback", { ...shaped(db.prepare("rollback")), run: () => rolledBack(db) }],
  ]);
  return {
    close: () => db.close(),
    prepare(text) {
      const known = prepared.get(text);
      if (known) return known;
      const statement = shaped(db.prepare(text));
      if (prepared.size < PREPARED_MAX) prepared.set(text, statement);
      return statement;
    },
  };
}

function rolledBack(db: DatabaseSync): ReturnType<SqliteStatement["run"]> {
  rollBack(db);
  return { changes: 0, lastInsertRowid: 0 };
}

/** Queries are functions with a fixed text, so there are few; lists of values (`in (…)`) could make many. */
const PREPARED_MAX = 500;

const shaped = (statement: StatementSync): SqliteStatement => ({
  reader: statement.columns().length > 0,
  all: (values) => statement.all(...(values as SQLInputValue[])),
  run: (values) => statement.run(...(values as SQLInputValue[])),
  iterate: (values) => statement.iterate(...(values as SQLInputValue[])),
});
