import fc from "fast-check";
import { expect, test } from "vitest";
import { type Action, type FlowEntry, type Match, NO_OWNER } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import { KeptPart } from "./kept-part.ts";

const vlan = fc.constantFrom("none" as const, 1, 4_094);
const mac = fc.constantFrom("02:00:00:00:00:0a", "02:00:00:00:00:0b");
const address = fc.constantFrom("10.0.0.9", "10.0.0.0/24");
const match: fc.Arbitrary<Match> = fc.record(
  {
    ...{ inPort: fc.constantFrom("p1", "p2"), vlan, ethDst: mac, ethSrc: mac, ipv4Src: address, arpSpa: address, arpSha: mac },
    ...{ udp: fc.constant({ src: 68, dst: 67 }), ipv6Src: fc.constant("fd00::9"), icmpv6: fc.nat(255) },
    ...{ ndTarget: fc.constant("fd00::/64"), tunnelKey: fc.nat(0xffffff) },
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** Each is one value, so that it stands in many entries as it does in a table. */
const ACTIONS: readonly Action[] = [
  ...[{ do: "output", port: "p1" } as const, { do: "group", group: 0x5e000001 } as const, { do: "stripVlan" } as const],
  ...[{ do: "setVlan", vlan: 7, push: true } as const, { do: "toController" } as const],
];
const entry: fc.Arbitrary<FlowEntry> = fc.record(
  {
    table: fc.nat(3),
    priority: fc.nat(0xffff),
    cookie: fc.constantFrom(0n, 1n, 0xffffffffn).map((owner) => NO_OWNER | owner),
    match,
    actions: fc.array(fc.constantFrom(...ACTIONS), { maxLength: 5 }),
  },
  { noNullPrototype: true },
);

test("what is packed reads as it was, and as often as it is asked for", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
      const part = new KeptPart({ nets: ["n1" as NetId], table: { entries, groups: [] } });
      expect(part.entries).toBe(entries);
      part.pack();
      for (let i = 0; i < 2; i++) expect(part.entries).toStrictEqual(entries);
      expect(part.size).toBe(entries.length);
    }),
  );
});
