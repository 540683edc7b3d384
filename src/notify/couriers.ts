import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DeliveryView } from "../model/subscription.ts";
import { Courier, type KeptJournal, type Numbered, type Order } from "./courier.ts";

/**
 * How long a moved cursor waits to be written: one write for all that moved, off the way of everything else. After a kill -9 what was
 * accepted in this time is sent once more.
 */
const WRITE_AFTER_MS = 100;

export interface CouriersParts<E extends Numbered> {
  readonly journal: KeptJournal<E>;
  readonly clock: Clock;
  readonly log: Log;
  /** In one transaction; what is there no more stays away. */
  readonly writeCursors: (cursors: ReadonlyMap<string, number>) => Promise<void>;
  readonly chance?: () => number;
  /** A cursor is on the disk before the next request to its subscriber: after a kill -9 one request comes twice, not more. */
  readonly isStrict?: boolean;
}

interface Running<E extends Numbered> {
  readonly courier: Courier<E>;
  readonly end: AbortController;
  readonly run: Promise<void>;
  written: number;
}

/** A courier for each subscriber. Disposing ends them, and writes how far each came. */
export class Couriers<E extends Numbered> implements AsyncDisposable {
  readonly #parts: CouriersParts<E>;
  readonly #running = new Map<string, Running<E>>();
  readonly #ended = new AbortController();
  #writing: Promise<void> | null = null;
  #noting: Promise<void> | null = null;

  constructor(parts: CouriersParts<E>) {
    this.#parts = parts;
  }

  add(order: Order<E>): void {
    const { journal, clock, log } = this.#parts;
    const courier = new Courier(order, {
      journal,
      clock,
      chance: this.#parts.chance ?? Math.random,
      moved: () => {
        this.#writing ??= this.#writeSoon();
      },
      ...(this.#parts.isStrict && { noted: () => this.#note() }),
      tell: (what, view) => tell(log, order.id, what, view),
      failed: (err) => log.error({ err, subscription: order.id }, "events could not be read for a subscriber; it is tried again"),
    });
    const end = new AbortController();
    this.#running.set(order.id, { courier, end, run: courier.run(end.signal), written: order.cursor });
  }

  /** From here on nothing is sent to it; a request in flight is given up. */
  async remove(id: string): Promise<void> {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.end.abort();
    await running?.run;
  }

  viewOf(id: string): DeliveryView | null {
    return this.#running.get(id)?.courier.view ?? null;
  }

  /** These are on the disk now. */
  hear(events: readonly E[]): void {
    for (const [subscription, { courier }] of this.#running) {
      try {
        courier.hear(events);
      } catch (err) {
        // Who wrote the events must not fail by it.
        this.#parts.log.error({ err, subscription }, "a subscriber could not be told; the others are");
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const { end } of this.#running.values()) end.abort();
    await Promise.all([...this.#running.values()].map(({ run }) => run));
    await this.#writing;
    await this.#noting;
    await this.#write();
  }

  /** With those of all others that were accepted in the same turn: one commit for all of them. */
  #note(): Promise<void> {
    this.#noting ??= new Promise((go) => setImmediate(go)).then(() => {
      this.#noting = null; // Before it is read: what moves from here on is written next time.
      return this.#write();
    });
    return this.#noting;
  }

  async #writeSoon(): Promise<void> {
    await this.#parts.clock.sleep(WRITE_AFTER_MS, this.#ended.signal).catch(() => {});
    this.#writing = null; // Before it is read: what moves from here on is written next time.
    await this.#write();
  }

  async #write(): Promise<void> {
    const moved = [...this.#running].filter(([, { courier, written }]) => courier.cursor !== written);
    const cursors = new Map(moved.map(([id, { courier }]) => [id, courier.cursor]));
    if (cursors.size === 0) return;
    try {
      await this.#parts.writeCursors(cursors);
      for (const [id, running] of moved) running.written = cursors.get(id)!;
    } catch (err) {
      this.#parts.log.error({ err }, "how far subscribers came could not be written; after a restart they hear it again");
    }
  }
}

function tell(log: Log, subscription: string, what: "refused" | "accepted", view: DeliveryView): void {
  const { pending, lastError } = view;
  if (what === "refused") log.warn({ subscription, pending, why: lastError }, "a subscriber does not accept; it is tried again");
  else log.info({ subscription, pending }, "a subscriber accepts again");
}
