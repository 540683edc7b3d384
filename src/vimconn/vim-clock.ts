import { clockId, clockOf } from "../lib/clock-id.ts";
import type { VimEvent } from "../model/vim-event.ts";

/** Two clocks of quartz drift apart by 0.1 ms in a second at most, and one that NTP steers by half a millisecond (adjtimex(2)). */
const DRIFT = 5e-4;

/** What a VIM's clock shows less what ours shows, ms: somewhere from `min` to `max`, as was found at `atMs`. */
interface Offset {
  readonly min: number;
  readonly max: number;
  readonly atMs: number;
}

/**
 * A VIM's times in our own clock. Every answer of the VIM tells what its clock showed between the moment we asked and the moment we
 * heard it, and so bounds by how much the two differ; all answers together narrow it to the shortest way there and back, as Cristian's
 * algorithm does. A moment is given as late as it may have been, yet never later than now: what a VIM saw must not look older than a
 * reading that was begun before it.
 */
export class VimClock {
  #id: string | null = null;
  #offset: Offset | null = null;

  /** `text`: what the answer's header says; a VIM that tells nothing is taken to share our clock. */
  heard(text: string | readonly string[] | undefined, askedAt: number, heardAt: number): void {
    const told = typeof text === "string" ? clockOf(text) : null;
    if (told === null || told.id === clockId()) {
      this.#offset = null;
      return;
    }
    const now: Offset = { min: told.ms - heardAt, max: told.ms - askedAt, atMs: heardAt };
    const before = told.id === this.#id ? this.#at(heardAt) : null;
    this.#id = told.id;
    const both = before && { min: Math.max(before.min, now.min), max: Math.min(before.max, now.max), atMs: heardAt };
    // Bounds that contradict each other: its machine has slept meanwhile, which its clock does not count.
    this.#offset = both !== null && both.min <= both.max ? both : now;
  }

  /** How well it is known, ms; 0: it is our own clock. */
  uncertaintyMs(nowMs: number): number {
    const offset = this.#at(nowMs);
    return offset === null ? 0 : offset.max - offset.min;
  }

  ours(vimMs: number, nowMs: number): number {
    const offset = this.#at(nowMs);
    return offset === null ? vimMs : Math.min(nowMs, vimMs - offset.min);
  }

  #at(nowMs: number): Offset | null {
    if (this.#offset === null) return null;
    const drift = Math.max(0, nowMs - this.#offset.atMs) * DRIFT;
    return { min: this.#offset.min - drift, max: this.#offset.max + drift, atMs: nowMs };
  }
}

/** The event with all its moments as `ours` gives them. */
export function inOurTime(event: VimEvent, ours: (vimMs: number) => number): VimEvent {
  const orNull = (ms: number | null) => (ms === null ? null : ours(ms));
  const told = { ...event, monoMs: ours(event.monoMs) };
  switch (told.type) {
    case "evidence":
      return { ...told, evidence: { ...told.evidence, seenAt: ours(told.evidence.seenAt) } };
    case "protection.fired":
    case "protection.confirmed":
    case "protection.refused": {
      const { firedAt, onWireAt, barrierAt } = told.fired;
      const fired = { ...told.fired, firedAt: ours(firedAt), onWireAt: orNull(onWireAt), barrierAt: orNull(barrierAt) };
      return { ...told, fired };
    }
    case "path.verified":
    case "path.unverified":
    case "path.unseen":
      return { ...told, path: { ...told.path, at: orNull(told.path.at) } };
    default:
      return told;
  }
}
