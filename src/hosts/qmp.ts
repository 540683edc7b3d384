import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { inTime, openStream } from "./stream.ts";

/** An event of QEMU (its QAPI schema names them), or the end of the connection, which is QEMU's end unless we closed it. */
export type QmpEvent =
  | { readonly type: "event"; readonly name: string; readonly data: Readonly<Record<string, unknown>>; readonly seenAt: number }
  | { readonly type: "end"; readonly seenAt: number };

type Reply = { readonly return: unknown } | { readonly error: { readonly class: string; readonly desc: string } };

interface Waiter {
  resolve(reply: Reply): void;
  reject(e: Error): void;
}

/** Our own monitors answer in well under a millisecond; a QEMU this late is stopped (SIGSTOP) or has no CPU. */
const COMMAND_MAX_MS = 5_000;
/** The longest line we ask for is a few kB. */
const HELD_CHARS_MAX = 4 * 1024 * 1024;

/**
 * Connects to a QEMU monitor in control mode (docs/interop/qmp-spec). Events come to `onEvent` from the first one on.
 * Throws HOST_UNREACHABLE where nobody listens or nobody answers in time.
 */
export async function connectQmp(path: string, clock: Clock, log: Log, onEvent: (e: QmpEvent) => void): Promise<QmpSession> {
  const session = new QmpSession(await openStream({ path }, "QEMU's monitor"), clock, log, onEvent);
  try {
    await session.execute("qmp_capabilities");
    return session;
  } catch (e) {
    session.close();
    throw e;
  }
}

/** One monitor connection. It always reads, so that QEMU never waits for us. */
export class QmpSession {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onEvent: (e: QmpEvent) => void;
  readonly #waiting = new Map<number, Waiter>();
  #held = "";
  #id = 1;
  #open = true;

  constructor(socket: Socket, clock: Clock, log: Log, onEvent: (e: QmpEvent) => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
    this.#onEvent = onEvent;
    socket.setEncoding("utf8");
    socket.on("data", (text: unknown) => this.#receive(String(text)));
    socket.on("error", () => this.#end());
    // "end" comes with the end of file itself, "close" only after our own side has been shut.
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  /** Runs a command; throws HOST_REFUSED with QEMU's text, HOST_UNREACHABLE or TIMEOUT. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (!this.#open) throw ended();
    const id = this.#id++;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const reply = await inTime(this.#clock, COMMAND_MAX_MS, command, promise);
    if ("error" in reply) throw new Fault("HOST_REFUSED", reply.error.desc, { qmpClass: reply.error.class });
    return reply.return;
  }

  /** Closes without an `end` event: it was our wish. */
  close(): void {
    this.#open = false;
    this.#socket.destroy();
    this.#rejectAll();
  }

  #receive(text: string): void {
    const seenAt = this.#clock.now();
    const lines = (this.#held + text).split("\n");
    this.#held = lines.pop() ?? "";
    if (this.#held.length > HELD_CHARS_MAX) this.#lost("a line without end");
    for (const line of lines) if (this.#open && line.trim() !== "") this.#take(line, seenAt);
  }

  #take(line: string, seenAt: number): void {
    let message: { id?: number; event?: string; data?: Record<string, unknown> } & Reply;
    try {
      message = JSON.parse(line);
    } catch {
      this.#lost("a line that is not JSON");
      return;
    }
    if (message.event) this.#onEvent({ type: "event", name: message.event, data: message.data ?? {}, seenAt });
    if (message.id === undefined) return; // An event, or the greeting.
    this.#waiting.get(message.id)?.resolve(message);
    this.#waiting.delete(message.id);
  }

  /** A monitor we cannot read says nothing about QEMU, so there is no `end` event. */
  #lost(why: string): void {
    this.#log.error({ why }, "QEMU's monitor sent what is no message");
    this.close();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#rejectAll();
    this.#onEvent({ type: "end", seenAt: this.#clock.now() });
    this.#socket.destroy();
  }

  #rejectAll(): void {
    for (const { reject } of this.#waiting.values()) reject(ended());
    this.#waiting.clear();
  }
}

const ended = (): Fault => new Fault("HOST_UNREACHABLE", "QEMU's monitor is closed");
