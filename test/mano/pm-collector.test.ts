import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { Seal } from "../../src/lib/seal.ts";
import type { MeasuredObject } from "../../src/mano/measuring.ts";
import { Performance } from "../../src/mano/performance.ts";
import { PmCollector, type PmSources } from "../../src/mano/pm-collector.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { NsId, ServerId, VimAccountId, VimPortId } from "../../src/model/ids.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { PmTask, PmWish } from "../../src/model/measurement.ts";
import type { PortCount } from "../../src/model/port-count.ts";
import type { ServerUsage } from "../../src/model/server-usage.ts";
import { CallbackPolicy } from "../../src/notify/callback-policy.ts";
import { EventStream } from "../../src/notify/stream.ts";
import { pmTasksIn, readPmReport, readReadyPmReports } from "../../src/store/mano-performance.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { Receiver } from "../harness/receiver.ts";
import { until } from "./rig.ts";

const T0 = Date.parse("2026-01-01T00:00:00Z");

/** Stands still until it is moved. */
class ManualClock implements Clock {
  ms = 1_000;
  /** How far the wall clock was set. */
  setMs = 0;
  readonly sleepers = new Set<{ readonly atMs: number; wake(): void }>();
  now = () => this.ms;
  wall = () => new Date(T0 + this.ms + this.setMs);
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((wake, abort) => {
      const sleeper = { atMs: this.ms + ms, wake };
      this.sleepers.add(sleeper);
      const end = () => {
        this.sleepers.delete(sleeper);
        abort(new Error("aborted"));
      };
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end, { once: true });
    });
  }
  move(ms: number): void {
    this.ms += ms;
    for (const one of this.sleepers) {
      if (one.atMs > this.ms) continue;
      this.sleepers.delete(one);
      one.wake();
    }
  }
}

/** A VNF by this id with one VNFC by the same id, in a VIM by the same id. */
const objectOf = (id: string): MeasuredObject => {
  const cps = [{ id: "cp", cpd: "eth0", net: "n", ip: null, isService: false }];
  const vnfc = { id, name: id, vdu: "u", vimAccountId: id, serverId: id, serverName: id, cps };
  const vnf = { id, vnfcViews: [vnfc] } as unknown as NonNullable<MeasuredObject["vnf"]>;
  return { id, nsId: "ns" as NsId, ns: { vnfs: [vnf] } as never, vnf, saps: [], groups: [] };
};

let db: Store<ManoTables>;
let sources: PmSources;
const carriedIn = new Map<string, number>();
/** Of VIMs that do not answer. */
let answers = new Map<string, Promise<null>>();
let broken = new Set<string>();

const countsOf = (vim: VimAccountId): PortCount[] => {
  const carried = (carriedIn.get(vim) ?? 0) + 10;
  carriedIn.set(vim, carried);
  const port = { portId: `p-${vim}` as VimPortId, name: "eth0", serverId: vim as string as ServerId, netId: null, netName: null };
  return [{ ...port, bytesIn: carried, bytesOut: carried, packetsIn: carried, packetsOut: carried }];
};

/** When each VIM was asked for it. */
const usageAsked: string[] = [];
/** Which part of the time since the last look the CPU of a VNFC was used, in percent, look by look; 10 where there is none. */
const busy: number[] = [];
let usage = { cpuMs: 0, readMs: 0 };
let nowMs = () => 0;
const usageOf = (vim: VimAccountId): ServerUsage[] => {
  const readMs = nowMs();
  usage = { cpuMs: usage.cpuMs + ((readMs - usage.readMs) * (busy.shift() ?? 10)) / 100, readMs };
  return [{ serverId: vim as string as ServerId, name: vim, run: "1", vcpus: 1, memoryMiB: 100, residentMiB: 25, ...usage }];
};

beforeAll(async () => {
  db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: new URL("../../sql/mano", import.meta.url).pathname });
  sources = {
    finder: () => (_of, id) => {
      if (broken.has(id)) throw new Error("a bug");
      return objectOf(id);
    },
    portCounts: async (vim) => answers.get(vim) ?? countsOf(vim),
    serverUsage: async (vim) => {
      usageAsked.push(vim);
      return answers.get(`usage ${vim}`) ?? usageOf(vim);
    },
    health: () => () => true,
    failovers: async () => [],
    serviceDowns: async () => [],
  };
});
afterAll(() => db.destroy());

const wishOf = (objectIds: readonly string[], more: object = {}): PmWish => ({
  kind: "job",
  interface: "vnfpm",
  objectType: "VnfIntCp",
  objectIds,
  subObjectIds: null,
  metrics: ["ByteIncomingVnfIntCp"],
  groups: [],
  collectionS: 1,
  reportingS: 2,
  until: null,
  ...more,
});

describe("by a clock that is moved", () => {
  let clock: ManualClock;
  let tasks: PmTask[];
  let collector: PmCollector;
  let writes: WriteQueue;
  let events: ManoEvent[];

  const start = async (of: readonly PmTask[]) => {
    clock = new ManualClock();
    nowMs = () => clock.ms;
    usageAsked.length = 0;
    usage = { cpuMs: 0, readMs: clock.ms };
    answers = new Map();
    broken = new Set();
    events = [];
    tasks = [...of];
    writes = new WriteQueue(db, silent, clock, undefined, { table: "pm_journal", waitingMax: 10 });
    const stream = new EventStream(writes, clock, 0);
    stream.subscribe((e) => events.push(e));
    await db.deleteFrom("pm_journal").execute();
    for (const { id } of tasks) {
      const row = { id, tenant_id: null, callback: "", filter_json: "", sealed: null, cursor: 0, created_at: "" };
      await pmTasksIn(db).save(row);
    }
    await go(stream);
  };
  const go = async (stream = new EventStream(writes, clock, 1)) => {
    collector = new PmCollector({ ...sources, db, stream, writes, clock, log: silent, thresholdEveryMs: 1_000 }, () => tasks);
    collector.look(); // As a request does that comes before it has begun.
    await collector.start();
    await rests();
  };
  /** It has measured what was due, and waits. */
  const rests = () => until("it rests", () => clock.sleepers.size === 1);
  const pass = async (ms: number) => {
    clock.move(ms);
    await rests();
    await writes.flush();
  };
  const taskOf = (id: string, objectIds: readonly string[], more: object = {}): PmTask =>
    ({ ...wishOf(objectIds, more), id, owner: null, callbackUri: "", createdAt: "", apiRoot: "" }) as unknown as PmTask;
  const valuesOf = async (taskId: string) => {
    const reports = await readReadyPmReports(db, [taskId]);
    return Promise.all(reports.reverse().map(async (r) => (await readPmReport(db, r.id))!.values.map((v) => v.value)));
  };

  test("a report is a row for each collection, and one event in a journal of its own however many its objects", async () => {
    await start([taskOf("t1", ["v1", "v2"])]);
    for (const _ of [1, 2]) await pass(1_000);
    expect(await valuesOf("t1")).toEqual([[10, 10, 10, 10]]);
    expect(events).toMatchObject([{ type: "pm.report", objectIds: ["v1", "v2"] }]);
    const count = async (table: "pm_collection" | "pm_journal" | "journal") =>
      (await db.selectFrom(table).selectAll().execute()).length;
    expect([await count("pm_collection"), await count("pm_journal"), await count("journal")]).toEqual([2, 1, 0]);
    await collector[Symbol.asyncDispose]();
  });

  test("a period that took too long, or in which the clock was set, has no value; and a report is there though it seems older", async () => {
    await start([taskOf("t2", ["v1"])]);
    for (const _ of [1, 2]) await pass(1_000);
    await pass(2_500);
    clock.setMs = -3_600_000;
    await pass(1_000);
    for (const _ of [1, 2]) await pass(1_000);
    expect(await valuesOf("t2")).toEqual([[10, 10], [], [10, 10]]);
    await collector[Symbol.asyncDispose]();
  });

  test("a VIM that hangs costs the others a part of one period, and nothing after it", async () => {
    await start([taskOf("t3", ["v1"]), taskOf("t4", ["v2"])]);
    answers.set("v1", new Promise(() => {}));
    clock.move(1_000);
    await until("it waits for both", () => [...clock.sleepers].some((s) => s.atMs === clock.ms + 500));
    await pass(500);
    await pass(1_000); // It waits no more: else it would not rest.
    expect(await valuesOf("t3")).toEqual([[]]);
    expect((await valuesOf("t4"))[0]!.length).toBeGreaterThan(0);
    answers.clear();
    await collector[Symbol.asyncDispose]();
  });

  const COMPUTE = { objectType: "Vnfc", metrics: [], groups: ["VirtualisedComputeResource"] };

  test("CPU and memory are looked at within a period too, so that a peak is found; what nobody asks for is not read", async () => {
    const carried = carriedIn.get("v1");
    await start([taskOf("u1", ["v1"], { ...COMPUTE, collectionS: 4, reportingS: 4 })]);
    expect([usageAsked, carriedIn.get("v1")]).toEqual([["v1"], carried]);
    busy.push(20, 80, 40, 20);
    for (const _ of [1, 2, 3, 4]) await pass(1_000);
    expect(usageAsked).toHaveLength(5);
    const names = ["VCpuUsageMeanVnf", "VCpuUsagePeakVnf", "VMemoryUsageMeanVnf", "VMemoryUsagePeakVnf"];
    const [report] = await readReadyPmReports(db, ["u1"]);
    const values = (await readPmReport(db, report!.id))!.values.map((v) => [v.subObjectId, v.metric, v.value]);
    expect(values).toEqual([40, 80, 25, 25].map((value, i) => ["v1", names[i], value]));
    for (const _ of [1, 2, 3, 4]) await pass(1_000); // The next period is for itself.
    expect((await valuesOf("u1"))[1]).toEqual([10, 10, 25, 25]);
    await collector[Symbol.asyncDispose]();
  });

  test("a mean of CPU time alone is in its counter: there are no looks in between", async () => {
    await start([taskOf("u2", ["v1"], { objectType: "Vnf", metrics: ["VCpuUsageMeanVnf"], collectionS: 4, reportingS: 4 })]);
    for (const _ of [1, 2]) await pass(4_000);
    expect([usageAsked.length, await valuesOf("u2")]).toEqual([3, [[10], [10]]]);
    await collector[Symbol.asyncDispose]();
  });

  test("a VIM that does not tell what servers take is asked for what ports carry all the same", async () => {
    await start([taskOf("u3", ["v1"], COMPUTE), taskOf("u4", ["v1"])]);
    answers.set("usage v1", new Promise(() => {}));
    clock.move(1_000);
    await until("it waits", () => [...clock.sleepers].some((s) => s.atMs === clock.ms + 500));
    await pass(500);
    await pass(1_000);
    expect(await valuesOf("u3")).toEqual([[]]);
    expect((await valuesOf("u4"))[0]!.length).toBeGreaterThan(0);
    answers.clear();
    await collector[Symbol.asyncDispose]();
  });

  test("one that cannot be measured is not the others' trouble, and its next period begins anew", async () => {
    await start([taskOf("t5", ["v1"]), taskOf("t6", ["v2"])]);
    broken.add("v1");
    await pass(1_000);
    broken.clear();
    for (const _ of [1, 2, 3]) await pass(1_000);
    expect(await valuesOf("t5")).toEqual([[10, 10]]);
    expect(await valuesOf("t6")).toEqual([
      [10, 10],
      [10, 10],
    ]);
    await collector[Symbol.asyncDispose]();
  });

  test("a report that an earlier run began goes on, though somebody asked for a look before it was read", async () => {
    await start([taskOf("t7", ["v1"], { reportingS: 3 })]);
    await pass(1_000);
    await collector[Symbol.asyncDispose]();
    await go();
    for (const _ of [1, 2]) await pass(1_000);
    expect(await valuesOf("t7")).toEqual([[10, 10, 10]]);
    await collector[Symbol.asyncDispose]();
  });
});

describe("jobs", () => {
  let performance: Performance;
  const log = silent;
  beforeAll(async () => {
    answers = new Map();
    broken = new Set();
    const clock = systemClock;
    for (const { id } of await pmTasksIn(db).read()) await pmTasksIn(db).delete(id);
    const writes = new WriteQueue(db, log, clock, undefined, { table: "pm_journal", waitingMax: 10 });
    const policy = new CallbackPolicy({ allow: [], secretsInClear: false, ownPorts: () => [], thisMachine: true });
    const notificationsOf = (_: PmTask, e: ManoEvent) => (e.type === "pm.report" ? e.objectIds.map((id) => ({ id })) : []);
    performance = await Performance.open({
      ...sources,
      db,
      stream: new EventStream(writes, clock, 1_000),
      writes,
      clock,
      log,
      policy,
      seal: Seal.open(null),
      notificationsOf,
      ourTls: null,
      thresholdEveryMs: 1_000,
    });
  });
  afterAll(() => performance[Symbol.asyncDispose]());

  const create = (receiver: Receiver, wish: PmWish, owner: string | null = null) =>
    performance.create({
      owner,
      callback: { url: receiver.url, auth: null, tls: null },
      wish,
      notifying: { apiRoot: "", isShownOurCertificate: false },
    });
  const many = (n: number) => Array.from({ length: n }, (_, i) => `v${i}`);

  test("no more is measured in a second than can be, over all of them, those that are asked for at once too", async () => {
    await using receiver = await Receiver.start();
    const asked = [1, 2, 3].map(() => create(receiver, wishOf(many(50))));
    const done = await Promise.allSettled(asked);
    const made = done.flatMap((d) => (d.status === "fulfilled" ? [d.value] : []));
    expect(made).toHaveLength(2);
    const refused = done.find((d) => d.status === "rejected")!;
    expect(refused.reason).toMatchObject({
      code: "NOT_SUPPORTED",
      detail: expect.stringMatching(/150 objects .* each second, and 100/),
    });
    await expect(create(receiver, wishOf(["v1"], { collectionS: 60, reportingS: 60 }))).rejects.toThrow(/101 objects/);
    for (const { id } of made) await performance.delete(id, null);
    const sampled = { objectType: "Vnf", metrics: ["VCpuUsagePeakVnf"], collectionS: 60, reportingS: 60 };
    const six = await Promise.all([1, 2, 3, 4, 5, 6].map(() => create(receiver, wishOf(many(90), sampled))));
    // Each is looked at ten times in its period: 15 objects each second.
    await expect(create(receiver, wishOf(many(90), sampled))).rejects.toThrow(/105 objects .* each second, and 100/);
    for (const { id } of six) await performance.delete(id, null);
    await expect(create(receiver, wishOf(many(51)), "a-tenant")).rejects.toThrow(/51 objects .* 50 can be, .* of this tenant/);
    const long = wishOf(many(100), { collectionS: 10, reportingS: 210 });
    await expect(create(receiver, long)).rejects.toThrow(
      /one report would have 2100 collections of an object, and can have 2000/,
    );
  });

  test("each object's notification is sent once, also where one among them is refused at first", async () => {
    await using receiver = await Receiver.start();
    let refusals = 1;
    receiver.reply = ({ method, text }) => {
      if (method !== "POST" || JSON.parse(text).id !== "v1") return { status: 204 };
      return { status: refusals-- > 0 ? 503 : 204 };
    };
    await performance.start();
    const { id } = await create(receiver, wishOf(many(3), { reportingS: 1 }));
    const told = () => receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text).id);
    await until("told of all", () => told().includes("v2"));
    expect(told().slice(0, 4)).toEqual(["v0", "v1", "v1", "v2"]);
    await performance.delete(id, null);
  });
});
