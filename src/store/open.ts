import { Kysely, SqliteAdapter, SqliteDialect, SqliteIntrospector, SqliteQueryCompiler, sql } from "kysely";
import type { Fault } from "../lib/fault.ts";
import { forKysely, openDatabase, openReadOnly, type StorePlace } from "./database.ts";
import { Disk } from "./disk.ts";
import { DiskDriver } from "./disk-driver.ts";
import { takeLead } from "./lead.ts";

/** A store this process writes. Until it has taken the lead it is one of several that may. */
export type Store<DB> = Kysely<DB> & {
  /** Its epoch. From here on whoever led before can write nothing; when that happens to this one, `lost` is told (`lead.ts`). */
  takeLead(lost: (why: Fault) => void): Promise<number>;
  /** Another one when somebody else has written to it; the last one that is known where it does not answer. So quick that it can be asked on every request. */
  dataVersion(): Promise<number>;
  /** Who is told that it has not answered for long, in words, and with null when it answers again. One listener. */
  onSilence(listener: (why: string | null) => void): void;
};

/**
 * Opens (and makes, where it is new) the SQLite store at `path` and brings it to the newest migration of
 * `migrationsDir`. A transaction that was acknowledged survives a kill -9 and a power cut: WAL with synchronous=FULL.
 * A file is the work of a thread of its own (decision 0126): a disk that hangs holds up who waits for it, and nobody else.
 * Throws STORE_NEWER when a newer program has written it.
 */
export async function openStore<DB>(at: StorePlace & { readonly silentAfterMs?: number }): Promise<Store<DB>> {
  if (at.path === ":memory:") return openInMemory(at);
  const disk = await Disk.open(at);
  const store = new Kysely<DB>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DiskDriver(disk),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  await sql`select 1`.execute(store); // Kysely closes only a database it has used.
  return Object.assign(store, {
    takeLead: (lost: (why: Fault) => void) => disk.takeLead(lost),
    dataVersion: () => disk.dataVersion(),
    onSilence: (listener: (why: string | null) => void) => disk.onSilence(listener),
  });
}

/** No disk, no thread. */
async function openInMemory<DB>(at: StorePlace): Promise<Store<DB>> {
  const db = openDatabase(at);
  const store = new Kysely<DB>({ dialect: new SqliteDialect({ database: forKysely(db) }) });
  await sql`select 1`.execute(store);
  return Object.assign(store, {
    takeLead: async (lost: (why: Fault) => void) => takeLead(db, lost),
    dataVersion: async () => 0, // Nobody else can write to it.
    onSilence: () => {},
  });
}

/** Opens a store that is there already, to look into it: nothing is written, also while a daemon writes. Disposing closes it. */
export async function openToRead<DB>(path: string): Promise<Kysely<DB> & AsyncDisposable> {
  const store = new Kysely<DB>({ dialect: new SqliteDialect({ database: forKysely(openReadOnly(path)) }) });
  await sql`select 1`.execute(store);
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.destroy() });
}
