import { describe, expect, test } from "vitest";
import { type Answerer, isWholeOf } from "./mass.ts";

const port = (answeredAtMs: number, missedAtMs: number | null): Answerer => ({ answeredAtMs, missedAtMs, hostId: null });
const FROM_MS = 1000;
const answers = port(1050, null);
const mute = port(900, 1040);
const otherMute = port(910, 1045);
/** Its requests were late by our own fault: its misses do not count any more, and it has not answered since. */
const undecided = port(905, null);

describe("those found mute in a look at the switch's counters are all", () => {
  test.each([
    ["when every other has answered since the look began", [mute], [], [mute, answers], true],
    ["when there is no other", [mute, otherMute], [], [mute, otherMute], true],
    ["not while one misses requests and is not found mute", [mute], [], [mute, otherMute], false],
    ["not while of one nothing is known since", [mute], [], [mute, undecided], false],
    ["not when the look before found fewer", [mute, otherMute], [mute], [mute, otherMute, undecided], false],
    ["after a second look that agrees with the first", [mute], [mute], [mute, undecided], true],
    ["after a second look that found more", [mute], [mute, otherMute], [mute, otherMute], true],
  ] as const)("%s", (_, now, before, ports, is) => {
    expect(isWholeOf<Answerer>(now, before, ports, FROM_MS)).toBe(is);
  });
});
