import { expect, test } from "vitest";
import { isOnlyUnheard } from "../../src/mano/arming.ts";
import type { GuardedMember } from "../../src/mano/guard.ts";

// What lies in a VIM was worked out when more was known: it stays until its members had the time to be heard.

const PROBE = { intervalMs: 250, misses: 3, of: 3 } as never;
const NOW = 10_000;
/** Its server runs, and it could be asked since so many ms. */
const waitedFor = (ms: number, over: object = {}): GuardedMember =>
  ({
    health: { state: "unknown", sinceMs: 0, why: "it was never seen" },
    isStale: false,
    isAwaited: true,
    unknownAt: NOW - ms,
    askedSinceMs: 0,
    away: null,
    ...over,
  }) as unknown as GuardedMember;

test.each<[string, GuardedMember, object | null, boolean]>([
  ["its VIM has not heard of its link", waitedFor(60_000, { isStale: true }), PROBE, true],
  ["asked a moment ago", waitedFor(1), PROBE, true],
  ["just before two intervals", waitedFor(499), PROBE, true],
  ["two intervals without an answer", waitedFor(500), PROBE, false],
  ["unknown for long, and asked only now: its VIM was just started", waitedFor(60_000, { askedSinceMs: NOW - 10 }), PROBE, true],
  ["nobody asks it", waitedFor(1), null, false],
  ["it has answered before, and is silent", waitedFor(1, { isAwaited: false }), PROBE, false],
  ["it is up", waitedFor(1, { health: { state: "up", sinceMs: 0 } }), PROBE, false],
  ["it is down", waitedFor(1, { health: { state: "down", sinceMs: 0, seenBy: [], why: "" } }), PROBE, false],
])("%s", (_, of, probe, isUnheard) => {
  expect(isOnlyUnheard(of, probe as never, NOW)).toBe(isUnheard);
});
