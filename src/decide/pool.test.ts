import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Health, Member, ProtectionGroup, Rest, Standby } from "../model/protection.ts";
import { failurePlans } from "./command.ts";
import { decide } from "./decide.ts";
import { exposuresOf, type PooledGroup } from "./exposure.ts";
import { keptAwakeBy } from "./spare.ts";
import type { GroupView } from "./view.ts";

const NOW = 1_000;
const up: Health = { state: "up", sinceMs: 0 };
const down: Health = { state: "down", sinceMs: 990, seenBy: ["processExit"], why: "killed" };
const silent: Health = { state: "unknown", sinceMs: 980, why: "silence" };
const HEALTHS = { up, down, silent };

const member = (name: string, capacity: number | null, standby: Standby = "hot"): Member => ({
  vnfcId: name as VnfcId,
  name,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${name}` as NetId,
  capacity,
  standby,
});

/** Each of `working` serves one traffic net, `t-<name>`. */
function poolOf(id: string, working: readonly Member[], spares: readonly Member[]): ProtectionGroup {
  return {
    id: id as GroupId,
    nsId: "ns" as NsId,
    name: id,
    scheme: "N_PLUS_M",
    members: [...working, ...spares],
    trafficNets: working.map((m) => ({ netId: `t-${m.name}` as NetId, name: `t-${m.name}`, normal: m.vnfcId })),
    policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 100, probe: null, guestHeartbeat: null, traffic: null },
  };
}

type Healths = Readonly<Record<string, keyof typeof HEALTHS>>;

/** Everybody on its normal member unless `serving` says otherwise; who is not named is up. */
function viewOf(group: ProtectionGroup, healths: Healths, serving: Readonly<Record<string, string | null>> = {}): GroupView {
  return {
    health: new Map(group.members.map((m) => [m.vnfcId, HEALTHS[healths[m.name] ?? "up"]])),
    serving: new Map(group.trafficNets.map((n) => [n.netId, (n.name in serving ? serving[n.name]! : n.normal) as VnfcId | null])),
  };
}

const working = [member("a", 1), member("b", 1), member("c", 1)];
const one = poolOf("3+1", working, [member("s", 1)]);
const two = poolOf("3+2", working, [member("s", 1), member("u", 1)]);
const wide = poolOf("3+1 wide", working, [member("s", 2)]);
const warm = poolOf("2+2 warm", working.slice(0, 2), [member("s", 1, "warm"), member("u", 1, "warm")]);

describe("what a pool decides", () => {
  for (const [group, healths, serving, want] of [
    [one, {}, {}, ""],
    [one, { a: "down" }, {}, "t-a a>s"],
    [one, { a: "down", b: "down" }, {}, "t-a a>s, t-b unprotected"],
    [one, { b: "down" }, { "t-a": "s" }, "t-a s>a, t-b b>s"], // What returns makes room in the same decision.
    [one, { a: "down", b: "down" }, { "t-a": "s" }, "t-b unprotected"],
    [one, { a: "down", s: "down" }, {}, "t-a unprotected"],
    [one, { a: "down", s: "silent" }, {}, "t-a unprotected"],
    [one, { a: "silent" }, {}, ""],
    [two, { a: "down" }, {}, "t-a a>s"],
    [two, { b: "down" }, {}, "t-b b>u"], // Each has a first choice of its own.
    [two, { a: "down", c: "down" }, {}, "t-a a>s, t-c c>u"],
    [two, { a: "down", b: "down", c: "down" }, {}, "t-a a>s, t-b b>u, t-c unprotected"],
    [wide, { a: "down", b: "down", c: "down" }, {}, "t-a a>s, t-b b>s, t-c unprotected"],
    // What waits to return to each other's members: one gives way.
    [one, {}, { "t-a": "b", "t-b": "a" }, "t-a b>s"],
    [one, {}, { "t-a": "s", "t-b": "a" }, "t-b a>b"], // No ring: the next decision has room.
    [one, {}, { "t-a": "s" }, "t-a s>a"],
    [one, { s: "silent" }, { "t-a": "b", "t-b": "a" }, ""],
    [one, { c: "down" }, { "t-a": "b", "t-b": "a" }, "t-c c>s"], // Who is not served comes first.
    [one, { b: "silent" }, { "t-a": "b", "t-b": "a" }, ""], // It is not due to return.
    [two, {}, { "t-a": "b", "t-b": "c", "t-c": "a" }, "t-a b>u"],
    [two, {}, { "t-a": "b", "t-b": "a", "t-c": "s" }, "t-c s>c, t-a b>u"],
  ] as [ProtectionGroup, Healths, Record<string, string>, string][]) {
    const text = (map: object) => JSON.stringify(map).replaceAll('"', "");
    test(`${group.name} ${text(healths)} ${text(serving)}: ${want || "nothing"}`, () => {
      const decision = decide(group, viewOf(group, healths, serving), null, NOW);
      const moves = decision.moves.map((m) => `${m.trafficNet} ${m.from ?? "-"}>${m.to}`);
      expect([...moves, ...decision.unprotected.map((n) => `${n} unprotected`)].join(", ")).toBe(want);
      for (const net of decision.unprotected) expect(decision.because.join("\n")).toContain(`${net} is not served`);
    });
  }

  test("traffic is back on its normal members in the end, wherever it was, and nobody carries more than it may on the way", () => {
    const served = fc.shuffledSubarray(["a", "b", "c", "s", "u"], { minLength: 3, maxLength: 3 });
    const command = fc.constantFrom(null, { kind: "lockout", to: null, trafficNets: null } as const);
    fc.assert(
      fc.property(served, command, (on, command) => {
        const serving: Record<string, string | null> = { "t-a": on[0]!, "t-b": on[1]!, "t-c": on[2]! };
        for (let round = 0; round < 8; round++) {
          for (const { trafficNet, to } of decide(two, viewOf(two, {}, serving), command, NOW).moves) {
            serving[trafficNet] = to;
            expect(new Set(Object.values(serving)).size).toBe(3);
          }
        }
        expect(serving).toEqual({ "t-a": "a", "t-b": "b", "t-c": "c" });
      }),
    );
  });

  test("lockout leads nothing where there is no room: not what is served elsewhere, nor what nobody serves", () => {
    const lockout = { kind: "lockout", to: null, trafficNets: null } as const;
    const decided = (serving: Record<string, string | null>) => {
      const { moves, unprotected } = decide(one, viewOf(one, { s: "down" }, serving), lockout, NOW);
      return [...moves.map((m) => `${m.trafficNet}>${m.to}`), ...unprotected.map((n) => `${n} unprotected`)];
    };
    expect(decided({ "t-a": "b", "t-b": "a" })).toEqual([]);
    expect(decided({ "t-a": null, "t-b": "a" })).toEqual(["t-b>b", "t-a unprotected"]);
    expect(decided({ "t-a": null })).toEqual(["t-a>a"]);
  });

  test("who is left unprotected is told with the reason", () => {
    const { because } = decide(one, viewOf(one, { a: "down", b: "down" }), null, NOW);
    expect(because[1]).toBe("b is down (killed), and c carries all it may, s carries all it may: t-b is not served");
  });

  test("a plan names who else could take over, the best first", () => {
    const plans = failurePlans(two, viewOf(two, {}), null, NOW).map((p) => [p.failed, p.decision.moves[0]?.to, p.orElse]);
    expect(plans).toEqual([
      ["a", "s", ["s", "u"]],
      ["b", "u", ["u", "s"]],
      ["c", "s", ["s", "u"]],
    ]);
  });
});

describe("warm spares of a pool", () => {
  const restOf = (s: Rest, u: Rest) => new Map([["s" as VnfcId, s] as const, ["u" as VnfcId, u] as const]);
  for (const [healths, s, u, serving, want] of [
    [{ s: "silent", u: "silent" }, "resting", "resting", {}, ""],
    [{ a: "down", s: "silent", u: "silent" }, "resting", "resting", {}, "wake s"], // No more than are needed.
    [{ a: "down", b: "down", s: "silent", u: "silent" }, "resting", "resting", {}, "wake s, wake u"],
    [{ a: "down", s: "silent", u: "silent" }, "resting", "awake", {}, ""], // One that is awake already comes first.
    [{ a: "down", s: "down", u: "silent" }, "resting", "resting", {}, "wake u"],
    [{ a: "down", u: "silent" }, "awake", "resting", {}, "t-a a>s"],
    [{ a: "down", u: "silent" }, "awake", "resting", { "t-a": "s" }, ""],
    [{ a: "down", b: "down", u: "silent" }, "awake", "resting", { "t-a": "s" }, "wake u"],
    [{ u: "silent" }, "awake", "resting", {}, "rest s"],
    [{ s: "silent", u: "silent" }, "resting", "resting", { "t-a": "b", "t-b": "a" }, "wake s"], // They wait for each other.
    [{ u: "silent" }, "awake", "resting", { "t-a": "b", "t-b": "a" }, "t-a b>s"],
  ] as [Healths, Rest, Rest, Record<string, string>, string][]) {
    test(`${JSON.stringify(healths)} s ${s} u ${u}: ${want || "nothing"}`, () => {
      const decision = decide(warm, { ...viewOf(warm, healths, serving), rest: restOf(s, u) }, null, NOW);
      const text = [
        ...decision.moves.map((m) => `${m.trafficNet} ${m.from}>${m.to}`),
        ...decision.wake.map((id) => `wake ${id}`),
        ...decision.rest.map((id) => `rest ${id}`),
      ];
      expect(text.join(", ")).toBe(want);
    });
  }

  test("a spare does not rest while another group needs it, or does not know yet", () => {
    const view = { ...viewOf(warm, { u: "silent" }), rest: restOf("awake", "resting") };
    const elsewhere = { ...view, neededElsewhere: new Map([["s" as VnfcId, "x is down"]]) };
    const { rest, because } = decide(warm, elsewhere, null, NOW);
    expect([rest, ...because.slice(2)]).toEqual([[], "s is awake: x is down", "u rests"]);
    const s = warm.members[2]!;
    expect(keptAwakeBy(warm, view, s, NOW)).toBeNull();
    expect(keptAwakeBy(warm, { ...view, health: new Map(view.health).set("a" as VnfcId, down) }, s, NOW)).toBe("a is down");
    expect(keptAwakeBy(warm, { ...view, health: new Map(view.health).set("a" as VnfcId, silent) }, s, NOW)).toBe("a is unknown");
  });
});

describe("whom the next failure would leave unprotected", () => {
  const pooled = (group: ProtectionGroup, healths: Healths = {}, serving: Record<string, string> = {}): PooledGroup => ({
    group,
    view: viewOf(group, healths, serving),
    command: null,
  });
  const textOf = (groups: readonly PooledGroup[]) =>
    exposuresOf(groups, NOW).map(
      ({ failed, unserved, unprotected }) =>
        `${failed}: ${unserved.map((n) => n.name).join()} unserved, ${unprotected.map((n) => n.name).join()} unprotected`,
    );

  test("with one spare: everybody, whoever fails; with the spare itself gone too", () => {
    expect(textOf([pooled(one)])).toEqual([
      "a:  unserved, t-a,t-b,t-c unprotected",
      "b:  unserved, t-a,t-b,t-c unprotected",
      "c:  unserved, t-a,t-b,t-c unprotected",
      "s:  unserved, t-a,t-b,t-c unprotected",
    ]);
    expect(textOf([pooled(two)])).toEqual([]); // A second failure can be made up for.
  });

  test("once the spare is used up, the next failure leaves its own traffic unserved", () => {
    expect(textOf([pooled(one, { a: "down" }, { "t-a": "s" })])).toEqual([
      "b: t-b unserved,  unprotected",
      "c: t-c unserved,  unprotected",
      "s: t-a unserved,  unprotected",
    ]);
  });

  test("a spare of two groups: a failure in one leaves the other unprotected", () => {
    const s = member("s", 1);
    const [north, south] = [poolOf("north", [member("a", 1)], [s]), poolOf("south", [member("c", 1)], [s])];
    expect(textOf([pooled(north), pooled(south)])).toEqual([
      "a:  unserved, t-a,t-c unprotected",
      "s:  unserved, t-a,t-c unprotected",
      "c:  unserved, t-a,t-c unprotected",
    ]);
    expect(textOf([pooled(north, { a: "down" }, { "t-a": "s" }), pooled(south)])).toEqual([
      "s: t-a unserved,  unprotected",
      "c: t-c unserved,  unprotected",
    ]);
  });

  test("a lockout protects nobody, so it can leave nobody unprotected", () => {
    const command = { kind: "lockout", to: null, trafficNets: null } as const;
    const [first] = exposuresOf([{ ...pooled(two), command }], NOW);
    expect(first).toMatchObject({ failed: "a", unserved: [{ name: "t-a", servedBy: "a" }], unprotected: [] });
  });
});

describe("laws of pools", () => {
  const spares = fc.array(fc.record({ capacity: fc.integer({ min: 1, max: 3 }), warm: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  });
  const anyPools = fc.record({
    /** How many each group has that work. */
    groups: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
    spares,
    healths: fc.array(fc.constantFrom("up", "down", "silent" as const), { minLength: 15, maxLength: 15 }),
  });
  type Pools = typeof anyPools extends fc.Arbitrary<infer T> ? T : never;

  /** Groups that share all spares; health by the order of members. */
  function pools({ groups, spares: asked, healths }: Pools) {
    const shared = asked.map((s, i) => member(`s${i}`, s.capacity, s.warm ? "warm" : "hot"));
    const made = groups.map((n, g) =>
      poolOf(
        `g${g}`,
        Array.from({ length: n }, (_, i) => member(`g${g}m${i}`, 1)),
        shared,
      ),
    );
    const names = [...new Set(made.flatMap((g) => g.members.map((m) => m.name)))];
    return { made, healths: Object.fromEntries(names.map((name, i) => [name, healths[i] ?? "up"])) as Healths };
  }

  /** As the MANO does it: one group after another, each seeing what the others carry by then. Gives who serves what in the end. */
  function decideAll(made: readonly ProtectionGroup[], healths: Healths) {
    const serving = new Map(made.flatMap((g) => [...viewOf(g, healths).serving]));
    const unprotected: NetId[] = [];
    for (const group of made) {
      const elsewhere = new Map<VnfcId, number>();
      for (const [net, vnfc] of serving)
        if (vnfc !== null && !group.trafficNets.some((n) => n.netId === net)) elsewhere.set(vnfc, (elsewhere.get(vnfc) ?? 0) + 1);
      const own = new Map(group.trafficNets.map((n) => [n.netId, serving.get(n.netId) ?? null]));
      const decision = decide(group, { ...viewOf(group, healths), serving: own, carriedElsewhere: elsewhere }, null, NOW);
      for (const { trafficNet, to } of decision.moves) serving.set(trafficNet, to);
      unprotected.push(...decision.unprotected);
    }
    return { serving, unprotected };
  }

  const forAll = (law: (made: readonly ProtectionGroup[], healths: Healths) => void) =>
    fc.assert(
      fc.property(anyPools, (asked) => {
        const { made, healths } = pools(asked);
        law(made, healths);
      }),
      { numRuns: 700 },
    );

  test("no member ever carries more than it may, whatever fails at once and whichever group is decided first", () =>
    forAll((made, healths) => {
      for (const order of [made, made.toReversed()]) {
        const { serving } = decideAll(order, healths);
        for (const m of new Set(made.flatMap((g) => g.members)))
          expect([...serving.values()].filter((v) => v === m.vnfcId).length).toBeLessThanOrEqual(m.capacity ?? Infinity);
      }
    }));

  test("each traffic net has one owner, and it is a member of its own group", () =>
    forAll((made, healths) => {
      const { serving } = decideAll(made, healths);
      for (const g of made) for (const n of g.trafficNets) expect(g.members.map((m) => m.vnfcId)).toContain(serving.get(n.netId));
    }));

  test("every net of a member that is down has moved to one that is up, or is named as unprotected and no spare had room", () =>
    forAll((made, healths) => {
      const { serving, unprotected } = decideAll(made, healths);
      for (const g of made)
        for (const n of g.trafficNets) {
          const owner = serving.get(n.netId)!;
          const isLost = healths[owner] === "down";
          expect(unprotected.includes(n.netId)).toBe(isLost);
          if (!isLost) continue;
          const carried = (m: Member) => [...serving.values()].filter((v) => v === m.vnfcId).length;
          for (const m of g.members)
            expect(healths[m.name] !== "up" || m.vnfcId === owner || carried(m) >= (m.capacity ?? Infinity)).toBe(true);
        }
    }));

  test("the same arguments give the same answer, and deciding again changes nothing", () =>
    forAll((made, healths) => {
      expect(decideAll(made, healths)).toEqual(decideAll(made, healths));
      for (const g of made) {
        const view = viewOf(g, healths);
        const serving = new Map(view.serving);
        for (const { trafficNet, to } of decide(g, view, null, NOW).moves) serving.set(trafficNet, to);
        expect(decide(g, { ...view, serving }, null, NOW).moves).toEqual([]);
      }
    }));

  test("what a plan against a member does is what is decided when it fails alone", () =>
    forAll((made, healths) => {
      for (const g of made) {
        const view = viewOf(g, healths);
        for (const { failed, decision, orElse } of failurePlans(g, view, null, NOW)) {
          const after = { ...view, health: new Map(view.health).set(failed, down) };
          expect(decision.moves).toEqual(decide(g, after, null, NOW).moves);
          for (const id of orElse) expect(after.health.get(id)?.state).toBe("up");
        }
      }
    }));

  test("an exposure names each net once: unserved on the member that fails, unprotected on another", () =>
    forAll((made, healths) => {
      const groups = made.map((group) => ({ group, view: viewOf(group, healths), command: null }));
      for (const { failed, unserved, unprotected } of exposuresOf(groups, NOW)) {
        for (const n of unserved) expect(n.servedBy).toBe(failed);
        for (const n of unprotected) expect(n.servedBy).not.toBe(failed);
        expect(new Set([...unserved, ...unprotected].map((n) => n.netId)).size).toBe(unserved.length + unprotected.length);
      }
    }));
});
