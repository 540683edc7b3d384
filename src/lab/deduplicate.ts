import { extendSeq } from "./rtp.ts";

/** Numbers of one turn of RTP's 16 bits: a copy is known as such until its original is so many packets old. */
const SEQ_SPAN = 0x1_0000;
/** The one that sends, and the one before it, of which the slower way may still bring packets. */
const SOURCES_HELD = 2;

interface Source {
  readonly ssrc: number;
  /** What is added to its own extended numbers, so that all sources count on in one row. */
  readonly offset: number;
  highest: number;
}

export interface Offered {
  /** Its number among all packets of the stream, extended beyond 16 bits, across restarts of the source. */
  readonly seq: number;
  /** False: it came before, by whatever way. */
  readonly isFirst: boolean;
}

/**
 * The receiving end of a 1+1 (RFC 7198: packets duplicated at the same time on separate ways): of packets with the same source and
 * number the first one counts. Reordered packets and wrap-around are no duplicates, and neither are packets of a source that was
 * started again: its numbers go on from the highest one seen.
 */
export class Deduplicator {
  #sources: readonly Source[] = [];
  #highest: number | null = null;
  #dropped = 0;
  readonly #lastOfSlot = new Uint32Array(SEQ_SPAN);

  /** Packets that came before. */
  get dropped(): number {
    return this.#dropped;
  }

  offer(ssrc: number, seq: number): Offered {
    const source = this.#sources.find((s) => s.ssrc === ssrc) ?? this.#begin(ssrc, seq);
    const extended = extendSeq(seq, source.highest);
    source.highest = Math.max(source.highest, extended);
    const number = extended + source.offset;
    this.#highest = Math.max(number, this.#highest ?? 0);
    const slot = number % SEQ_SPAN;
    const isFirst = this.#lastOfSlot[slot] !== number;
    this.#lastOfSlot[slot] = number;
    if (!isFirst) this.#dropped++;
    return { seq: number, isFirst };
  }

  #begin(ssrc: number, seq: number): Source {
    const own = extendSeq(seq, null);
    const source = { ssrc, offset: this.#highest === null ? 0 : this.#highest + 1 - own, highest: own };
    this.#sources = [source, ...this.#sources].slice(0, SOURCES_HELD);
    return source;
  }
}
