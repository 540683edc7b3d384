import { expect, test } from "vitest";
import type { BfdStatus } from "../model/bfd.ts";
import { bfdWord } from "./bfd.ts";

const EXPIRED = "Control Detection Time Expired";
const status = (state: string, remoteState: string, isForwarding: boolean, flapCount: number, more: Partial<BfdStatus> = {}) =>
  ({
    state,
    remoteState,
    isForwarding,
    flapCount,
    diagnostic: "No Diagnostic",
    remoteDiagnostic: "No Diagnostic",
    ...more,
  }) as const;

// As Open vSwitch 3.1 has been seen to say it.
//  what happens                         what the switch says                                       the link   protected   why
for (const [what, said, says, isProtecting, why] of [
  ["not run", null, null, false, /does not run it/],
  ["configured, the peer is silent", status("down", "down", false, 0), null, false, /has not been heard/],
  ["the peer has answered once", status("init", "down", false, 0), null, false, /has not been heard/],
  ["up here, not yet there", status("up", "init", true, 1), "linkUp", false, /slow timers: the peer says init/],
  ["up at both ends", status("up", "up", true, 1), "linkUp", true, null],
  ["cable out", status("down", "down", false, 2, { diagnostic: EXPIRED }), "linkDown", false, /session down: Control Detection/],
  ["cable back, first packet", status("init", "down", false, 2, { diagnostic: EXPIRED }), "linkDown", false, /session init/],
  ["up again", status("up", "up", true, 3, { diagnostic: EXPIRED }), "linkUp", true, null],
  [
    "the peer's path is cut",
    status("up", "up", false, 2, { remoteDiagnostic: "Concatenated Path Down" }),
    "linkDown",
    false,
    /Concatenated/,
  ],
  ["our switch was started anew", status("down", "down", false, 0), null, false, /has not been heard/],
] as const) {
  test(`${what}: ${says}, ${isProtecting ? "protected" : "not protected"}`, () => {
    const word = bfdWord(said);
    expect([word.says, word.isProtecting]).toEqual([says, isProtecting]);
    if (why === null) expect(word.why).toBeNull();
    else expect(word.why).toMatch(why);
  });
}
