import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Health, Member, ProtectionGroup } from "../model/protection.ts";
import { fenceableFrom, LASTING_MS, PROVEN_MS } from "./opinion.ts";
import type { GroupView } from "./view.ts";

const NEVER = Number.POSITIVE_INFINITY;
const NOW = 10_000;
const up = (sinceMs = 0): Health => ({ state: "up", sinceMs });
const down: Health = { state: "down", sinceMs: 9_000, seenBy: ["qmp"], why: "killed" };
const silent: Health = { state: "unknown", sinceMs: 9_900, why: "it does not answer its probe" };

const member = (name: string, capacity: number | null = null): Member => ({
  vnfcId: name as VnfcId,
  name,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d${name}` as NetId,
  capacity,
  standby: "hot",
});
const groupOf = (members: readonly Member[], nets: readonly string[]): ProtectionGroup => ({
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_ACTIVE",
  members,
  trafficNets: nets.map((n) => ({ netId: n as NetId, name: n, normal: members[0]!.vnfcId })),
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 60_000, probe: null, guestHeartbeat: null, traffic: null },
});
const viewOf = (health: Record<string, Health>, serving: Record<string, string | null>): GroupView => ({
  health: new Map(Object.entries(health) as [VnfcId, Health][]),
  serving: new Map(Object.entries(serving) as [NetId, VnfcId | null][]),
});
const pair = [member("a"), member("b")];
const roomForOne = [member("a"), member("b", 1)];

describe("from when on an opinion alone may have a fenced", () => {
  for (const [what, members, health, serving, want] of [
    ["b has long been up", pair, { a: silent, b: up() }, { t0: "a", t1: "b" }, PROVEN_MS],
    ["b has been up for 0.2 s", pair, { a: silent, b: up(9_800) }, { t0: "a", t1: "a" }, 9_800 + PROVEN_MS],
    ["b is silent too", pair, { a: silent, b: silent }, { t0: "a", t1: "b" }, NEVER],
    ["b is down, and being healed", pair, { a: silent, b: down }, { t0: "a", t1: "a" }, NEVER],
    ["b boots", pair, { a: silent, b: { ...silent, why: "it has not answered" } }, { t0: "a", t1: "a" }, NEVER],
    ["a serves nothing, b has long been up", pair, { a: silent, b: up() }, { t0: "b", t1: "b" }, PROVEN_MS],
    ["a serves nothing, and b is down", pair, { a: silent, b: down }, { t0: "b", t1: "b" }, NEVER],
    ["b has room for one of the two", roomForOne, { a: silent, b: up() }, { t0: "a", t1: "a" }, NEVER],
    ["b has room for what a serves", roomForOne, { a: silent, b: up() }, { t0: "a", t1: null }, PROVEN_MS],
    ["a is alone", [member("a")], { a: silent }, { t0: "a", t1: "a" }, NEVER],
    [
      "a serves nothing, and b is to go",
      [member("a"), { ...member("b"), isLeaving: true }],
      { a: silent, b: up() },
      { t0: "b", t1: "b" },
      NEVER,
    ],
  ] as [string, Member[], Record<string, Health>, Record<string, string | null>, number][])
    test(`${what}: ${want === NEVER ? "never, as things are" : `${want} ms`}`, () => {
      const group = groupOf(members, ["t0", "t1"]);
      expect(fenceableFrom(group, viewOf(health, serving), null, "a" as VnfcId, NOW, 9_900)).toBe(want);
    });

  test("a lockout of protection: nothing would be moved, so nobody is fenced", () => {
    const lockout = { kind: "lockout", to: null, trafficNets: null } as const;
    const view = viewOf({ a: silent, b: up() }, { t0: "a", t1: "b" });
    expect(fenceableFrom(groupOf(pair, ["t0", "t1"]), view, lockout, "a" as VnfcId, NOW, 0)).toBe(NEVER);
  });

  for (const [what, silentSinceMs, health, serving, want] of [
    ["b came up just now", 1_000, { a: silent, b: up(9_999) }, { t0: "a", t1: "a" }, 1_000 + LASTING_MS],
    ["b comes up later still, for however short", 1_000, { a: silent, b: up(60_000) }, { t0: "a", t1: null }, 1_000 + LASTING_MS],
    ["a serves nothing", 1_000, { a: silent, b: up(9_999) }, { t0: "b", t1: "b" }, 1_000 + LASTING_MS],
    ["b has proven himself before", 1_000, { a: silent, b: up(0) }, { t0: "a", t1: "b" }, PROVEN_MS],
    ["b is not up now", 1_000, { a: silent, b: silent }, { t0: "a", t1: "a" }, NEVER],
    ["b is down, and being healed", 1_000, { a: silent, b: down }, { t0: "a", t1: "a" }, NEVER],
    [
      "a has not answered yet, and nobody calls it silent",
      null,
      { a: silent, b: up(9_999) },
      { t0: "a", t1: "a" },
      9_999 + PROVEN_MS,
    ],
  ] as [string, number | null, Record<string, Health>, Record<string, string | null>, number][])
    test(`silent since ${silentSinceMs} ms without a break, ${what}: ${want === NEVER ? "never, as things are" : `${want} ms`}`, () => {
      const view = viewOf(health, serving);
      expect(fenceableFrom(groupOf(pair, ["t0", "t1"]), view, null, "a" as VnfcId, NOW, silentSinceMs)).toBe(want);
    });
});

test("never the last that could serve: whenever it may be fenced, another is up, by then for as long as it takes, and has room", () => {
  const health = fc.oneof(fc.constant(silent), fc.constant(down), fc.nat(NOW).map(up));
  const rows = fc.array(fc.record({ health, capacity: fc.option(fc.integer({ min: 1, max: 3 })) }), {
    minLength: 1,
    maxLength: 4,
  });
  const servers = fc.array(fc.option(fc.nat(3)), { maxLength: 4 });
  fc.assert(
    fc.property(rows, servers, fc.option(fc.nat(NOW)), (all, served, silentSinceMs) => {
      const members = all.map((r, i) => member(`m${i}`, r.capacity));
      const view = viewOf(
        { ...Object.fromEntries(all.map((r, i) => [`m${i}`, r.health])), m0: silent },
        Object.fromEntries(served.map((i, n) => [`t${n}`, i !== null && i < all.length ? `m${i}` : null])),
      );
      const group = groupOf(
        members,
        [...served.keys()].map((n) => `t${n}`),
      );
      const fromMs = fenceableFrom(group, view, null, "m0" as VnfcId, NOW, silentSinceMs);
      expect(fenceableFrom(group, view, null, "m0" as VnfcId, NOW, silentSinceMs)).toBe(fromMs);
      const lastsAtMs = silentSinceMs === null ? NEVER : silentSinceMs + LASTING_MS;
      const others = all
        .slice(1)
        .flatMap((r) => (r.health.state === "up" ? Math.min(r.health.sinceMs + PROVEN_MS, lastsAtMs) : []));
      expect(fromMs).toBeGreaterThanOrEqual(Math.min(...others));
      if (silentSinceMs !== null) expect(fromMs === NEVER || fromMs <= lastsAtMs).toBe(true);
      expect(fromMs).toBeLessThanOrEqual(fenceableFrom(group, view, null, "m0" as VnfcId, NOW, null));
      if (fromMs === NEVER) return;
      const room = (m: Member) => (m.capacity ?? NEVER) - served.filter((i) => `m${i}` === m.name).length;
      const free = members.slice(1).filter((m) => view.health.get(m.vnfcId)?.state === "up");
      const needed = served.filter((i) => i === 0).length;
      expect(free.reduce((sum, m) => sum + Math.max(0, room(m)), 0)).toBeGreaterThanOrEqual(needed);
    }),
  );
});
