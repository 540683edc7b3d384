import { describe, expect, test } from "vitest";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId, VimPortId } from "../model/ids.ts";
import { hear, judge, type MemberWords, NOTHING_SAID } from "./judge.ts";

/** A story as "source:says@ms", in the order in which it is heard. */
function told(...story: `${Source}:${Evidence["says"]}@${number}`[]): MemberWords {
  return story.reduce<MemberWords>((words, line) => {
    const [, source, says, at] = /^(\w+):(\w+)@([\d.]+)$/.exec(line) as unknown as [string, Source, Evidence["says"], string];
    const onPort = ["linkUp", "linkDown", "answers"].includes(says);
    const about = onPort ? ({ kind: "port", id: "p" as VimPortId } as const) : ({ kind: "server", id: "s" as ServerId } as const);
    const evidence: Evidence = { about, says, source, seenAt: Number(at) };
    return onPort ? { ...words, port: hear(words.port, evidence) } : { ...words, server: hear(words.server, evidence) };
  }, NOTHING_SAID);
}

describe("evidence → health", () => {
  for (const [what, words, want] of [
    ["nothing heard", told(), "unknown"],
    ["running, link silent", told("libvirt:running@10"), "unknown"],
    ["running, link up, no answer yet", told("libvirt:running@10", "portStatus:linkUp@11"), "unknown"],
    ["running and answers", told("libvirt:running@10", "arpProbe:answers@20"), "up since 20"],
    [
      "QEMU killed: the first source is enough",
      told("libvirt:running@10", "arpProbe:answers@20", "processExit:stopped@30"),
      "down since 30 by processExit",
    ],
    [
      "every source of one death, in the order they come",
      told(
        "qmp:running@10",
        "arpProbe:answers@20",
        "processExit:stopped@30",
        "portStatus:linkDown@36",
        "qmp:stopped@37",
        "libvirt:stopped@230",
      ),
      "down since 30 by processExit,portStatus,qmp,libvirt",
    ],
    ["paused", told("libvirt:running@10", "arpProbe:answers@20", "qmp:paused@30"), "down since 30 by qmp"],
    [
      "resumed, but has not answered since",
      told("qmp:running@10", "arpProbe:answers@20", "qmp:paused@30", "qmp:running@40"),
      "unknown",
    ],
    [
      "resumed and answers",
      told("qmp:running@10", "arpProbe:answers@20", "qmp:paused@30", "qmp:running@40", "arpProbe:answers@50"),
      "up since 40",
    ],
    ["cable out", told("qmp:running@10", "arpProbe:answers@20", "portStatus:linkDown@30"), "down since 30 by portStatus"],
    [
      "cable back, no answer yet",
      told("qmp:running@10", "arpProbe:answers@20", "portStatus:linkDown@30", "portStatus:linkUp@40"),
      "unknown",
    ],
    [
      "cable back and answers",
      told("qmp:running@10", "arpProbe:answers@20", "portStatus:linkDown@30", "portStatus:linkUp@40", "arpProbe:answers@55"),
      "up since 40",
    ],
    [
      "a snapshot begun before the death does not raise the dead",
      told("qmp:running@10", "processExit:stopped@30", "poll:running@29"),
      "down since 30 by processExit",
    ],
    [
      "started again: the old death is over, the new life must answer",
      told("qmp:running@10", "arpProbe:answers@20", "processExit:stopped@30", "libvirt:stopped@90", "libvirt:running@400"),
      "unknown",
    ],
    [
      "started again and answers",
      told("qmp:running@10", "processExit:stopped@30", "libvirt:stopped@90", "libvirt:running@400", "arpProbe:answers@2500"),
      "up since 2500",
    ],
    [
      "a second death, seen by a source that never says that anything runs",
      told(
        "qmp:running@10",
        "processExit:stopped@30",
        "libvirt:running@400",
        "arpProbe:answers@2500",
        "processExit:stopped@5000",
      ),
      "down since 5000 by processExit",
    ],
    [
      "an old word that arrives late is ignored",
      told("libvirt:running@50", "libvirt:stopped@40", "arpProbe:answers@60"),
      "up since 60",
    ],
  ] as const) {
    test(`${what} → ${want}`, () => {
      const health = judge(words);
      const text =
        health.state === "up"
          ? `up since ${health.sinceMs}`
          : health.state === "down"
            ? `down since ${health.sinceMs} by ${health.seenBy.join(",")}`
            : "unknown";
      expect(text).toBe(want);
    });
  }
});
