import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countsOf, crossings, type MeasuredObject, measure, outageMs, type Reading } from "../../src/mano/measuring.ts";
import type { NsId, ServerId, VimAccountId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { Failover } from "../../src/model/mano-event.ts";
import { METRICS, type PmValue } from "../../src/model/measurement.ts";
import { pmTasksIn, readReadyPmReports, writePmReport } from "../../src/store/mano-performance.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z");

/** Decided at `openedMs` of the wall and 1000 of the monotonic clock; first seen 5 ms before. */
const failover = (openedMs: number, times: object, closedMs: number | null = null): Failover =>
  ({
    openedAt: new Date(T0 + openedMs).toISOString(),
    closedAt: closedMs === null ? null : new Date(T0 + closedMs).toISOString(),
    times: {
      seen: { qmp: 995, libvirt: 997 },
      told: 998,
      decided: 1_000,
      onWire: 1_001,
      barrier: null,
      verified: null,
      ...times,
    },
  }) as unknown as Failover;

describe("the time that nobody was served", () => {
  for (const [what, failovers, want] of [
    ["none", [], 0],
    ["until packets were seen to pass", [failover(500, { barrier: 1_002, verified: 1_020 })], 25],
    ["until the switch confirmed, where nobody looked", [failover(500, { barrier: 1_002 })], 7],
    ["until the record was closed, where no time is known", [failover(500, {}, 700)], 205],
    ["until now, while it goes on", [failover(500, {})], 505],
    ["two at once count once", [failover(500, { barrier: 1_100 }), failover(550, { barrier: 1_100 })], 155],
    ["one within another", [failover(500, { barrier: 1_300 }), failover(550, { barrier: 1_010 })], 305],
    ["what began before the period counts from its beginning", [failover(-50, { barrier: 1_060 })], 10],
    ["what is of another period does not", [failover(-500, { barrier: 1_060 }), failover(2_000, { barrier: 1_060 })], 0],
  ] as const)
    test(what, () => expect(outageMs(failovers, T0, T0 + 1_000)).toBe(want));
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

describe("counters of ports", () => {
  const vim = "vim" as VimAccountId;
  const cp = { id: "a-eth0", cpd: "eth0", net: "n", ip: null, isService: false };
  const vnfc = {
    id: "v" as VnfcId,
    name: "a",
    vdu: "u",
    vimAccountId: vim,
    serverId: "s" as ServerId,
    serverName: "a",
    cps: [cp],
  };
  const vnf = { id: "vnf", vnfcViews: [vnfc] } as unknown as NonNullable<MeasuredObject["vnf"]>;
  const object: MeasuredObject = { id: "vnf", nsId: "ns" as NsId, ns: { vnfs: [vnf] } as never, vnf, saps: [] };
  const reading = (bytesIn: number | null, portId = "p"): Reading => {
    const port = { portId: portId as VimPortId, name: "eth0", serverId: "s" as ServerId, netId: null, netName: null };
    const count = { ...port, bytesIn, bytesOut: 0, packetsIn: 0, packetsOut: 0 };
    return { at: "later", wallMs: T0, counts: new Map([[vim, countsOf(bytesIn === null ? [] : [count])]]) };
  };
  const metric = METRICS.filter((m) => m.name === "ByteIncomingVnfExtCp");
  const measured = { interface: "vnfpm", objectType: "VnfExtCp", objectIds: ["vnf"], subObjectIds: null } as const;
  const known = { isUp: () => true, failovers: [] };
  for (const [what, before, after, want] of [
    ["what they have grown by is told", reading(10), reading(17), [7]],
    ["nothing is told of one that counts less than before: it was made anew", reading(10), reading(3), []],
    ["nor of another port in its place", reading(10), reading(30, "q"), []],
    ["nor where the VIM did not answer at one of both ends", reading(null), reading(30), []],
  ] as const)
    test(what, () => expect(measure(measured, metric, [object], [before, after], known).map((v) => v.value)).toEqual(want));
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
    const report = (taskId: string, n: number) => ({
      id: `${taskId}${n}`,
      taskId,
      readyAt: `2026-01-0${n}`,
      collections: 1,
      values: [],
    });
    await writePmReport(db, report("b", 1), 3);
    for (const n of [1, 2, 3, 4, 5]) await writePmReport(db, report("a", n), 3);
    await writePmReport(db, { ...report("a", 6), readyAt: null }, 3);
    await writePmReport(db, report("gone", 1), 3);
    const there = async () => (await readReadyPmReports(db, null)).map((r) => r.id).sort();
    expect(await there()).toEqual(["a3", "a4", "a5", "b1"]);
    await tasks.delete("a");
    expect(await there()).toEqual(["b1"]);
    await writePmReport(db, report("a", 7), 3);
    expect(await there()).toEqual(["b1"]);
  });
});
