import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { Fault, type FaultCode } from "../lib/fault.ts";
import { forKysely, openDatabase, rollBack, type StorePlace } from "./database.ts";
import { takeLead } from "./lead.ts";

// The thread that works on a store's file, one thing after another, in the order in which it is asked (`disk.ts`).

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type Work =
  | { readonly ask: "run"; readonly statements: readonly Statement[]; readonly isWhole: boolean }
  | { readonly ask: "lead" | "version" | "close" };

export interface Asked {
  readonly id: number;
  readonly work: Work;
}

/** An error, as it can be handed to another thread. */
export interface Told {
  readonly message: string;
  /** What stands beside the message: SQLite's code and number. */
  readonly more: Readonly<Record<string, unknown>>;
  readonly fault: { readonly code: FaultCode; readonly detail: string; readonly about: Fault["about"] } | null;
}

export type Rows =
  | { readonly rows: readonly unknown[] }
  | { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };

/** `opened`: the first of all. `lost`: a later leader was found, before the refusal that it leads to. */
export type Reply =
  | { readonly is: "opened" }
  | { readonly is: "notOpened"; readonly why: Told }
  | { readonly is: "done"; readonly id: number; readonly value: Rows | number | null }
  | { readonly is: "failed"; readonly id: number; readonly why: Told }
  | { readonly is: "lost"; readonly why: Told };

/** So late after its start it keeps what it has compiled (decision 0121), which nobody does for it: what is asked of it first comes first. */
const COMPILED_KEPT_AFTER_MS = 1_000;

const port = parentPort!;
const tell = (reply: Reply): void => port.postMessage(reply);

function told(e: unknown): Told {
  if (!(e instanceof Error)) return { message: String(e), more: {}, fault: null };
  const { code, detail, about } = e as Fault;
  const fault = e instanceof Fault ? { code, detail, about } : null;
  return { message: e.message, more: { ...e }, fault };
}

/** Null: it could not be opened, and why was told. */
function opened(): ReturnType<typeof openDatabase> | null {
  try {
    return openDatabase(workerData as StorePlace);
  } catch (e) {
    tell({ is: "notOpened", why: told(e) });
    return null;
  }
}

const db = opened();
if (db !== null) {
  const statements = forKysely(db);
  const version = db.prepare("pragma data_version");
  const query = ({ sql, parameters }: Statement): Rows => {
    const statement = statements.prepare(sql);
    if (statement.reader) return { rows: statement.all(parameters) };
    const { changes, lastInsertRowid } = statement.run(parameters);
    return { changes, lastInsertRowid };
  };
  const run = (asked: readonly Statement[], isWhole: boolean): Rows => {
    try {
      return asked.map(query).at(-1)!;
    } catch (e) {
      if (isWhole) rollBack(db);
      throw e;
    }
  };
  const done = (work: Work): Rows | number | null => {
    if (work.ask === "run") return run(work.statements, work.isWhole);
    if (work.ask === "lead") return takeLead(db, (why) => tell({ is: "lost", why: told(why) }));
    if (work.ask === "version") return Number(version.get()!.data_version);
    db.close();
    return null;
  };
  port.on("message", ({ id, work }: Asked) => {
    try {
      tell({ is: "done", id, value: done(work) });
      if (work.ask === "close") port.close(); // Its end is that of the thread.
    } catch (e) {
      tell({ is: "failed", id, why: told(e) });
    }
  });
  tell({ is: "opened" });
  setTimeout(flushCompileCache, COMPILED_KEPT_AFTER_MS).unref();
}
