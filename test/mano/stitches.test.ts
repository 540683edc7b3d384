import { describe, expect, test } from "vitest";
import { endsIn, planStitches, sortedByUse } from "../../src/mano/stitches.ts";
import type { Nsd, Vnfd } from "../../src/model/descriptor.ts";
import type { NsId, VimAccountId } from "../../src/model/ids.ts";
import type { Ns, Vnfc } from "../../src/model/ns.ts";
import { linkKey, type VimLink } from "../../src/model/stitch.ts";

const [ONE, TWO, SIX] = ["one", "two", "six"] as VimAccountId[] as [VimAccountId, VimAccountId, VimAccountId];
const link = (a: VimAccountId, b: VimAccountId, first = 100, last = 199): VimLink => ({
  ends: [
    { vimAccountId: a, switchPort: `${a}-${b}` },
    { vimAccountId: b, switchPort: `${b}-${a}` },
  ],
  vlans: { first, last },
});

/** VNFCs by where they are; a and b serve, c does not. All have a connection point on `media`, and c one on `control` besides. */
function wish(at: Readonly<Record<"a" | "b" | "c", VimAccountId>>) {
  const vdu = (id: string, ...cps: string[]) => ({ id, cps: cps.map((cp) => ({ id: cp, ip: null })) });
  return {
    ns: { id: "ns" as NsId, name: "media", vimAccountId: ONE } as Ns,
    nsd: {
      nets: { eth0: "media", eth2: "control" },
      members: [
        { vnfc: "a", dataNet: "data0" },
        { vnfc: "b", dataNet: "data1" },
      ],
    } as unknown as Nsd,
    vnfd: { vdus: [vdu("relay", "eth0", "eth1"), vdu("brain", "eth0", "eth2")] } as unknown as Vnfd,
    vnfcs: Object.entries(at).map(
      ([name, vimAccountId]) => ({ name, vimAccountId, vdu: name === "c" ? "brain" : "relay" }) as Vnfc,
    ),
  };
}

let made = 0;
const plan = (
  at: Parameters<typeof wish>[0],
  links: readonly VimLink[],
  taken: ReturnType<typeof planStitches>["stitches"] = [],
) => planStitches(wish(at), { links, taken, nameOf: (vim) => vim, newId: () => `id-${made++}` });
const textOf = ({ stitches, errors }: ReturnType<typeof plan>) => [
  ...stitches.map(
    ({ joins, vlan, near, far }) =>
      `${joins.kind} ${joins.name}: ${near.vimAccountId} ${near.net} at ${near.switchPort} = ${far.vimAccountId} ${far.net} at ${far.switchPort}, VLAN ${vlan}`,
  ),
  ...errors,
];

describe("what joins the parts of a network service", () => {
  for (const [what, at, links, want] of [
    ["all in one VIM: nothing", { a: ONE, b: ONE, c: ONE }, [], []],
    [
      "one member elsewhere: the way to it, and the net that both are on",
      { a: ONE, b: TWO, c: ONE },
      [link(ONE, TWO)],
      [
        "member b: one media-to-b at one-two = two data1 at two-one, VLAN 100",
        "net media: one media at one-two = two media at two-one, VLAN 101",
      ],
    ],
    [
      "a link may be written either way round",
      { a: ONE, b: TWO, c: ONE },
      [link(TWO, ONE, 5, 9)],
      [
        "member b: one media-to-b at one-two = two data1 at two-one, VLAN 5",
        "net media: one media at one-two = two media at two-one, VLAN 6",
      ],
    ],
    [
      "a net that only one VIM needs is joined to none",
      { a: ONE, b: ONE, c: SIX },
      [link(ONE, SIX)],
      ["net media: one media at one-six = six media at six-one, VLAN 100"],
    ],
    [
      "three VIMs: the one that traffic enters is the hub, and each link counts its own VLANs",
      { a: SIX, b: TWO, c: ONE },
      [link(ONE, TWO), link(SIX, ONE)],
      [
        "member a: one media-to-a at one-six = six data0 at six-one, VLAN 100",
        "member b: one media-to-b at one-two = two data1 at two-one, VLAN 100",
        "net media: one media at one-six = six media at six-one, VLAN 101",
        "net media: one media at one-two = two media at two-one, VLAN 101",
      ],
    ],
    [
      "no link: said once",
      { a: ONE, b: TWO, c: ONE },
      [link(TWO, SIX)],
      ["no link joins the VIMs one and two; the setting mano.links names them"],
    ],
    [
      "too few VLANs",
      { a: ONE, b: TWO, c: ONE },
      [link(ONE, TWO, 7, 7)],
      [
        "member b: one media-to-b at one-two = two data1 at two-one, VLAN 7",
        "no VLAN between 7 and 7 is free on the link of the VIMs one and two",
      ],
    ],
  ] as [string, Parameters<typeof plan>[0], VimLink[], string[]][])
    test(what, () => expect(textOf(plan(at, links))).toEqual(want));

  test("VLANs that others have on the same link are left alone, and given again when they are gone", () => {
    const others = plan({ a: ONE, b: TWO, c: ONE }, [link(ONE, TWO)]).stitches;
    const next = plan({ a: ONE, b: TWO, c: ONE }, [link(TWO, ONE)], others.slice(1));
    expect(next.stitches.map((s) => s.vlan)).toEqual([100, 102]);
    const ids = [...others, ...next.stitches].flatMap((s) => [s.id, s.near.portId, s.far.portId, s.near.netId, s.far.netId]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("what it has is not planned again; what nobody needs any more is told apart", () => {
    const { stitches: had } = plan({ a: ONE, b: TWO, c: ONE }, [link(ONE, TWO)]);
    const more = planStitches(
      wish({ a: ONE, b: TWO, c: TWO }),
      { links: [link(ONE, TWO)], taken: had, nameOf: (vim) => vim, newId: () => "new" },
      had,
    );
    expect(more).toEqual({ stitches: [], errors: [] });
    const { inUse, idle } = sortedByUse({ ...wish({ a: ONE, b: ONE, c: TWO }), stitches: had });
    expect([inUse, idle].map((all) => all.map((s) => s.joins.name))).toEqual([["media"], ["b"]]);
  });

  test("ends are found by their VIM; a link has one name, whichever way round", () => {
    const { stitches } = plan({ a: ONE, b: TWO, c: ONE }, [link(ONE, TWO)]);
    expect([endsIn(stitches, ONE), endsIn(stitches, TWO), endsIn(stitches, SIX)].map((ends) => ends.map((e) => e.net))).toEqual([
      ["media-to-b", "media"],
      ["data1", "media"],
      [],
    ]);
    const { near, far } = stitches[0]!;
    expect(linkKey(near, far)).toBe(linkKey(far, near));
  });
});
