import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { led, net, port } from "../../test/harness/table.ts";
import { NO_OWNER } from "../model/flow.ts";
import type { VimPort } from "../model/net.ts";
import { ABILITIES } from "../model/switch.ts";
import { afterChanges, flowChanges } from "./changes.ts";
import { wantedTable } from "./wanted.ts";

const SERVICE_MAC = "02:00:00:00:00:64";
const [VIEWER_A, VIEWER_B] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"];
const PORTS = [
  port("d0", "p1", SERVICE_MAC),
  port("d1", "p2", SERVICE_MAC),
  port("t0", "p3", VIEWER_A),
  port("t1", "p4", VIEWER_B),
];
/** The dissertation's figure 10: two data nets, two traffic nets. */
const boundTo = (t0: string | null, t1: string | null) => [net("d0"), net("d1"), net("t0", t0), net("t1", t1)];

describe.each(["1.0", "1.3"] as const)("where packets go (OpenFlow %s)", (version) => {
  const normal = wantedTable(boundTo("d0", "d1"), PORTS, ABILITIES[version]).table;
  const afterA = wantedTable(boundTo("d1", "d1"), PORTS, ABILITIES[version]).table;
  const STRANGER = "02:00:00:00:00:77";
  for (const [name, table, inPort, dst, want] of [
    ["normal: viewer A reaches A", normal, "p3", SERVICE_MAC, ["p1"]],
    ["normal: viewer B reaches B", normal, "p4", SERVICE_MAC, ["p2"]],
    ["normal: A's broadcast reaches viewer A only", normal, "p1", "ff:ff:ff:ff:ff:ff", ["p3"]],
    ["normal: B's broadcast reaches viewer B only", normal, "p2", "ff:ff:ff:ff:ff:ff", ["p4"]],
    ["A failed: viewer A reaches B", afterA, "p3", SERVICE_MAC, ["p2"]],
    ["A failed: viewer B still reaches B", afterA, "p4", SERVICE_MAC, ["p2"]],
    ["A failed: B's broadcast reaches both viewers", afterA, "p2", "ff:ff:ff:ff:ff:ff", ["p3", "p4"]],
    ["A failed: B answers viewer A alone", afterA, "p2", VIEWER_A, ["p3"]],
    ["A failed: B answers viewer B alone", afterA, "p2", VIEWER_B, ["p4"]],
    ["A failed: what nobody declared goes to every bound traffic net", afterA, "p2", STRANGER, ["p3", "p4"]],
    ["A failed: A can inject nothing any more", afterA, "p1", VIEWER_A, []],
    ["an answer to our probe goes to the controller", afterA, "p1", "0e:53:4d:50:52:01", ["controller"]],
  ] as const) {
    test(name, () => expect(led(table, inPort, dst)).toEqual(want));
  }
});

describe("a switch-over", () => {
  /** t0 with `n` more ports on it. */
  const wide = (n: number) => [...PORTS, ...Array.from({ length: n }, (_, i) => port("t0", `x${i}`, null))];
  const switchOver = (ports: VimPort[]) =>
    flowChanges(
      wantedTable(boundTo("d1", "d1"), ports, ABILITIES["1.3"]).table,
      wantedTable(boundTo("d0", "d1"), ports, ABILITIES["1.3"]).table,
    );

  test("turns the way forward by one GROUP_MOD, however many ports lead into it", () => {
    for (const n of [0, 100]) {
      const forward = switchOver(wide(n))
        .flat()
        .filter((c) => c.op === "modifyGroup" && c.group.type === "indirect");
      expect(forward).toHaveLength(1);
    }
  });

  test("prepares before it turns, and clears last", () => {
    const phases = switchOver(PORTS);
    const position = (what: (c: (typeof phases)[number][number]) => boolean) => phases.findIndex((phase) => phase.some(what));
    expect(position((c) => c.op === "addEntry")).toBeLessThan(position((c) => c.op === "modifyGroup"));
    expect(position((c) => c.op === "modifyGroup")).toBeLessThan(position((c) => c.op === "deleteEntry"));
  });

  test("and back again restores the very same table", () => {
    const normal = wantedTable(boundTo("d0", "d1"), PORTS, ABILITIES["1.3"]).table;
    const moved = wantedTable(boundTo("d1", "d1"), PORTS, ABILITIES["1.3"]).table;
    const back = afterChanges(afterChanges(normal, flowChanges(moved, normal)), flowChanges(normal, moved));
    expect(flowChanges(normal, back)).toEqual([]);
  });
});

const binds = fc.constantFrom("d0", "d1", null);
const macs = fc.constantFrom(SERVICE_MAC, VIEWER_A, VIEWER_B, null);
const world = fc
  .tuple(binds, binds, macs, macs, macs, fc.constantFrom(null, 100), fc.constantFrom<"1.0" | "1.3">("1.0", "1.3"))
  .map(([t0, t1, m1, m3, m4, vlan, version]) => ({
    nets: boundTo(t0, t1),
    ports: [
      port("d0", "p1", m1, { vlan }),
      port("d1", "p2", SERVICE_MAC),
      port("t0", "p3", m3),
      port("t1", "p4", m4),
      port("t1", "p5", null, { vlan: 7 }),
    ],
    version,
  }));

describe("laws of the changes", () => {
  test("applied to what is there, they give what is wanted; and then nothing is left to do", () => {
    fc.assert(
      fc.property(world, world, (x, y) => {
        const have = wantedTable(x.nets, x.ports, ABILITIES[x.version]).table;
        const want = wantedTable(y.nets, y.ports, ABILITIES[x.version]).table;
        expect(flowChanges(want, afterChanges(have, flowChanges(want, have)))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("one match stands once, and no group is used that is not there", () => {
    fc.assert(
      fc.property(world, ({ nets, ports, version }) => {
        const { entries, groups } = wantedTable(nets, ports, ABILITIES[version]).table;
        const keys = entries.map((e) => JSON.stringify([e.priority, e.match]));
        expect(new Set(keys).size).toBe(keys.length);
        const used = entries.flatMap((e) => e.actions.flatMap((a) => (a.do === "group" ? [a.group] : [])));
        expect([...new Set(used)].sort()).toEqual(groups.map((g) => g.id).sort());
      }),
      { numRuns: 500 },
    );
  });

  test("no port is led back to itself", () => {
    fc.assert(
      fc.property(world, ({ nets, ports, version }) => {
        const { table } = wantedTable(nets, ports, ABILITIES[version]);
        for (const p of ["p1", "p2", "p3", "p4"]) expect(led(table, p, "ff:ff:ff:ff:ff:ff")).not.toContain(p);
      }),
      { numRuns: 500 },
    );
  });
});

test("a ptp network with three ports is a problem of that network only", () => {
  const nets = [net("d0", null, { kind: "ptp" }), net("d1")];
  const ports = [
    port("d0", "p1", null),
    port("d0", "p2", null),
    port("d0", "p3", null),
    port("d1", "p4", null),
    port("d1", "p5", null),
  ];
  const { table, problems } = wantedTable(nets, ports, ABILITIES["1.3"]);
  expect([...problems.keys()]).toEqual(["d0"]);
  expect(led(table, "p4", VIEWER_A)).toEqual(["p5"]);
});

describe("under a controller of others", () => {
  const abilities = { ...ABILITIES["1.0"], packets: false, counters: false };
  test("no probe is answered, and what no entry leads is dropped above the controller's own entry for it", () => {
    const { entries, groups } = wantedTable(boundTo("d0", "d1"), PORTS, abilities).table;
    expect(groups).toEqual([]);
    expect(entries.filter((e) => e.actions.some((a) => a.do === "toController"))).toEqual([]);
    expect(entries.filter((e) => e.actions.length === 0)).toMatchObject([{ priority: 1, match: {} }]);
  });

  test("an entry that is right stays, though nobody kept whose it is", () => {
    const { table } = wantedTable(boundTo("d0", "d1"), PORTS, abilities);
    const read = { ...table, entries: table.entries.map((e) => ({ ...e, cookie: NO_OWNER })) };
    expect(flowChanges(table, read)).toEqual([]);
    const another = { ...table, entries: table.entries.map((e) => ({ ...e, cookie: NO_OWNER | 1n })) };
    expect(flowChanges(table, another).flat()).toHaveLength(table.entries.length);
  });
});
