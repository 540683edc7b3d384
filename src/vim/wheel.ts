/** Slots of one ms: more than the longest delay. */
const SLOTS = 2048;

/**
 * A timer wheel: what is due by when, at a cost that does not grow with how many wait. Delays are below 2 s. Moments are rounded up to
 * whole steps, so that many that are due at about the same time are taken together.
 */
export class Wheel<T> {
  readonly #slots = new Array<T[] | undefined>(SLOTS).fill(undefined);
  #takenUntil: number;
  #held = 0;

  constructor(nowMs: number) {
    this.#takenUntil = Math.floor(nowMs);
  }

  put(item: T, dueMs: number, stepMs: number): void {
    const slot = Math.max(Math.ceil(dueMs / stepMs) * stepMs, this.#takenUntil + 1);
    if (slot - this.#takenUntil >= SLOTS) throw new RangeError(`due in ${slot - this.#takenUntil} ms: longer than the wheel`);
    const waiting = this.#slots[slot % SLOTS];
    if (waiting === undefined) this.#slots[slot % SLOTS] = [item];
    else waiting.push(item);
    this.#held++;
  }

  /** All that are due by `nowMs`, in their order. */
  take(nowMs: number): T[] {
    const until = Math.floor(nowMs);
    const due: T[] = [];
    for (let at = Math.max(this.#takenUntil + 1, until - SLOTS + 1); at <= until; at++) {
      const slot = this.#slots[at % SLOTS];
      if (slot !== undefined && slot.length > 0) due.push(...slot.splice(0));
    }
    this.#takenUntil = Math.max(this.#takenUntil, until);
    this.#held -= due.length;
    return due;
  }

  /** When the next one is due; null when none waits. */
  nextMs(): number | null {
    if (this.#held === 0) return null;
    for (let at = this.#takenUntil + 1; at <= this.#takenUntil + SLOTS; at++) {
      if ((this.#slots[at % SLOTS]?.length ?? 0) > 0) return at;
    }
    return null;
  }
}
