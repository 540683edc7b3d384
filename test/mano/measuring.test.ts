import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crossings, faultsIn, type MeasuredObject, measure } from "../../src/mano/measuring.ts";
import { countsOf, isOnePeriod, type Reading } from "../../src/mano/reading.ts";
import { coveredMs, spanOf } from "../../src/mano/spans.ts";
import type { NsId, ServerId, VimAccountId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { Alarm, Failover } from "../../src/model/mano-event.ts";
import { METRICS, type PmValue } from "../../src/model/measurement.ts";
import type { PortCount } from "../../src/model/port-count.ts";
import {
  pmTasksIn,
  readOpenPmReports,
  readPmReport,
  readReadyPmReports,
  writePmCollection,
} from "../../src/store/mano-performance.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z");
/** So many ms of the wall clock after T0; the monotonic one shows 10,000 at T0. */
const readingAt = (ms: number, counts: Reading["counts"] = new Map()): Reading => {
  const wallMs = T0 + ms;
  return { at: new Date(wallMs).toISOString(), wallMs, monoMs: 10_000 + ms, counts, usage: new Map() };
};
const second = [readingAt(0), readingAt(1_000)] as const;

/** First seen so many ms after T0, decided 5 ms later; its other times are of the same scale. */
const failover = (seenMs: number, times: Record<string, number>, closedMs: number | null = null): Failover => {
  const mono = Object.fromEntries(Object.entries(times).map(([k, ms]) => [k, 10_000 + ms]));
  const seen = { qmp: 10_000 + seenMs, libvirt: 10_002 + seenMs };
  return {
    kind: "failover",
    nsId: "ns",
    about: "v",
    openedAt: new Date(T0 + seenMs + 50).toISOString(), // Written down later: nothing is measured by it.
    closedAt: closedMs === null ? null : new Date(T0 + closedMs).toISOString(),
    times: { seen, told: seen.qmp + 3, decided: seen.qmp + 5, onWire: null, barrier: null, verified: null, ...mono },
  } as unknown as Failover;
};

describe("how long traffic was led to who had failed", () => {
  for (const [what, failovers, want] of [
    ["none", [], 0],
    ["until packets were seen to pass", [failover(500, { barrier: 507, verified: 525 }, 600)], 25],
    ["until the switch confirmed, where nobody looked", [failover(500, { barrier: 507 }, 600)], 7],
    ["until the record was closed, where no time is known", [failover(500, {}, 700)], 200],
    ["until now, while it goes on", [failover(500, {})], 500],
    ["until now, while nobody has seen packets pass yet", [failover(500, { barrier: 507 })], 500],
    ["two at once count once", [failover(500, { barrier: 600 }, 700), failover(550, { barrier: 655 }, 700)], 155],
    ["one within another", [failover(500, { barrier: 805 }, 900), failover(550, { barrier: 560 }, 900)], 305],
    ["what began before the period counts from its beginning", [failover(-50, { barrier: 10 }, 20)], 10],
    ["what is of another period does not", [failover(-500, { barrier: -440 }, 20), failover(2_000, { barrier: 2_060 })], 0],
    ["what began since the second reading is of the next", [failover(1_100, { barrier: 1_110 })], 0],
    ["what ended since then counts until then", [failover(900, { barrier: 1_110 }, 1_200)], 100],
    ["a fault of an earlier boot, whose clock showed more, goes on", [failover(900_000, {})], 1_000],
    ["or was over long ago", [failover(900_000, { barrier: 900_060 }, 20)], 0],
  ] as const)
    test(what, () => expect(coveredMs(failovers.map(spanOf(second[1])), second)).toBe(want));
});

describe("what lies between two readings is one period", () => {
  for (const [what, after, want] of [
    ["on time", readingAt(1_000), true],
    ["a little late", readingAt(1_400), true],
    ["not two of them", readingAt(2_000), false],
    ["not by a clock that was set back within", { ...readingAt(1_000), wallMs: T0 - 3_600_000 }, false],
    ["nor by one that was set forward", { ...readingAt(1_000), wallMs: T0 + 3_600_000 }, false],
  ] as const)
    test(what, () => expect(isOnePeriod([readingAt(0), after], 1_000)).toBe(want));
});

describe("a threshold of 10 with a hysteresis of 2", () => {
  const value = (n: number): PmValue => ({ objectId: "o", subObjectId: null, metric: "m", at: "", value: n });
  test("is crossed by who passes it and its hysteresis, and not again before the other side", () => {
    let sides: ReadonlyMap<string, "UP" | "DOWN"> = new Map();
    const seen = [5, 11, 12, 20, 9, 8.5, 8, 11, 8, 12].map((n) => {
      const found = crossings({ value: 10, hysteresis: 2 }, [value(n)], sides);
      sides = found.sides;
      return found.crossed.map((c) => c.direction).join();
    });
    expect(seen).toEqual(["", "", "UP", "", "", "", "DOWN", "", "", "UP"]);
  });
});

const [vimA, vimB] = ["vimA" as VimAccountId, "vimB" as VimAccountId];
/** Two twins, each in a VIM of its own, that share a connection point. */
const vnfcs = (["a", "b"] as const).map((name) => ({
  id: name as string as VnfcId,
  name,
  vdu: "u",
  vimAccountId: name === "a" ? vimA : vimB,
  serverId: name as string as ServerId,
  serverName: name,
  cps: [{ id: `${name}-eth0`, cpd: "eth0", net: "n", ip: null, isService: true }],
}));
const vnf = { id: "vnf", vnfcViews: vnfcs } as unknown as NonNullable<MeasuredObject["vnf"]>;
const object: MeasuredObject = {
  id: "vnf",
  nsId: "ns" as NsId,
  ns: { vnfs: [vnf] } as never,
  vnf,
  saps: [{ net: "t", vim: vimA }],
  groups: [],
};
const known = { isUp: () => true, faults: faultsIn([]) };

describe("counters of ports", () => {
  /** By the names of twins: the bytes of a port, with an id of its own where it is another; null: no port; left out: the VIM did not answer. */
  type Carried = Partial<Record<"a" | "b", number | null | readonly [number, string]>>;
  const reading = (ms: number, carried: Carried): Reading => {
    const counts = Object.entries(carried).map(([name, of]) => {
      const [bytesIn, portId] = typeof of === "object" && of !== null ? of : [of, `p-${name}`];
      const port = { portId: portId as VimPortId, name: "eth0", serverId: name as ServerId, netId: null, netName: null };
      const there = bytesIn === null ? [] : [{ ...port, bytesIn, bytesOut: 0, packetsIn: 0, packetsOut: 0 }];
      return [name === "a" ? vimA : vimB, countsOf(there)] as const;
    });
    return readingAt(ms, new Map(counts));
  };
  const metric = METRICS.filter((m) => m.name === "ByteIncomingVnfExtCp");
  const measured = { interface: "vnfpm", objectType: "VnfExtCp", objectIds: ["vnf"], subObjectIds: null } as const;
  for (const [what, before, after, want] of [
    ["the sum over twins is told", { a: 10, b: 100 }, { a: 17, b: 130 }, [37]],
    ["of one that is away all the time no packet is", { a: null, b: 100 }, { a: null, b: 130 }, [30]],
    ["nothing, where both are", { a: null, b: null }, { a: null, b: null }, []],
    ["nothing, where one counts less than before: it was made anew", { a: 10, b: 100 }, { a: 3, b: 130 }, []],
    ["nothing, where one has another port", { a: 10, b: 100 }, { a: [30, "q"], b: 130 }, []],
    ["nothing, where one came", { a: null, b: 100 }, { a: 3, b: 130 }, []],
    ["nothing, where one went", { a: 10, b: 100 }, { a: null, b: 130 }, []],
    ["nothing, where one of the VIMs did not answer", { a: 10, b: 100 }, { a: 17 }, []],
    ["nothing, where none did at the beginning", {}, { a: 17, b: 130 }, []],
  ] as readonly (readonly [string, Carried, Carried, readonly number[]])[])
    test(what, () => {
      const period = [reading(0, before), reading(1_000, after)] as const;
      expect(measure(measured, metric, object, period, known).map((v) => v.value)).toEqual(want);
    });

  test("a traffic net's are those of its cables", () => {
    const cable = (bytesIn: number): PortCount => ({
      portId: "c" as VimPortId,
      name: "c",
      serverId: null,
      netId: null,
      netName: "t",
      bytesIn,
      bytesOut: 0,
      packetsIn: 0,
      packetsOut: 0,
    });
    const at = (ms: number, bytesIn: number) => readingAt(ms, new Map([[vimA, countsOf([cable(bytesIn)])]]));
    const sap = { interface: "nspm", objectType: "Sap", objectIds: ["ns"], subObjectIds: null } as const;
    const bytes = METRICS.filter((m) => m.name === "ByteIncomingSap");
    const found = measure(sap, bytes, object, [at(0, 5), at(1_000, 12)], known);
    expect(found).toEqual([
      { objectId: "vnf", subObjectId: "t", metric: "ByteIncomingSap", at: "2026-01-01T00:00:01.000Z", value: 7 },
    ]);
  });
});

describe("failovers of a period", () => {
  const ofType = (objectType: "Vnf" | "Ns", of: object, faults: typeof known.faults | null) => {
    const names = [`FailoverCount${objectType}`, `FailoverTime${objectType}`];
    const measured = { interface: "vnfpm", objectType, objectIds: ["x"], subObjectIds: null } as const;
    const metrics = METRICS.filter((m) => names.includes(m.name));
    return measure(measured, metrics, of as MeasuredObject, second, { ...known, faults }).map((v) => v.value);
  };
  const found = faultsIn([
    { ...failover(500, { barrier: 510 }, 600), about: "a" as VnfcId },
    { ...failover(700, { barrier: 720 }, 800), about: "other" as VnfcId },
    { ...failover(800, { barrier: 840 }, 900), nsId: "elsewhere" as NsId },
    { ...failover(850, { barrier: 890 }, 900), kind: "failback" },
  ]);
  test("those of its VNFCs are a VNF's, all in it are an NS's", () => {
    expect(ofType("Vnf", object, found)).toEqual([1, 10]);
    expect(ofType("Ns", { ...object, vnf: null }, found)).toEqual([2, 30]);
  });
  test("no value, where the store does not have all of them", () => expect(ofType("Vnf", object, null)).toEqual([]));
});

describe("for how long a net was led to nobody who served", () => {
  /** Of this group a SERVICE_DOWN from then to then, ms after T0; null: it is active. */
  const down = (managedObjectId: string, fromMs: number, toMs: number | null): Alarm => {
    const isoAt = (ms: number) => new Date(T0 + ms).toISOString();
    return { managedObjectId, raisedAt: isoAt(fromMs), clearedAt: toMs === null ? null : isoAt(toMs) } as Alarm;
  };
  const moved = (groupId: string, fromMs: number, toMs: number): Failover =>
    ({ ...failover(fromMs, { barrier: toMs }, toMs + 50), groupId }) as Failover;
  const groups = [
    { id: "g", scheme: "ACTIVE_PASSIVE" },
    { id: "twice", scheme: "DUPLICATED" },
  ] as unknown as MeasuredObject["groups"];
  const ofType = (
    objectType: "Ns" | "ProtectionGroup",
    faults: typeof known.faults | null,
    of: object = {},
    ids: string[] | null = null,
  ) => {
    const metrics = METRICS.filter((m) => m.name === `ServiceOutageTime${objectType}`);
    const measured = { interface: "nspm", objectType, objectIds: ["x"], subObjectIds: ids } as const;
    const values = measure(measured, metrics, { ...object, vnf: null, groups, ...of }, second, { ...known, faults });
    return Object.fromEntries(values.map((v) => [v.subObjectId ?? "all", v.value]));
  };
  for (const [what, faults, want] of [
    ["nothing happened", faultsIn([]), { g: 0, twice: 0, all: 0 }],
    ["a switch-over", faultsIn([moved("g", 500, 510)]), { g: 10, twice: 0, all: 10 }],
    ["nobody was there to switch to", faultsIn([], [down("g", 600, 900)]), { g: 300, twice: 0, all: 300 }],
    ["it goes on", faultsIn([], [down("g", 600, null)]), { g: 400, twice: 0, all: 400 }],
    ["it began before, and is over since", faultsIn([], [down("g", -900, 50)]), { g: 50, twice: 0, all: 50 }],
    [
      "both, one within the other, count once",
      faultsIn([moved("g", 500, 700)], [down("g", 600, 900)]),
      { g: 400, twice: 0, all: 400 },
    ],
    [
      "twins that serve at once are interrupted by no switch-over",
      faultsIn([moved("twice", 500, 700)]),
      { g: 0, twice: 0, all: 0 },
    ],
    ["but by the loss of both", faultsIn([moved("twice", 500, 700)], [down("twice", 700, 800)]), { g: 0, twice: 100, all: 100 }],
    [
      "groups at the same time count once in their NS",
      faultsIn([moved("g", 500, 700)], [down("twice", 600, 800)]),
      { g: 200, twice: 200, all: 300 },
    ],
    ["another's is not theirs", faultsIn([moved("x", 500, 700)], [down("x", 600, 800)]), { g: 0, twice: 0, all: 0 }],
    [
      "a command or a return is no fault",
      faultsIn([{ ...moved("g", 500, 510), kind: "failback" } as Failover]),
      { g: 0, twice: 0, all: 0 },
    ],
  ] as const)
    test(what, () => {
      expect({ ...ofType("ProtectionGroup", faults), ...ofType("Ns", faults) }).toEqual(want);
    });
  test("of one group alone", () => expect(ofType("ProtectionGroup", faultsIn([]), {}, ["twice"])).toEqual({ twice: 0 }));
  test("no value where nothing is protected, or the store has not taken all", () => {
    expect(ofType("Ns", faultsIn([]), { groups: [] })).toEqual({});
    expect(ofType("Ns", null)).toEqual({});
  });
});

describe("reports in the store", () => {
  let db: Store<ManoTables>;
  beforeAll(async () => {
    db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: new URL("../../sql/mano", import.meta.url).pathname });
  });
  afterAll(() => db.destroy());

  test("the newest are kept, those of others too; none is written for a job that is gone, and they go with it", async () => {
    const tasks = pmTasksIn(db as unknown as ManoStore);
    const task = (id: string) => ({
      id,
      tenant_id: null,
      callback: "http://x",
      filter_json: "{}",
      sealed: null,
      cursor: 0,
      created_at: id,
    });
    for (const id of ["a", "b"]) await tasks.save(task(id));
    const value = (n: number): PmValue => ({ objectId: "o", subObjectId: null, metric: "m", at: `${n}`, value: n });
    /** The clock is set back all the time: what comes later shows an earlier time. */
    const write = async (taskId: string, n: number, isReady = true) => {
      const report = { id: `${taskId}${n}`, taskId, readyAt: null };
      await writePmCollection(db, { report, nr: 1, values: [value(1), value(2)] }, 3);
      await writePmCollection(db, { report, nr: 2, values: [value(3)] }, 3);
      if (isReady) await writePmCollection(db, { report: { ...report, readyAt: `2026-01-0${9 - n}` }, nr: 2, values: null }, 3);
    };
    await write("b", 1);
    for (const n of [1, 2, 3, 4, 5]) await write("a", n);
    await write("a", 6, false);
    await write("gone", 1);
    const there = async () => (await readReadyPmReports(db, ["a", "b", "gone"])).map((r) => r.id);
    expect(await there()).toEqual(["a5", "a4", "a3", "b1"]);
    expect((await readPmReport(db, "a5"))!.values.map((v) => v.value)).toEqual([1, 2, 3]);
    expect(await readOpenPmReports(db)).toEqual([{ id: "a6", taskId: "a", collections: 2 }]);
    await tasks.delete("a");
    expect(await there()).toEqual(["b1"]);
    await write("a", 7);
    expect(await there()).toEqual(["b1"]);
    expect(await db.selectFrom("pm_collection").select("report_id").distinct().execute()).toEqual([{ report_id: "b1" }]);
  });
});
