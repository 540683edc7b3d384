import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bucketsOf,
  countsOf,
  longestSilence,
  measure,
  overlapOf,
  roundTripsOf,
  stretchesOf,
  udpDropsOf,
  ViaWatch,
} from "./meter.ts";
import { EchoLog, PacketLog, type Packets } from "./packet-log.ts";

const MEMBERS = ["relay-a", "relay-b"];
const A = 0;
const B = 1;

/** [arrival ms, sequence number, member], in order of arrival. */
function packets(...rows: (readonly [number, number, number])[]): Packets {
  const log = new PacketLog(Math.max(1, rows.length));
  for (const row of rows) log.push(...row);
  return log.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
}

/** One packet each ms, numbered as its ms. */
const stream = (fromMs: number, toMs: number, via: number) =>
  Array.from({ length: toMs - fromMs }, (_, i) => [fromMs + i, fromMs + i, via] as const);

describe("counts", () => {
  test.each([
    // arrived            received sent lost duplicates reordered
    [[], 0, 0, 0, 0, 0],
    [[7], 1, 1, 0, 0, 0],
    [[1, 2, 3, 4], 4, 4, 0, 0, 0],
    [[1, 2, 6, 7], 4, 7, 3, 0, 0],
    [[1, 2, 2, 3], 4, 3, 0, 1, 0],
    [[1, 3, 2, 4], 4, 4, 0, 0, 1],
    [[1, 4, 2, 3, 5], 5, 5, 0, 0, 2],
    [[1, 4, 2, 2, 5], 5, 5, 1, 1, 1],
  ])("of %j", (seq, received, sentEstimate, lost, duplicates, reordered) => {
    expect(countsOf(Uint32Array.from(seq))).toEqual({ received, sentEstimate, lost, duplicates, reordered });
  });

  test("whatever is dropped, doubled and shuffled: what came and what was lost is what was sent", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (middle) => {
        const { received, sentEstimate, lost, duplicates } = countsOf(Uint32Array.from([0, ...middle, 201]));
        expect(sentEstimate).toBe(202);
        expect(received).toBe(middle.length + 2);
        expect(received - duplicates + lost).toBe(202);
        expect(lost).toBe(200 - new Set(middle).size);
      }),
    );
  });
});

describe("silence", () => {
  const window = { fromMs: 0, toMs: 100 };

  test.each([
    // arrivals,            within          → from, to, over
    [[10, 20, 60, 100], window, 20, 60, true],
    [[60, 70, 90], window, 0, 60, true],
    [[10, 20, 30], window, 30, 100, false],
    [[], window, 0, 100, false],
    [[1, 40, 50, 60, 99], { fromMs: 45, toMs: 55 }, 40, 50, true],
    [[1, 40, 50, 60, 99], { fromMs: 45, toMs: 70 }, 60, 99, true],
  ])("of arrivals %j within %j is %d to %d", (arrivals, within, fromMs, toMs, isOver) => {
    expect(longestSilence(arrivals, window, within)).toEqual({ fromMs, toMs, ms: toMs - fromMs, isOver });
  });
});

describe("who served", () => {
  test("a gap within a member's packets ends its stretch; another member's packets do not", () => {
    const rows = packets([0, 0, A], [5, 1, A], [7, 1, B], [10, 2, A], [50, 3, A], [52, 4, A]);
    expect(stretchesOf(rows, 20, MEMBERS)).toEqual([
      { member: "relay-a", fromMs: 0, toMs: 10, packets: 3 },
      { member: "relay-b", fromMs: 7, toMs: 7, packets: 1 },
      { member: "relay-a", fromMs: 50, toMs: 52, packets: 2 },
    ]);
  });

  test.each([
    // stretches as [from, to],            overlap
    [
      [
        [0, 10],
        [10, 20],
      ],
      0,
    ],
    [
      [
        [0, 10],
        [12, 20],
      ],
      0,
    ],
    [
      [
        [0, 10],
        [7, 20],
      ],
      3,
    ],
    [
      [
        [0, 30],
        [7, 20],
      ],
      13,
    ],
    [
      [
        [0, 10],
        [0, 10],
        [0, 10],
      ],
      10,
    ],
    [
      [
        [0, 10],
        [2, 4],
        [3, 12],
      ],
      8,
    ],
  ])("stretches %j overlap for %d ms", (spans, expected) => {
    const stretches = spans.map(([fromMs, toMs], i) => ({ member: `m${i}`, fromMs: fromMs!, toMs: toMs!, packets: 2 }));
    expect(overlapOf(stretches)).toBe(expected);
  });

  test("buckets count each member's packets, and nothing outside", () => {
    const rows = packets([-1, 0, A], [0, 1, A], [0.9, 2, A], [1, 3, B], [3, 4, B], [4, 5, B]);
    expect(bucketsOf(rows, MEMBERS, 0, 4, 1)).toEqual({
      fromMs: 0,
      widthMs: 1,
      counts: { "relay-a": [2, 0, 0, 0], "relay-b": [0, 1, 0, 1] },
    });
  });

  test.each([
    [
      "the first packet, then nothing new",
      [
        [0, A],
        [1, A],
      ],
      [0],
    ],
    [
      "a switch-over, and the way back",
      [
        [0, A],
        [1, A],
        [40, B],
        [41, B],
        [90, A],
      ],
      [0, 40, 90],
    ],
    [
      "both at once: the newcomer once",
      [
        [0, A],
        [1, A],
        [1.5, B],
        [2, A],
        [2.5, B],
        [3, A],
        [3.5, B],
      ],
      [0, 1.5],
    ],
    [
      "both at once, then the old one alone",
      [
        [0, A],
        [0.5, B],
        [1, A],
        [1.5, B],
        [10, A],
        [30, A],
      ],
      [0, 0.5, 30],
    ],
  ] as const)("told: %s", (_, rows, told) => {
    const watch = new ViaWatch();
    expect(rows.filter(([atMs, via]) => watch.isChange(via, atMs)).map(([atMs]) => atMs)).toEqual(told);
  });
});

test("round trips: those sent in the window, and the longest time without an answer", () => {
  const log = new EchoLog(8);
  for (const atMs of [0, 20, 40, 60, 80]) log.sent(atMs);
  log.answered(0, 1);
  log.answered(1, 23);
  log.answered(4, 81);
  log.answered(4, 90);
  log.answered(9, 90);
  expect(roundTripsOf(log.between(10, 100), 10, 100)).toEqual({ sent: 4, answered: 2, longestGapMs: 58, usualMs: 1 });
});

test("an echo log that has wrapped does not take an old answer for a new request", () => {
  const log = new EchoLog(2);
  for (const atMs of [0, 20, 40]) log.sent(atMs);
  log.answered(0, 41);
  expect(log.between(0, 100)).toEqual([
    { sentMs: 40, answeredMs: null },
    { sentMs: 20, answeredMs: null },
  ]);
});

test("a packet log that has wrapped gives the newest packets, in order", () => {
  const log = new PacketLog(4);
  for (let n = 0; n < 10; n++) log.push(n, n, A);
  expect([...log.between(0, 100).seq]).toEqual([6, 7, 8, 9]);
  expect([...log.between(7, 8).seq]).toEqual([7, 8]);
  expect([...log.between(20, 30).seq]).toEqual([]);
  expect(log.count).toBe(10);
});

describe("one fault, measured", () => {
  const window = { fromMs: 900, toMs: 1_500, faultMs: 1_000.5 };

  test("a stream that another member takes over after 5 ms", () => {
    const found = measure(packets(...stream(900, 1_001, A), ...stream(1_006, 1_501, B)), MEMBERS, [], 0, window);
    expect(found).toMatchObject({
      received: 101 + 495,
      sentEstimate: 601,
      lost: 5,
      duplicates: 0,
      interruptionMs: 6,
      interruption: { fromMs: 1_000, toMs: 1_006, isOver: true },
      longestSilence: { fromMs: 1_000, toMs: 1_006, isOver: true },
      normalGapMs: 1,
      servedBefore: "relay-a",
      firstVia: { member: "relay-b", atMs: 1_006 },
      overlapMs: 0,
    });
    expect(found.stretches).toHaveLength(2);
    expect(found.points[100]).toEqual([-0.5, 0, A]);
    expect(found.points[101]).toEqual([5.5, 6, B]);
  });

  test("the longer silence at the window's end is not the fault's when it begins too late", () => {
    const rows = packets(...stream(0, 100, A), ...stream(105, 11_000, B));
    expect(measure(rows, MEMBERS, [], 0, { fromMs: 0, toMs: 20_000, faultMs: 99.5 }).interruptionMs).toBe(6);
  });

  test("a stream that nobody takes over: the silence is not over", () => {
    const found = measure(packets(...stream(900, 1_001, A)), MEMBERS, [], 0, window);
    expect(found).toMatchObject({
      interruptionMs: 500,
      interruption: { isOver: false },
      firstVia: null,
      servedBefore: "relay-a",
    });
  });

  test("an untouched stream has its normal gap for an interruption", () => {
    const found = measure(packets(...stream(900, 1_501, B)), MEMBERS, [], 3, window);
    expect(found).toMatchObject({ interruptionMs: 1, lost: 0, firstVia: null, servedBefore: "relay-b", socketDrops: 3 });
  });

  test("nothing at all: everything is silence, and nobody served", () => {
    const found = measure(packets(), MEMBERS, [], 0, window);
    expect(found).toMatchObject({
      received: 0,
      normalGapMs: null,
      servedBefore: null,
      interruptionMs: 600,
      points: [],
      stretches: [],
    });
  });

  test("at most 4,000 points, also of a fast stream", () => {
    const fast = Array.from({ length: 50_000 }, (_, n) => [n / 50, n, A] as const);
    const { points } = measure(packets(...fast), MEMBERS, [], 0, { fromMs: 0, toMs: 1_000, faultMs: 250 });
    expect(points.length).toBeLessThanOrEqual(4_000);
    expect(points.length).toBeGreaterThan(2_000);
  });

  test("a fault outside the window is refused", () => {
    expect(() => measure(packets(), MEMBERS, [], 0, { fromMs: 0, toMs: 10, faultMs: 11 })).toThrow(RangeError);
  });
});

test("drops of a socket are read from the kernel's table by its port", () => {
  const table = [
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ",
    " 1234: 00000000:138C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 00000000aaaaaaaa 42        ",
    " 1235: 00000000:0007 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 00000000aaaaaaab 5         ",
  ].join("\n");
  expect(udpDropsOf(table, 5004)).toBe(42);
  expect(udpDropsOf(table, 7)).toBe(5);
  expect(udpDropsOf(table, 8)).toBe(0);
});
