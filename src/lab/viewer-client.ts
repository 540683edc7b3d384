import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Fault } from "../lib/fault.ts";
import type { Measurement, MeasureWindow } from "./meter.ts";
import { first } from "./priority.ts";
import type { Latest, ViewerAsk, ViewerSettings, ViewerTold } from "./viewer.ts";

const PROGRAM = join(import.meta.dirname, "viewer.ts");
/** A viewer answers in milliseconds; one that does not within this is stuck. */
const ANSWER_MS_MAX = 10_000;
/** Node starts in some 100 ms alone, in seconds beside booting guests. */
const READY_MS_MAX = 20_000;
/** One asked to stop that is still there after this is killed. */
const STOP_MS_MAX = 3_000;
const STDERR_CHARS_MAX = 2_000;

export interface ViewerOptions extends ViewerSettings {
  /** Network namespace it runs in; null: the one of this process. */
  readonly netns: string | null;
}

type Via = Extract<ViewerTold, { event: "via" }>;
/** An ask without the number that ties its answer to it. */
type Unnumbered = { readonly ask: "latest" } | ({ readonly ask: "measure" } & MeasureWindow);
type Answer = { readonly id: number; readonly error?: string };

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (e: Error) => void;
  readonly late: NodeJS.Timeout;
}

/** Starts a viewer; resolves when its socket is open. Throws COMMAND_FAILED with its own words when it ends first, TIMEOUT when it hangs. */
export async function startViewer(options: ViewerOptions): Promise<Viewer> {
  const viewer = new Viewer(options);
  try {
    await viewer.ready;
    return viewer;
  } catch (e) {
    await viewer[Symbol.asyncDispose]();
    throw e;
  }
}

/** A viewer as a child process. What is asked of one that has died is rejected with a sentence that says so. */
export class Viewer implements AsyncDisposable {
  readonly name: string;
  /** Bytes of its receive buffer, once its socket is open. */
  readonly ready: Promise<number>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(via: Via) => void>();
  /** Id 0 waits for "ready"; asks count from 1. */
  #nextId = 1;
  #stderr = "";
  #ended: Fault | null = null;

  constructor({ netns, ...settings }: ViewerOptions) {
    this.name = settings.name;
    const [command, ...args] = [
      ...(netns === null ? [] : ["ip", "netns", "exec", netns]),
      ...first(process.execPath, [PROGRAM, JSON.stringify(settings)]),
    ];
    this.#child = spawn(command!, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.ready = this.#await(0, READY_MS_MAX).then(
      (told) => (told as unknown as Extract<ViewerTold, { event: "ready" }>).receiveBufferBytes,
    );
    this.#exited = this.#watch();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What arrived from `fromMs` to `toMs`, as far as it is past. Throws INVALID when the fault is not within. */
  async measure(window: MeasureWindow): Promise<Measurement> {
    return (await this.#ask({ ask: "measure", ...window })) as unknown as Measurement;
  }

  async latest(): Promise<Latest> {
    return (await this.#ask({ ask: "latest" })) as unknown as Latest;
  }

  /** Calls back when packets come through another member than before, and at the first one. Gives the function that ends it. */
  on(_event: "via", listener: (via: Via) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #ask(ask: Unnumbered): Promise<Answer> {
    if (this.#ended) throw this.#ended;
    const id = this.#nextId++;
    const answer = this.#await(id, ANSWER_MS_MAX);
    this.#write({ id, ...ask });
    const { error } = await answer;
    if (error !== undefined) throw new Fault("INVALID", `${this.name}: ${error}`);
    return answer;
  }

  #write(ask: ViewerAsk): void {
    this.#child.stdin!.write(`${JSON.stringify(ask)}\n`);
  }

  #await(id: number, withinMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Fault("TIMEOUT", `${this.name} did not answer within ${withinMs} ms`));
      }, withinMs);
      this.#waiting.set(id, { resolve, reject, late });
    });
  }

  /** Reads what it says and how it ends. */
  #watch(): Promise<void> {
    const child = this.#child;
    child.stdin!.on("error", () => {}); // Its end is told by its exit.
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS_MAX);
    });
    createInterface({ input: child.stdout! }).on("line", (line) => this.#heard(JSON.parse(line) as Answer | ViewerTold));
    return new Promise((resolve) => {
      child.once("error", (e) => this.#end(`cannot be started: ${e.message}`, resolve));
      child.once("close", (code, signal) =>
        this.#end(`has ended (${signal ?? `exit ${code}`})${this.#stderr ? `: ${this.#stderr.trim()}` : ""}`, resolve),
      );
    });
  }

  #heard(line: Answer | ViewerTold): void {
    if (!("event" in line)) this.#settle(line.id, line);
    else if (line.event === "ready") this.#settle(0, { id: 0, ...line });
    else for (const listener of this.#listeners) listener(line);
  }

  #settle(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.late);
    waiting?.resolve(answer);
  }

  #end(how: string, resolve: () => void): void {
    this.#ended ??= new Fault("COMMAND_FAILED", `the viewer ${this.name} ${how}`);
    for (const { reject, late } of this.#waiting.values()) {
      clearTimeout(late);
      reject(this.#ended);
    }
    this.#waiting.clear();
    resolve();
  }

  /** Lets it close its video, then ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#write({ ask: "stop" });
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS_MAX);
    await this.#exited;
    clearTimeout(late);
  }
}
