import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { migrate } from "../../src/store/database.ts";
import { type Life, never } from "./sim-clock.ts";

/**
 * A disk: what one daemon has committed outlives it. In memory, with the real schema. It can be kept as it stands, and put back to that
 * any number of times: all that happens to it is one transaction, in which those of the daemons are savepoints.
 */
export class SimDisk {
  readonly #db = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, { readonly statement: StatementSync; readonly reads: boolean }>();
  readonly #begin = this.#db.prepare("savepoint daemon");
  readonly #commit = this.#db.prepare("release daemon");
  #isInTransaction = false;
  /** So many of the next writes fail, as on a disk that is full. */
  refusals = 0;
  /** It does not answer until then; null: it does. */
  #hangs: Promise<void> | null = null;
  /** Statements that wrote, and undid: while this stands, so does what is on the disk. */
  writes = 0;

  constructor(migrationsDir: string) {
    migrate(this.#db, migrationsDir);
    this.#db.exec("begin");
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
    if (this.#isInTransaction) this.#db.exec("rollback to daemon; release daemon");
    this.writes++;
    this.#isInTransaction = false;
  }

  begin(): void {
    this.#begin.run();
    this.#isInTransaction = true;
  }

  commit(): void {
    this.#refuse();
    this.#commit.run();
    this.#isInTransaction = false;
  }

  run(text: string, values: readonly unknown[]): QueryResult<unknown> {
    let known = this.#statements.get(text);
    if (known === undefined) {
      const statement = this.#db.prepare(text);
      known = { statement, reads: statement.columns().length > 0 };
      this.#statements.set(text, known);
    }
    if (!known.reads) this.#refuse();
    if (known.reads) return { rows: known.statement.all(...(values as SQLInputValue[])) };
    this.writes++;
    const { changes } = known.statement.run(...(values as SQLInputValue[]));
    return { rows: [], numAffectedRows: BigInt(changes) };
  }

  /** Nothing that is asked of it is done, until what is answered here is called. */
  hang(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hangs = promise;
    return () => {
      if (this.#hangs === promise) this.#hangs = null;
      resolve();
    };
  }

  /** Null: it answers. */
  get hanging(): Promise<void> | null {
    return this.#hangs;
  }

  #refuse(): void {
    if (this.refusals === 0) return;
    this.refusals--;
    throw new DiskFull();
  }

  /** From here on `putBack` leads to what stands here now. */
  keep(): void {
    this.rollBack();
    this.#db.exec("commit; begin");
  }

  putBack(): void {
    this.#db.exec("rollback; begin");
    this.#isInTransaction = false;
    this.refusals = 0;
    this.#hangs = null;
  }
}

/** SQLITE_FULL, in SQLite's words. */
export class DiskFull extends Error {
  constructor() {
    super("database or disk is full");
  }
}

/** Kysely's way to SQLite (its own driver, in short), with the end of a daemon between any two statements. */
class SimDriver implements Driver {
  readonly #connection: DatabaseConnection;
  readonly #disk: SimDisk;
  readonly #life: Life;
  #free: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(disk: SimDisk, life: Life) {
    this.#disk = disk;
    this.#life = life;
    this.#connection = {
      executeQuery: async <R>({ sql, parameters }: CompiledQuery) => {
        if (disk.hanging !== null) await disk.hanging;
        return life.step() ? (disk.run(sql, parameters) as QueryResult<R>) : never<QueryResult<R>>();
      },
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

  beginTransaction(): Promise<void> {
    return this.#step(() => this.#disk.begin());
  }

  commitTransaction(): Promise<void> {
    return this.#step(() => this.#disk.commit());
  }

  rollbackTransaction(): Promise<void> {
    return this.#step(() => this.#disk.rollBack());
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async destroy(): Promise<void> {}

  async #step(act: () => void): Promise<void> {
    if (this.#disk.hanging !== null) await this.#disk.hanging;
    return this.#life.step() ? act() : never<void>();
  }
}
