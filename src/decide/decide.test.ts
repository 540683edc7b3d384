import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Health, ProtectionGroup, Scheme } from "../model/protection.ts";
import { decide } from "./decide.ts";

const [a, b] = ["a", "b"] as VnfcId[] as [VnfcId, VnfcId];
const [t0, t1] = ["t0", "t1"] as NetId[] as [NetId, NetId];

function groupOf(scheme: Scheme, policy: Partial<ProtectionGroup["policy"]> = {}): ProtectionGroup {
  const member = (vnfcId: VnfcId, net: string) => ({
    vnfcId,
    name: vnfcId,
    vimAccountId: "v" as VimAccountId,
    dataNet: net as NetId,
  });
  return {
    id: "g" as GroupId,
    nsId: "ns" as NsId,
    name: "relay",
    scheme,
    members: [member(a, "d0"), member(b, "d1")],
    trafficNets: [
      { netId: t0, name: "t0", normal: a },
      { netId: t1, name: "t1", normal: scheme === "ACTIVE_ACTIVE" ? b : a },
    ],
    policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 100, ...policy },
  };
}

const NOW = 1000;
const up: Health = { state: "up", sinceMs: 0 };
const fresh: Health = { state: "up", sinceMs: 950 };
const down: Health = { state: "down", sinceMs: 990, seenBy: ["processExit"], why: "killed" };
const silent: Health = { state: "unknown", sinceMs: 980, why: "silence" };

const both = groupOf("ACTIVE_ACTIVE");
const one = groupOf("ACTIVE_PASSIVE");
const stay = groupOf("ACTIVE_ACTIVE", { revertive: false });
const patient = groupOf("ACTIVE_ACTIVE", { holdOffMs: 50 });

describe("what is decided", () => {
  //      group     t0   t1      a       b       → moves and what else
  for (const [group, s0, s1, ha, hb, want] of [
    [both, a, b, up, up, ""],
    [both, a, b, down, up, "t0 a>b failover, heal a"],
    [both, a, b, up, down, "t1 b>a failover, heal b"],
    [both, a, b, silent, up, ""],
    [both, a, b, down, silent, "t0 unprotected, heal a"],
    [both, a, b, down, down, "t0 unprotected, t1 unprotected, heal a, heal b"],
    [both, b, b, down, up, "heal a"],
    [both, b, b, fresh, up, "again at 1050"],
    [both, b, b, up, up, "t0 b>a failback"],
    [both, b, b, up, down, "t0 b>a failover, t1 b>a failover, heal b"],
    [both, b, b, silent, up, ""],
    [both, null, b, up, up, "t0 ->a failover"],
    [both, null, b, down, up, "t0 ->b failover, heal a"],
    [both, null, null, silent, silent, "t0 unprotected, t1 unprotected"],
    [stay, b, b, up, up, ""],
    [patient, a, b, down, up, "heal a, again at 1040"],
    [one, a, a, up, up, ""],
    [one, a, a, down, up, "t0 a>b failover, t1 a>b failover, heal a"],
    [one, b, b, down, up, "heal a"],
    [one, b, b, up, up, "t0 b>a failback, t1 b>a failback"],
    [one, a, a, up, down, "heal b"],
  ] as const) {
    test(`${group.scheme} t0=${s0} t1=${s1} a=${ha.state} b=${hb.state}: ${want || "nothing"}`, () => {
      const view = {
        health: new Map([
          [a, ha as Health],
          [b, hb as Health],
        ]),
        serving: new Map([
          [t0, s0],
          [t1, s1],
        ]),
      };
      const decision = decide(group, view, NOW);
      const text = [
        ...decision.moves.map((m) => `${m.trafficNet} ${m.from ?? "-"}>${m.to} ${m.kind}`),
        ...decision.unprotected.map((n) => `${n} unprotected`),
        ...decision.heal.map((v) => `heal ${v}`),
        ...(decision.againAt === null ? [] : [`again at ${decision.againAt}`]),
      ];
      expect(text.join(", ")).toBe(want);
      expect(decision.because).toHaveLength(2);
      for (const why of decision.because) expect(why).not.toBe("");
    });
  }
});

const health = fc.oneof(
  fc.record({ state: fc.constant("up" as const), sinceMs: fc.nat(NOW) }),
  fc.record({ state: fc.constant("unknown" as const), sinceMs: fc.nat(NOW), why: fc.constant("silence") }),
  fc.record({ state: fc.constant("down" as const), sinceMs: fc.nat(NOW), seenBy: fc.constant([]), why: fc.constant("killed") }),
);
const anyone = fc.constantFrom(a, b, null);
const anyGroup = fc.constantFrom(both, one, stay, patient);

describe("laws of the decision", () => {
  const forAll = (law: (g: ProtectionGroup, view: Parameters<typeof decide>[1]) => void) =>
    fc.assert(
      fc.property(anyGroup, health, health, anyone, anyone, (g, ha, hb, s0, s1) =>
        law(g, {
          health: new Map<VnfcId, Health>([
            [a, ha],
            [b, hb],
          ]),
          serving: new Map([
            [t0, s0],
            [t1, s1],
          ]),
        }),
      ),
      { numRuns: 2000 },
    );

  test("traffic goes only to a member known to be up", () =>
    forAll((g, view) => {
      for (const m of decide(g, view, NOW).moves) expect(view.health.get(m.to)?.state).toBe("up");
    }));

  test("an unknown never moves traffic away", () =>
    forAll((g, view) => {
      for (const m of decide(g, view, NOW).moves)
        expect(m.from === null ? "" : view.health.get(m.from)?.state).not.toBe("unknown");
    }));

  test("each traffic net is moved at most once, and never to where it is", () =>
    forAll((g, view) => {
      const { moves } = decide(g, view, NOW);
      expect(new Set(moves.map((m) => m.trafficNet)).size).toBe(moves.length);
      for (const m of moves) expect(m.to).not.toBe(m.from);
    }));

  test("done is done: after the moves, the same view gives none", () =>
    forAll((g, view) => {
      const serving = new Map(view.serving);
      for (const m of decide(g, view, NOW).moves) serving.set(m.trafficNet, m.to);
      expect(decide(g, { ...view, serving }, NOW).moves).toEqual([]);
    }));

  test("the same arguments give the same answer", () =>
    forAll((g, view) => {
      expect(decide(g, view, NOW)).toEqual(decide(g, view, NOW));
    }));
});
