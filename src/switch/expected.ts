import { ProtocolError, Writer } from "../wire/kit.ts";

const WORD_BYTES = 4;
/** So many rows share a writer: one for each would be a buffer for each. */
const ROWS_A_WRITER = 256;

/**
 * Rows that a switch is expected to tell, as bytes: of a table of a hundred thousand, what stands as expected is known without a value being
 * made of it. A row that says the same in other bytes is merely not known. No I/O.
 */
export class Expected implements Disposable {
  readonly #head: readonly number[];
  /** All rows, one after another, as far as they are looked at. */
  #words = new Int32Array(1024);
  /** Where each begins in them, and where the next one would. */
  #begins = new Int32Array(256);
  /** By hash, each row in the first place that was free, as its number and 1; 0: none. Made when all rows are there. */
  #places: Int32Array<ArrayBuffer> | null = null;
  #isFound = new Uint8Array();
  #count = 0;
  #isOver = false;
  /** Rows that are not in the words yet, and where each of them ends. */
  #writer = new Writer();
  #ends: number[] = [];

  /** `head`: of the first words of a row the bits that are looked at (counters and times are none); of all others every bit is. */
  constructor(head: readonly number[]) {
    this.#head = head;
  }

  /** One more, before any is met. `write`: writes it as a reply has it, or nothing where it cannot be said; then it is never found. */
  add(write: (w: Writer) => void): void {
    write(this.#writer);
    this.#ends.push(this.#writer.at);
    if (this.#ends.length === ROWS_A_WRITER) this.#addAll();
  }

  /** Of `count` rows from this one on those that were not met, counted from it. */
  missing(from: number, count: number): number[] {
    this.#index();
    const missing: number[] = [];
    for (let n = 0; n < count; n++) if (this.#isFound[from + n] === 0) missing.push(n);
    return missing;
  }

  /** Of a large table these are many MiB, which the collector comes to late. What is met after, of an answer that nobody waits for, is let pass. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const words of [this.#words, this.#begins, this.#places]) words?.buffer.transfer(0);
  }

  /** Notes which of these rows are expected, and calls `strange` with each of the others. Throws ProtocolError for lengths that cannot be. */
  meet(rows: Uint8Array, strange: (row: Uint8Array) => void): void {
    if (this.#isOver) return;
    const places = this.#index();
    const bytes = viewOf(rows);
    for (let at = 0; at < rows.length; ) {
      const length = rows.length - at < WORD_BYTES ? 0 : bytes.getUint16(at);
      if (length < WORD_BYTES || length % WORD_BYTES !== 0 || at + length > rows.length)
        throw new ProtocolError("BAD_LENGTH", `a row of ${length} bytes`);
      const end = this.#copy(bytes, at, at + length);
      const row = places[this.#placeOf(places, this.#begins[this.#count]!, end)]!;
      if (row === 0) strange(rows.subarray(at, at + length));
      else this.#isFound[row - 1] = 1;
      at += length;
    }
  }

  #addAll(): void {
    const bytes = viewOf(this.#writer.done());
    let from = 0;
    for (const to of this.#ends) {
      const end = this.#copy(bytes, from, to);
      if (++this.#count === this.#begins.length) this.#begins = grown(this.#begins, 2 * this.#count);
      this.#begins[this.#count] = end;
      from = to;
    }
    this.#writer = new Writer();
    this.#ends = [];
  }

  #index(): Int32Array<ArrayBuffer> {
    if (this.#places !== null) return this.#places;
    this.#addAll();
    this.#isFound = new Uint8Array(this.#count);
    const places = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.#count + 2)));
    for (let n = 0; n < this.#count; n++) {
      const [begin, end] = [this.#begins[n]!, this.#begins[n + 1]!];
      if (begin === end) continue; // Cannot be said.
      const place = this.#placeOf(places, begin, end);
      if (places[place] === 0) places[place] = n + 1;
      else this.#isFound[n] = 1; // The same once more: the first one stands for both.
    }
    this.#places = places;
    return places;
  }

  /** Writes the words of a row after those of the last one, and returns where they end. */
  #copy(bytes: DataView, from: number, to: number): number {
    let end = this.#begins[this.#count]!;
    const most = end + (to - from) / WORD_BYTES;
    if (most > this.#words.length) this.#words = grown(this.#words, Math.ceil(most * 1.5));
    const head = this.#head;
    for (let i = 0, at = from; at < to; i++, at += WORD_BYTES) {
      const mask = i < head.length ? head[i]! : -1;
      if (mask !== 0) this.#words[end++] = bytes.getInt32(at) & mask;
    }
    return end;
  }

  /** Of the words from here to there: where the same row is, or else where it belongs. */
  #placeOf(places: Int32Array, begin: number, end: number): number {
    const words = this.#words;
    let hash = 0;
    for (let i = begin; i < end; i++) {
      hash = Math.imul(hash ^ words[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const last = places.length - 1;
    for (let place = hash & last; ; place = (place + 1) & last) {
      const row = places[place]!;
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

/** In place where there is room; what it had is free at once, and not when the collector comes to it. */
const grown = (words: Int32Array<ArrayBuffer>, length: number) =>
  new Int32Array(words.buffer.transfer(length * Int32Array.BYTES_PER_ELEMENT));
