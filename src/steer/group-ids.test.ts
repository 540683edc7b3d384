import { expect, test } from "vitest";
import { collidingPair } from "../../test/harness/colliding-nets.ts";
import { COOKIE_MARK, type FlowEntry, type FlowTable } from "../model/flow.ts";
import { GroupIds, hash32 } from "./group-ids.ts";

const NETS = Array.from({ length: 40_000 }, (_, i) => `net-${Math.imul(i, 0x9e3779b1) >>> 0}`);

/** What would stand in a switch where each net leads through one group each way. */
function tableOf(nets: readonly string[], ids: GroupIds): FlowTable {
  const entries = nets.flatMap((owner, i) =>
    (["forward", "back"] as const).map((way): FlowEntry => {
      const group = ids.of({ way, owner });
      const cookie = (COOKIE_MARK << 32n) | BigInt(hash32(owner));
      return { table: 0, priority: i, cookie, match: {}, actions: [{ do: "group", group }] };
    }),
  );
  const groups = entries.flatMap((e) =>
    e.actions.map((a) => ({ id: "group" in a ? a.group : 0, type: "all", buckets: [] }) as const),
  );
  return { entries, groups };
}

const idsOf = (nets: readonly string[], ids: GroupIds) =>
  nets.flatMap((owner) => [ids.of({ way: "forward", owner }), ids.of({ way: "back", owner })]);
const differing = (a: readonly number[], b: readonly number[]) => a.filter((id, i) => id !== b[i]).length;

test("40,000 nets: no two groups have one number, and after a restart each is known by its own, in whatever order they are asked for", () => {
  const ids = new GroupIds();
  const before = tableOf(NETS, ids);
  expect(new Set(before.groups.map((g) => g.id)).size).toBe(2 * NETS.length);

  const shuffled = NETS.toReversed();
  const restarted = new GroupIds();
  restarted.found(before);
  expect(differing(idsOf(shuffled, restarted), idsOf(shuffled, ids))).toBe(0);
  // Were there no collisions among so many, the test would show nothing.
  expect(differing(idsOf(shuffled, new GroupIds()), idsOf(shuffled, ids))).toBeGreaterThan(50);

  // Who had to take a second choice keeps it when the first becomes free.
  const left = NETS.slice(20_000);
  const after = tableOf(left, ids);
  ids.keepOnly(new Set(left));
  const again = new GroupIds();
  again.found(after);
  expect(differing(idsOf(left, again), idsOf(left, ids))).toBe(0);
});

const [FIRST, SECOND] = collidingPair();

test("numbers that are given anew are those that stand", () => {
  const [a, b] = [new GroupIds(), new GroupIds()];
  const before = tableOf([SECOND, FIRST], a);
  tableOf([FIRST, SECOND], b);
  b.forget(new Set([FIRST, SECOND]));
  b.found(before);
  expect(idsOf([FIRST, SECOND], b)).toEqual(idsOf([FIRST, SECOND], a));
});

test("whose number is taken gets another one; it keeps it until its net is gone", () => {
  const ids = new GroupIds();
  const forward = (owner: string) => ids.of({ way: "forward", owner });
  const taken = forward(FIRST);
  const other = forward(SECOND);
  expect(other).not.toBe(taken);
  ids.keepOnly(new Set([SECOND]));
  expect(forward(SECOND)).toBe(other);
  ids.keepOnly(new Set());
  expect(forward(SECOND)).toBe(taken);
});
