import { expect, test } from "vitest";
import type { Evidence, Source } from "../model/evidence.ts";
import type { VimPortId } from "../model/ids.ts";
import { Opinions } from "./opinions.ts";

const PORT = "p" as VimPortId;

/** "probe:silent" and so on, in this order; gives what is left of it. */
function after(...words: readonly string[]): string {
  const opinions = new Opinions();
  for (const word of words) {
    const [source, says] = word.split(":") as [Source, Evidence["says"]];
    opinions.hear({ about: { kind: "port", id: PORT }, says, source, seenAt: 1 });
  }
  const left = [...opinions.of(PORT)].map(([by, says]) => `${by}:${says}`);
  return `${opinions.isSilent(PORT) ? "silent" : "not silent"}; ${left.join(" ")}`;
}

for (const [words, want] of [
  [[], "not silent; "],
  [["probe:silent"], "silent; probe:silent"],
  [["probe:silent", "probe:answers"], "not silent; probe:answers"],
  [["traffic:silent", "probe:answers"], "silent; traffic:silent probe:answers"],
  [["probe:silent", "traffic:answers"], "silent; probe:silent traffic:answers"],
  [["probe:silent", "traffic:silent", "arpProbe:answers"], "not silent; "],
  [["portStatus:linkDown"], "not silent; "],
] as const)
  test(`${words.join(", ") || "nothing said"} → ${want}`, () => expect(after(...words)).toBe(want));

test("it is silent since its probe had no answer first, until it has one; what others say changes nothing in that", () => {
  const opinions = new Opinions();
  const hear = (source: Source, says: Evidence["says"], seenAt: number) => {
    opinions.hear({ about: { kind: "port", id: PORT }, says, source, seenAt });
    return opinions.silentSinceMs(PORT);
  };
  expect(hear("guestHeartbeat", "silent", 1)).toBeNull();
  expect(hear("traffic", "silent", 2)).toBeNull();
  expect(hear("probe", "silent", 5)).toBe(5);
  expect(hear("probe", "silent", 6)).toBe(5);
  expect(hear("traffic", "answers", 7)).toBe(5);
  expect(hear("probe", "answers", 8)).toBeNull();
  expect(hear("probe", "silent", 10)).toBe(10);
  expect(hear("arpProbe", "answers", 11)).toBeNull();
  expect(hear("probe", "silent", 12)).toBe(12);
  opinions.forget(PORT);
  expect(opinions.silentSinceMs(PORT)).toBeNull();
});

test("a new life, and what nobody would take back any more, leave nothing behind", () => {
  const opinions = new Opinions();
  for (const source of ["probe", "traffic"] as const)
    opinions.hear({ about: { kind: "port", id: PORT }, says: "silent", source, seenAt: 1 });
  opinions.keepOnly((_, by) => by === "traffic");
  expect([...opinions.of(PORT).keys()]).toEqual(["traffic"]);
  opinions.forget(PORT);
  expect(opinions.isSilent(PORT)).toBe(false);
});

test("it is believed since its first answer, and anew since the one that ended its silence", () => {
  const opinions = new Opinions();
  const hear = (source: Source, says: Evidence["says"], seenAt: number) => {
    opinions.hear({ about: { kind: "port", id: PORT }, says, source, seenAt });
    return opinions.believedSinceMs(PORT);
  };
  expect(hear("arpProbe", "answers", 1)).toBe(1);
  expect(hear("probe", "answers", 2)).toBe(1);
  expect(hear("probe", "silent", 3)).toBe(1);
  expect(hear("traffic", "silent", 4)).toBe(1);
  expect(hear("probe", "answers", 5)).toBe(1); // The other still says so.
  expect(hear("traffic", "answers", 6)).toBe(6);
  expect(hear("probe", "answers", 7)).toBe(6);
});
