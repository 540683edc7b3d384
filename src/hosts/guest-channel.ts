import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { type AgentAnswer, AgentLines, RESET, syncRequest } from "../wire/guest-agent.ts";
import { openStream } from "./stream.ts";

/** An answer of a guest's agent. Times are monotonic ms. */
export interface GuestAnswer {
  /** When the channel it came by was opened. */
  readonly life: number;
  readonly answer: AgentAnswer;
  readonly seenAt: number;
}

/** What a guest may say between two questions. One that says more waits: it must not take our time from the others. */
const CHARS_MAX = 16_384;
/** Requests that the guest has not read pile up in the socket; beyond this they are not sent, and are as unanswered as the ones before. */
const UNREAD_BYTES_MAX = 4_096;
/** A channel that cannot be opened is tried again after this, ms. */
const REOPEN_MS = 1_000;

/**
 * The channel to the agent in one guest: opened when it is first asked, and again when QEMU has closed it. Each opening is a life of its own:
 * what one agent answered says nothing of the next.
 */
export class GuestChannel {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onAnswer: (a: GuestAnswer) => void;
  #open: { readonly socket: Socket; readonly life: number } | null = null;
  #openingAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #chars = 0;

  constructor(path: string, clock: Clock, onAnswer: (a: GuestAnswer) => void) {
    this.#path = path;
    this.#clock = clock;
    this.#onAnswer = onAnswer;
  }

  /** Asks the agent to echo `request`. Gives the life of the channel it is asked by; null where it is not open (yet). */
  ask(request: number): number | null {
    if (this.#open === null) {
      void this.#connect();
      return null;
    }
    const { socket, life } = this.#open;
    this.#chars = 0;
    socket.resume();
    if (socket.writableLength < UNREAD_BYTES_MAX) socket.write(syncRequest(request));
    return life;
  }

  close(): void {
    this.#isClosed = true;
    this.#open?.socket.destroy();
    this.#open = null;
  }

  async #connect(): Promise<void> {
    const now = this.#clock.now();
    if (this.#isClosed || now - this.#openingAtMs < REOPEN_MS) return;
    this.#openingAtMs = now;
    const socket = await openStream({ path: this.#path }, "the guest agent's channel").catch(() => null); // It tells nothing that it is closed.
    if (socket === null) return;
    if (this.#isClosed) socket.destroy();
    else this.#opened(socket);
  }

  #opened(socket: Socket): void {
    const open = { socket, life: this.#clock.now() };
    const lines = new AgentLines();
    this.#open = open;
    socket.setEncoding("utf8");
    socket.on("data", (text: unknown) => this.#receive(open, lines, String(text)));
    const ended = () => {
      socket.destroy();
      if (this.#open === open) this.#open = null;
    };
    for (const end of ["error", "end", "close"]) socket.on(end, ended);
    socket.write(RESET, "latin1");
  }

  #receive({ socket, life }: { readonly socket: Socket; readonly life: number }, lines: AgentLines, text: string): void {
    this.#chars += text.length;
    if (this.#chars > CHARS_MAX) socket.pause();
    const seenAt = this.#clock.now();
    for (const answer of lines.push(text)) this.#onAnswer({ life, answer, seenAt });
  }
}
