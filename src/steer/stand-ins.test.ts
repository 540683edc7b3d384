import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { led, net, port } from "../../test/harness/table.ts";
import type { FlowChange, FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import { ABILITIES } from "../model/switch.ts";
import { afterChanges, flowChanges } from "./changes.ts";
import { reachOf } from "./reach.ts";
import { type StandIns, standInsOf } from "./stand-ins.ts";
import { wantedTable } from "./wanted.ts";

const SERVICE = "02:00:00:00:00:64";
const [VIEWER_0, VIEWER_1, STRANGER, ALL] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:77", "ff:ff:ff:ff:ff:ff"];
/** Members A, B and C on a, b, c; viewers on v0 and v1. */
const PORTS = [
  port("A", "a", SERVICE),
  port("B", "b", SERVICE),
  port("C", "c", SERVICE),
  port("T0", "v0", VIEWER_0),
  port("T1", "v1", VIEWER_1),
];
const NETS = (t0: string | null, t1: string | null) => [net("A"), net("B"), net("C"), net("T0", t0), net("T1", t1)];
const asks = (list: Record<string, readonly string[]>): StandIns =>
  standInsOf(new Map(Object.entries(list).map(([id, ids]) => [id as NetId, ids as readonly NetId[]])));

const tableOf = (t0: string | null, t1: string | null, list: Record<string, readonly string[]>, ports = PORTS) =>
  wantedTable(NETS(t0, t1), ports, ABILITIES["1.3"], asks(list));

describe("where packets go when a port is lost and nobody controls the switch", () => {
  const bothServe = tableOf("A", "B", { T0: ["B"], T1: ["A"] }).table;
  const oneServes = tableOf("A", "A", { T0: ["B"], T1: ["B"] }).table;
  const inOrder = tableOf("A", null, { T0: ["B", "C"] }).table;
  for (const [name, table, dead, inPort, dst, want] of [
    ["ACTIVE_ACTIVE: viewer 0 reaches A", bothServe, [], "v0", SERVICE, ["a"]],
    ["ACTIVE_ACTIVE: A lost, viewer 0 reaches B", bothServe, ["a"], "v0", SERVICE, ["b"]],
    ["ACTIVE_ACTIVE: A lost, viewer 0's ARP request reaches B", bothServe, ["a"], "v0", ALL, ["b"]],
    ["ACTIVE_ACTIVE: A lost, viewer 1 stays on B", bothServe, ["a"], "v1", SERVICE, ["b"]],
    ["ACTIVE_ACTIVE: both lost, nobody is reached", bothServe, ["a", "b"], "v0", SERVICE, []],
    ["ACTIVE_ACTIVE: while A lives, B does not reach viewer 0", bothServe, [], "b", VIEWER_0, []],
    ["ACTIVE_ACTIVE: while A lives, B's broadcast reaches viewer 1 alone", bothServe, [], "b", ALL, ["v1"]],
    ["ACTIVE_ACTIVE: while A lives, B reaches its own viewer", bothServe, [], "b", VIEWER_1, ["v1"]],
    ["ACTIVE_ACTIVE: while A lives, what nobody declared goes to viewer 1 alone", bothServe, [], "b", STRANGER, ["v1"]],
    ["ACTIVE_ACTIVE: A lost, B reaches viewer 0", bothServe, ["a"], "b", VIEWER_0, ["v0"]],
    ["ACTIVE_ACTIVE: A lost, B's broadcast reaches both, once", bothServe, ["a"], "b", ALL, ["v0", "v1"]],
    ["ACTIVE_ACTIVE: A lost, what nobody declared goes to both, once", bothServe, ["a"], "b", STRANGER, ["v0", "v1"]],
    ["ACTIVE_ACTIVE: B lost, A reaches viewer 1 too", bothServe, ["b"], "a", VIEWER_1, ["v1"]],
    ["ACTIVE_PASSIVE: the one that waits reaches nobody", oneServes, [], "b", VIEWER_0, []],
    ["ACTIVE_PASSIVE: and its broadcast neither", oneServes, [], "b", ALL, []],
    ["ACTIVE_PASSIVE: A lost, B is reached", oneServes, ["a"], "v1", SERVICE, ["b"]],
    ["ACTIVE_PASSIVE: A lost, B's broadcast reaches both", oneServes, ["a"], "b", ALL, ["v0", "v1"]],
    ["ACTIVE_PASSIVE: A lost, B reaches one viewer alone", oneServes, ["a"], "b", VIEWER_0, ["v0"]],
    ["two stand in: A lost, B is reached", inOrder, ["a"], "v0", SERVICE, ["b"]],
    ["two stand in: A lost, C is still kept out", inOrder, ["a"], "c", VIEWER_0, []],
    ["two stand in: A and B lost, C is reached", inOrder, ["a", "b"], "v0", SERVICE, ["c"]],
    ["two stand in: A and B lost, C answers", inOrder, ["a", "b"], "c", ALL, ["v0"]],
  ] as const) {
    test(name, () => expect(led(table, inPort, dst, dead)).toEqual(want));
  }

  test("a traffic net with two ports and a tagged one: broadcast inside it stays, and all its ways turn", () => {
    const ports = [...PORTS, port("T0", "v2", null), port("T0", "v3", null, { vlan: 7 })];
    const { table, notArmed } = tableOf("A", "B", { T0: ["B"] }, ports);
    expect(notArmed.size).toBe(0);
    expect(led(table, "v0", ALL)).toEqual(["a", "v2", "v3"]);
    expect(led(table, "v0", ALL, ["a"])).toEqual(["b", "v2", "v3"]);
    expect(led(table, "v2", SERVICE, ["a"])).toEqual(["b"]);
    expect(led(table, "b", ALL)).toEqual(["v1"]);
    expect(led(table, "b", ALL, ["a"])).toEqual(["v0", "v1", "v2", "v3"]);
    const tagged = table.entries.filter((e) => e.match.inPort === "v3" && e.actions.some((a) => a.do === "group"));
    expect(tagged).not.toHaveLength(0);
  });
});

describe("what cannot be armed is said, and carried without", () => {
  const bare = tableOf("A", "B", {}).table;
  for (const [name, list, ports, why] of [
    ["a net that is not there", { T0: ["Z"] }, PORTS, "network Z is not in the switch's fabric"],
    ["a net that is bound", { T0: ["T1"] }, PORTS, "network T1 is bound itself"],
    ["one without a port", { T0: ["B"] }, PORTS.filter((p) => p.netId !== "B"), "network B has no port in the switch now"],
    ["two on one port", { T0: ["C"] }, [...PORTS.slice(0, 2), port("C", "a", null, { vlan: 9 })], "on the same switch port a"],
  ] as const) {
    test(name, () => {
      const { table, notArmed } = tableOf("A", "B", list, [...ports]);
      expect(notArmed.get("T0" as NetId)).toContain(why);
      expect(table.groups.every((g) => g.type !== "fastFailover")).toBe(true);
    });
  }

  test("a serving net with two ports", () => {
    const { notArmed } = tableOf("A", "B", { T0: ["B"] }, [...PORTS, port("A", "a2", null)]);
    expect(notArmed.get("T0" as NetId)).toContain("network A has 2 ports");
  });

  test("OpenFlow 1.0: the same table as without stand-ins", () => {
    const asked = wantedTable(NETS("A", "B"), PORTS, ABILITIES["1.0"], asks({ T0: ["B"] }));
    expect(asked.table).toEqual(wantedTable(NETS("A", "B"), PORTS, ABILITIES["1.0"]).table);
    expect(asked.notArmed.get("T0" as NetId)).toContain("1.0");
  });

  test("a traffic net that is not bound, or served by the one that should stand in, is as without", () => {
    expect(tableOf(null, "B", { T0: ["B"] })).toEqual(tableOf(null, "B", {}));
    expect(tableOf("A", "B", { T0: ["A"] })).toMatchObject({ table: bare, notArmed: new Map() });
  });
});

test("the serving net has no port at all: the first that stands in serves, as if it were bound", () => {
  const ports = PORTS.filter((p) => p.netId !== "A");
  const { table } = tableOf("A", "B", { T0: ["B", "C"] }, ports);
  expect(led(table, "v0", SERVICE)).toEqual(["b"]);
  expect(led(table, "b", VIEWER_0)).toEqual(["v0"]);
  expect(led(table, "v0", SERVICE, ["b"])).toEqual(["c"]);
});

describe("when the bind is moved after the switch did it by itself", () => {
  const armed = tableOf("A", "B", { T0: ["B"], T1: ["A"] }).table;
  const moved = tableOf("B", "B", {}).table;
  const phases = flowChanges(moved, armed);

  test("the same groups turn in place, and nothing new has to be prepared", () => {
    expect(phases.map((phase) => [...new Set(phase.map((c) => c.op))].sort())).toEqual([
      ["addEntry", "modifyGroup"],
      ["deleteEntry", "deleteGroup", "modifyGroup"],
    ]);
  });

  test("a stand-in behind a way that stays is taken away after all ways have turned, and nobody is led elsewhere by that", () => {
    const [turn, clear] = phases as [FlowChange[], FlowChange[]];
    const [shed] = clear as [FlowChange];
    expect(shed.op === "modifyGroup" && shed.group.buckets).toHaveLength(1);
    const turned = afterChanges(armed, [turn]);
    const [before, after] = [turned, afterChanges(turned, [[shed]])].map((t) => led(t, "v1", SERVICE, ["a"]));
    expect(before).toEqual(["b"]);
    expect(after).toEqual(before);
  });

  test("after each single message B and viewer 0 still reach each other, and A is kept dead", () => {
    let table: FlowTable = armed;
    for (const change of phases.flat()) {
      table = afterChanges(table, [[change]]);
      expect(led(table, "v0", SERVICE, ["a"])).toEqual(["b"]);
      expect(led(table, "b", VIEWER_0, ["a"])).toEqual(["v0"]);
      expect(led(table, "b", ALL, ["a"])).toEqual(["v0", "v1"]);
    }
  });

  test("a group stands before the one that leads to it, and goes after it, in whatever order a switch tells them", () => {
    const [bare, told] = [tableOf("A", null, {}).table, tableOf("A", null, { T0: ["B"] }).table];
    const groupOps = (want: FlowTable, have: FlowTable) =>
      flowChanges(want, have)
        .flat()
        .flatMap((c) => {
          if (c.op === "addGroup") return [c.group.type];
          return c.op === "deleteGroup" ? [have.groups.find((g) => g.id === c.groupId)?.type] : [];
        });
    for (const alone of [told, { ...told, groups: told.groups.toReversed() }]) {
      expect(groupOps(alone, bare)).toEqual(["fastFailover", "all"]);
      expect(groupOps(bare, alone)).toEqual(["all", "fastFailover"]);
    }
  });
});

const serving = fc.constantFrom("A", "B", "C", null);
const order = fc.shuffledSubarray(["A", "B", "C"]);
const vlan = fc.constantFrom(null, null, 7);
const world = fc
  .record({
    t0: serving,
    t1: serving,
    T0: order,
    T1: order,
    va: vlan,
    vb: vlan,
    has: fc.subarray(["A", "B", "C"], { minLength: 1 }),
  })
  .map(({ t0, t1, T0, T1, va, vb, has }) => ({
    nets: NETS(t0, t1),
    standIns: asks({ T0, T1 }),
    ports: [
      ...[port("A", "a", SERVICE, { vlan: va }), port("B", "b", null, { vlan: vb }), port("C", "c", SERVICE)].filter((p) =>
        has.includes(p.netId as string),
      ),
      port("T0", "v0", VIEWER_0),
      port("T1", "v1", null),
      port("T1", "v2", VIEWER_1),
    ],
  }));
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;
const full = (w: World) => wantedTable(w.nets, w.ports, ABILITIES["1.3"], w.standIns).table;

describe("laws", () => {
  test("applied to what is there, the changes give what is wanted; and then nothing is left to do", () => {
    fc.assert(
      fc.property(world, world, (x, y) => {
        const phases = flowChanges(full(y), full(x));
        expect(flowChanges(full(y), afterChanges(full(x), phases))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("every group that anything leads to is there, from the first message to the last; none is there for nothing", () => {
    const used = (t: FlowTable) =>
      [...t.entries, ...t.groups.flatMap((g) => g.buckets)].flatMap((x) =>
        x.actions.flatMap((a) => (a.do === "group" ? [a.group] : [])),
      );
    fc.assert(
      fc.property(world, world, (x, y) => {
        expect([...new Set(used(full(y)))].sort()).toEqual(
          full(y)
            .groups.map((g) => g.id)
            .sort(),
        );
        let table = full(x);
        for (const change of flowChanges(full(y), table).flat()) {
          table = afterChanges(table, [[change]]);
          const there = new Set(table.groups.map((g) => g.id));
          expect(used(table).filter((id) => !there.has(id))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("no frame is doubled, and at most one member reaches a viewer, whatever is lost", () => {
    const dead = fc.subarray(["a", "b", "c"]);
    fc.assert(
      fc.property(world, dead, (w, lost) => {
        const table = full({ ...w, ports: w.ports.map((p) => ({ ...p, vlan: null })) });
        for (const dst of [ALL, SERVICE, VIEWER_0, VIEWER_1, STRANGER]) {
          for (const from of ["a", "b", "c", "v0", "v1"]) {
            const out = led(table, from, dst, lost);
            expect(new Set(out).size).toBe(out.length);
          }
          for (const viewer of ["v0", "v1"]) {
            const members = ["a", "b", "c"].filter((m) => !lost.includes(m) && led(table, m, dst, lost).includes(viewer));
            expect(members.length).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test("worked out for the nets that a move reaches alone, the changes are the same", () => {
    fc.assert(
      fc.property(world, serving, (w, to) => {
        const after = { ...w, nets: w.nets.map((n) => (n.id === "T0" ? { ...n, bindNet: to as NetId | null } : n)) };
        const was = w.nets.find((n) => n.id === "T0")?.bindNet ?? null;
        const seeds = ["T0", was, to].filter((id) => id !== null) as NetId[];
        const reach = (x: World, from: Iterable<NetId>) =>
          reachOf(from, x.standIns, {
            leadsTo: (id) => x.nets.flatMap((n) => (n.id === id && n.bindNet !== null ? [n.bindNet] : [])),
            boundTo: (root) => x.nets.filter((n) => n.bindNet === root).map((n) => n.id),
          });
        const { affected } = reach(after, reach(w, seeds).affected);
        const partsOf = (x: World) => {
          const { all } = reach(x, affected);
          const known = { ...x, nets: x.nets.filter((n) => all.has(n.id)), ports: x.ports.filter((p) => all.has(p.netId!)) };
          const { parts } = wantedTable(known.nets, known.ports, ABILITIES["1.3"], known.standIns);
          const tables = parts.filter((p) => p.nets.some((id) => affected.has(id))).map((p) => p.table);
          return { entries: tables.flatMap((t) => t.entries), groups: tables.flatMap((t) => t.groups) };
        };
        const text = (phases: ReturnType<typeof flowChanges>) =>
          phases.map((phase) => phase.map((c) => JSON.stringify(c, big)).sort());
        expect(text(flowChanges(partsOf(after), partsOf(w)))).toEqual(text(flowChanges(full(after), full(w))));
      }),
      { numRuns: 500 },
    );
  });
});

const big = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
