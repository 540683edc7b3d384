import type { Clock } from "../lib/clock.ts";
import type { ManoEvent, ManoEventBody } from "../model/mano-event.ts";

/** What a run may have told and not written when it was killed; its numbers are left out, so no number is used twice. */
const SEQ_GAP = 100_000;

/** Where events stay. `append` queues; `since` gives what was told after `seq`, oldest first, the queued ones too. */
export interface Journal {
  append(event: ManoEvent): void;
  since(seq: number, limit: number): Promise<ManoEvent[]>;
}

/** Must not throw and not wait. */
export type Listener = (event: ManoEvent) => void;

/** The one stream of what happens in the MANO: told to live subscribers at once, then kept. `seq` only grows, over restarts too. */
export class EventStream {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();
  #seq: number;

  constructor(journal: Journal, clock: Clock, lastSeq: number) {
    this.#journal = journal;
    this.#clock = clock;
    this.#seq = lastSeq === 0 ? 0 : lastSeq + SEQ_GAP;
  }

  get lastSeq(): number {
    return this.#seq;
  }

  push(body: ManoEventBody): void {
    const event: ManoEvent = { seq: ++this.#seq, at: this.#clock.wall().toISOString(), monoMs: this.#clock.now(), ...body };
    for (const listener of this.#listeners) listener(event);
    this.#journal.append(event);
  }

  /** Tells every event from now on; the answer unsubscribes. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What was told after `seq`, oldest first. Together with `subscribe`, asked first, nothing is missed. */
  since(seq: number, limit: number): Promise<ManoEvent[]> {
    return this.#journal.since(seq, limit);
  }
}
