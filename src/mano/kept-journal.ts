import type { ManoEvent } from "../model/mano-event.ts";
import type { KeptJournal } from "../notify/courier.ts";
import type { EventStream } from "../notify/stream.ts";
import type { WriteQueue } from "./writes.ts";

/** What couriers read: the events of a stream, as far back as its queue of writes keeps them. */
export const keptJournal = (stream: EventStream, writes: WriteQueue): KeptJournal<ManoEvent> => ({
  since: (seq, limit) => stream.since(seq, limit),
  get prunedTo() {
    return writes.prunedTo;
  },
  get lastSeq() {
    return stream.lastSeq;
  },
});
