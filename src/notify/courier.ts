import type { Clock } from "../lib/clock.ts";
import type { DeliveryView } from "../model/subscription.ts";
import { backOffMs } from "./back-off.ts";
import { Refusal } from "./endpoint.ts";

/** Events with numbers that only grow. */
export interface Numbered {
  readonly seq: number;
}

/** What is read by couriers: events that are on the disk, kept for a while. */
export interface KeptJournal<E extends Numbered> {
  /** Oldest first. */
  since(seq: number, limit: number): Promise<E[]>;
  /** Events up to this number are kept no more. */
  readonly prunedTo: number;
  /** The last number that is used up. */
  readonly lastSeq: number;
}

/** What one subscriber is to get, and how. */
export interface Order<E extends Numbered> {
  readonly id: string;
  /** The last event that it has accepted. */
  readonly cursor: number;
  /** Events of one request; left out: many. */
  readonly batchMax?: number;
  matches(event: E): boolean;
  /** In place of events that were kept no more when their turn came. Its number is `to`. */
  lost(from: number, to: number): E;
  /** Throws Refusal where the subscriber does not accept. */
  post(events: readonly E[], signal: AbortSignal): Promise<void>;
}

export interface CourierParts<E extends Numbered> {
  readonly journal: KeptJournal<E>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly chance: () => number;
  /** The cursor has moved, and is to be written soon. */
  readonly moved: () => void;
  /** Resolves when the cursor is on the disk; left out: nothing is waited for. */
  readonly noted?: () => Promise<void>;
  /** It was refused for the first time, or accepted again: for the log. */
  readonly tell: (what: "refused" | "accepted", view: DeliveryView) => void;
  /** The journal could not be read; it is tried again. */
  readonly failed: (e: unknown) => void;
}

/** Events in memory for one subscriber; those beyond wait in the journal. */
const QUEUE_MAX = 500;
/** Rows read at once: a page holds this thread for less than a millisecond. */
const PAGE_MAX = 200;
/** Events of one request, where the dialect allows more than one. */
const BATCH_MAX = 100;
/** A cursor that only skips what the filter leaves out is written this often, in events: a restart reads them again. */
const SKIPPED_MAX = 1_000;
/** Rest after the journal could not be read. */
const READ_AGAIN_MS = 1_000;

/**
 * Brings a subscriber its events: in the order of their numbers, each at least once, one request at a time. It reads what is on the
 * disk, so it neither slows who tells nor misses what happened while it or the subscriber was away.
 */
export class Courier<E extends Numbered> {
  readonly #order: Order<E>;
  readonly #parts: CourierParts<E>;
  #queue: E[] = [];
  #inFlight: readonly E[] = [];
  /** All that is on the disk up to here is in the queue, was accepted, or does not match. */
  #readTo: number;
  /** The last event that we were told is on the disk. */
  #heardTo: number;
  /** Matching events between the two; null: not counted yet. */
  #unread: number | null = null;
  #cursor: number;
  #toldCursor: number;
  #failures = 0;
  #lastError: string | null = null;
  #lastErrorAt: string | null = null;
  #nextTryAt: string | null = null;
  #lastAcceptedAt: string | null = null;
  #wake: () => void = () => {};

  constructor(order: Order<E>, parts: CourierParts<E>) {
    this.#order = order;
    this.#parts = parts;
    // A number that was never used is one of a store that is no more.
    this.#cursor = Math.min(order.cursor, parts.journal.lastSeq);
    this.#toldCursor = this.#cursor;
    this.#readTo = this.#cursor;
    this.#heardTo = parts.journal.lastSeq;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get view(): DeliveryView {
    const pending = this.#queue.length + this.#inFlight.length + (this.#unread ?? 0);
    return {
      state: this.#failures > 0 ? "RETRYING" : pending > 0 ? "DELIVERING" : "CURRENT",
      cursor: this.#cursor,
      pending,
      failures: this.#failures,
      lastError: this.#lastError,
      lastErrorAt: this.#lastErrorAt,
      nextTryAt: this.#nextTryAt,
      lastAcceptedAt: this.#lastAcceptedAt,
    };
  }

  /** These are on the disk now. Called for every event, in order. */
  hear(events: readonly E[]): void {
    const matching = events.filter((e) => e.seq > this.#readTo && this.#order.matches(e));
    const isAtEnd = this.#readTo >= this.#heardTo && this.#queue.length + matching.length <= QUEUE_MAX;
    this.#heardTo = Math.max(this.#heardTo, events.at(-1)?.seq ?? 0);
    if (isAtEnd) this.#hold(matching, this.#heardTo);
    else if (this.#unread !== null) this.#unread += matching.length;
    if (matching.length > 0) this.#wake();
  }

  /** Ends with the signal; a request in flight is given up. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#fill(signal);
        if (this.#isIdle()) await this.#woken(signal);
        else await this.#send(signal);
      } catch (e) {
        this.#parts.failed(e);
        await this.#parts.clock.sleep(READ_AGAIN_MS, signal).catch(() => {});
      }
    }
  }

  #isIdle = () => this.#queue.length === 0 && this.#inFlight.length === 0;

  /** Into the queue; all up to `readTo` has been looked at. */
  #hold(matching: readonly E[], readTo: number): void {
    this.#queue.push(...matching);
    this.#readTo = Math.max(this.#readTo, readTo);
    if (!this.#isIdle()) return;
    this.#cursor = this.#readTo;
    if (this.#cursor - this.#toldCursor >= SKIPPED_MAX) this.#tellMoved();
  }

  #tellMoved(): void {
    this.#toldCursor = this.#cursor;
    this.#parts.moved();
  }

  async #send(signal: AbortSignal): Promise<void> {
    if (this.#inFlight.length === 0) this.#inFlight = this.#queue.splice(0, this.#order.batchMax ?? BATCH_MAX);
    try {
      await this.#order.post(this.#inFlight, signal);
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      if (e.isTooLarge && this.#inFlight.length > 1) this.#halve();
      else if (!signal.aborted) await this.#refused(e, signal);
      return; // The same events once more: a receiver that has taken them in sees the same request.
    }
    this.#accepted();
    await this.#parts.noted?.();
  }

  #halve(): void {
    const half = Math.ceil(this.#inFlight.length / 2);
    this.#queue.unshift(...this.#inFlight.slice(half));
    this.#inFlight = this.#inFlight.slice(0, half);
  }

  #accepted(): void {
    const wasRefused = this.#failures > 0;
    this.#cursor = this.#inFlight.at(-1)!.seq;
    this.#inFlight = [];
    this.#failures = 0;
    this.#nextTryAt = null;
    this.#lastAcceptedAt = this.#parts.clock.wall().toISOString();
    if (this.#queue.length === 0) this.#cursor = Math.max(this.#readTo, this.#cursor); // The filter left out the rest.
    this.#tellMoved();
    if (wasRefused) this.#parts.tell("accepted", this.view);
  }

  async #refused(refusal: Refusal, signal: AbortSignal): Promise<void> {
    this.#failures++;
    const restMs = backOffMs(this.#failures, this.#parts.chance(), refusal.askedMs);
    const now = this.#parts.clock.wall();
    this.#lastError = refusal.message;
    this.#lastErrorAt = now.toISOString();
    this.#nextTryAt = new Date(now.getTime() + restMs).toISOString();
    if (this.#failures === 1) this.#parts.tell("refused", this.view);
    await this.#parts.clock.sleep(restMs, signal).catch(() => {});
  }

  /** Reads on until there is something to send, or nothing more on the disk. */
  async #fill(signal: AbortSignal): Promise<void> {
    while (this.#isIdle() && this.#readTo < this.#heardTo && !signal.aborted) {
      this.#skipLost();
      const page = await this.#parts.journal.since(this.#readTo, PAGE_MAX);
      this.#take(page, page.length < PAGE_MAX);
      await new Promise(setImmediate); // A long way to catch up leaves room for everybody else.
    }
    if (this.#unread === null) await this.#count(signal);
  }

  #take(page: readonly E[], isLast: boolean): void {
    const matching = page.filter((e) => this.#order.matches(e));
    if (this.#unread !== null) this.#unread -= matching.filter((e) => e.seq <= this.#heardTo).length;
    if (isLast) this.#unread = 0;
    this.#hold(matching, isLast ? Math.max(page.at(-1)?.seq ?? 0, this.#heardTo) : page.at(-1)!.seq);
  }

  /** The journal has forgotten what this subscriber was still to get: it is told so, for it must read the whole picture again. */
  #skipLost(): void {
    const { prunedTo } = this.#parts.journal;
    if (this.#readTo >= prunedTo) return;
    this.#queue.push(this.#order.lost(this.#readTo, prunedTo));
    this.#readTo = prunedTo;
    this.#unread = null;
  }

  /** How many wait beyond the queue, counted once; from then on it is kept. */
  async #count(signal: AbortSignal): Promise<void> {
    let count = 0;
    let at = this.#readTo;
    while (at < this.#heardTo && !signal.aborted) {
      const page = await this.#parts.journal.since(at, PAGE_MAX);
      count += page.filter((e) => this.#order.matches(e)).length;
      at = page.length < PAGE_MAX ? this.#heardTo : page.at(-1)!.seq;
      await new Promise(setImmediate);
    }
    this.#unread = count;
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((settle) => {
      const end = () => {
        signal.removeEventListener("abort", end);
        settle();
      };
      this.#wake = end;
      signal.addEventListener("abort", end, { once: true });
    });
  }
}
