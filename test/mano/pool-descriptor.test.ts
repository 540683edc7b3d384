import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { parseDescriptor } from "../../src/descriptor/plain.ts";
import { notSpread } from "../../src/mano/apart.ts";
import { groupsOf } from "../../src/mano/plan.ts";
import type { HostId, NetId, ServerId, VnfcId } from "../../src/model/ids.ts";
import type { Ns, Vnfc } from "../../src/model/ns.ts";
import type { Health, ProtectionGroup } from "../../src/model/protection.ts";
import type { Inventory } from "../../src/vimconn/connector.ts";
import { example } from "./rig.ts";

// biome-ignore lint/suspicious/noExplicitAny: a broken descriptor has, on purpose, no type.
type Loose = any;
const file = (): Loose => parse(example("media-relay-pool.yaml"));
const vdu = (f: Loose) => f.vnfd[0].vdu[0];
const [AT, MEMBERS] = ["vnfd[0].vdu[0]", "nsd[0].members"];

/** What is done to the example, and the beginning of each sentence that must be told: all of them and no other. */
const BROKEN: Record<string, [breakIt: (f: Loose) => void, errors: string[]]> = {
  "a group of strangers, of one twice, and with a name that is taken": [
    (f) => {
      vdu(f).protection_group[1] = { id: "news", vnfc: ["relay-c", "relay-d", "relay-x", "relay-s", "relay-s"] };
    },
    [
      `${AT}.protection_group[1].id: "news" is already there`,
      `${AT}.protection_group[1].vnfc[2]: there is no VNFC "relay-x" in this VDU; write one of relay-a, relay-b`,
      `${AT}.protection_group[1].vnfc[4]: "relay-s" is in this group already`,
    ],
  ],
  "somebody in no group": [
    (f) => vdu(f).protection_group[1].vnfc.shift(),
    [`${AT}.protection_group: VNFC "relay-c" is in no group, so nothing would protect it`],
  ],
  "one that serves, in two groups": [
    (f) => vdu(f).protection_group[1].vnfc.push("relay-a"),
    [`${MEMBERS}[0].traffic_net: "relay-a" is in the groups news and sport, and only a spare may be in several`],
  ],
  "a group without a spare": [
    (f) => {
      vdu(f).protection_group[0].vnfc = ["relay-a", "relay-b"];
    },
    [`${MEMBERS}: every member of group "news" has a traffic_net, so there is no spare`],
  ],
  "a group that serves nothing": [
    (f) => vdu(f).protection_group.push({ id: "idle", vnfc: ["relay-s", "relay-w"] }),
    [`${MEMBERS}: no member of group "idle" has a traffic_net`],
  ],
  "twins in a pool": [
    (f) => {
      vdu(f).vnfc[0].replicated = "relay-b";
    },
    [`${AT}.vnfc[0].replicated: a pool (N_PLUS_M) has no twins, any spare stands in; remove it`],
  ],
  "a warm spare that serves": [
    (f) => {
      f.nsd[0].members[5].traffic_net = ["traffic_net5"];
    },
    [
      `${MEMBERS}[5].traffic_net: "relay-w" is a warm spare and serves nothing while all is well`,
      `${MEMBERS}[5].traffic_net: "relay-w" is in the groups news and sport`,
    ],
  ],
  "groups of twins": [
    (f) => {
      Object.assign(vdu(f), { high_availability: "ACTIVE_ACTIVE", vnfc: vdu(f).vnfc.slice(0, 2) });
      vdu(f).vnfc[0].replicated = "relay-b";
      vdu(f).vnfc[1].replicated = "relay-a";
      vdu(f).protection_group = [{ id: "news", vnfc: ["relay-a", "relay-b"] }];
      f.nsd[0].members = f.nsd[0].members.slice(0, 2);
    },
    [`${AT}.protection_group: only a pool is divided into groups; write high_availability: N_PLUS_M or remove it`],
  ],
  "no members": [
    (f) => {
      f.nsd[0].members = [f.nsd[0].members[0]];
    },
    ["relay-b", "relay-c", "relay-d", "relay-s", "relay-w"].map((id) => `${MEMBERS}: has no entry for VNFC "${id}"`),
  ],
};

describe("a broken pool tells every error, each with its path", () => {
  test.for(Object.entries(BROKEN))("%s", ([, [breakIt, wanted]]) => {
    const broken = file();
    breakIt(broken);
    const parsed = parseDescriptor(stringify(broken));
    const errors = parsed.ok ? [] : [...parsed.errors];
    expect(errors).toHaveLength(wanted.length);
    for (const begin of wanted) expect(errors.filter((e) => e.startsWith(begin))).toHaveLength(1);
  });
});

describe("the groups of the example", () => {
  const groups = (f: Loose): ProtectionGroup[] => {
    const parsed = parseDescriptor(stringify(f));
    if (!parsed.ok) throw new Error(parsed.errors.join("\n"));
    const { vnfds, nsds } = parsed.descriptor;
    const vnfcs = vnfds[0]!.vdus[0]!.vnfcs.map((v) => ({ id: v.id, name: v.id, vdu: "relay" }) as unknown as Vnfc);
    const nets = new Map(nsds[0]!.members.flatMap((m) => [m.dataNet, ...m.trafficNets]).map((n) => [n, n as NetId]));
    return groupsOf(
      { ns: { id: "ns", name: "media" } as unknown as Ns, nsd: nsds[0]!, vnfd: vnfds[0]!, vnfcs, vnfs: [], stitches: [] },
      () => nets,
    );
  };

  test("as they are divided: the spares are in both", () => {
    expect(
      groups(file()).map((g) => [g.id, g.name, g.scheme, g.members.map((m) => m.name), g.trafficNets.map((n) => n.name)]),
    ).toEqual([
      [
        "ns-relay-news",
        "media-relay-news",
        "N_PLUS_M",
        ["relay-a", "relay-b", "relay-s", "relay-w"],
        ["traffic_net0", "traffic_net1"],
      ],
      [
        "ns-relay-sport",
        "media-relay-sport",
        "N_PLUS_M",
        ["relay-c", "relay-d", "relay-s", "relay-w"],
        ["traffic_net2", "traffic_net3"],
      ],
    ]);
  });

  test("undivided: one of all", () => {
    const whole = file();
    delete vdu(whole).protection_group;
    expect(groups(whole).map((g) => [g.id, g.members.length, g.trafficNets.length])).toEqual([["ns-relay", 6, 4]]);
  });

  const HOSTS = new Map([
    ["h1", "compute-1"],
    ["h2", "compute-2"],
  ] as [HostId, string][]);
  const up: Health = { state: "up", sinceMs: 0 };
  test.for([
    ["what one host takes the other makes up for", { a: "h1", b: "h2", s: "h1", w: "h2" }, []],
    ["two that serve on one host, both spares on the other", { a: "h1", b: "h1", s: "h2", w: "h2" }, []],
    [
      "two that serve and a spare on one host",
      { a: "h1", b: "h1", s: "h1", w: "h2" },
      ["relay-a and relay-b and relay-s are on one host, compute-1: its failure would leave traffic_net1 unserved"],
    ],
    ["where one is made nobody knows yet", { a: "h1", b: "h2", s: "h2", w: null }, null],
  ] as const)("spread over hosts: %s", ([, at, want]) => {
    const [news] = groups(file());
    const seen = {
      hosts: HOSTS,
      servers: new Map(Object.entries(at).map(([id, hostId]) => [`relay-${id}`, { hostId }])),
    } as unknown as Inventory;
    const view = {
      health: new Map(
        news!.members.map((m) => [
          m.vnfcId,
          m.standby === "warm" ? ({ state: "unknown", sinceMs: 0, why: "it rests" } as const) : up,
        ]),
      ),
      serving: new Map(news!.trafficNets.map((n) => [n.netId, n.normal])),
      rest: new Map([["relay-w" as VnfcId, "resting" as const]]),
    };
    expect(notSpread(news!, news!.members, view, seen, (id) => id as string as ServerId)).toEqual(want);
  });
});
