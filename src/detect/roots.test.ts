import fc from "fast-check";
import { expect, test } from "vitest";
import type { HostId, VnfcId } from "../model/ids.ts";
import { type Failure, KNOWN_LATER_MS, type Lost, type LostHost, type LostStorage, type LostSwitch, rootsOf } from "./roots.ts";

const NOW = 100_000;
const failure = (name: string, host: string | null, sinceMs = NOW): Failure => ({
  vnfcId: name as VnfcId,
  hostId: host as HostId | null,
  sinceMs,
  isLinkOnly: false,
  storage: null,
});
/** Paused for a disk on this storage. */
const full = (name: string, host: string | null, storage: string, sinceMs = NOW): Failure => ({
  ...failure(name, host, sinceMs),
  storage,
});
/** Only its link is lost. */
const cut = (name: string, host: string | null, sinceMs = NOW): Failure => ({
  ...failure(name, host, sinceMs),
  isLinkOnly: true,
});
const lost = (host: string, state: LostHost["state"]): LostHost => ({
  kind: "host",
  hostId: host as HostId,
  state,
  sinceMs: NOW,
});
const noSwitch: LostSwitch = { kind: "switch", sinceMs: NOW };
const noSpace = (storage: string): LostStorage => ({ kind: "storage", storage, sinceMs: NOW });
/** As "host: members", "storage: members", "switch: members", or "member". */
const told = (failures: readonly Failure[], all: readonly Lost[]) =>
  rootsOf(failures, all).map(({ lost, failures }) => {
    const cause =
      lost === null ? "" : `${lost.kind === "host" ? lost.hostId : lost.kind === "storage" ? lost.storage : "switch"}: `;
    return `${cause}${failures.map((f) => f.vnfcId).join(" ")}`;
  });

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
  ["a switch that is lost explains links that went with it", [cut("a", "h"), cut("b", "i")], [noSwitch], ["switch: a b"]],
  ["one link alone may be its own cable", [cut("a", "h")], [noSwitch], ["a"]],
  [
    "whose server was seen to end did not fail of a switch",
    [failure("a", "h"), cut("b", "h"), cut("c", "i")],
    [noSwitch],
    ["switch: b c", "a"],
  ],
  [
    "who lost the link long before the session",
    [cut("a", "h", NOW - KNOWN_LATER_MS - 1), cut("b", "h"), cut("c", "i")],
    [noSwitch],
    ["switch: b c", "a"],
  ],
  [
    "a host that is gone comes before the switch that went with it",
    [cut("a", "h"), cut("b", "i"), cut("c", "i")],
    [noSwitch, lost("h", "gone")],
    ["h: a", "switch: b c"],
  ],
  [
    "two on two hosts are paused for one storage",
    [full("a", "h", "nfs1:/vms"), full("b", "i", "nfs1:/vms"), failure("c", "i")],
    [noSpace("nfs1:/vms")],
    ["nfs1:/vms: a b", "c"],
  ],
  ["one alone is paused for its disk", [full("a", "h", "h /var"), failure("b", "h")], [noSpace("h /var")], ["a", "b"]],
  [
    "two storages at once",
    [full("a", "h", "h /var"), full("b", "h", "h /var"), full("c", "i", "i /var"), full("d", "i", "i /var")],
    [noSpace("h /var"), noSpace("i /var")],
    ["h /var: a b", "i /var: c d"],
  ],
  [
    "who was paused long before is not of it",
    [full("a", "h", "h /var", NOW - KNOWN_LATER_MS - 1), full("b", "h", "h /var"), full("c", "h", "h /var")],
    [noSpace("h /var")],
    ["h /var: b c", "a"],
  ],
  [
    "a host that is gone comes before its storage",
    [full("a", "h", "h /var"), full("b", "h", "h /var")],
    [noSpace("h /var"), lost("h", "gone")],
    ["h: a b"],
  ],
  ["two hosts at once", [failure("a", "h"), failure("b", "i")], [lost("h", "gone"), lost("i", "gone")], ["h: a", "i: b"]],
] as const)("%s", (_, failures, hosts, roots) => expect(told(failures, hosts)).toEqual(roots));

const failures = fc.uniqueArray(
  fc.record({
    vnfcId: fc.constantFrom(..."abcdefgh") as fc.Arbitrary<VnfcId>,
    hostId: fc.constantFrom("h", "i", "j", null) as fc.Arbitrary<HostId | null>,
    sinceMs: fc.integer({ min: NOW - 2 * KNOWN_LATER_MS, max: NOW + 1_000 }),
    isLinkOnly: fc.boolean(),
    storage: fc.constantFrom("nfs1:/vms", "h /var", null),
  }),
  { selector: (f) => f.vnfcId },
);
const hosts = fc.uniqueArray(
  fc.record({
    kind: fc.constant("host" as const),
    hostId: fc.constantFrom("h", "i", "j") as fc.Arbitrary<HostId>,
    state: fc.constantFrom("gone", "unreachable"),
    sinceMs: fc.constant(NOW),
  }),
  { selector: (h) => h.hostId },
);

test("every failure has exactly one root, in whatever order they came", () => {
  fc.assert(
    fc.property(
      failures,
      hosts,
      fc.subarray(["nfs1:/vms", "h /var"]),
      fc.boolean(),
      fc.nat(),
      (all, lostHosts, storages, isSwitchLost, turn) => {
        const gone: Lost[] = [...lostHosts, ...storages.map(noSpace), ...(isSwitchLost ? [noSwitch] : [])];
        const ids = rootsOf(all, gone).flatMap((r) => r.failures.map((f) => f.vnfcId));
        expect(ids.toSorted()).toEqual(all.map((f) => f.vnfcId).toSorted());
        const turned = [...all.slice(turn % (all.length + 1)), ...all.slice(0, turn % (all.length + 1))].reverse();
        const sets = (fs: readonly Failure[], hs: readonly Lost[]) =>
          told(fs, hs)
            .map((t) => t.split(" ").toSorted().join(" "))
            .toSorted();
        expect(sets(turned, gone.toReversed())).toEqual(sets(all, gone));
      },
    ),
  );
});
