import { expect, test } from "vitest";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId, VimPortId } from "../model/ids.ts";
import { hearOf, type MemberWords, NOTHING_SAID } from "./judge.ts";
import { AWAKE, judgeSpare, type RestState, restAfter } from "./rest.ts";

const server = { kind: "server", id: "s" as ServerId } as const;
const port = { kind: "port", id: "p" as VimPortId } as const;
const word = (says: Evidence["says"], seenAt: number, source: Source = "qmp"): Evidence => ({
  about: says === "answers" || says === "linkDown" || says === "fenced" ? port : server,
  says,
  source,
  seenAt,
});

/** What becomes of a spare that was up since 10, after these words; "mark" is the moment from which it is meant to rest. */
function after(...story: readonly (Evidence | { readonly mark: number })[]) {
  let words: MemberWords = [word("running", 10), word("answers", 20, "arpProbe")].reduce(hearOf, NOTHING_SAID);
  let rest: RestState = AWAKE;
  for (const it of story) {
    if ("mark" in it) rest = { rest: "goingToRest", sinceMs: it.mark };
    else {
      words = hearOf(words, it);
      rest = restAfter(rest, it);
    }
  }
  const { state } = judgeSpare(words, rest);
  return `${rest.rest}, ${state}`;
}

test.for([
  ["up and wanted", [], "awake, up"],
  ["meant to rest: no traffic is led to it from here on", [{ mark: 30 }], "goingToRest, unknown"],
  ["paused by us", [{ mark: 30 }, word("paused", 40)], "resting, unknown"],
  ["paused by somebody else", [word("paused", 40)], "awake, down"],
  ["a state read before it was meant to rest", [{ mark: 30 }, word("paused", 25, "poll")], "goingToRest, unknown"],
  ["a late word of its life before", [{ mark: 30 }, word("paused", 40), word("running", 35, "poll")], "resting, unknown"],
  ["told twice, by two", [{ mark: 30 }, word("paused", 40), word("paused", 45, "libvirt")], "resting, unknown"],
  ["woken: it must answer again", [{ mark: 30 }, word("paused", 40), word("running", 50)], "awake, unknown"],
  ["woken and answering", [{ mark: 30 }, word("paused", 40), word("running", 50), word("answers", 55, "arpProbe")], "awake, up"],
  [
    "woken, and paused by somebody else",
    [{ mark: 30 }, word("paused", 40), word("running", 50), word("answers", 55, "arpProbe"), word("paused", 60)],
    "awake, down",
  ],
  ["dead at rest", [{ mark: 30 }, word("paused", 40), word("stopped", 50, "processExit")], "awake, down"],
  ["dead on its way to rest", [{ mark: 30 }, word("stopped", 35, "processExit")], "awake, down"],
  [
    "dead once, long ago, and well since",
    [word("stopped", 5, "processExit"), { mark: 30 }, word("paused", 40), word("paused", 41, "poll")],
    "resting, unknown",
  ],
  ["its port closed at rest", [{ mark: 30 }, word("paused", 40), word("fenced", 50, "fence")], "awake, down"],
  ["its cable out at rest", [{ mark: 30 }, word("paused", 40), word("linkDown", 50, "ovsdb")], "resting, down"],
] as const)("%s", ([, story, want]) => {
  expect(after(...story)).toBe(want);
});
