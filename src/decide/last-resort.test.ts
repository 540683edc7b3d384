import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { VnfcId } from "../model/ids.ts";
import { lastResort, type SilentMember } from "./last-resort.ts";

const states = {
  up: { state: "up", sinceMs: 0 },
  down: { state: "down", sinceMs: 0, seenBy: [], why: "killed" },
  unknown: { state: "unknown", sinceMs: 0, why: "" },
} as const;
const member = (name: string, more: Partial<SilentMember> = {}): SilentMember => ({
  vnfcId: name as VnfcId,
  name,
  health: states.unknown,
  silentSinceMs: 0,
  unansweredSinceMs: null,
  passesPackets: false,
  isGivenUp: false,
  serves: 1,
  hasRoom: true,
  isBack: false,
  ...more,
});
const up = { health: states.up, silentSinceMs: null };
const unanswered = (sinceMs: number) => ({ silentSinceMs: null, unansweredSinceMs: sinceMs });
const down = { health: states.down, silentSinceMs: null };
const back = { ...down, serves: 0, isBack: true };

describe("nobody is known to be up", () => {
  for (const [what, members, nowMs, want] of [
    ["both silent for 4.9 s", [member("a"), member("b")], 4_900, "wait until 5000"],
    ["both silent for 5 s, alike", [member("a"), member("b")], 5_000, "fence a"],
    ["both silent, b longer", [member("a", { silentSinceMs: 9 }), member("b")], 5_009, "fence b"],
    ["a serves all", [member("a", { serves: 2 }), member("b", { serves: 0 })], 5_000, "fence b"],
    ["packets come from b", [member("a", { serves: 2 }), member("b", { serves: 0, passesPackets: true })], 5_000, "fence a"],
    ["packets come from both", [member("a", { passesPackets: true }), member("b", { passesPackets: true })], 9_000, "nothing"],
    ["b answers again", [member("a"), member("b", { health: states.up, silentSinceMs: null })], 9_000, "nothing"],
    [
      "b is up and full",
      [member("a"), member("b", { health: states.up, silentSinceMs: null, hasRoom: false })],
      5_000,
      "fence a",
    ],
    ["b is full, c is not", [member("a"), member("b", { health: states.up, hasRoom: false }), member("c", up)], 9_000, "nothing"],
    ["b is down: it is being healed", [member("a"), member("b", down)], 99_000, "nothing"],
    ["b is down for good", [member("a"), member("b", { ...down, isGivenUp: true })], 5_000, "fence a"],
    ["b boots", [member("a"), member("b", { silentSinceMs: null })], 59_000, "wait until 60000"],
    ["b does not come up", [member("a"), member("b", { silentSinceMs: null })], 60_000, "fence a"],
    ["nobody is silent", [member("a", { silentSinceMs: null }), member("b", { silentSinceMs: null })], 99_000, "nothing"],
    ["neither has answered yet", [member("a", unanswered(0)), member("b", unanswered(9))], 60_008, "wait until 60009"],
    ["neither has answered in time", [member("a", unanswered(0)), member("b", unanswered(9))], 60_009, "fence a"],
    [
      "a has not answered, and b cannot be asked",
      [member("a", unanswered(0)), member("b", { silentSinceMs: null })],
      60_000,
      "fence a",
    ],
    [
      "a has not answered, b is silent and serves less",
      [member("a", unanswered(0)), member("b", { serves: 0 })],
      60_000,
      "fence b",
    ],
    ["b is down, a has not answered", [member("a", unanswered(0)), member("b", down)], 99_000, "nothing"],
    ["a is silent, b was closed for its silence and answers again", [member("a"), member("b", back)], 1, "open b"],
    ["a is down by a fact, b answers again", [member("a", down), member("b", back)], 1, "open b"],
    ["a boots, b answers again", [member("a", { silentSinceMs: null }), member("b", back)], 1, "open b"],
    ["a is up and serves, b answers again", [member("a", up), member("b", back)], 9_000, "nothing"],
    ["a is up and full, and serves all there is", [member("a", { ...up, hasRoom: false }), member("b", back)], 9_000, "nothing"],
    ["a serves nothing, so nobody misses b", [member("a", { serves: 0 }), member("b", back)], 9_000, "nothing"],
    ["no members", [], 0, "nothing"],
  ] as const) {
    test(`${what}: ${want}`, () => {
      const said = lastResort(members, nowMs);
      expect(said.because).not.toBe("");
      expect("vnfcId" in said ? `${said.do} ${said.vnfcId}` : said.do === "wait" ? `wait until ${said.untilMs}` : said.do).toBe(
        want,
      );
    });
  }
});

test("never one that passes packets or of whom an answer is not due, never where somebody is up with room or comes back; waiting ends", () => {
  const anyMember = fc.record({
    health: fc.constantFrom(states.up, states.down, states.unknown),
    silentSinceMs: fc.option(fc.nat(9_000)),
    unansweredSinceMs: fc.option(fc.nat(9_000)),
    passesPackets: fc.boolean(),
    isGivenUp: fc.boolean(),
    serves: fc.nat(2),
    hasRoom: fc.boolean(),
    isBack: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyMember, { maxLength: 5 }), fc.nat(90_000), (rows, nowMs) => {
      const members = rows.map((r, i) => member(`m${i}`, r));
      const said = lastResort(members, nowMs);
      expect(lastResort(members, nowMs)).toEqual(said);
      if (said.do === "wait") {
        expect(said.untilMs).toBeGreaterThan(nowMs);
        expect(lastResort(members, said.untilMs).do).toBe("fence");
      }
      const isSafe = members.some((m) => m.health.state === "up" && m.hasRoom);
      if (said.do === "open") expect([members.find((m) => m.vnfcId === said.vnfcId)!.isBack, isSafe]).toEqual([true, false]);
      if (said.do !== "fence") return;
      const chosen = members.find((m) => m.vnfcId === said.vnfcId)!;
      expect(chosen).toMatchObject({ passesPackets: false, health: { state: "unknown" } });
      expect(chosen.silentSinceMs ?? chosen.unansweredSinceMs).not.toBeNull();
      expect(members.some((m) => (m.health.state === "up" && m.hasRoom) || (m.health.state === "down" && !m.isGivenUp))).toBe(
        false,
      );
    }),
  );
});
