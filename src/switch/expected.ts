import { ProtocolError, Writer } from "../wire/kit.ts";

const WORD_BYTES = 4;
/** So many rows share a writer: one for each would be a buffer for each. */
const ROWS_A_WRITER = 256;

/**
 * Rows that a switch is expected to tell, as bytes: of a table of a hundred thousand, what stands as expected is known without a value being
 * made of it. A row that says the same in other bytes is merely not known. No I/O.
 */
export class Expected {
  readonly #head: readonly number[];
  /** All rows, one after another, as far as they are looked at. */
  #words = new Int32Array(1024);
  /** Where each begins in them, and where the next one would. */
  readonly #begins: Int32Array;
  /** By hash, each row in the first place that was free, as its number and 1; 0: none. */
  readonly #places: Int32Array;
  readonly #isFound: Uint8Array;
  #count = 0;

  /**
   * `head`: of the first words of a row the bits that are looked at (counters and times are none); of all others every bit is. `write`:
   * writes the n-th of `count` rows as a reply has it, or nothing where it cannot be said; then it is never found.
   */
  constructor(head: readonly number[], count: number, write: (w: Writer, n: number) => void) {
    this.#head = head;
    this.#begins = new Int32Array(count + 1);
    this.#places = new Int32Array(2 ** Math.ceil(Math.log2(2 * count + 2)));
    this.#isFound = new Uint8Array(count);
    while (this.#count < count) {
      const w = new Writer();
      const ends: number[] = [];
      for (let n = this.#count; n < count && ends.length < ROWS_A_WRITER; n++) {
        write(w, n);
        ends.push(w.at);
      }
      this.#addAll(viewOf(w.done()), ends);
    }
  }

  isFound(n: number): boolean {
    return this.#isFound[n] === 1;
  }

  /** Notes which of these rows are expected, and calls `strange` with each of the others. Throws ProtocolError for lengths that cannot be. */
  meet(rows: Uint8Array, strange: (row: Uint8Array) => void): void {
    const bytes = viewOf(rows);
    for (let at = 0; at < rows.length; ) {
      const length = rows.length - at < WORD_BYTES ? 0 : bytes.getUint16(at);
      if (length < WORD_BYTES || length % WORD_BYTES !== 0 || at + length > rows.length)
        throw new ProtocolError("BAD_LENGTH", `a row of ${length} bytes`);
      const row = this.#places[this.#placeOf(this.#copy(bytes, at, at + length))]!;
      if (row === 0) strange(rows.subarray(at, at + length));
      else this.#isFound[row - 1] = 1;
      at += length;
    }
  }

  #addAll(bytes: DataView, ends: readonly number[]): void {
    let from = 0;
    for (const to of ends) {
      const end = this.#copy(bytes, from, to);
      if (to > from) {
        const place = this.#placeOf(end);
        if (this.#places[place] === 0) this.#places[place] = this.#count + 1;
        else this.#isFound[this.#count] = 1; // The same once more: the first one stands for both.
      }
      this.#begins[++this.#count] = end;
      from = to;
    }
  }

  /** Writes the words of a row after those of the last one, and returns where they end. */
  #copy(bytes: DataView, from: number, to: number): number {
    let end = this.#begins[this.#count]!;
    const most = end + (to - from) / WORD_BYTES;
    if (most > this.#words.length) {
      const grown = new Int32Array(most * 1.5);
      grown.set(this.#words.subarray(0, end));
      this.#words = grown;
    }
    const head = this.#head;
    for (let i = 0, at = from; at < to; i++, at += WORD_BYTES) {
      const mask = i < head.length ? head[i]! : -1;
      if (mask !== 0) this.#words[end++] = bytes.getInt32(at) & mask;
    }
    return end;
  }

  /** Of what `#copy` wrote up to here: where the same row is, or else where it belongs. */
  #placeOf(end: number): number {
    const words = this.#words;
    const begin = this.#begins[this.#count]!;
    let hash = 0;
    for (let i = begin; i < end; i++) {
      hash = Math.imul(hash ^ words[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const last = this.#places.length - 1;
    for (let place = hash & last; ; place = (place + 1) & last) {
      const row = this.#places[place]!;
      if (row === 0 || this.#isAt(this.#begins[row - 1]!, this.#begins[row]!, begin, end)) return place;
    }
  }

  #isAt(its: number, itsEnd: number, begin: number, end: number): boolean {
    if (itsEnd - its !== end - begin) return false;
    const words = this.#words;
    for (let i = 0; i < end - begin; i++) if (words[its + i] !== words[begin + i]) return false;
    return true;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
