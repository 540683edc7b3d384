import { expect, test } from "vitest";
import { decide } from "../../src/decide/decide.ts";
import { regrouped, type ScaleFacts } from "../../src/mano/regroup.ts";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../../src/model/ids.ts";
import type { Health, Member, ProtectionGroup } from "../../src/model/protection.ts";

const POLICY = { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null, guestHeartbeat: null, traffic: null };
const member = (name: string): Member => ({
  vnfcId: name as VnfcId,
  name,
  vimAccountId: "vim" as VimAccountId,
  dataNet: `data-${name}` as NetId,
  capacity: null,
  standby: "hot",
});
/** "a b": the members; "1:a": net 1 is led home to a. */
function group(members: string, nets: string): ProtectionGroup {
  return {
    id: "g" as GroupId,
    nsId: "ns" as NsId,
    name: "g",
    scheme: "N_PLUS_M",
    policy: POLICY,
    members: members.split(" ").map(member),
    trafficNets: nets.split(" ").map((n) => ({ netId: n[0] as NetId, name: `net${n[0]}`, normal: n[2] as VnfcId })),
  };
}
const facts = (wanted: string, up = "", drained = ""): ScaleFacts => ({
  isWanted: (m) => wanted.includes(m.name),
  isUp: (id) => up.includes(id),
  isDrained: (m) => drained.includes(m.name),
});
const shown = (g: ProtectionGroup | null) =>
  g &&
  `${g.members.map((m) => `${m.name}${m.isLeaving ? "-" : ""}`).join(" ")} | ${g.trafficNets.map((n) => `${n.netId}:${n.normal}`).join(" ")}`;

test("who is new waits for all that are new, and leads nothing home before", () => {
  const now = group("a s", "1:a 2:a");
  const whole = group("a s b c", "1:a 2:b");
  expect(regrouped(now, whole, facts("asbc"))).toBeNull();
  expect(regrouped(now, whole, facts("asbc", "b"))).toBeNull();
  const joined = regrouped(now, whole, facts("asbc", "bc"));
  expect(shown(joined)).toBe("a s b c | 1:a 2:b");
  expect(joined!.trafficNets[1]).toMatchObject({ normal: "b", formerly: "a" });
  expect(regrouped(joined!, whole, facts("asbc"))).toBeNull();
});

test("who is to go is a member until it serves nothing, and can be kept until then", () => {
  const now = group("a b s", "1:a 2:b");
  const whole = group("a b s", "1:a 2:a");
  const leaving = regrouped(now, whole, facts("as"));
  expect(shown(leaving)).toBe("a b- s | 1:a 2:a");
  expect(regrouped(leaving!, whole, facts("as"))).toBeNull();
  expect(shown(regrouped(leaving!, whole, facts("as", "", "b")))).toBe("a s | 1:a 2:a");
  expect(shown(regrouped(leaving!, now, facts("abs")))).toBe("a b s | 1:a 2:b");
});

test("who serves nothing is marked first all the same: until then a plan may lead something to it", () => {
  const now = group("a b s", "1:a 2:a");
  const marked = regrouped(now, now, facts("as", "", "b"));
  expect(shown(marked)).toBe("a b- s | 1:a 2:a");
  expect(shown(regrouped(marked!, now, facts("as", "", "b")))).toBe("a s | 1:a 2:a");
});

test("one that has left, and that traffic is led to since, is a member that is to go", () => {
  const now = group("a s", "1:a 2:a");
  const whole = group("a b s", "1:a 2:a");
  expect(regrouped(now, whole, facts("as", "", "b"))).toBeNull();
  expect(shown(regrouped(now, whole, facts("as")))).toBe("a b- s | 1:a 2:a");
});

test("one that has left already and is to stay joins anew; the others are kept meanwhile", () => {
  const now = { ...group("a s", "1:a 2:a"), members: [member("a"), { ...member("c"), isLeaving: true as const }, member("s")] };
  const whole = group("a b c s", "1:a 2:b");
  expect(shown(regrouped(now, whole, facts("abcs")))).toBe("a c s | 1:a 2:a");
  expect(shown(regrouped(now, whole, facts("abcs", "b")))).toBe("a b c s | 1:a 2:b");
});

const UP: Health = { state: "up", sinceMs: 0 };
const DOWN: Health = { state: "down", sinceMs: 0, seenBy: ["qmp"], why: "it ended" };
const UNKNOWN: Health = { state: "unknown", sinceMs: 0, why: "silence" };
const leavingB = (): ProtectionGroup => {
  const g = group("a b s", "1:a 2:a");
  return { ...g, members: g.members.map((m) => (m.name === "b" ? { ...m, isLeaving: true as const } : m)) };
};

/** Health of a, b and s → where net 2, which b serves, is led. */
for (const [health, to, why] of [
  [[UP, UP, UP], "a", /b is to go: net2 is led to a/],
  [[DOWN, UP, UP], "s", /b is to go: net2 is led to s/],
  [[DOWN, UP, DOWN], null, /which is to go: no other member is known to be up/],
  [[UP, UNKNOWN, UP], null, /an unknown never moves traffic/],
  [[UP, DOWN, UP], "s", /b is down/],
] as const)
  test(`who is to go while a, b and s are ${health.map((h) => h.state).join(", ")}: net 2 is led to ${to ?? "nobody else"}`, () => {
    const [a, b, s] = health;
    const serving = new Map([
      ["1" as NetId, "a" as VnfcId],
      ["2" as NetId, "b" as VnfcId],
    ]);
    const view = { health: new Map(Object.entries({ a, b, s }) as [VnfcId, Health][]), serving };
    const { moves, because } = decide(leavingB(), view, null, 1_000);
    expect(moves.find((m) => m.trafficNet === "2")?.to ?? null).toBe(to);
    expect(because[1]).toMatch(why);
    expect(moves.every((m) => m.to !== "b")).toBe(true);
    const force = { kind: "force", to: "b" as VnfcId, trafficNets: null } as const;
    expect(decide(leavingB(), view, force, 1_000).moves.every((m) => m.to !== "b")).toBe(true);
  });
