import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { migrate } from "../../src/store/open.ts";
import { type Life, never } from "./sim-clock.ts";

type Row = Record<string, SQLInputValue>;

/** A disk: what one daemon has committed outlives it. In memory, with the real schema; its rows can be kept and put back. */
export class SimDisk {
  readonly #db = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, { readonly statement: StatementSync; readonly reads: boolean }>();
  readonly #tables: readonly string[];

  constructor(migrationsDir: string) {
    migrate(this.#db, migrationsDir);
    const tables = this.#db.prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").all();
    this.#tables = tables.map((t) => String(t.name)).filter((name) => name !== "migration");
  }

  /** The store as one run of a daemon sees it. After its end no statement is carried out or answered. */
  open<DB>(life: Life, isDaemon = true): Kysely<DB> {
    if (isDaemon) this.rollBack();
    return new Kysely<DB>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new SimDriver(this, life),
        createIntrospector: (db) => new SqliteIntrospector(db),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    });
  }

  /** What a killed daemon had begun and not committed is undone when the next one opens. */
  rollBack(): void {
    if (this.#db.isTransaction) this.#db.exec("rollback");
  }

  run(text: string, values: readonly unknown[]): QueryResult<unknown> {
    let known = this.#statements.get(text);
    if (known === undefined) {
      const statement = this.#db.prepare(text);
      known = { statement, reads: statement.columns().length > 0 };
      this.#statements.set(text, known);
    }
    if (known.reads) return { rows: known.statement.all(...(values as SQLInputValue[])) };
    const { changes } = known.statement.run(...(values as SQLInputValue[]));
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  keep(): ReadonlyMap<string, readonly Row[]> {
    return new Map(this.#tables.map((t) => [t, this.#db.prepare(`select * from ${t}`).all() as Row[]]));
  }

  putBack(kept: ReadonlyMap<string, readonly Row[]>): void {
    this.rollBack();
    this.#db.exec("begin; pragma defer_foreign_keys = on");
    for (const table of this.#tables) this.run(`delete from ${table}`, []);
    for (const [table, rows] of kept) {
      for (const row of rows) {
        const names = Object.keys(row);
        this.run(`insert into ${table} (${names.join(",")}) values (${names.map(() => "?").join(",")})`, Object.values(row));
      }
    }
    this.#db.exec("commit");
  }
}

/** Kysely's way to SQLite (its own driver, in short), with the end of a daemon between any two statements. */
class SimDriver implements Driver {
  readonly #connection: DatabaseConnection;
  readonly #life: Life;
  #free: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(disk: SimDisk, life: Life) {
    this.#life = life;
    this.#connection = {
      executeQuery: async <R>({ sql, parameters }: CompiledQuery) =>
        life.step() ? (disk.run(sql, parameters) as QueryResult<R>) : never<QueryResult<R>>(),
      // biome-ignore lint/correctness/useYield: nothing here reads a stream.
      streamQuery: async function* () {
        throw new Error("no streams");
      },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#free;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    await before;
    this.#release = resolve;
    return this.#life.isOver ? never<DatabaseConnection>() : this.#connection;
  }

  async beginTransaction(c: DatabaseConnection): Promise<void> {
    await c.executeQuery(CompiledQuery.raw("begin"));
  }

  async commitTransaction(c: DatabaseConnection): Promise<void> {
    await c.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(c: DatabaseConnection): Promise<void> {
    await c.executeQuery(CompiledQuery.raw("rollback"));
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async destroy(): Promise<void> {}
}
