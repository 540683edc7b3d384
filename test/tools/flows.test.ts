import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FabricNet } from "../../src/steer/fabric.ts";
import { type FlowCase, oursOf, type RecordedFlow } from "../../tools/flows/case.ts";
import { judge, judgeAll } from "../../tools/flows/judge.ts";
import { isContested, wrongWays } from "../../tools/flows/reach.ts";
import { AS_IT_IS, openvimAnswer, REPAIRED } from "./openvim-rule.ts";

const port = (switch_port: string, vlan: number | null, mac: string | null) => ({ switch_port, vlan, mac });
const net = (uuid: string, ports: FlowCase["nets"][number]["ports"], more: Partial<FlowCase["nets"][number]> = {}) => ({
  ...{ uuid, type: "data", vlan: 3000, bind_net: null, bind_type: null, ports },
  ...more,
});
const flow = (f: Partial<RecordedFlow>): RecordedFlow => ({ priority: 995, ingress_port: "p1", actions: [["out", "p2"]], ...f });

/** Two untagged ports: the smallest net that carries anything. */
const PAIR = { nets: [net("net0", [port("p1", null, "52:54:00:00:00:01"), port("p2", null, null)])] };
const PAIR_FLOWS = [flow({}), flow({ ingress_port: "p2", actions: [["out", "p1"]] })];
const A = "52:54:00:00:00:0a";
const C = "52:54:00:00:00:0c";

describe("judging a case", () => {
  test("the same entries are the same", () => {
    expect(judge({ ...PAIR, out: { result: 0, flows: PAIR_FLOWS, error: null } })).toEqual({ is: "same" });
  });

  //  what is wrong with the recorded flows          → what is said
  for (const [what, flows, says] of [
    ["a priority", [flow({ priority: 1000 }), PAIR_FLOWS[1]!], "only ours: 995 p1 vlan=none dst=any → p2 vlan=none"],
    [
      "a tag",
      [
        flow({
          actions: [
            ["vlan", 7],
            ["out", "p2"],
          ],
        }),
        PAIR_FLOWS[1]!,
      ],
      "only the original's: 995 p1 vlan=none dst=any → p2 vlan=7",
    ],
    ["an entry that lacks", [PAIR_FLOWS[0]!], "only ours: 995 p2 vlan=none dst=any → p1 vlan=none"],
    [
      "one too many",
      [...PAIR_FLOWS, flow({ dst_mac: A, actions: [["out", "p9"]] })],
      "only the original's: 995 p1 vlan=none dst=52:54:00:00:00:0a → p9",
    ],
  ] as const) {
    test(`a difference in ${what} is a mismatch`, () => {
      const verdict = judge({ ...PAIR, out: { result: 0, flows: [...flows], error: null } });
      expect(verdict).toMatchObject({ is: "mismatch", differs: expect.arrayContaining([expect.stringContaining(says)]) });
    });
  }

  test("needless tag writes and the order of entries do not count", () => {
    const flows = [
      PAIR_FLOWS[1]!,
      flow({
        actions: [
          ["vlan", 7],
          ["vlan", null],
          ["out", "p2"],
        ],
      }),
    ];
    expect(judge({ ...PAIR, out: { result: 0, flows, error: null } })).toEqual({ is: "same" });
  });

  test("a port that the switch does not have: both say so, ours carries the rest", () => {
    const error = "switch port name 'p2' is not valid for the openflow controller";
    const asked = { ...PAIR, valid_ports: ["p1"] };
    expect(judge({ ...asked, out: { result: -1, flows: null, error } })).toMatchObject({ is: "listed", decision: "0006 (5)" });
    expect(judge({ ...asked, out: { result: 0, flows: [], error: null } })).toMatchObject({ is: "mismatch" });
    expect(judge({ ...PAIR, out: { result: -1, flows: null, error } })).toMatchObject({ is: "mismatch" });
  });

  test("a crash of the original is listed, but not where ours leads frames wrong", () => {
    const crashed: FlowCase = { ...PAIR, out: { exception: "KeyError: 'dst_mac'" } };
    expect(judge(crashed)).toMatchObject({ is: "listed", decision: "0006 (4)" });
    const nets: FabricNet[] = [
      {
        id: "net0",
        bindNet: null,
        copyNet: null,
        bindVlan: null,
        ports: [...PAIR.nets[0]!.ports.map((p) => ({ switchPort: p.switch_port, vlan: p.vlan, mac: p.mac, senders: null }))],
      },
    ];
    expect(judge(crashed, { nets, listed: [], table: [], problems: [] })).toMatchObject({ is: "mismatch" });
  });

  test("a net whose admin_state_up is false, and one with too many ends, carry nothing", () => {
    const down = { ...PAIR.nets[0]!, admin_state_up: "false" as const };
    expect(judge({ nets: [down], out: { result: 0, flows: [], error: null } })).toEqual({ is: "same" });
    const three = net("net0", [port("p1", null, A), port("p2", null, null), port("p3", null, C)], { type: "ptp" });
    expect(judge({ nets: [three], out: { result: -1, flows: null, error: "ptp with more than two" } })).toMatchObject({
      is: "listed",
    });
  });

  test("of two ports that are not there, the original names the first: so does ours", () => {
    const nets = [net("net0", [port("p1", null, A), port("p8", null, null), port("p9", null, C)])];
    const error = "switch port name 'p8' is not valid for the openflow controller";
    const judged = judge({ nets, valid_ports: ["p1"], out: { result: -1, flows: null, error } });
    expect(judged).toMatchObject({ is: "listed", decision: "0006 (5)" });
  });

  test("a bind to a net that is bound itself is listed apart", () => {
    const nets = [
      net("net0", [port("p1", null, A)]),
      net("net1", [port("p2", null, C)], { bind_net: "net0" }),
      net("net2", [port("p3", null, null)], { bind_net: "net1" }),
    ];
    expect(judge({ nets, out: openvimAnswer({ nets }, AS_IT_IS) })).toMatchObject({ is: "listed", decision: "0006 (6)" });
  });

  test("the port of a provider is computed with where the recorded entries know it", () => {
    const bare = net("net0", [port("p1", null, A), port("p2", null, null)], { provider: "openflow:p7:vlan" });
    const whole = { ...bare, ports: [...bare.ports, { uuid: "x", ...port("p7", 3000, null) }] };
    for (const nets of [[whole], [bare]])
      for (const computed of [[whole], [bare]])
        if (nets[0] === bare || computed[0] === whole)
          expect(judge({ nets, out: openvimAnswer({ nets: computed }, AS_IT_IS) })).toEqual({ is: "same" });
  });

  test("two nets that claim one place of the switch are told apart from those that differ without a reason", () => {
    const nets = [
      net("net0", [port("p1", null, A)]),
      net("net1", [port("p1", null, C), port("p2", 7, null)], { bind_net: "net0" }),
    ];
    expect(judge({ nets, out: { result: 0, flows: PAIR_FLOWS, error: null } })).toMatchObject({ is: "listed" });
    const apart = [nets[0]!, { ...nets[1]!, ports: [port("p3", null, C), port("p2", 7, null)] }];
    expect(judge({ nets: apart, out: { result: 0, flows: PAIR_FLOWS, error: null } })).toMatchObject({ is: "mismatch" });
  });

  test("the report names line, input, both answers and the count", () => {
    const outcome = judgeAll([
      { line: 3, value: { ...PAIR, out: { result: 0, flows: [], error: null } } },
      { line: 4, value: { ...PAIR, out: { result: 0, flows: PAIR_FLOWS, error: null } } },
    ]);
    expect(outcome.same).toBe(1);
    expect(outcome.mismatches).toMatchObject([
      { title: "line 3", input: PAIR.nets, recorded: { flows: [] }, ours: { copies: expect.any(Array) } },
    ]);
  });
});

/** A root and two nets bound to it, some by a VLAN; up to eight ports, some without an address, some with a tag. */
const arbitraryGroup: fc.Arbitrary<FlowCase["nets"]> = fc
  .record({
    ports: fc.array(
      fc.record({ of: fc.nat(2), at: fc.nat(7), vlan: fc.constantFrom(null, null, 100, 200), hasMac: fc.boolean() }),
      { maxLength: 8 },
    ),
    binds: fc.array(fc.constantFrom(null, "vlan:100", "vlan:300"), { minLength: 2, maxLength: 2 }),
  })
  .map(({ ports, binds }) =>
    [0, 1, 2].map((n) =>
      net(
        `net${n}`,
        ports.flatMap((p, i) => (p.of === n ? [port(`p${p.at}`, p.vlan, p.hasMac ? `52:54:00:00:00:0${i}` : null)] : [])),
        n === 0 ? {} : { bind_net: "net0", bind_type: binds[n - 1]! },
      ),
    ),
  );

test("whatever the nets of a bind group, frames reach whom they should and nobody else, unless nets claim one place", () => {
  let judged = 0;
  fc.assert(
    fc.property(arbitraryGroup, (nets) => {
      const ours = oursOf({ nets, out: {} });
      if (isContested(ours.nets)) return;
      judged++;
      expect(wrongWays(ours.nets, ours.table)).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
  expect(judged).toBeGreaterThan(500);
});

/** The same, with ends that are tied to one port each, ptp nets, ports that the switch has not, and the nets in any order. */
const arbitraryCase = fc
  .record({
    nets: arbitraryGroup,
    apart: fc.boolean(),
    kinds: fc.array(fc.constantFrom("data", "data", "data", "ptp"), { minLength: 3, maxLength: 3 }),
    order: fc.shuffledSubarray([0, 1, 2], { minLength: 1 }),
    valid: fc.constantFrom(undefined, undefined, ["p0", "p1", "p2", "p3", "p4", "p5", "p6"]),
  })
  .map(({ nets, apart, kinds, order, valid }) => {
    let place = 0;
    const placed = nets.map((n, i) => ({
      ...{ ...n, type: kinds[i]! },
      ports: n.ports.map((p) => ({ ...p, ...(apart && { switch_port: `p${place++}` }) })),
    }));
    return { nets: order.map((i) => placed[i]!), ...(valid && { valid_ports: [...valid] }) };
  });

describe("the original's steps, for nets that nobody has recorded", () => {
  test("nothing of it differs from ours without a written reason", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(arbitraryCase, (nets) => {
        const verdict = judge({ ...nets, out: openvimAnswer(nets, AS_IT_IS) });
        expect(verdict.is === "mismatch" ? verdict.differs : []).toEqual([]);
        seen.add(verdict.is === "listed" ? verdict.decision : verdict.is);
      }),
      { numRuns: 2_000 },
    );
    expect([...seen].toSorted()).toEqual(["0006 (2)", "0006 (3)", "0006 (4)", "0006 (5)", "same"]);
  });

  test("with its two defects mended it is the same as ours, but where two nets claim one place or something is refused", () => {
    fc.assert(
      fc.property(arbitraryCase, (nets) => {
        const verdict = judge({ ...nets, out: openvimAnswer(nets, REPAIRED) });
        expect(["same", "0006 (3)", "0006 (5)"]).toContain(verdict.is === "listed" ? verdict.decision : verdict.is);
      }),
      { numRuns: 2_000 },
    );
  });
});
