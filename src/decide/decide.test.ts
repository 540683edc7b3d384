import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Decision, Health, ProtectionCommand, ProtectionGroup, Scheme } from "../model/protection.ts";
import { answerCommand, failurePlans } from "./command.ts";
import { decide } from "./decide.ts";
import type { GroupView } from "./view.ts";

const [a, b] = ["a", "b"] as VnfcId[] as [VnfcId, VnfcId];
const [t0, t1] = ["t0", "t1"] as NetId[] as [NetId, NetId];

function groupOf(scheme: Scheme, policy: Partial<ProtectionGroup["policy"]> = {}): ProtectionGroup {
  const member = (vnfcId: VnfcId, net: string) => ({
    vnfcId,
    name: vnfcId,
    vimAccountId: "v" as VimAccountId,
    dataNet: net as NetId,
    capacity: null,
    standby: "hot" as const,
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
    policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 100, probe: null, guestHeartbeat: null, traffic: null, ...policy },
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

const viewOf = (health: Record<string, Health>, serving: Record<string, VnfcId | null>): GroupView => ({
  health: new Map(Object.entries(health) as [VnfcId, Health][]),
  serving: new Map(Object.entries(serving) as [NetId, VnfcId | null][]),
});

const textOf = (decision: Decision): string =>
  [
    ...decision.moves.map((m) => `${m.trafficNet} ${m.from ?? "-"}>${m.to} ${m.kind}`),
    ...decision.unprotected.map((n) => `${n} unprotected`),
    ...decision.heal.map((v) => `heal ${v}`),
    ...(decision.againAt === null ? [] : [`again at ${decision.againAt}`]),
  ].join(", ");

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
      const decision = decide(group, viewOf({ a: ha, b: hb }, { t0: s0, t1: s1 }), null, NOW);
      expect(textOf(decision)).toBe(want);
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

const force = (to: VnfcId, ...nets: NetId[]): ProtectionCommand => ({
  kind: "force",
  to,
  trafficNets: nets.length > 0 ? nets : null,
});
const manual = (to: VnfcId): ProtectionCommand => ({ kind: "manual", to, trafficNets: null });
const lockout: ProtectionCommand = { kind: "lockout", to: null, trafficNets: null };
const exercise: ProtectionCommand = { kind: "exercise", to: null, trafficNets: null };
const clear: ProtectionCommand = { kind: "clear", to: null, trafficNets: null };

describe("what is decided under a command", () => {
  //      command        group  t0 t1   a       b       → moves, how the command stands
  for (const [command, group, s0, s1, ha, hb, want, standing] of [
    [lockout, both, a, b, up, up, "", "active"],
    [lockout, both, a, b, down, up, "t0 unprotected", "active"],
    [lockout, both, b, b, up, up, "t0 b>a command", "active"],
    [lockout, both, b, b, fresh, up, "t0 b>a command", "active"],
    [lockout, both, b, b, down, up, "", "active"],
    [lockout, both, b, b, silent, down, "t0 unprotected, t1 unprotected", "active"],
    [lockout, both, null, b, down, up, "t0 unprotected", "active"],
    [lockout, both, null, b, up, up, "t0 ->a command", "active"],
    [force(b), both, a, b, up, up, "t0 a>b command", "active"],
    [force(b), both, b, b, up, up, "", "active"],
    [force(b), both, a, b, silent, up, "t0 a>b command", "active"],
    [force(b), both, a, b, up, silent, "", "overridden"],
    [force(b), both, b, b, up, down, "t0 b>a failover, t1 b>a failover", "overridden"],
    [force(b), both, a, b, down, up, "t0 a>b command", "active"],
    [force(b), patient, a, b, down, up, "t0 a>b command", "active"],
    [force(b, t0), both, a, b, up, up, "t0 a>b command", "active"],
    [force(a, t0), both, a, b, up, up, "", "active"],
    [force(a), one, a, a, up, up, "", "active"],
    [force("x" as VnfcId), both, a, b, up, up, "", "overridden"],
    [manual(b), both, a, b, up, up, "t0 a>b command", "active"],
    [manual(b), both, b, b, up, up, "", "active"],
    [manual(b), both, b, b, down, up, "", "ended"],
    [manual(b), both, b, b, up, down, "t0 b>a failover, t1 b>a failover", "ended"],
    [manual(b), both, a, b, up, silent, "", "ended"],
    [manual(b), both, a, b, silent, up, "", "active"],
    [exercise, both, a, b, up, up, "", "active"],
    [exercise, both, a, b, down, up, "t0 a>b failover", "active"],
    [clear, both, b, b, fresh, up, "t0 b>a failback", "active"],
    [clear, both, b, b, down, up, "", "ended"],
    [clear, both, a, b, up, up, "", "ended"],
    [clear, stay, b, b, up, up, "", "ended"],
    [clear, both, a, b, silent, silent, "", "ended"],
  ] as const) {
    const { kind, to } = command;
    test(`${kind} ${to ?? ""} ${group.scheme} t0=${s0} t1=${s1} a=${ha.state} b=${hb.state}: ${want || "nothing"}, ${standing}`, () => {
      const view = viewOf({ a: ha, b: hb }, { t0: s0, t1: s1 });
      const decision = decide(group, view, command, NOW);
      expect([textOf({ ...decision, heal: [] }), decision.command?.state]).toEqual([want, standing]);
      expect(decision.command?.because).not.toBe("");
    });
  }
});

describe("a pool: members that may carry only so much", () => {
  const [c, t2] = ["c" as VnfcId, "t2" as NetId];
  /** Two working members and one spare for both (2+1). */
  const pool: ProtectionGroup = {
    ...both,
    members: [...both.members.map((m) => ({ ...m, capacity: 1 })), { ...both.members[0]!, vnfcId: c, name: "c", capacity: 1 }],
  };
  const serving = { t0: a, t1: b };
  for (const [what, health, carried, want] of [
    ["the spare takes over", { a: down, b: up, c: up }, 0, "t0 a>c failover"],
    [
      "two fail: the spare has room for one, and the other is named",
      { a: down, b: down, c: up },
      0,
      "t0 a>c failover, t1 unprotected",
    ],
    ["the spare is busy with another group", { a: down, b: up, c: up }, 1, "t0 unprotected"],
  ] as const) {
    test(what, () => {
      const view = { ...viewOf(health, serving), carriedElsewhere: new Map([[c, carried]]) };
      const decision = decide(pool, view, null, NOW);
      expect(textOf({ ...decision, heal: [] })).toBe(want);
    });
  }

  test("of several stand-ins the one that carries least is taken", () => {
    const wide: ProtectionGroup = {
      ...pool,
      members: pool.members.map((m) => ({ ...m, capacity: null })),
      trafficNets: [...pool.trafficNets, { netId: t2, name: "t2", normal: a }],
    };
    const view = viewOf({ a: down, b: up, c: up }, { ...serving, t2: a });
    expect(textOf({ ...decide(wide, view, null, NOW), heal: [] })).toBe("t0 a>c failover, t2 a>b failover");
  });
});

describe("an operator's command is answered", () => {
  const view = viewOf({ a: up, b: up }, { t0: a, t1: b });
  for (const [what, had, given, seen, accepted, sentence] of [
    ["force to a member that is up", null, force(b), view, true, "forced switch: t0 is led to b"],
    ["force to one that is down", null, force(b), viewOf({ a: up, b: down }, { t0: a, t1: a }), false, "b is down (killed)"],
    ["force to nobody", null, { ...force(b), to: null }, view, false, "needs the member that traffic shall go to: one of a, b"],
    ["force to a stranger", null, force("x" as VnfcId), view, false, "relay has no member x: it has a, b"],
    ["a traffic net that is none", null, force(b, "t9" as NetId), view, false, "relay has no traffic net t9"],
    [
      "manual while somebody is down",
      null,
      manual(b),
      viewOf({ a: down, b: up }, { t0: b, t1: b }),
      false,
      "signal fail speaks over",
    ],
    ["manual under a lockout", lockout, manual(b), view, false, "clear it first"],
    ["force under a manual switch", manual(b), force(b), view, true, "forced switch: t0 is led to b"],
    ["exercise", null, exercise, view, true, "if a failed now, t0 would go to b"],
    ["exercise with a twin down", null, exercise, viewOf({ a: up, b: down }, { t0: a, t1: a }), true, "nobody could take t0"],
    ["clear", lockout, clear, view, true, "t0 stays on a, which is up"],
  ] as const) {
    test(what, () => {
      const answer = answerCommand(both, seen, had, given, NOW);
      expect(answer.accepted).toBe(accepted);
      expect(answer.because.join("\n")).toContain(sentence);
      if (given.kind === "exercise") expect(answer.decision.moves).toEqual([]);
    });
  }

  test("plans for a failure: for each member that serves, what is done when it goes down", () => {
    const plans = failurePlans(patient, view, null, NOW).map((p) => [p.failed, textOf({ ...p.decision, heal: [] })]);
    expect(plans).toEqual([
      [a, "t0 a>b failover"],
      [b, "t1 b>a failover"],
    ]);
    expect(failurePlans(both, view, lockout, NOW).flatMap((p) => p.decision.moves)).toEqual([]);
  });
});

const command: fc.Arbitrary<ProtectionCommand | null> = fc.option(
  fc.record({
    kind: fc.constantFrom("lockout", "force", "manual", "exercise", "clear" as const),
    to: fc.constantFrom(a, b, null, "x" as VnfcId),
    trafficNets: fc.constantFrom(null, [t0], [t1], []),
  }),
);

/** What is known, and asked for, so many ms after what was before it. */
const heard = fc.record({ ha: health, hb: health, c: command, afterMs: fc.nat(200) });
type Heard = typeof heard extends fc.Arbitrary<infer T> ? T : never;
type Serving = ReadonlyMap<NetId, VnfcId | null>;
const AT_HOME: Serving = new Map([
  [t0, a],
  [t1, b],
]);

/** What is decided at each point of a story, by one who carries it out and keeps nothing but who serves what. */
function replay(g: ProtectionGroup, story: readonly Heard[], from: Serving, fromMs: number) {
  let [serving, nowMs] = [from, fromMs];
  return story.map(({ ha, hb, c, afterMs }) => {
    nowMs += afterMs;
    const decision = decide(g, { ...viewOf({ a: ha, b: hb }, {}), serving }, c, nowMs);
    serving = new Map([...serving, ...decision.moves.map((m) => [m.trafficNet, m.to] as const)]);
    return { decision, nowMs, serving };
  });
}

describe("laws of the decision", () => {
  const forAll = (law: (g: ProtectionGroup, view: GroupView, c: ProtectionCommand | null) => void) =>
    fc.assert(
      fc.property(anyGroup, health, health, anyone, anyone, command, (g, ha, hb, s0, s1, c) =>
        law(g, viewOf({ a: ha, b: hb }, { t0: s0, t1: s1 }), c),
      ),
      { numRuns: 5000 },
    );

  test("traffic goes only to a member known to be up, whoever asks", () =>
    forAll((g, view, c) => {
      for (const m of decide(g, view, c, NOW).moves) expect(view.health.get(m.to)?.state).toBe("up");
    }));

  test("an unknown never moves traffic away; only an operator may", () =>
    forAll((g, view, c) => {
      for (const m of decide(g, view, c, NOW).moves)
        if (m.from !== null && view.health.get(m.from)?.state === "unknown") expect(m.kind).toBe("command");
    }));

  test("each traffic net is moved at most once, from where it is, and never to where it is", () =>
    forAll((g, view, c) => {
      const { moves } = decide(g, view, c, NOW);
      expect(new Set(moves.map((m) => m.trafficNet)).size).toBe(moves.length);
      for (const m of moves) expect([m.from, m.to === m.from]).toEqual([view.serving.get(m.trafficNet), false]);
    }));

  test("done is done: after the moves, the same view gives none", () =>
    forAll((g, view, c) => {
      const serving = new Map(view.serving);
      for (const m of decide(g, view, c, NOW).moves) serving.set(m.trafficNet, m.to);
      expect(decide(g, { ...view, serving }, c, NOW).moves).toEqual([]);
    }));

  test("the same arguments give the same answer", () =>
    forAll((g, view, c) => {
      expect(decide(g, view, c, NOW)).toEqual(decide(g, view, c, NOW));
    }));

  test("it ends: each moment that it waits for is later, and after the last one nothing is left to do", () =>
    forAll((g, view, c) => {
      const serving = new Map(view.serving);
      let nowMs = NOW;
      for (let rounds = 0; rounds < 10; rounds++) {
        const { moves, againAt } = decide(g, { ...view, serving }, c, nowMs);
        for (const m of moves) serving.set(m.trafficNet, m.to);
        if (againAt === null) {
          expect(decide(g, { ...view, serving }, c, nowMs).moves).toEqual([]);
          return;
        }
        expect(againAt).toBeGreaterThan(nowMs);
        nowMs = againAt;
      }
      expect.fail("it waits for ever");
    }));

  test("replay gives the same, from any moment on: who starts in the middle goes on as one that was there from the start", () => {
    fc.assert(
      fc.property(anyGroup, fc.array(heard, { minLength: 1, maxLength: 8 }), fc.nat(7), (g, story, at) => {
        const whole = replay(g, story, AT_HOME, NOW);
        expect(replay(g, story, AT_HOME, NOW)).toEqual(whole);
        const cut = at % story.length;
        const { serving, nowMs } = whole[cut]!;
        expect(replay(g, story.slice(cut + 1), serving, nowMs)).toEqual(whole.slice(cut + 1));
      }),
    );
  });

  test("no command is lost: each is active, overridden or ended, and says why", () =>
    forAll((g, view, c) => {
      const { command: stands } = decide(g, view, c, NOW);
      if (c === null) expect(stands).toBeNull();
      else expect(stands?.because).toBeTruthy();
      if (c?.kind === "lockout" && c.trafficNets?.length !== 0) expect(stands?.state).toBe("active");
    }));

  test("a lockout is not left, and a forced switch to a member that is up is done", () =>
    forAll((g, view, c) => {
      const serving = new Map(view.serving);
      const { moves } = decide(g, view, c, NOW);
      for (const m of moves) serving.set(m.trafficNet, m.to);
      if (c?.kind === "lockout" && c.trafficNets === null)
        for (const m of moves) expect(m.to).toBe(g.trafficNets.find((n) => n.netId === m.trafficNet)?.normal);
      if (c?.kind === "force" && c.trafficNets === null && c.to !== null && view.health.get(c.to)?.state === "up")
        for (const n of g.trafficNets) expect(serving.get(n.netId)).toBe(c.to);
    }));
});
