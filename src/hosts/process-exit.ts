import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { ConnectorSocket, decodeConnector, encodeRequest } from "./netlink.ts";
import { type ProcessRef, readProcess } from "./qemu-process.ts";

/** The end of a watched process. `exitCode` is as wait(2) has it, null where the end was found only by looking. */
export interface ProcessEnd {
  readonly pid: number;
  readonly exitCode: number | null;
  /** Monotonic ms. */
  readonly seenAt: number;
}

/** Watches processes of this machine for their end; the earliest signal there is (about 1 ms after a SIGKILL). */
export interface ProcessExit extends AsyncDisposable {
  /** Calls `onEnd` once, also when the process is gone already. Returns what stops the watch. */
  watch(process: ProcessRef, onEnd: (end: ProcessEnd) => void): () => void;
}

/** The kernel acknowledges at once, and says nothing at all to a process outside of the first PID namespace. */
const ACKNOWLEDGE_MAX_MS = 1_000;
/** Low seven bits of a wait status: the signal that ended it (wait(2)). */
const SIGNAL_BITS = 0x7f;

/**
 * Opens the kernel's process connector. Null, with one line in the log, where the kernel or our rights do not allow it:
 * the other sources of evidence still work, some ten milliseconds later.
 */
export async function openProcessExit({ clock, log }: { clock: Clock; log: Log }): Promise<ProcessExit | null> {
  try {
    const connector = new Connector(new ConnectorSocket(), clock, log);
    await connector.listen();
    return connector;
  } catch (e) {
    log.warn({ err: e }, "no process connector: the end of a QEMU is seen later, by its monitor");
    return null;
  }
}

interface Watch {
  readonly process: ProcessRef;
  readonly onEnd: (end: ProcessEnd) => void;
}

class Connector implements ProcessExit {
  readonly #socket: ConnectorSocket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #watches = new Map<number, Set<Watch>>();
  readonly #acknowledged = Promise.withResolvers<number>();
  readonly #number = process.pid;
  #open = true;
  #reading: Promise<void> = Promise.resolve();

  constructor(socket: ConnectorSocket, clock: Clock, log: Log) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
  }

  async listen(): Promise<void> {
    this.#socket.send(encodeRequest("listen", this.#number));
    this.#reading = this.#read();
    const late = this.#clock.sleep(ACKNOWLEDGE_MAX_MS).then(() => -1);
    const error = await Promise.race([this.#acknowledged.promise, late]);
    if (error !== 0) throw new Error(error < 0 ? "the kernel does not acknowledge" : `the kernel refuses: errno ${error}`);
  }

  watch(process: ProcessRef, onEnd: (end: ProcessEnd) => void): () => void {
    const watch = { process, onEnd };
    const same = this.#watches.get(process.pid);
    if (same) same.add(watch);
    else this.#watches.set(process.pid, new Set([watch]));
    this.#filter();
    void this.#look(process.pid); // It may have ended before the filter let its exit in.
    return () => this.#forget(watch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    this.#watches.clear();
    // An acknowledgement ends the read that waits. Linux 6.6 and later send none for "ignore", hence "listen" in between;
    // and a last "ignore", or older ones would count a listener for ever.
    for (const what of ["ignore", "listen"] as const) this.#socket.send(encodeRequest(what, this.#number));
    await this.#reading;
    this.#socket.send(encodeRequest("ignore", this.#number));
    this.#socket.close();
  }

  #forget(watch: Watch): void {
    const same = this.#watches.get(watch.process.pid);
    if (!same?.delete(watch) || same.size > 0) return;
    this.#watches.delete(watch.process.pid);
    if (this.#open) this.#filter();
  }

  #filter(): void {
    this.#socket.filter([...this.#watches.keys()]);
  }

  async #read(): Promise<void> {
    while (this.#open) {
      const bytes = await this.#socket.receive().catch((e: NodeJS.ErrnoException) => e);
      if (Buffer.isBuffer(bytes)) this.#take(bytes);
      else if (bytes.code === "ENOBUFS") this.#lookAtAll();
      else
        return this.#log.error({ err: bytes }, "the process connector failed: the end of a QEMU is seen later, by its monitor");
    }
  }

  #lookAtAll(): void {
    this.#log.warn("exits of processes were lost: looking at every watched one");
    for (const pid of this.#watches.keys()) void this.#look(pid);
  }

  #take(bytes: Buffer): void {
    const message = decodeConnector(bytes);
    if (message?.kind === "acknowledge" && message.to === this.#number) this.#acknowledged.resolve(message.error);
    if (message?.kind !== "exit") return;
    const { pid, tgid, exitCode } = message;
    // A fatal signal takes the whole group, whichever thread dies first; a single worker thread that ends is nothing.
    if (pid === tgid || (exitCode & SIGNAL_BITS) !== 0) this.#end(tgid, exitCode);
  }

  /** Ends the watches of `pid` whose process is not there any more. */
  async #look(pid: number): Promise<void> {
    const now = await readProcess(pid);
    for (const watch of this.#watches.get(pid) ?? []) {
      if (now?.startTime !== watch.process.startTime) this.#tell(watch, null);
    }
  }

  #end(pid: number, exitCode: number): void {
    for (const watch of this.#watches.get(pid) ?? []) this.#tell(watch, exitCode);
  }

  #tell(watch: Watch, exitCode: number | null): void {
    const seenAt = this.#clock.now();
    // First the news: taking the process out of the filter can wait.
    watch.onEnd({ pid: watch.process.pid, exitCode, seenAt });
    this.#forget(watch);
  }
}
