import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import { FailoverBook } from "../../src/mano/failover-book.ts";
import { Fences } from "../../src/mano/fences.ts";
import { Guard } from "../../src/mano/guard.ts";
import { Healer } from "../../src/mano/healer.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VnfcId } from "../../src/model/ids.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { Move, ProtectionGroup } from "../../src/model/protection.ts";
import { EventStream } from "../../src/notify/stream.ts";
import { readActiveAlarms, readFailovers } from "../../src/store/mano-records.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { ServerSpec, VimConnector, VimServer } from "../../src/vimconn/connector.ts";

/** A clock that stands still until it is moved: waits of half a minute take no time. */
class ManualClock implements Clock {
  ms = 1000;
  now = () => this.ms;
  wall = () => new Date(1_700_000_000_000 + this.ms);
  sleep = () => Promise.resolve();
}

let clock: ManualClock;
let db: ManoStore;
let stream: EventStream;
let writes: WriteQueue;
let alarms: AlarmBook;
const told: ManoEvent[] = [];

beforeAll(async () => {
  clock = new ManualClock();
  db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: new URL("../../sql/mano", import.meta.url).pathname });
  writes = new WriteQueue(db, silent);
  stream = new EventStream(writes, clock, 0);
  alarms = await AlarmBook.open(db, stream, writes, clock);
  stream.subscribe((e) => told.push(e));
});
afterAll(() => db.destroy());

const causes = async () => {
  await writes.flush();
  return (await readActiveAlarms(db)).map((a) => `${a.probableCause} ${a.managedObjectId}`);
};

describe("healing", () => {
  const vnfc = "v" as VnfcId;
  const spec = { id: "s" as ServerId, name: "ns-v" } as ServerSpec;
  const stopped = { id: spec.id, status: "INACTIVE", lastError: null } as VimServer;
  const asked: string[] = [];
  const connector = {
    startServer: async () => void asked.push("start"),
    resumeServer: async () => void asked.push("resume"),
    rebootServer: async () => void asked.push("reboot"),
    ensureServer: async () => void asked.push("create"),
  } as Partial<VimConnector> as VimConnector;
  const signal = AbortSignal.timeout(60_000);

  test("one try each five seconds, five tries, then an alarm, and anew once it was up", async () => {
    const healer = new Healer(clock, silent, stream, alarms);
    for (let ms = 0; ms < 40_000; ms += 500) {
      clock.ms += 500;
      await healer.heal(connector, vnfc, spec, { server: stopped, isFenced: false }, signal);
    }
    expect(asked).toEqual(Array(5).fill("start"));
    expect(await causes()).toEqual(["HEAL_GAVE_UP v"]);
    healer.isUp(vnfc);
    const paused = { ...stopped, status: "PAUSED" } as const;
    expect(await healer.heal(connector, vnfc, spec, { server: paused, isFenced: false }, signal)).toBe(1_000); // Its traffic comes first.
    expect(asked).toHaveLength(5);
    clock.ms += 1_000;
    await healer.heal(connector, vnfc, spec, { server: paused, isFenced: false }, signal);
    expect(asked.slice(5)).toEqual(["resume"]);
    expect(await causes()).toEqual([]);
    expect(told.filter((e) => e.type === "heal.started")).toHaveLength(6);
  });

  test.for([
    ["ACTIVE", []],
    ["CREATING", []],
    ["PAUSED", ["resume"]],
    ["INACTIVE", ["start"]],
    ["ERROR", ["start"]],
    [undefined, ["create"]],
    ["PAUSED", ["reboot"], true],
    ["ACTIVE", ["reboot"], true],
    ["INACTIVE", ["start"], true],
  ] as const)("a server that is %s: %j (fenced: %s)", async ([status, want, isFenced = false]) => {
    asked.length = 0;
    const seen = status === undefined ? undefined : { ...stopped, status };
    const healer = new Healer(clock, silent, stream, alarms);
    await healer.heal(connector, vnfc, spec, { server: seen, isFenced }, signal);
    clock.ms += 1_000;
    await healer.heal(connector, vnfc, spec, { server: seen, isFenced }, signal);
    expect(asked).toEqual(want);
  });
});

const [a, b] = ["a", "b"] as VnfcId[] as [VnfcId, VnfcId];
const net = "t0" as NetId;
const member = (vnfcId: VnfcId) => ({
  vnfcId,
  name: vnfcId,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${vnfcId}` as NetId,
  capacity: null,
});
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_ACTIVE",
  members: [member(a), member(b)],
  trafficNets: [{ netId: net, name: "t0", normal: a }],
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null },
};
const servers = new Map([
  [a, "sa" as ServerId],
  [b, "sb" as ServerId],
]);

describe("a member that has not answered since its link came back", () => {
  const fenced: string[] = [];
  const connector = { fence: async (_, member) => void fenced.push(member) } as Partial<VimConnector> as VimConnector;
  const still = Object.assign(new ManualClock(), { sleep: () => new Promise<void>(() => {}) });

  test.for([
    ["serves, and somebody can take over", a, true, ["a"]],
    ["serves, and nobody can", a, false, []],
    ["serves nothing", b, true, []],
  ] as const)("%s", ([, serving, isTwinUp, want]) => {
    fenced.length = 0;
    const fences = new Fences(still, silent, () => connector);
    const guard = new Guard(group, servers);
    const hear = (of: VnfcId, says: Evidence["says"]) => {
      const port = says === "answers";
      const about = port ? { kind: "port", id: `p-${of}` } : { kind: "server", id: servers.get(of)! };
      guard.hear(guard.memberOf(of)!, { about, says, source: port ? "arp" : "libvirt", seenAt: still.ms } as Evidence);
    };
    for (const vnfc of [a, b]) hear(vnfc, "running");
    if (isTwinUp) hear(b, "answers");
    guard.bindSeen(net, `d-${serving}` as NetId, still.ms);
    guard.judgeAll(still.ms);
    still.ms += 59_999;
    fences.look(guard);
    expect(fenced).toEqual([]);
    still.ms += 1;
    fences.look(guard);
    expect(fenced).toEqual(want);
  });
});

describe("a failover that is not confirmed", () => {
  const move: Move = { trafficNet: net, from: a, to: b, kind: "failover" };
  const decision = { moves: [move], heal: [], unprotected: [], because: ["a is down"], command: null, againAt: null };
  test("is stuck with an alarm after 30 s, is tried into the same record, and closes when it reads back", async () => {
    const guard = new Guard(group, servers);
    guard.bindSeen(net, "d-a" as NetId, clock.ms);
    const book = new FailoverBook(clock, stream, writes, alarms);
    const attempt = (done: Promise<never> | Promise<{ pending: false; onWireMs: number; barrierMs: number }>) => {
      done.catch(() => {});
      book.record(guard, decision, [{ move, done }], "push", { told: 1, decided: 2 });
      return new Promise((r) => setImmediate(r));
    };
    await attempt(Promise.reject(new Error("the VIM died")));
    clock.ms += 29_000;
    book.tellStuck();
    expect(await causes()).toEqual([]);
    clock.ms += 2_000;
    book.tellStuck();
    expect(await causes()).toEqual(["FAILOVER_STUCK g"]);

    await attempt(Promise.resolve({ pending: false, onWireMs: clock.ms, barrierMs: clock.ms + 1 }));
    guard.bindSeen(net, "d-b" as NetId, clock.ms);
    book.settle(guard, { ...decision, moves: [] }, clock.ms); // Read before the answer came: proves nothing.
    await writes.flush();
    expect((await readFailovers(db, 10)).map((f) => f.state)).toEqual(["stuck"]);
    clock.ms += 1;
    book.settle(guard, { ...decision, moves: [] }, clock.ms);
    await writes.flush();
    expect(await readFailovers(db, 10)).toMatchObject([
      { state: "closed", moves: [move], times: { told: 1, decided: 2, barrier: clock.ms } },
    ]);
    expect(await causes()).toEqual([]);
  });

  test("is closed as overtaken when traffic is led otherwise and that is right", async () => {
    const guard = new Guard(group, servers);
    const book = new FailoverBook(clock, stream, writes, alarms);
    book.record(guard, decision, [{ move, done: Promise.resolve({ pending: true }) }], "push", { told: 1, decided: 2 });
    await new Promise((r) => setImmediate(r));
    clock.ms += 10;
    guard.bindSeen(net, "d-b" as NetId, clock.ms);
    expect(book.pendingMoves(guard)).toEqual([move]);
    guard.bindSeen(net, "d-a" as NetId, clock.ms);
    book.settle(guard, { ...decision, moves: [] }, clock.ms);
    await writes.flush();
    const [newest] = await readFailovers(db, 1);
    expect(newest).toMatchObject({ state: "closed", because: ["a is down", expect.stringMatching(/^overtaken/)] });
  });
});
