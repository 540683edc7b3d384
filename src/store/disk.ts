import { Worker } from "node:worker_threads";
import { Fault } from "../lib/fault.ts";
import type { StorePlace } from "./database.ts";
import type { Asked, Reply, Rows, Statement, Told, Work } from "./disk-thread.ts";

/** A disk takes milliseconds, a very busy one a second. Somebody else's write lock is waited for so long. */
const SILENT_AFTER_MS = 5_000;
/** In so many looks the same thing is still not done: this process standing still for a while is one look. */
const LOOKS = 10;
/** How long the first request waits to hear whether somebody else has written; those after it do not, until that is answered. */
const VERSION_WAIT_MS = 1_000;

interface Waiting {
  readonly resolve: (value: Rows | number | null) => void;
  readonly reject: (why: unknown) => void;
}

/**
 * A store's file, worked on by a thread of its own: one that waits for the disk (an fsync that does not return, a lock that somebody holds)
 * holds up those who wait for it, and not the reactions of this thread.
 */
export class Disk {
  readonly #worker: Worker;
  /** In the order in which they are done. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #looking: NodeJS.Timeout;
  readonly #silentAfterMs: number;
  #lastId = 0;
  #version = 0;
  #isVersionLate = false;
  #lost: (why: Fault) => void = () => {};
  #tellSilence: (why: string | null) => void = () => {};
  #isSilent = false;
  /** Why nothing can be asked any more; null: it can. */
  #over: Error | null = null;
  /** What was done next at the last look, and for how many looks it has been. */
  #stuck = { id: 0, looks: 0 };

  private constructor(at: StorePlace, silentAfterMs: number) {
    this.#silentAfterMs = silentAfterMs;
    this.#worker = new Worker(new URL("./disk-thread.ts", import.meta.url), { workerData: at, execArgv: [] });
    this.#worker.on("message", (reply: Reply) => this.#hear(reply));
    this.#worker.on("error", (e) => this.#ended(e instanceof Error ? e : new Error(String(e))));
    this.#worker.on("exit", () => this.#ended(new Error("the thread of the store has ended")));
    this.#looking = setInterval(() => this.#look(), silentAfterMs / LOOKS).unref();
  }

  /** Throws STORE_NEWER, and what SQLite says. */
  static async open({ silentAfterMs = SILENT_AFTER_MS, ...at }: StorePlace & { readonly silentAfterMs?: number }): Promise<Disk> {
    const disk = new Disk(at, silentAfterMs);
    await disk.#opened.promise;
    disk.#idle();
    return disk;
  }

  onSilence(listener: (why: string | null) => void): void {
    this.#tellSilence = listener;
  }

  /**
   * Done one after the other, with nothing of anybody else in between; gives what the last one gives. `isWhole`: all of a transaction is ended with the last,
   * so where one fails the transaction is rolled back, before anything that was asked for after it.
   */
  async run(statements: readonly Statement[], isWhole: boolean): Promise<Rows> {
    return (await this.#ask({ ask: "run", statements, isWhole })) as Rows;
  }

  async takeLead(lost: (why: Fault) => void): Promise<number> {
    this.#lost = lost;
    return (await this.#ask({ ask: "lead" })) as number;
  }

  /** The last one that is known where the thread is waiting for the disk. */
  async dataVersion(): Promise<number> {
    if (this.#isVersionLate) return this.#version;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#isVersionLate = true;
      late.resolve();
    }, VERSION_WAIT_MS);
    const asked = this.#ask({ ask: "version" }).then((version) => {
      this.#isVersionLate = false;
      this.#version = version as number;
    });
    try {
      await Promise.race([asked, late.promise]);
    } finally {
      clearTimeout(timer);
      asked.catch(() => {}); // It was late, and then refused.
    }
    return this.#version;
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await this.#ask({ ask: "close" });
  }

  #ask(work: Work): Promise<Rows | number | null> {
    if (this.#over !== null) return Promise.reject(this.#over);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Rows | number | null>();
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.postMessage({ id, work } satisfies Asked);
    return promise;
  }

  #hear(reply: Reply): void {
    if (reply.is === "opened") this.#opened.resolve();
    else if (reply.is === "notOpened") this.#opened.reject(errorOf(reply.why));
    else if (reply.is === "lost") this.#lost(errorOf(reply.why) as Fault);
    else this.#done(reply);
  }

  #done(reply: Extract<Reply, { readonly id: number }>): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    this.#idle();
    if (reply.is === "done") waiting?.resolve(reply.value);
    else waiting?.reject(errorOf(reply.why));
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#tellSilence(null);
  }

  /** A process that waits for nothing of it may end. */
  #idle(): void {
    if (this.#waiting.size === 0) this.#worker.unref();
  }

  #look(): void {
    const [id = 0] = this.#waiting.keys();
    this.#stuck = id !== 0 && id === this.#stuck.id ? { id, looks: this.#stuck.looks + 1 } : { id, looks: 0 };
    if (this.#isSilent || this.#stuck.looks < LOOKS) return;
    this.#isSilent = true;
    this.#tellSilence(
      `it has not answered for ${this.#silentAfterMs / 1000} s: the disk hangs, or somebody else holds a lock on the store`,
    );
  }

  #ended(why: Error): void {
    this.#over ??= why;
    clearInterval(this.#looking);
    this.#opened.reject(why);
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }
}

function errorOf({ message, more, fault }: Told): Error {
  if (fault !== null) return new Fault(fault.code, fault.detail, fault.about);
  return Object.assign(new Error(message), more);
}
