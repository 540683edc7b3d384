import { describe, expect, test } from "vitest";
import { type MeasuredObject, measure, subObjectsOf } from "../../src/mano/measuring.ts";
import type { Reading } from "../../src/mano/reading.ts";
import type { ServerId, VimAccountId } from "../../src/model/ids.ts";
import { METRICS, type MeasuredType, type UsedSource } from "../../src/model/measurement.ts";
import type { ServerUsage } from "../../src/model/server-usage.ts";

/** Two VNFCs of one VNF in one VIM: a has one CPU and 100 MiB, b four CPUs and 400 MiB. */
const vim = "vim" as VimAccountId;
const SIZES = { a: { vcpus: 1, memoryMiB: 100 }, b: { vcpus: 4, memoryMiB: 400 } } as const;
type Name = keyof typeof SIZES;
const vnfcViews = (["a", "b"] as const).map((name) => ({ id: `vnfc-${name}`, name, vimAccountId: vim, serverId: name, cps: [] }));
const vnf = { id: "vnf", vnfcViews } as never;
const object: MeasuredObject = { id: "vnf", nsId: "ns" as never, ns: { vnfs: [vnf] } as never, vnf, saps: [], groups: [] };

/** CPU time and memory, with what differs from a run that goes on; null: it does not run; left out: its host did not tell. */
type Taken = readonly [cpuMs: number | null, residentMiB: number | null, more?: Partial<ServerUsage>] | null;
type All = Partial<Record<Name, Taken>>;

const readingAt = (ms: number, all: All): Reading => {
  const usage = Object.entries(all).map(([name, taken]): [string, ServerUsage] => {
    const server = { serverId: name as ServerId, name, readMs: 7_000_000 + ms, ...SIZES[name as Name] };
    if (taken === null) return [name, { ...server, run: null, cpuMs: null, residentMiB: null }];
    const [cpuMs, residentMiB, more = {}] = taken;
    return [name, { ...server, run: `run of ${name}`, cpuMs, residentMiB, ...more }];
  });
  const at = { at: "", wallMs: ms, monoMs: 10_000 + ms };
  return { ...at, counts: new Map(), usage: new Map([[vim, new Map(usage)]]) };
};

/** By sub-object; of a VNF there is none, and it is its own. Readings are 1 s apart. */
function measured(source: UsedSource, objectType: MeasuredType, readings: readonly All[], subObjectIds: string[] | null = null) {
  const metrics = METRICS.filter((m) => m.source === source && m.objectType === objectType);
  const [before, ...rest] = readings.map((all, i) => readingAt(i * 1_000, all)) as [Reading, ...Reading[]];
  const period = [before, rest.at(-1)!] as const;
  const about = { interface: "vnfpm", objectType, objectIds: ["vnf"], subObjectIds } as const;
  const values = measure(about, metrics, object, period, { isUp: () => true, faults: null }, rest.slice(0, -1));
  return Object.fromEntries(values.map((v) => [v.subObjectId ?? v.objectId, v.value]));
}

describe("CPU time that was used, in percent of all CPUs there are", () => {
  const from: All = { a: [100, 50], b: [500, 50] };
  for (const [what, readings, want] of [
    ["of both together", [from, { a: [600, 50], b: [1_500, 50] }], { vnf: 30 }],
    ["what QEMU does beside its CPUs is in it", [from, { a: [1_200, 50], b: [4_500, 50] }], { vnf: 102 }],
    [
      "one that does not run all the time has none",
      [
        { ...from, b: null },
        { a: [600, 50], b: null },
      ],
      { vnf: 50 },
    ],
    [
      "nothing, where neither runs",
      [
        { a: null, b: null },
        { a: null, b: null },
      ],
      {},
    ],
    [
      "no value, where one came",
      [
        { ...from, b: null },
        { a: [600, 50], b: [10, 50] },
      ],
      {},
    ],
    [
      "no value, where one was started anew, though it has used more since",
      [from, { a: [600, 50, { run: "2" }], b: [1_500, 50] }],
      {},
    ],
    ["nor where the counter fell", [from, { a: [0, 50], b: [1_500, 50] }], {}],
    ["nor where a host does not tell, at the end", [from, { a: [600, 50] }], {}],
    ["or at the beginning", [{ a: [100, 50] }, { a: [600, 50], b: [1_500, 50] }], {}],
    ["nor where it is not known", [from, { a: [null, 50], b: [1_500, 50] }], {}],
    ["nor where the VIM's clock is another machine's", [from, { a: [600, 50, { readMs: 4 }], b: [1_500, 50] }], {}],
  ] as readonly (readonly [string, readonly All[], object])[])
    test(what, () => expect(measured("cpuMean", "Vnf", readings)).toEqual(want));

  test("it is of the time between what was read, not between when it was asked for", () => {
    const early = { readMs: 7_000_800 }; // Somebody else had asked 200 ms before.
    expect(
      measured("cpuMean", "Vnf", [
        { a: [0, 1], b: null },
        { a: [400, 1, early], b: null },
      ]),
    ).toEqual({ vnf: 50 });
  });

  test("of each VNFC for itself, or of some", () => {
    const readings = [from, { a: [600, 50], b: [1_500, 50] }] as const;
    expect(measured("cpuMean", "Vnfc", readings)).toEqual({ "vnfc-a": 50, "vnfc-b": 25 });
    expect(measured("cpuMean", "Vnfc", readings, ["vnfc-b"])).toEqual({ "vnfc-b": 25 });
    expect(measured("cpuMean", "Vnfc", [from, { b: [1_500, 50] }])).toEqual({ "vnfc-b": 25 });
    expect(subObjectsOf("Vnfc", object)).toEqual(["vnfc-a", "vnfc-b"]);
  });
});

describe("peaks of CPU", () => {
  const steady = (n: number): Taken => [n * 400, 50]; // Of four CPUs 10 %.
  for (const [what, a, want] of [
    ["the highest between two looks", [0, 100, 900, 1_000], { "vnfc-a": 80, "vnfc-b": 10 }],
    ["over one that is missing", [0, undefined, 900, 1_000], { "vnfc-a": 45, "vnfc-b": 10 }],
    ["none without a mean", [0, 100, 900, undefined], { "vnfc-b": 10 }],
  ] as const)
    test(what, () => {
      const readings = a.map((ms, i): All => ({ b: steady(i), ...(ms !== undefined && { a: [ms, 50] }) }));
      expect(measured("cpuPeak", "Vnfc", readings)).toEqual(want);
      const whole = "vnfc-a" in want ? { vnf: want["vnfc-a"] } : {};
      expect(measured("cpuPeak", "Vnf", readings)).toEqual(whole);
    });
});

describe("memory that is resident, in percent of what they were given", () => {
  for (const [what, source, readings, want] of [
    [
      "of both together",
      "memoryMean",
      [
        { a: [0, 20], b: [0, 40] },
        { a: [0, 50], b: [0, 200] },
      ],
      { vnf: 50 },
    ],
    [
      "the mean of all looks since the beginning",
      "memoryMean",
      [{}, { a: [0, 10], b: [0, 40] }, { a: [0, 30], b: [0, 120] }],
      { vnf: 20 },
    ],
    ["of those that are known", "memoryMean", [{}, { a: [0, 10] }, { a: [0, 30], b: [0, 120] }], { vnf: 30 }],
    [
      "nothing is lost by a new start",
      "memoryMean",
      [
        { a: null, b: null },
        { a: [0, 30], b: [0, 120] },
      ],
      { vnf: 30 },
    ],
    ["one that does not run has none", "memoryMean", [{}, { a: [0, 30], b: null }], { vnf: 30 }],
    [
      "no value where it is not known at the end",
      "memoryMean",
      [
        { a: [0, 1], b: [0, 1] },
        { a: [0, 30], b: [0, null] },
      ],
      {},
    ],
    ["nor where a host does not tell", "memoryMean", [{ a: [0, 1], b: [0, 1] }, { a: [0, 30] }], {}],
    [
      "a peak is of who had most at once",
      "memoryPeak",
      [{}, { a: [0, 10], b: [0, 360] }, { a: [0, 30], b: [0, 40] }],
      { vnf: 90 },
    ],
    ["and no peak without an end", "memoryPeak", [{}, { a: [0, 10], b: [0, 360] }, {}], {}],
  ] as readonly (readonly [string, UsedSource, readonly All[], object])[])
    test(what, () => expect(measured(source, "Vnf", readings)).toEqual(want));
});
