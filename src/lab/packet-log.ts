/** Packets in the order in which they arrived, as columns. */
export interface Packets {
  /** Arrival, monotonic ms. */
  readonly atMs: Float64Array;
  /** Sequence number, extended to 32 bits. */
  readonly seq: Uint32Array;
  /** Index of the member through which it came. */
  readonly via: Uint8Array;
}

/** The newest packets, in columns allocated once: nothing is left to the garbage collector while packets are being timed. */
export class PacketLog {
  readonly #capacity: number;
  readonly #atMs: Float64Array;
  readonly #seq: Uint32Array;
  readonly #via: Uint8Array;
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#atMs = new Float64Array(capacity);
    this.#seq = new Uint32Array(capacity);
    this.#via = new Uint8Array(capacity);
  }

  /** How many packets ever arrived; more than are held when the log has wrapped. */
  get count(): number {
    return this.#count;
  }

  /** Packets arrive in time order: `atMs` must not be less than that of the one before. */
  push(atMs: number, seq: number, via: number): void {
    const slot = this.#count++ % this.#capacity;
    this.#atMs[slot] = atMs;
    this.#seq[slot] = seq;
    this.#via[slot] = via;
  }

  /** A copy of what arrived from `fromMs` to `toMs`, both included, as far as it is still held. */
  between(fromMs: number, toMs: number): Packets {
    const first = this.#firstAt((at) => at >= fromMs);
    const end = this.#firstAt((at) => at > toMs);
    const packets = { atMs: new Float64Array(end - first), seq: new Uint32Array(end - first), via: new Uint8Array(end - first) };
    for (let n = first; n < end; n++) {
      const slot = n % this.#capacity;
      packets.atMs[n - first] = this.#atMs[slot]!;
      packets.seq[n - first] = this.#seq[slot]!;
      packets.via[n - first] = this.#via[slot]!;
    }
    return packets;
  }

  /** Number of the first held packet whose arrival passes, by bisection; one past the last when none does. */
  #firstAt(passes: (atMs: number) => boolean): number {
    let low = Math.max(0, this.#count - this.#capacity);
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (passes(this.#atMs[middle % this.#capacity]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** One request that wanted an echo; `answeredMs` is null while none came. */
export interface RoundTrip {
  readonly sentMs: number;
  readonly answeredMs: number | null;
}

/** The newest echo requests, by their number. */
export class EchoLog {
  readonly #trips: RoundTrip[];
  #count = 0;

  constructor(capacity: number) {
    this.#trips = new Array<RoundTrip>(capacity);
  }

  /** Takes a request down; gives its number, to be sent along. */
  sent(atMs: number): number {
    this.#trips[this.#count % this.#trips.length] = { sentMs: atMs, answeredMs: null };
    return this.#count++;
  }

  /** A second answer, or one to a request long forgotten, says nothing. */
  answered(number: number, atMs: number): void {
    const isHeld = Number.isInteger(number) && number < this.#count && number >= this.#count - this.#trips.length;
    const slot = number % this.#trips.length;
    const trip = this.#trips[slot];
    if (isHeld && trip?.answeredMs === null) this.#trips[slot] = { sentMs: trip.sentMs, answeredMs: atMs };
  }

  /** Those sent, or answered, from `fromMs` to `toMs`. */
  between(fromMs: number, toMs: number): RoundTrip[] {
    const isWithin = (at: number | null) => at !== null && at >= fromMs && at <= toMs;
    return this.#trips.filter((trip) => isWithin(trip.sentMs) || isWithin(trip.answeredMs));
  }
}
