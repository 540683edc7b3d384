import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../lib/fault.ts";
import { first, soon } from "./priority.ts";

export interface SupervisedOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes goes here, of every run. */
  readonly logFile: string;
  /** Asked until it says yes; a start that does not get there is a failure. */
  readonly isReady: () => Promise<boolean>;
  /** Real-time priority from its first instruction; left out: what it takes by itself when it is ready. */
  readonly priority?: number;
  /** Told the pid of every run of it. */
  readonly onStart?: (pid: number) => void;
}

/** How long a daemon is left down after it died: what `RestartSec` of its unit file would say. */
const RESTART_AFTER_MS = 100;
const READY_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;
/** A daemon asked to end that is still there after this is killed. */
const END_WITHIN_MS = 5_000;

/** Starts a daemon and keeps it running, as systemd would with `Restart=always`: whoever kills it meets it again. */
export class Supervised implements AsyncDisposable {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | null = null;
  #ending = false;
  #restarts = 0;

  private constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  static async start(options: SupervisedOptions): Promise<Supervised> {
    const supervised = new Supervised(options);
    supervised.#spawn();
    await supervised.ready();
    return supervised;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when the daemon answers. Throws MISSING_PART naming its log when it does not get there. */
  async ready(): Promise<void> {
    for (let waited = 0; waited < READY_WITHIN_MS; waited += LOOK_EVERY_MS) {
      if (await this.#options.isReady().catch(() => false)) return;
      if (this.#restarts > 3) break;
      await delay(LOOK_EVERY_MS);
    }
    const { name, logFile } = this.#options;
    throw new Fault("MISSING_PART", `the ${name} daemon does not come up; its log is ${logFile}`);
  }

  #spawn(): void {
    const { command, args, env, logFile, priority } = this.#options;
    const log = createWriteStream(logFile, { flags: "a" });
    const [program, ...rest] = priority === undefined ? soon(command, args) : first(command, args, priority);
    const child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    this.#child = child;
    if (child.pid !== undefined) this.#options.onStart?.(child.pid);
    child.once("error", () => {}); // The exit that follows is what counts.
    child.once("exit", () => void this.#exited());
  }

  async #exited(): Promise<void> {
    if (this.#ending) return;
    await delay(RESTART_AFTER_MS);
    if (this.#ending) return;
    this.#restarts++;
    this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), END_WITHIN_MS);
    await gone;
    clearTimeout(late);
  }
}
