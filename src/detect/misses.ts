/** What the requests to one port say of it. */
export type Verdict = "answers" | "silent";

export interface MissRule {
  /** Silent when so many … */
  readonly misses: number;
  /** … of so many requests in a row were missed. */
  readonly of: number;
  /** A request without an answer so long after it was sent is missed, ms. */
  readonly waitMs: number;
}

interface Request {
  readonly id: number;
  readonly atMs: number;
}

/**
 * N of M over the requests of one kind to one port. Times are monotonic ms of the detector. A late answer is no answer to its request,
 * yet it proves life: what was missed before it is forgotten, so a port that is only slow is never silent. Nothing is decided by the
 * passing of time alone: who asks says by `tick` that all answers until then have been looked at.
 */
export class Course {
  readonly #rule: MissRule;
  #open: Request[] = [];
  /** The last `of` requests that came to an end, youngest last; true: missed. */
  #ended: boolean[] = [];
  #says: Verdict | null = null;
  #missedAtMs: number | null = null;

  constructor(rule: MissRule) {
    this.#rule = rule;
  }

  /** The last verdict; null where too little was heard. */
  get says(): Verdict | null {
    return this.#says;
  }

  /** How many of the last requests were missed, and how many they are. */
  get missed(): { readonly misses: number; readonly of: number } {
    return { misses: this.#misses, of: this.#ended.length };
  }

  /** When the youngest missed request was sent; null when an answer came after it, or none is missed. */
  get missedAtMs(): number | null {
    return this.#missedAtMs;
  }

  sent(id: number, atMs: number): void {
    this.#open.push({ id, atMs });
  }

  /** An answer to request `id`, whether it is still waited for or not. */
  answered(id: number, atMs: number): Verdict | null {
    const at = this.#open.findIndex((r) => r.id === id);
    const isInTime = at >= 0 && atMs - this.#open[at]!.atMs < this.#rule.waitMs;
    if (at >= 0) this.#open.splice(at, 1);
    if (!isInTime || this.#says !== "answers") this.#ended = [];
    this.#missedAtMs = null;
    if (isInTime) this.#end(false);
    return this.#say("answers");
  }

  /** A request that waits was answered, and not as it should be: it counts as missed. Without `id` it is the oldest. */
  refused(id = this.#open[0]?.id): void {
    for (const { atMs } of this.#takeOpen((r) => r.id === id)) {
      this.#missedAtMs = atMs;
      this.#end(true);
    }
  }

  /** Counts as missed what was sent `waitMs` and longer ago. All answers that came until `nowMs` must have been told before. */
  tick(nowMs: number): Verdict | null {
    for (const { atMs } of this.#takeOpen((r) => nowMs - r.atMs >= this.#rule.waitMs)) {
      this.#missedAtMs = atMs;
      this.#end(true);
    }
    return this.#misses >= this.#rule.misses ? this.#say("silent") : null;
  }

  /** The detector itself, or what it asks through, stood still then: requests that waited meanwhile count neither way. */
  stalled(fromMs: number, toMs: number): void {
    this.#takeOpen((r) => r.atMs <= toMs && r.atMs + this.#rule.waitMs >= fromMs);
  }

  /** Takes a verdict of silence back for as long as it takes to miss one more request, which must be sent from now on. */
  doubt(): void {
    this.#open = [];
    if (this.#says !== "silent") return;
    this.#says = null;
    this.#ended = new Array(this.#rule.misses - 1).fill(true);
  }

  /** Nothing is known any more. */
  reset(): void {
    this.#open = [];
    this.#ended = [];
    this.#says = null;
    this.#missedAtMs = null;
  }

  get #misses(): number {
    let misses = 0;
    for (const isMissed of this.#ended) if (isMissed) misses++;
    return misses;
  }

  #end(isMissed: boolean): void {
    this.#ended.push(isMissed);
    if (this.#ended.length > this.#rule.of) this.#ended.shift();
  }

  #takeOpen(isTaken: (r: Request) => boolean): Request[] {
    if (this.#open.length === 0) return [];
    const taken = this.#open.filter(isTaken);
    if (taken.length > 0) this.#open = this.#open.filter((r) => !isTaken(r));
    return taken;
  }

  /** null when it is no news. */
  #say(verdict: Verdict): Verdict | null {
    if (this.#says === verdict) return null;
    this.#says = verdict;
    return verdict;
  }
}
