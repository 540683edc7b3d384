import { expect, test } from "vitest";
import { withoutMember } from "../../src/mano/regroup.ts";
import { inBetween, reshapeOf } from "../../src/mano/reshape.ts";
import type { NsdFlavour } from "../../src/model/descriptor.ts";
import type { NetId, VnfcId } from "../../src/model/ids.ts";
import type { ProtectionGroup, Scheme } from "../../src/model/protection.ts";

// What becomes of the machines of a VNF that is to be something else, and what its NS is made of meanwhile.

const POLICY = { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null, guestHeartbeat: null, traffic: null };

interface Drawn {
  readonly flavor?: string;
  readonly scheme?: Scheme | null;
  readonly dataNet?: (name: string) => string;
}

/** VDUs with their VNFCs, as "fw: a b". The first of each serves net `users`. */
function made(
  drawn: string,
  { flavor = "small", scheme = "ACTIVE_PASSIVE", dataNet = (n) => `${n}-data` }: Drawn = {},
): NsdFlavour {
  const vdus = drawn.split("; ").map((line) => {
    const [id = "", names = ""] = line.split(": ");
    return {
      id,
      image: "img",
      flavor,
      cps: [
        { id: "mgmt", ip: null },
        { id: "in", ip: null },
      ],
      highAvailability: scheme,
      serviceInterface: scheme === null ? null : "in",
      policy: POLICY,
      vnfcs: names.split(" ").map((name) => ({ id: name, replicated: null, kernelCmdline: null, standby: "hot" as const })),
      groups: [],
    };
  });
  const members = vdus.flatMap(({ vnfcs }) =>
    vnfcs.map(({ id }, i) => ({ vnfc: id, dataNet: dataNet(id), trafficNets: i === 0 ? ["users"] : [], capacity: null })),
  );
  return {
    vnfd: { id: "v", name: "v", version: "1", vdus },
    nsd: {
      id: "n",
      name: "n",
      version: "1",
      vnfd: "v",
      nets: scheme === null ? { mgmt: "mgmt_net", in: "users" } : { mgmt: "mgmt_net" },
      vimAccounts: {},
      members: scheme === null ? [] : members,
      ownNets: members.map((m) => m.dataNet),
    },
  };
}

const PAIR = made("fw: a b");

test.each([
  [
    "the same in another scheme runs on",
    made("fw: a b", { scheme: "DUPLICATED" }),
    "a b",
    { added: [], removed: [], remade: [] },
  ],
  ["one more", made("fw: a b c"), "a b c", { added: ["c"], removed: [], remade: [] }],
  ["larger machines are made anew", made("fw: a b", { flavor: "large" }), "a b", { added: [], removed: [], remade: ["a", "b"] }],
  [
    "and those on another net",
    made("fw: a b", { dataNet: (n) => `${n}-2` }),
    "a b",
    { added: [], removed: [], remade: ["a", "b"] },
  ],
  ["another VDU", made("lb: x y"), "x y", { added: ["x", "y"], removed: ["a", "b"], remade: [] }],
] as const)("%s", (_, to, wanted, change) => {
  expect(reshapeOf(PAIR, to, ["a", "b"], wanted.split(" "))).toEqual(change);
});

test("what is protected in one of the two only is refused", () => {
  expect(() => reshapeOf(PAIR, made("fw: a b", { scheme: null }), ["a", "b"], ["a", "b"])).toThrow(
    /VDU fw is protected .* would be not protected/,
  );
});

test("in between those that go are what they were and serve nothing, and who is to be made anew is reached where it was", () => {
  const to = made("fw: a c; lb: x", { dataNet: (n) => `${n}-2` });
  const { nsd, vnfd } = inBetween(to, PAIR, new Set(["b"]), new Set(["a"]));
  expect(vnfd.vdus.map((v) => `${v.id}: ${v.vnfcs.map((c) => c.id).join(" ")}`)).toEqual(["fw: a c b", "lb: x"]);
  expect(nsd.members.map((m) => [m.vnfc, m.dataNet, m.trafficNets.join()])).toEqual([
    ["a", "a-data", "users"],
    ["c", "c-2", ""],
    ["x", "x-2", "users"],
    ["b", "b-data", ""],
  ]);
  expect(nsd.ownNets).toEqual(["a-2", "c-2", "x-2", "a-data", "b-data"]);
  // A VDU that only the one before has, and of which something is left.
  expect(inBetween(made("lb: x"), PAIR, new Set(["b"]), new Set()).vnfd.vdus.map((v) => v.vnfcs.map((c) => c.id))).toEqual([
    ["x"],
    ["b"],
  ]);
});

test("the nets of a member that is away are led home to those that have least", () => {
  const member = (name: string, standby: "hot" | "warm" = "hot") => ({ vnfcId: name as VnfcId, name, standby });
  const net = (id: string, normal: string) => ({ netId: id as NetId, name: id, normal: normal as VnfcId });
  const group = {
    members: [member("a"), member("b"), member("c"), member("s", "warm")],
    trafficNets: [net("1", "a"), net("2", "a"), net("3", "b")],
  } as unknown as ProtectionGroup;
  const home = (away: string | null) =>
    withoutMember(group, away as VnfcId | null)
      .trafficNets.map((n) => n.normal)
      .join("");
  expect([home(null), home("a"), home("s")]).toEqual(["aab", "cbb", "aab"]);
  const alone = { ...group, members: [group.members[0]!] };
  expect(withoutMember(alone, "a" as VnfcId).trafficNets[0]!.normal).toBe("a");
});
