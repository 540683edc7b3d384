import { readFile } from "node:fs/promises";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import type { ThreadTimes } from "../model/thread-times.ts";
import { REBOOT_SAYS } from "./domain-says.ts";
import { type GuestAnswer, GuestChannel } from "./guest-channel.ts";
import { hungDiskOf } from "./hung-disk.ts";
import { storageOf } from "./mounts.ts";
import type { ProcessEnd, ProcessExit } from "./process-exit.ts";
import { findQemu, type QemuProcess, readProcess } from "./qemu-process.ts";
import { connectQmp, type QmpEvent, type QmpSession } from "./qmp.ts";
import { readThreads } from "./thread-times.ts";

/** What a watch needs of its host. `tell` gets every piece of evidence, the moment it is seen. */
export interface WatchContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly processExit: ProcessExit | null;
  readonly otherRunDirs: (() => readonly string[]) | undefined;
  readonly tell: (evidence: Evidence) => void;
  readonly answered: (id: ServerId, answer: GuestAnswer) => void;
}

type Says = Evidence["says"];

export interface AttachOptions {
  /** Whether to wait until QEMU's monitor is joined: one that has just begun may take its time to answer. */
  readonly monitorToo?: boolean;
}

/**
 * QEMU's events that say how the server is (qapi/run-state.json). A reset ends what the guest served and starts it anew, so it says two things.
 */
const MEANINGS: Readonly<Record<string, readonly Says[]>> = {
  STOP: ["paused"],
  RESUME: ["running"],
  SHUTDOWN: ["stopped"],
  GUEST_PANICKED: ["stopped"],
  RESET: REBOOT_SAYS,
  GUEST_CRASHLOADED: ["stopped"],
};

/** What becomes of a server whose watchdog was not fed, by QEMU's WatchdogAction; after the others it runs on, and so nothing is said. */
const WATCHDOG_MEANINGS: Readonly<Record<string, readonly Says[]>> = {
  poweroff: ["stopped"],
  shutdown: ["stopped"],
  reset: ["stopped"],
  pause: ["paused"],
};

/** RunState of `query-status`; what is not named here stands still, for whatever reason. */
const STATUSES: Readonly<Record<string, Says>> = {
  running: "running",
  shutdown: "stopped",
  "guest-panicked": "stopped",
  "internal-error": "stopped",
};

/** RunState of one whose disk could not be read or written, where its errors stop it (by QEMU's default: no space left). */
const IO_ERROR = "io-error";

/** What `query-block` says of a drive (qapi/block-core.json, BlockInfo). */
interface Drive {
  readonly "io-status"?: "ok" | "failed" | "nospace";
  readonly inserted?: { readonly file: string };
}

const SIGNAL_BITS = 0x7f;

/** Watches the QEMU of one server from outside of libvirt: its process and its own monitor. Both go on when libvirtd is gone. */
export class ServerWatch {
  readonly #id: ServerId;
  readonly #context: WatchContext;
  #process: QemuProcess | null = null;
  #unwatch: () => void = () => {};
  #qmp: QmpSession | null = null;
  #guest: GuestChannel | null = null;
  /** A drive has failed so that QEMU stops for it; it has not gone on since. */
  #hasIoError = false;
  #attaching: Promise<boolean> = Promise.resolve(false);
  /** Of which process the monitor is being joined. */
  #joining: { readonly of: QemuProcess; readonly done: Promise<void> } | null = null;

  constructor(id: ServerId, context: WatchContext) {
    this.#id = id;
    this.#context = context;
  }

  /**
   * Finds the QEMU that runs now and watches it; watching it already, it changes nothing. Calls queue up, as each must
   * look after the start it was made for. False where no QEMU runs, and told as evidence where we would surely see one.
   * The monitor is waited for, whatever is asked, where the kernel does not tell us of the end of processes.
   */
  attach({ monitorToo = true }: AttachOptions = {}): Promise<boolean> {
    const found = this.#attaching.then(() => this.#attach());
    this.#attaching = found;
    if (!monitorToo && this.#context.processExit !== null) return found;
    return found.then(async (isThere) => {
      await this.#joining?.done;
      return isThere;
    });
  }

  /** As `Host.askGuest`. */
  askGuest(request: number): number | null {
    return this.#guest?.ask(request) ?? null;
  }

  /** How the threads of its QEMU have fared with the scheduler until now. Null where none is watched. */
  threads(): ThreadTimes[] | null {
    return this.#process === null ? null : readThreads(this.#process.pid);
  }

  /** The storage that its QEMU has waited for all the time, for seconds. Null: none that can be told. */
  hungDisk(): ReturnType<typeof hungDiskOf> {
    return this.#process === null ? Promise.resolve(null) : hungDiskOf(this.#process, this.#context.clock);
  }

  /** On what storage a file of its QEMU is; null: no QEMU is watched, or it has no such file. */
  async storageOf(file: string): Promise<string | null> {
    if (this.#process === null) return null;
    return storageOf(await readFile(`/proc/${this.#process.pid}/mountinfo`, "utf8").catch(() => ""), file);
  }

  close(): void {
    this.#guest?.close();
    this.#guest = null;
    this.#unwatch();
    this.#unwatch = () => {};
    this.#qmp?.close();
    this.#qmp = null;
    this.#process = null;
  }

  async #attach(): Promise<boolean> {
    if (await this.#isWatched()) return true;
    const process = await findQemu(this.#id, this.#context.otherRunDirs?.());
    if (!process) return this.#absent();
    this.close();
    this.#process = process;
    this.#unwatch = this.#context.processExit?.watch(process, (end) => this.#ended(end)) ?? (() => {});
    if (process.agentSocket !== null)
      this.#guest = new GuestChannel(process.agentSocket, this.#context.clock, (answer) =>
        this.#context.answered(this.#id, answer),
      );
    if (process.qmpSocket !== null)
      this.#joining = { of: process, done: this.#joinMonitor(process, process.qmpSocket).finally(() => this.#joined(process)) };
    return true;
  }

  /** The process that was found last still runs, and its monitor is joined or about to be: no other one has to be looked for. */
  async #isWatched(): Promise<boolean> {
    const process = this.#process;
    if (process === null || (this.#qmp === null && this.#joining?.of !== process)) return false;
    const now = await readProcess(process.pid);
    return now?.startTime === process.startTime && this.#process === process;
  }

  #joined(process: QemuProcess): void {
    if (this.#joining?.of === process) this.#joining = null;
  }

  /** The process connector works in the first PID namespace only: whoever has it sees every process of the machine. */
  #absent(): boolean {
    this.close();
    const { processExit, clock } = this.#context;
    if (!processExit) return true;
    this.#tell("processExit", "stopped", clock.now(), "no QEMU runs");
    return false;
  }

  async #joinMonitor(process: QemuProcess, path: string): Promise<void> {
    const { clock, log } = this.#context;
    try {
      const qmp = await connectQmp(path, clock, log, (e) => this.#heard(e));
      if (this.#process !== process) return qmp.close(); // It ended, or we closed, while we connected.
      this.#qmp = qmp;
      const askedAt = clock.now();
      const { status } = (await qmp.execute("query-status")) as { status: string };
      this.#tell("qmp", STATUSES[status] ?? "paused", askedAt, `status ${status}`);
      this.#hasIoError = status === IO_ERROR;
      if (this.#hasIoError) await this.#tellStorage(qmp);
    } catch (e) {
      log.warn({ err: e, server: this.#id }, "no monitor of this QEMU: its process and libvirt are watched");
    }
  }

  #heard(e: QmpEvent): void {
    if (e.type === "end") {
      this.#qmp = null;
      this.#tell("qmp", "stopped", e.seenAt, "end of file");
      return;
    }
    if (e.name === "RESUME") this.#hasIoError = false;
    if (e.name === "BLOCK_IO_ERROR" && e.data["action"] === "stop") this.#hasIoError = true; // STOP follows.
    const reason = e.data["reason"] ?? e.data["action"];
    const detail = reason === undefined ? e.name : `${e.name} ${String(reason)}`;
    const meanings = e.name === "WATCHDOG" ? WATCHDOG_MEANINGS[String(e.data["action"])] : MEANINGS[e.name];
    for (const says of meanings ?? []) this.#tell("qmp", says, e.seenAt, detail);
    if (e.name !== "STOP" || !this.#hasIoError || this.#qmp === null) return;
    this.#tellStorage(this.#qmp).catch((err: unknown) =>
      this.#context.log.warn(
        { err, server: this.#id },
        "it was paused for an I/O error, and its QEMU does not say of which disk",
      ),
    );
  }

  /** After the pause itself was told: which disk it is, and what that is on. */
  async #tellStorage(qmp: QmpSession): Promise<void> {
    const askedAt = this.#context.clock.now();
    const drives = (await qmp.execute("query-block")) as Drive[];
    const failed = drives.find((d) => d.inserted !== undefined && (d["io-status"] ?? "ok") !== "ok");
    if (failed === undefined || !this.#hasIoError || this.#qmp !== qmp) return; // It has gone on, or ended.
    const { file } = failed.inserted!;
    const storage = await this.storageOf(file);
    const why = failed["io-status"] === "nospace" ? "no space is left for" : "an I/O error of";
    this.#tell("qmp", "paused", askedAt, `${why} ${file}`, storage);
  }

  #ended({ exitCode, seenAt }: ProcessEnd): void {
    this.#tell("processExit", "stopped", seenAt, describe(exitCode));
  }

  #tell(source: Source, says: Says, seenAt: number, detail: string, storage: string | null = null): void {
    const about = { kind: "server", id: this.#id } as const;
    this.#context.tell({ about, says, source, seenAt, detail, ...(storage !== null && { storage }) });
  }
}

function describe(exitCode: number | null): string {
  if (exitCode === null) return "QEMU is gone";
  const signal = exitCode & SIGNAL_BITS;
  return signal > 0 ? `QEMU was killed by signal ${signal}` : `QEMU ended with ${exitCode >> 8}`;
}
