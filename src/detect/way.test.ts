import { describe, expect, test } from "vitest";
import type { Evidence, Source } from "../model/evidence.ts";
import type { VimPortId } from "../model/ids.ts";
import type { Health } from "../model/protection.ts";
import { type Away, hearOfWay, judgeAway, NOTHING_KNOWN, openedAt, sightOf } from "./way.ts";

const up: Health = { state: "up", sinceMs: 5 };
const down: Health = { state: "down", sinceMs: 5, seenBy: ["qmp"], why: "server stopped" };
const unknown: Health = { state: "unknown", sinceMs: 5, why: "it boots" };

/** Lines "near portStatus:linkDown@10", "gone@20" (its VIM does not answer), "back@30", "open@40" (an inventory has the way open). */
function told(...story: string[]): Away {
  return story.reduce<Away>((away, line) => {
    const [what, at] = line.split("@") as [string, string];
    const seenAt = Number(at);
    if (what === "gone") return sightOf(away, "VIM two does not answer", seenAt);
    if (what === "back") return sightOf(away, null, seenAt);
    if (what === "open") return openedAt(away, seenAt);
    const [port, word] = what.split(" ") as [string, string];
    const [source, says] = word.split(":") as [Source, Evidence["says"]];
    return hearOfWay(away, { about: { kind: "port", id: port as VimPortId }, source, says, seenAt });
  }, NOTHING_KNOWN);
}

describe("what a member elsewhere is to those who enter here", () => {
  //      at home   what was told of the way                             → what it is, since when
  for (const [atHome, story, want] of [
    [up, [], "up since 5"],
    [up, ["near portStatus:linkUp@9"], "up since 5"],
    [up, ["near portStatus:linkDown@10"], "down since 10"],
    [up, ["far portStatus:linkDown@10"], "down since 10"], // Whichever end tells.
    [up, ["near portStatus:linkDown@10", "near portStatus:linkUp@20"], "up since 20"],
    [up, ["near portStatus:linkDown@10", "far portStatus:linkUp@20"], "down since 10"], // An end speaks for itself.
    [up, ["near portStatus:linkDown@10", "near ovsdb:linkUp@20"], "up since 20"],
    [up, ["near bfd:linkDown@10"], "down since 10"],
    [up, ["gone@10"], "unknown since 10"],
    [up, ["gone@10", "gone@20"], "unknown since 10"],
    [up, ["gone@10", "back@20"], "up since 20"],
    [up, ["gone@10", "near portStatus:linkDown@30"], "down since 30"], // A fact, whoever else is silent.
    [down, ["gone@10"], "down since 5"],
    [unknown, ["gone@10"], "unknown since 5"],
    [unknown, ["near portStatus:linkDown@10"], "down since 10"],
    [up, ["near traffic:silent@10"], "unknown since 10"],
    [up, ["near traffic:silent@10", "near traffic:answers@20"], "up since 5"],
    [up, ["near fence:fenced@10"], "down since 10"],
    [up, ["near fence:fenced@10", "near fence:linkUp@20"], "up since 20"],
    [up, ["near fence:fenced@10", "open@9"], "down since 10"], // Read before it was closed.
    [up, ["near fence:fenced@10", "open@11"], "up since 11"],
    [up, ["near traffic:silent@10", "near fence:fenced@12", "near fence:fenced@15"], "down since 12"],
  ] as const) {
    test(`${atHome.state}, ${story.join(", ") || "nothing"}: ${want}`, () => {
      const health = judgeAway(atHome, told(...story));
      expect(`${health.state} since ${health.sinceMs}`).toBe(want);
      if (health.state !== "up") expect(health.why).not.toBe("");
    });
  }
});
