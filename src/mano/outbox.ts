import { randomUUID } from "node:crypto";
import type { ManoEventBody } from "../model/mano-event.ts";
import type { EventStream } from "../notify/stream.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { deleteUntold, insertUntold, readUntold, type Untold } from "../store/untold.ts";
import type { WriteQueue } from "./writes.ts";

/**
 * Events of what is written at once, and so before its events are in the journal. They are written with the change and leave with the
 * transaction that has them in the journal: a kill -9 in between loses none, and the journal has each once.
 */
export class Outbox {
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  #left: readonly Untold[] = [];

  constructor(stream: EventStream, writes: WriteQueue) {
    this.#stream = stream;
    this.#writes = writes;
  }

  /** Takes up what an earlier run had written and not told. */
  async load(db: ManoStore): Promise<void> {
    this.#left = await readUntold(db);
  }

  /** Tells what an earlier run left; once this one leads. */
  start(): void {
    for (const untold of this.#left) this.tell(untold);
    this.#left = [];
  }

  /** Part of the transaction of the change. Null: there is nothing to tell. */
  async put(tx: ManoStore, events: readonly ManoEventBody[]): Promise<Untold | null> {
    if (events.length === 0) return null;
    const untold = { id: randomUUID(), events };
    await insertUntold(tx, untold);
    return untold;
  }

  /** The change is on the disk. */
  tell(untold: Untold | null): void {
    if (untold === null) return;
    for (const event of untold.events) this.#stream.push(event);
    this.#writes.push((tx) => deleteUntold(tx, untold.id)); // What is pushed in one turn is one transaction.
  }
}
