import { describe, expect, test } from "vitest";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId, VimPortId } from "../model/ids.ts";
import { hearOf, isBackBehindFence, judge, type MemberWords, NOTHING_SAID } from "./judge.ts";

/** A story as "source:says@ms", in the order in which it is heard. */
function told(...story: `${Source}:${Evidence["says"]}@${number}`[]): MemberWords {
  return story.reduce<MemberWords>((words, line) => {
    const [, source, says, at] = /^(\w+):(\w+)@([\d.]+)$/.exec(line) as unknown as [string, Source, Evidence["says"], string];
    const onPort = ["linkUp", "linkDown", "answers", "silent", "fenced"].includes(says);
    const about = onPort ? ({ kind: "port", id: "p" as VimPortId } as const) : ({ kind: "server", id: "s" as ServerId } as const);
    return hearOf(words, { about, says, source, seenAt: Number(at) });
  }, NOTHING_SAID);
}

const ALIVE = ["libvirt:running@10", "arpProbe:answers@20", "poll:running@100", "poll:answers@100"] as const;

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
    [
      "its host is silent: an opinion about another thing",
      told("libvirt:running@10", "arpProbe:answers@20", "hostHeartbeat:silent@30"),
      "up since 20",
    ],
    [
      "its host answers again: that brings nobody back",
      told(
        "libvirt:running@10",
        "arpProbe:answers@20",
        "processExit:stopped@30",
        "hostHeartbeat:silent@31",
        "hostHeartbeat:answers@40",
      ),
      "down since 30 by processExit",
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
      "cable out, then a stale state read that says it answers: up, but not since long ago",
      told("qmp:running@10", "arpProbe:answers@20", "portStatus:linkDown@300", "poll:running@310", "poll:answers@310"),
      "up since 300",
    ],
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
      "a second death, told by the one who had said that it runs again",
      told("qmp:running@10", "processExit:stopped@30", "qmp:running@400", "arpProbe:answers@2500", "qmp:stopped@5000"),
      "down since 5000 by qmp",
    ],
    [
      "and then by the one who has told the first",
      told("qmp:running@10", "processExit:stopped@30", "qmp:running@400", "qmp:stopped@5000", "processExit:stopped@5001"),
      "down since 5000 by qmp,processExit",
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
    ["silent to its probe: an opinion", told(...ALIVE, "probe:silent@130"), "unknown since 130"],
    ["silent, told again", told(...ALIVE, "probe:silent@130", "poll:answers@140", "probe:silent@150"), "unknown since 130"],
    [
      "silent: that it answered once, as the VIM's port status says, does not end it",
      told(...ALIVE, "probe:silent@130", "poll:running@140", "poll:answers@140"),
      "unknown since 130",
    ],
    ["silent, then answers", told(...ALIVE, "probe:silent@130", "probe:answers@160"), "up since 160"],
    ["fed and silent", told(...ALIVE, "traffic:silent@130"), "unknown since 130"],
    [
      "fed and silent: that it answers ARP does not end it",
      told(...ALIVE, "traffic:silent@130", "probe:answers@140"),
      "unknown since 130",
    ],
    ["fed and silent, then packets come out", told(...ALIVE, "traffic:silent@130", "traffic:answers@160"), "up since 160"],
    [
      "two silences, one ended",
      told(...ALIVE, "probe:silent@120", "traffic:silent@130", "probe:answers@140"),
      "unknown since 130",
    ],
    [
      "silent to probes: that packets pass does not end it",
      told(...ALIVE, "probe:silent@120", "traffic:answers@130"),
      "unknown since 120",
    ],
    [
      "fed and silent, cable out and in, answers: a new beginning",
      told(...ALIVE, "traffic:silent@130", "portStatus:linkDown@140", "portStatus:linkUp@150", "arpProbe:answers@160"),
      "up since 150",
    ],
    [
      "silent from a life before this one",
      told(
        "qmp:running@10",
        "arpProbe:answers@20",
        "probe:silent@30",
        "qmp:stopped@40",
        "qmp:running@400",
        "arpProbe:answers@900",
      ),
      "up since 900",
    ],
    ["its guest's agent silent", told(...ALIVE, "guestHeartbeat:answers@110", "guestHeartbeat:silent@130"), "unknown since 130"],
    [
      "its guest's agent silent, while the probe and its traffic answer: each takes back its own word only",
      told(...ALIVE, "guestHeartbeat:silent@130", "probe:answers@140", "traffic:answers@150"),
      "unknown since 130",
    ],
    [
      "its guest's agent silent, then its link flaps: the agent is not asked by way of the link",
      told(...ALIVE, "guestHeartbeat:silent@130", "portStatus:linkDown@140", "portStatus:linkUp@150", "arpProbe:answers@160"),
      "unknown since 130",
    ],
    [
      "its guest's agent answers again",
      told(...ALIVE, "guestHeartbeat:silent@130", "guestHeartbeat:answers@170"),
      "up since 170",
    ],
    [
      "an agent answers: that brings nobody back who has ended",
      told(...ALIVE, "processExit:stopped@130", "guestHeartbeat:answers@131"),
      "down since 130 by processExit",
    ],
    [
      "its guest's agent was silent in an earlier life",
      told(...ALIVE, "guestHeartbeat:silent@130", "qmp:stopped@400", "qmp:running@500", "arpProbe:answers@900"),
      "up since 900",
    ],
    [
      "its guest's agent silent, and fenced",
      told(...ALIVE, "guestHeartbeat:silent@130", "fence:fenced@131"),
      "down since 131 by fence",
    ],
    ["silent, then killed", told(...ALIVE, "probe:silent@130", "processExit:stopped@140"), "down since 140 by processExit"],
    ["silent and fenced", told(...ALIVE, "probe:silent@130", "fence:fenced@131"), "down since 131 by fence"],
    [
      "fenced, and answers again: it hung and woke up",
      told(...ALIVE, "probe:silent@130", "fence:fenced@131", "probe:answers@160"),
      "down since 131 by fence",
    ],
    [
      "paused, fenced, resumed: never into traffic",
      told(
        ...ALIVE,
        "qmp:paused@130",
        "fence:fenced@131",
        "qmp:running@140",
        "poll:running@150",
        "poll:answers@150",
        "probe:answers@160",
      ),
      "down since 131 by fence",
    ],
    [
      "fenced, forced off, started: a new life that must answer",
      told(...ALIVE, "probe:silent@130", "fence:fenced@131", "libvirt:stopped@1100", "qmp:running@1400"),
      "unknown since 1400",
    ],
    [
      "fenced, forced off, started and answers",
      told(...ALIVE, "probe:silent@130", "fence:fenced@131", "libvirt:stopped@1100", "qmp:running@1400", "arpProbe:answers@3000"),
      "up since 3000",
    ],
    [
      "killed, then fenced: the life ended before the fence, the next one is not fenced",
      told(...ALIVE, "processExit:stopped@130", "fence:fenced@131", "qmp:running@1400", "arpProbe:answers@3000"),
      "up since 3000",
    ],
    [
      "killed and started once, later paused, fenced and resumed: the old death ends no fence",
      told(
        ...ALIVE,
        "processExit:stopped@130",
        "qmp:running@1400",
        "arpProbe:answers@3000",
        "qmp:paused@5000",
        "fence:fenced@5001",
        "qmp:running@6000",
        "probe:answers@6010",
      ),
      "down since 5001 by fence",
    ],
    [
      "an end that was seen before the fence and told after it",
      told(...ALIVE, "fence:fenced@131", "libvirt:stopped@120", "libvirt:running@125"),
      "down since 131 by fence",
    ],
    [
      "fenced, and opened by an operator: it must answer",
      told(...ALIVE, "fence:fenced@131", "fence:linkUp@200"),
      "unknown since 200",
    ],
    [
      "fenced, opened by an operator, and answers",
      told(...ALIVE, "fence:fenced@131", "fence:linkUp@200", "arpProbe:answers@230"),
      "up since 200",
    ],
    [
      "an inventory begun before the new life still has the fence",
      told(
        ...ALIVE,
        "fence:fenced@131",
        "libvirt:stopped@1100",
        "qmp:running@1400",
        "fence:fenced@1390",
        "arpProbe:answers@3000",
      ),
      "up since 3000",
    ],
  ] as const) {
    test(`${what} → ${want}`, () => {
      const health = judge(words);
      const text =
        health.state === "up"
          ? `up since ${health.sinceMs}`
          : health.state === "down"
            ? `down since ${health.sinceMs} by ${health.seenBy.join(",")}`
            : `unknown since ${health.sinceMs}`;
      expect(want === "unknown" ? health.state : text).toBe(want);
    });
  }
});

describe("closed for its silence alone, and back", () => {
  const SILENT = ["probe:silent@130", "fence:fenced@131"] as const;
  for (const [what, words, want] of [
    ["it answers again", told(...ALIVE, ...SILENT, "probe:answers@140"), true],
    ["it is silent still", told(...ALIVE, ...SILENT), false],
    ["it answered once and is silent again", told(...ALIVE, ...SILENT, "probe:answers@140", "probe:silent@180"), false],
    ["another source says so still", told(...ALIVE, "traffic:silent@129", ...SILENT, "probe:answers@140"), false],
    ["it was not silent: an operator closed it", told(...ALIVE, "fence:fenced@131", "probe:answers@140"), false],
    [
      "it was paused, which is a fact",
      told(...ALIVE, "qmp:paused@129", ...SILENT, "qmp:running@139", "probe:answers@140"),
      false,
    ],
    ["it was paused after", told(...ALIVE, ...SILENT, "probe:answers@140", "qmp:paused@150"), false],
    ["its life has ended since", told(...ALIVE, ...SILENT, "probe:answers@140", "qmp:stopped@150", "qmp:running@190"), false],
    ["its link is down", told(...ALIVE, ...SILENT, "probe:answers@140", "portStatus:linkDown@150"), false],
    ["it was opened", told(...ALIVE, ...SILENT, "probe:answers@140", "fence:linkUp@150"), false],
  ] as const)
    test(`${what}: ${want ? "it may be opened where nobody else is left" : "it stays closed"}`, () => {
      expect(isBackBehindFence(words)).toBe(want);
    });
});
