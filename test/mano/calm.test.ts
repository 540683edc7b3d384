import fc from "fast-check";
import { expect, test } from "vitest";
import { calmOf, wantedProtection } from "../../src/mano/arming.ts";
import { Guard } from "../../src/mano/guard.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VnfcId } from "../../src/model/ids.ts";
import type { ProtectionGroup, Scheme } from "../../src/model/protection.ts";

// What a group would do if a member failed is worked out anew in each pass, but for groups in which nothing is amiss: there it may hang on no moment.

interface Made {
  readonly scheme: Scheme;
  readonly capacities: readonly (number | null)[];
  readonly warm: readonly boolean[];
  readonly normals: readonly number[];
  readonly upSince: readonly number[];
  readonly policy: { readonly revertive: boolean; readonly holdOffMs: number; readonly waitToRestoreMs: number };
}

const SIZE = 4;
const made: fc.Arbitrary<Made> = fc.record({
  scheme: fc.constantFrom("ACTIVE_ACTIVE", "ACTIVE_PASSIVE", "N_PLUS_M"),
  capacities: fc.array(fc.option(fc.integer({ min: 1, max: 3 })), { minLength: SIZE, maxLength: SIZE }),
  warm: fc.array(fc.boolean(), { minLength: SIZE, maxLength: SIZE }),
  normals: fc.array(fc.nat(SIZE - 1), { minLength: 1, maxLength: 5 }),
  upSince: fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: SIZE, maxLength: SIZE }),
  policy: fc.record({
    revertive: fc.boolean(),
    holdOffMs: fc.nat(5_000),
    waitToRestoreMs: fc.nat(60_000),
  }),
});

const id = (n: number) => `m${n}` as VnfcId;

function guardOf({ scheme, capacities, warm, normals, upSince, policy }: Made): Guard {
  const group: ProtectionGroup = {
    id: "g" as GroupId,
    nsId: "ns" as NsId,
    name: "g",
    scheme,
    members: capacities.map((capacity, n) => ({
      vnfcId: id(n),
      name: id(n),
      vimAccountId: "vim" as VimAccountId,
      dataNet: `data${n}` as NetId,
      capacity,
      standby: warm[n] && !normals.includes(n) ? "warm" : "hot",
    })),
    trafficNets: normals.map((n, i) => ({ netId: `net${i}` as NetId, name: `net${i}`, normal: id(n) })),
    policy: { ...policy, probe: null, guestHeartbeat: null, traffic: null },
  };
  const guard = new Guard(group, new Map(group.members.map((m) => [m.vnfcId, `s-${m.vnfcId}` as ServerId])));
  for (const [n, of] of guard.members.entries()) {
    of.portId = `p${n}` as never;
    const seenAt = upSince[n]!;
    guard.hear(of, { about: { kind: "server", id: of.serverId }, says: "running", source: "qmp", seenAt });
    guard.hear(of, { about: { kind: "port", id: of.portId! }, says: "answers", source: "arpProbe", seenAt });
  }
  for (const [i, n] of normals.entries()) guard.bindSeen(`net${i}` as NetId, `data${n}` as NetId, 0);
  guard.judgeAll(10_000);
  return guard;
}

test("what a calm group would do if a member failed is the same at any moment", () => {
  fc.assert(
    fc.property(made, fc.integer({ min: 10_000, max: 200_000 }), fc.integer({ min: 10_000, max: 200_000 }), (it, one, other) => {
      const guard = guardOf(it);
      expect(calmOf(guard)).toEqual({ group: guard.group, upSinceMs: it.upSince });
      expect(wantedProtection(guard, one)).toEqual(wantedProtection(guard, other));
    }),
    { numRuns: 500 },
  );
});

test("a group is not calm with a member that is not up, a net that is led elsewhere, or a command", () => {
  const it: Made = {
    scheme: "ACTIVE_ACTIVE",
    capacities: [null, null, null, null],
    warm: [false, false, false, false],
    normals: [0, 1],
    upSince: [1, 2, 3, 4],
    policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 2_000 },
  };
  const down = guardOf(it);
  const of = down.members[3]!;
  down.hear(of, { about: { kind: "server", id: of.serverId }, says: "stopped", source: "processExit", seenAt: 11_000 });
  down.judgeAll(11_000);
  const elsewhere = guardOf(it);
  elsewhere.bindSeen("net0" as NetId, "data3" as NetId, 1);
  const commanded = guardOf(it);
  commanded.command = { kind: "lockout", to: null, trafficNets: null };
  expect([down, elsewhere, commanded].map(calmOf)).toEqual([null, null, null]);
});
