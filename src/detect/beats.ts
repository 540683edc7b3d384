import type { Answerer } from "./mass.ts";
import { Course, type Verdict } from "./misses.ts";

/** A guest's agent is silent when `misses` of its last `of` requests were not answered in time, or answered with a refusal. */
export interface BeatRule {
  readonly intervalMs: number;
  readonly misses: number;
  readonly of: number;
}

/** An answer must come within this share of the interval. */
const WAIT_SHARE = 0.8;

/**
 * What the agent inside one guest says of it. Nothing is counted before its first answer, in each life of its channel: a guest that boots, or
 * has no agent, is not silent. One that answers that it is not well has missed the request; but the way to it is all right. Monotonic ms.
 */
export class Beats {
  readonly #rule: BeatRule;
  readonly #course: Course;
  /** The life of the channel that has answered; null: none has yet. */
  #life: number | null = null;
  #refusal: string | null = null;
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(rule: BeatRule) {
    this.#rule = rule;
    this.#course = new Course({ misses: rule.misses, of: rule.of, waitMs: rule.intervalMs * WAIT_SHARE });
  }

  /** Our own lateness of more than this takes opinions back, ms. */
  get lateMs(): number {
    return this.#rule.intervalMs / 2 + 5;
  }

  get says(): Verdict | null {
    return this.#course.says;
  }

  /** For `isMass`. */
  get answerer(): Omit<Answerer, "hostId"> {
    const missedAtMs = this.#course.missedAtMs;
    const isMissing = missedAtMs !== null && missedAtMs > this.#answeredAtMs;
    return { answeredAtMs: this.#answeredAtMs, missedAtMs: isMissing ? missedAtMs : null };
  }

  /** In words of an operator. */
  get why(): string {
    if (this.says !== "silent") return "its guest's agent answers";
    if (this.#refusal !== null) return `its guest's agent says: ${this.#refusal}`;
    const { misses, of } = this.#course.missed;
    return `${misses} of the last ${of} requests to its guest's agent, one every ${this.#rule.intervalMs} ms, were not answered`;
  }

  /** `life`: of the channel that was asked; null: there was none to ask, which says nothing. */
  asked(request: number, life: number | null, atMs: number): void {
    if (this.#life === null) return;
    if (life === this.#life) this.#course.sent(request, atMs);
    else this.#forget();
  }

  answered(request: number, life: number, atMs: number): void {
    if (life !== this.#life) this.#forget();
    this.#life = life;
    this.#refusal = null;
    this.#answeredAtMs = atMs;
    this.#course.answered(request, atMs);
  }

  /** The agent lives and does not do what it is asked: it says that its guest is not well. */
  refused(why: string, life: number, atMs: number): void {
    if (life !== this.#life) return; // Also what an agent says of the bytes that somebody before us left on the line.
    this.#refusal = why;
    this.#answeredAtMs = atMs;
    this.#course.refused();
  }

  /** Counts what was missed. All answers that came until `atMs` must have been told before. */
  judge(atMs: number): void {
    this.#course.tick(atMs);
  }

  stalled(fromMs: number, toMs: number): void {
    this.#course.stalled(fromMs, toMs);
  }

  /** It must miss one more request before it is silent. */
  doubt(): void {
    this.#course.doubt();
  }

  #forget(): void {
    this.#course.reset();
    this.#life = null;
    this.#refusal = null;
  }
}
