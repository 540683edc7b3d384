import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { led, net, port } from "../../test/harness/table.ts";
import type { NetId } from "../model/ids.ts";
import { ABILITIES } from "../model/switch.ts";
import { afterChanges, flowChanges } from "./changes.ts";
import { standInsOf } from "./stand-ins.ts";
import { wantedTable } from "./wanted.ts";

const SERVICE = "02:00:00:00:00:64";
const [VIEWER, STRANGER, ALL] = ["02:00:00:00:00:0a", "02:00:00:00:00:77", "ff:ff:ff:ff:ff:ff"];
const PORTS = [port("A", "a", SERVICE), port("B", "b", SERVICE), port("T0", "v0", VIEWER), port("T1", "v1", null)];
const tableOf = (version: "1.0" | "1.3", t1: string | null, ports = PORTS, copy: string | null = "B") =>
  wantedTable([net("A"), net("B"), net("T0", "A", { copyNet: copy as NetId | null }), net("T1", t1)], ports, ABILITIES[version]);

describe.each(["1.0", "1.3"] as const)("a net that is led into two at once, OpenFlow %s", (version) => {
  const alone = tableOf(version, null).table;
  const beside = tableOf(version, "A").table;
  for (const [what, table, from, to, want] of [
    ["what the viewer sends reaches both", alone, "v0", SERVICE, ["a", "b"]],
    ["and so does its broadcast, once each", alone, "v0", ALL, ["a", "b"]],
    ["and what is for nobody known", alone, "v0", STRANGER, ["a", "b"]],
    ["both answer", alone, "a", VIEWER, ["v0"]],
    ["both answer", alone, "b", VIEWER, ["v0"]],
    ["what a member sends to all reaches the viewer and not its twin", alone, "a", ALL, ["v0"]],
    ["beside a net with one member: still both", beside, "v0", SERVICE, ["a", "b"]],
    ["beside a net with one member: that one alone", beside, "v1", SERVICE, ["a"]],
    ["beside a net with one member: what it sends to all reaches both viewers", beside, "a", ALL, ["v0", "v1"]],
    ["beside a net with one member: the other reaches its own viewer", beside, "b", ALL, ["v0"]],
  ] as const) {
    test(`${what} (${from} to ${to})`, () => expect(led(table, from, to)).toEqual(want));
  }

  test("a member whose port is closed is copied to no more, and the other keeps all", () => {
    const { table } = tableOf(version, null, [port("A", "a", SERVICE, { fenced: true }), ...PORTS.slice(1)]);
    expect(led(table, "v0", SERVICE)).toEqual(["b"]);
    expect(led(table, "a", ALL)).toEqual([]);
    expect(led(table, "b", VIEWER)).toEqual(["v0"]);
  });

  test("from one to two and back: applied, nothing is left to do, and the first member serves after each message", () => {
    const [one, two] = [tableOf(version, "A", PORTS, null).table, beside];
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      let table = from;
      for (const change of flowChanges(to, from).flat()) {
        table = afterChanges(table, [[change]]);
        expect(led(table, "v0", SERVICE)).toContain("a");
        expect(led(table, "a", VIEWER)).toContain("v0");
      }
      expect(flowChanges(to, table)).toEqual([]);
    }
  });
});

test("OpenFlow 1.3: the bridge is one group of type all with a bucket for each member", () => {
  const { table } = tableOf("1.3", null);
  expect(table.groups).toMatchObject([
    { type: "all", buckets: [{ actions: [{ do: "output", port: "a" }] }, { actions: [{ do: "output", port: "b" }] }] },
  ]);
});

test("who is one of two gets no stand-ins and is none: that is said, and the rest is carried", () => {
  const nets = [net("A"), net("B"), net("C"), net("T0", "A", { copyNet: "B" as NetId }), net("T1", "A"), net("T2", "C")];
  const lists = new Map(
    [
      ["T1", ["C"]],
      ["T2", ["B"]],
    ].map(([id, ids]) => [id as NetId, ids as NetId[]]),
  );
  const ports = [...PORTS, port("C", "c", SERVICE), port("T2", "v2", null)];
  const { table, notArmed } = wantedTable(nets, ports, ABILITIES["1.3"], standInsOf(lists));
  expect([...notArmed.keys()]).toEqual(["T1", "T2"]);
  for (const why of notArmed.values()) expect(why).toContain("is one of two that a network is led into at once");
  expect(table.groups.some((g) => g.type === "fastFailover")).toBe(false);
  expect([led(table, "v1", SERVICE), led(table, "v2", SERVICE)]).toEqual([["a"], ["c"]]);
});

test("whatever is bound beside it, no frame is doubled, and each of the two reaches the viewer unless its port is closed", () => {
  const bound = fc.constantFrom("A", "B", null);
  const vlan = fc.constantFrom(null, null, 7);
  fc.assert(
    fc.property(bound, vlan, fc.subarray(["A", "B"]), fc.constantFrom("1.0", "1.3"), (t1, tag, closed, version) => {
      const ports = [...PORTS, port("T1", "v2", null, { vlan: tag })].map((p) => ({
        ...p,
        fenced: closed.includes(p.netId as string),
      }));
      const { table } = tableOf(version as "1.0" | "1.3", t1, ports);
      for (const from of ["a", "b", "v0", "v1"]) {
        for (const dst of [ALL, SERVICE, VIEWER, STRANGER]) {
          const out = led(table, from, dst);
          expect(new Set(out).size).toBe(out.length);
        }
      }
      for (const [id, name] of [
        ["A", "a"],
        ["B", "b"],
      ] as const) {
        expect(led(table, name, VIEWER).includes("v0")).toBe(!closed.includes(id));
        expect(led(table, "v0", SERVICE).includes(name)).toBe(!closed.includes(id));
      }
    }),
    { numRuns: 200 },
  );
});
