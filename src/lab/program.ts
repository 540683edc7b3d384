import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "../lib/fault.ts";
import { spawnInNetns } from "./netns.ts";
import { first } from "./priority.ts";

/** How long a program of the lab may take to be ready, to answer, and to end after `stop`. */
const READY_MS_MAX = 10_000;
const ANSWER_MS_MAX = 10_000;
const STOP_MS_MAX = 2_000;

type Reply = Record<string, unknown>;

/**
 * A program of the lab (the media source) in its namespace, spoken to in lines of JSON. Disposing stops it. Its standard
 * error is this process's.
 */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  readonly #exit: Promise<void>;
  #lastId = 0;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.#exit = new Promise((ended) => {
      child.once("exit", () => ended());
      child.once("error", () => ended());
    });
    createInterface({ input: child.stdout! }).on("line", (line) => this.#receive(JSON.parse(line) as Reply));
  }

  /**
   * Starts `src/lab/<script>` with this Node in a namespace and waits until it says that it is ready. Throws Fault TIMEOUT when
   * it is not ready in time or ended before.
   */
  static async start(netns: string, script: "media-source.ts", args: readonly string[]): Promise<Program> {
    const path = `${import.meta.dirname}/${script}`;
    const node = [...process.execArgv.filter((a) => a.startsWith("--max-")), path, ...args];
    const [command, ...rest] = first(process.execPath, node);
    const program = new Program(spawnInNetns(netns, command, rest, { stdio: ["pipe", "pipe", "inherit"] }), script);
    await program.#reply("ready", READY_MS_MAX);
    return program;
  }

  /** Undefined only where the program could not be started at all. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Asks and waits for the answer. Throws Fault TIMEOUT where the program does not answer or has ended. */
  ask<T>(question: string, about: Record<string, unknown> = {}): Promise<T> {
    const id = ++this.#lastId;
    const reply = this.#reply(String(id), ANSWER_MS_MAX);
    this.#child.stdin!.write(`${JSON.stringify({ ...about, id, do: question })}\n`);
    return reply as Promise<T>;
  }

  /** Ends it in good order; by SIGKILL where it does not end in two seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    await Promise.race([this.#exit, sleep(STOP_MS_MAX, undefined, { ref: false })]);
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.#exit;
  }

  async #reply(key: string, withinMs: number): Promise<Reply> {
    const answer = new Promise<Reply>((settle) => this.#waiting.set(key, settle));
    const ended = this.#exit.then(() => null);
    const done = new AbortController();
    try {
      const reply = await Promise.race([answer, ended, sleep(withinMs, null, { signal: done.signal })]);
      if (reply === null) throw new Fault("TIMEOUT", `${this.#name} said nothing or ended`, { program: this.#name });
      return reply;
    } finally {
      done.abort();
      this.#waiting.delete(key);
    }
  }

  #receive(message: Reply): void {
    const key = message.event === "ready" ? "ready" : String(message.id);
    this.#waiting.get(key)?.(message);
  }
}
