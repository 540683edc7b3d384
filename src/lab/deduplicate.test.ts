import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Deduplicator } from "./deduplicate.ts";

/** What is delivered: numbers counted from the first packet's; and how many copies were dropped. */
function through(packets: readonly (readonly [ssrc: number, seq: number])[]) {
  const end = new Deduplicator();
  const offered = packets.map(([ssrc, seq]) => end.offer(ssrc, seq & 0xffff));
  const first = offered[0]?.seq ?? 0;
  return { delivered: offered.filter((o) => o.isFirst).map((o) => o.seq - first), dropped: end.dropped };
}
const of = (ssrc: number, ...seqs: number[]) => seqs.map((seq) => [ssrc, seq] as const);

describe("of two copies the first one counts", () => {
  for (const [what, packets, delivered, dropped] of [
    ["side by side", of(1, 5, 5, 6, 6, 7, 7), [0, 1, 2], 3],
    ["one way far behind", of(1, 5, 6, 7, 8, 5, 6, 7, 8), [0, 1, 2, 3], 4],
    ["a packet that one way lost", of(1, 5, 5, 6, 7, 7), [0, 1, 2], 2],
    ["a packet that both ways lost", of(1, 5, 5, 7, 7), [0, 2], 2],
    ["reordered, which is no copy", of(1, 5, 7, 6, 7, 6), [0, 2, 1], 2],
    ["across the wrap of 16 bits", of(1, 65_535, 65_535, 0, 0, 1), [0, 1, 2], 2],
    ["behind across the wrap", of(1, 65_534, 65_535, 0, 65_534, 65_535, 0), [0, 1, 2], 3],
    ["earlier than the first", of(1, 5, 4, 4), [0, -1], 1],
    ["a source that starts again, with numbers that were there", [...of(1, 5, 5, 6, 6), ...of(2, 5, 5, 6, 6)], [0, 1, 2, 3], 4],
    [
      "and the slower way still brings the old one's",
      [...of(1, 5, 6), ...of(2, 900), ...of(1, 5, 6), ...of(2, 900, 901)],
      [0, 1, 2, 3],
      3,
    ],
  ] as const) {
    test(what, () => expect(through(packets)).toEqual({ delivered, dropped }));
  }
});

test("whatever two ways lose and however late the second is: each number once, none that one of them brought is missing", () => {
  const way = fc.array(fc.boolean(), { minLength: 50, maxLength: 50 });
  fc.assert(
    fc.property(way, way, fc.nat(40), fc.integer({ min: 65_500, max: 65_535 }), (a, b, behind, start) => {
      const packets: [number, number][] = [[1, start]]; // Counted from here.
      for (let i = 1; i < 50 + behind; i++) {
        if (i < 50 && a[i]) packets.push([1, start + i]);
        const late = i - behind;
        if (late > 0 && late < 50 && b[late]) packets.push([1, start + late]);
      }
      const { delivered, dropped } = through(packets);
      const brought = [...a.keys()].filter((i) => i === 0 || a[i] || (b[i] && i > 0));
      expect(delivered.toSorted((x, y) => x - y)).toEqual(brought);
      expect(dropped).toBe(packets.length - brought.length);
    }),
  );
});

test("a number that comes again a whole turn later is a new packet", () => {
  const end = new Deduplicator();
  for (let seq = 0; seq < 0x1_0000 + 10; seq++) expect(end.offer(1, seq & 0xffff).isFirst).toBe(true);
});
