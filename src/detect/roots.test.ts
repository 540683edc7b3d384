import fc from "fast-check";
import { expect, test } from "vitest";
import type { HostId, VnfcId } from "../model/ids.ts";
import { type Failure, KNOWN_LATER_MS, type LostHost, rootsOf } from "./roots.ts";

const NOW = 100_000;
const failure = (name: string, host: string | null, sinceMs = NOW): Failure => ({
  vnfcId: name as VnfcId,
  hostId: host as HostId | null,
  sinceMs,
});
const lost = (host: string, state: LostHost["state"]): LostHost => ({ hostId: host as HostId, state, sinceMs: NOW });
/** As "host: members", or "member". */
const told = (failures: readonly Failure[], hosts: readonly LostHost[]) =>
  rootsOf(failures, hosts).map((r) => `${r.host ? `${r.host.hostId}: ` : ""}${r.failures.map((f) => f.vnfcId).join(" ")}`);

test.each([
  ["nothing failed", [], [lost("h", "gone")], []],
  ["a host that is gone explains one", [failure("a", "h")], [lost("h", "gone")], ["h: a"]],
  ["and several", [failure("a", "h"), failure("b", "h"), failure("c", "i")], [lost("h", "gone")], ["h: a b", "c"]],
  ["a host that only cannot be asked does not explain one", [failure("a", "h")], [lost("h", "unreachable")], ["a"]],
  ["but several", [failure("a", "h"), failure("b", "h")], [lost("h", "unreachable")], ["h: a b"]],
  ["several on a host that answers", [failure("a", "h"), failure("b", "h")], [], ["a", "b"]],
  ["a VIM that does not say where", [failure("a", null), failure("b", null)], [lost("h", "gone")], ["a", "b"]],
  [
    "who was down long before",
    [failure("a", "h", NOW - KNOWN_LATER_MS - 1), failure("b", "h", NOW - KNOWN_LATER_MS)],
    [lost("h", "gone")],
    ["h: b", "a"],
  ],
  ["two hosts at once", [failure("a", "h"), failure("b", "i")], [lost("h", "gone"), lost("i", "gone")], ["h: a", "i: b"]],
] as const)("%s", (_, failures, hosts, roots) => expect(told(failures, hosts)).toEqual(roots));

const failures = fc.uniqueArray(
  fc.record({
    vnfcId: fc.constantFrom(..."abcdefgh") as fc.Arbitrary<VnfcId>,
    hostId: fc.constantFrom("h", "i", "j", null) as fc.Arbitrary<HostId | null>,
    sinceMs: fc.integer({ min: NOW - 2 * KNOWN_LATER_MS, max: NOW + 1_000 }),
  }),
  { selector: (f) => f.vnfcId },
);
const hosts = fc.uniqueArray(
  fc.record({
    hostId: fc.constantFrom("h", "i", "j") as fc.Arbitrary<HostId>,
    state: fc.constantFrom("gone", "unreachable"),
    sinceMs: fc.constant(NOW),
  }),
  { selector: (h) => h.hostId },
);

test("every failure has exactly one root, in whatever order they came", () => {
  fc.assert(
    fc.property(failures, hosts, fc.nat(), (all, gone, turn) => {
      const ids = rootsOf(all, gone).flatMap((r) => r.failures.map((f) => f.vnfcId));
      expect(ids.toSorted()).toEqual(all.map((f) => f.vnfcId).toSorted());
      const turned = [...all.slice(turn % (all.length + 1)), ...all.slice(0, turn % (all.length + 1))].reverse();
      const sets = (fs: readonly Failure[], hs: readonly LostHost[]) =>
        told(fs, hs)
          .map((t) => t.split(" ").toSorted().join(" "))
          .toSorted();
      expect(sets(turned, gone.toReversed())).toEqual(sets(all, gone));
    }),
  );
});
