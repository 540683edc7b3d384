import type { Clock } from "../lib/clock.ts";
import type { Evidence } from "../model/evidence.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Hit, Membership } from "./firing.ts";

/** What takes a word back. */
export const ENDED_BY: Partial<Record<Evidence["says"], Evidence["says"]>> = {
  stopped: "running",
  paused: "running",
  linkDown: "linkUp",
  silent: "answers",
};

/** Failures that must last before a plan fires (G.8031 11.13 "hold-off timer"), each by its own clock. */
export class HoldOff implements Disposable {
  readonly #clock: Clock;
  readonly #waiting = new Map<
    string,
    { readonly memberId: VnfcId; readonly says: Evidence["says"]; readonly end: AbortController }
  >();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  [Symbol.dispose](): void {
    for (const { end } of this.#waiting.values()) end.abort();
    this.#waiting.clear();
  }

  /**
   * Calls `due` when the failure has lasted for `forMs`, with how much later than that it is. What is told once more meanwhile, by another source,
   * does not begin anew.
   */
  begin({ protection, member }: Hit, { says, seenAt }: Evidence, forMs: number, due: (lateMs: number) => void): void {
    const key = keyOf({ protection, member }, says);
    if (this.#waiting.has(key)) return;
    const end = new AbortController();
    this.#waiting.set(key, { memberId: member.id, says, end });
    const nowMs = this.#clock.now();
    const dueAtMs = Math.max(nowMs, seenAt + forMs);
    this.#clock.sleep(dueAtMs - nowMs, end.signal).then(
      async () => {
        const lateMs = this.#clock.now() - dueAtMs;
        await new Promise(setImmediate); // Where this process stood still its timers come first: what takes the word back may be there to be read.
        if (end.signal.aborted) return;
        this.#waiting.delete(key);
        due(lateMs);
      },
      () => {}, // Ended before its time.
    );
  }

  /** Whether such a failure of this member waits. */
  isHeld(of: Membership, says: Evidence["says"]): boolean {
    return this.#waiting.has(keyOf(of, says));
  }

  /** Something in favour of these members was heard: what it takes back does not wait any longer. */
  ended(members: ReadonlySet<VnfcId>, says: Evidence["says"]): void {
    for (const [key, waiting] of this.#waiting) {
      if (ENDED_BY[waiting.says] !== says || !members.has(waiting.memberId)) continue;
      waiting.end.abort();
      this.#waiting.delete(key);
    }
  }
}

const keyOf = ({ protection, member }: Membership, says: Evidence["says"]): string => `${protection.id} ${member.id} ${says}`;
