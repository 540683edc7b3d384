import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Health, ProtectionGroup, Rest, Standby } from "../model/protection.ts";
import { decide } from "./decide.ts";
import type { GroupView } from "./view.ts";

const [a, b, c] = ["a", "b", "c"] as VnfcId[] as [VnfcId, VnfcId, VnfcId];
const t = "t" as NetId;
const member = (vnfcId: VnfcId, standby: Standby) => ({
  vnfcId,
  name: vnfcId,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${vnfcId}` as NetId,
  capacity: null,
  standby,
});
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_PASSIVE",
  members: [member(a, "hot"), member(b, "hot"), member(c, "warm")],
  trafficNets: [{ netId: t, name: "t", normal: a }],
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 100, probe: null, guestHeartbeat: null, traffic: null },
};

const NOW = 1_000;
const up: Health = { state: "up", sinceMs: 0 };
const fresh: Health = { state: "up", sinceMs: 950 };
const down: Health = { state: "down", sinceMs: 990, seenBy: ["processExit"], why: "killed" };
const silent: Health = { state: "unknown", sinceMs: 980, why: "silence" };

const viewOf = (serving: VnfcId | null, healths: readonly [Health, Health, Health], rest: Rest): GroupView => ({
  health: new Map([a, b, c].map((id, i) => [id, healths[i] as Health])),
  serving: new Map([[t, serving]]),
  rest: new Map([[c, rest]]),
});

describe("what is decided for a warm spare", () => {
  //      t   a       b       c       c is       → what else than "a spare rests", and why
  for (const [serving, ha, hb, hc, rest, want, why] of [
    [a, up, up, silent, "resting", "", "c rests"],
    [a, down, up, silent, "resting", "t a>b, wake c", "a is down: c is woken"],
    [a, up, down, silent, "resting", "wake c", "b is down: c is woken"],
    [a, silent, up, silent, "resting", "", "c rests"],
    [a, silent, silent, silent, "resting", "", "c rests"],
    [a, down, down, silent, "resting", "wake c", "a is down: c is woken"],
    [a, down, up, silent, "goingToRest", "t a>b, wake c", "a is down: c is woken"],
    [a, down, up, down, "resting", "t a>b", "a is down, and c is down"],
    [b, down, up, up, "awake", "", "c is awake: a is down"],
    [b, down, down, up, "awake", "t b>c", "c is awake: it serves t"],
    [b, down, down, silent, "awake", "", "c is awake: a is down"],
    [c, down, down, up, "awake", "", "c is awake: it serves t"],
    [c, up, down, up, "awake", "t c>a", "c is awake: b is down"],
    [c, fresh, up, up, "awake", "again at 1050", "c is awake: it serves t"],
    [c, up, up, silent, "resting", "wake c", "it serves t: c is woken"],
    [a, fresh, up, up, "awake", "again at 1050", "c is awake: all must be up for 100 ms before it rests"],
    [a, up, up, fresh, "awake", "again at 1050", "c is awake: all must be up for 100 ms before it rests"],
    [a, up, up, up, "awake", "rest c", "c is put to rest: all others are up"],
    [a, silent, up, up, "awake", "", "c is awake: a is unknown"],
    [a, up, up, silent, "awake", "", "c is awake: c is unknown"],
    [a, up, up, down, "awake", "", "c is awake: c is down"],
  ] as const) {
    test(`t=${serving} a=${ha.state} b=${hb.state} c=${hc.state}, ${rest}: ${want || "nothing"}`, () => {
      const decision = decide(group, viewOf(serving, [ha, hb, hc], rest), null, NOW);
      const text = [
        ...decision.moves.map((m) => `${m.trafficNet} ${m.from ?? "-"}>${m.to}`),
        ...decision.wake.map((id) => `wake ${id}`),
        ...decision.rest.map((id) => `rest ${id}`),
        ...(decision.againAt === null ? [] : [`again at ${decision.againAt}`]),
      ].join(", ");
      expect([text, decision.because.at(-1)]).toEqual([want, why]);
    });
  }
});

test("who is to go and serves is given a spare where nobody else is up; where somebody is, it sleeps on", () => {
  const leaving = { ...member(a, "hot"), isLeaving: true as const };
  const view = viewOf(a, [up, up, silent], "resting");
  const decided = (members: ProtectionGroup["members"]) => decide({ ...group, members }, view, null, NOW);
  expect(decided([leaving, member(c, "warm")])).toMatchObject({ moves: [], wake: [c] });
  expect(decided([leaving, member(b, "hot"), member(c, "warm")])).toMatchObject({ moves: [{ to: b }], wake: [] });
  // Nor is what it served led home to it while it is.
  const [members, later] = [[leaving, member(b, "hot"), member(c, "warm")], viewOf(b, [up, up, silent], "resting")];
  expect(decide({ ...group, members }, later, null, NOW)).toMatchObject({ moves: [], againAt: null });
});

test("a spare is never put to rest while it serves or somebody is not up, and never given traffic while it is not up", () => {
  const health = fc.constantFrom(up, fresh, down, silent);
  const any = fc.record({
    serving: fc.constantFrom(a, b, c, null),
    healths: fc.tuple(health, health, health),
    rest: fc.constantFrom<Rest>("awake", "goingToRest", "resting"),
  });
  fc.assert(
    fc.property(any, ({ serving, healths, rest }) => {
      const decision = decide(group, viewOf(serving, healths, rest), null, NOW);
      const led = decision.moves[0]?.to ?? serving;
      if (decision.rest.length > 0)
        expect([led === c, healths.every((h) => h.state === "up"), rest]).toEqual([false, true, "awake"]);
      if (decision.moves.some((m) => m.to === c)) expect([healths[2].state, decision.rest]).toEqual(["up", []]);
      if (decision.wake.length > 0) expect(rest).not.toBe("awake");
      expect(decision.wake.filter((id) => decision.rest.includes(id))).toEqual([]);
    }),
  );
});
