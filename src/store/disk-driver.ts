import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, RootOperationNode } from "kysely";
import type { Disk } from "./disk.ts";
import type { Rows, Statement } from "./disk-thread.ts";

/** Statements that go to the disk's thread in one message at most: a message is copied on both sides, in one go. */
const AT_ONCE = 32;

const BEGIN: Statement = { sql: "begin", parameters: [] };
const COMMIT: Statement = { sql: "commit", parameters: [] };
const ROLLBACK: Statement = { sql: "rollback", parameters: [] };

/** What Kysely asks of a disk: one transaction at a time, and what is asked beside it comes after it. */
export class DiskDriver implements Driver {
  readonly #disk: Disk;
  #last: Promise<void> = Promise.resolve();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Turn> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return new Turn(this.#disk, resolve);
  }

  async releaseConnection(turn: Turn): Promise<void> {
    turn.end();
  }

  async beginTransaction(turn: Turn): Promise<void> {
    turn.begin();
  }

  commitTransaction(turn: Turn): Promise<void> {
    return turn.commit();
  }

  rollbackTransaction(turn: Turn): Promise<void> {
    return turn.rollBack();
  }

  destroy(): Promise<void> {
    return this.#disk.close();
  }
}

/**
 * One user of the disk, until its end. What a transaction writes waits for what it reads next, or for its end, and goes to the disk's thread together with
 * that: one that only writes is one message, and one turn of the event loop until its answer is heard, not one for each statement. That a write is refused is
 * told there too, so by the end of its transaction, of which nothing stays then.
 */
class Turn implements DatabaseConnection {
  readonly #disk: Disk;
  /** Whoever is next may ask. */
  readonly end: () => void;
  /** What the disk was not asked for yet, of the transaction that goes on; null: none does. */
  #left: Statement[] | null = null;
  /** What was refused of it: whoever asked may have gone on all the same. */
  #refused: { readonly why: unknown } | null = null;

  constructor(disk: Disk, end: () => void) {
    this.#disk = disk;
    this.end = end;
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = { sql, parameters };
    if (this.#left === null) return resultOf(await this.#disk.run([statement], false));
    this.#left.push(statement);
    if (isAnsweredByNothing(query) && this.#left.length < AT_ONCE) return { rows: [] };
    return resultOf(await this.#ask(this.#left.splice(0), false));
  }

  streamQuery(): never {
    throw new Error("a store is not read row by row: ask for a page");
  }

  begin(): void {
    this.#left = [BEGIN];
  }

  /** Others may ask from here on: the disk works in order, and takes a transaction back by itself where its last message fails. */
  async commit(): Promise<void> {
    if (this.#refused !== null) throw this.#refused.why;
    const left = this.#left ?? [];
    if (left[0] === BEGIN && left.length === 1) return; // Nothing was asked for.
    this.#left = null;
    const done = this.#ask([...left, COMMIT], true);
    this.end();
    await done;
  }

  async rollBack(): Promise<void> {
    const isBegun = this.#left !== null && this.#left[0] !== BEGIN;
    this.#left = null;
    if (isBegun) await this.#disk.run([ROLLBACK], false);
  }

  async #ask(statements: readonly Statement[], isWhole: boolean): Promise<Rows> {
    try {
      return await this.#disk.run(statements, isWhole);
    } catch (why) {
      this.#refused = { why };
      throw why;
    }
  }
}

/** It writes, and nobody asks which rows. How many they were is not known then. */
function isAnsweredByNothing(query: RootOperationNode): boolean {
  if (query.kind !== "InsertQueryNode" && query.kind !== "UpdateQueryNode" && query.kind !== "DeleteQueryNode") return false;
  return query.returning === undefined && query.output === undefined;
}

function resultOf<R>(done: Rows): QueryResult<R> {
  if ("rows" in done) return { rows: done.rows as R[] };
  return { rows: [], numAffectedRows: BigInt(done.changes), insertId: BigInt(done.lastInsertRowid) };
}
