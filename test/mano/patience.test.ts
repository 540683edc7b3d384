import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import { FailoverBook } from "../../src/mano/failover-book.ts";
import { Fences } from "../../src/mano/fences.ts";
import { Guard } from "../../src/mano/guard.ts";
import { Healer, type Patient } from "../../src/mano/healer.ts";
import { IncidentBook } from "../../src/mano/incidents.ts";
import { RootCauses } from "../../src/mano/roots.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { VimAccount } from "../../src/model/ns.ts";
import type { Move, ProtectionGroup } from "../../src/model/protection.ts";
import { EventStream } from "../../src/notify/stream.ts";
import { readActiveAlarms, readFailovers } from "../../src/store/mano-records.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { ServerSpec, VimConnector, VimLinkPort, VimServer } from "../../src/vimconn/connector.ts";

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
  writes = new WriteQueue(db, silent, clock);
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
  const vnfcId = "v" as VnfcId;
  const spec = { id: "s" as ServerId, name: "ns-v" } as ServerSpec;
  const stopped = { id: spec.id, status: "INACTIVE", lastError: "no memory", hostId: "h1", hostState: "up" } as VimServer;
  const asked: string[] = [];
  const ask = (verb: string) => async () => void asked.push(verb);
  const connector = {
    startServer: ask("start"),
    resumeServer: ask("resume"),
    rebootServer: ask("reboot"),
    rebuildServer: ask("rebuild"),
    ensureServers: ask("create"),
    fence: ask("fence"),
    evacuateServer: async () => {
      asked.push("evacuate");
      throw new Fault("VIM_REFUSED", "No room at data center");
    },
  } as Partial<VimConnector> as VimConnector;
  const { signal } = new AbortController();
  const down = { state: "down", sinceMs: 0, seenBy: [], why: "killed" } as const;
  const patient = (more: Partial<Patient> = {}): Patient => ({
    vnfcId,
    groupId: "g" as GroupId,
    spec,
    server: stopped,
    port: undefined,
    health: down,
    isFenced: false,
    connector,
    mayTouch: () => true,
    ...more,
  });
  const healerNow = () => new Healer({ db, clock, log: silent, stream, alarms, writes });
  const pass = async (healer: Healer, ms: number, more: Partial<Patient> = {}) => {
    for (const endMs = clock.ms + ms; clock.ms < endMs; clock.ms += 500) await healer.heal(patient(more), signal);
  };

  test("it goes up the ladder with rests in between, gives up with an alarm that says what was tried, and begins anew once it was up", async () => {
    const healer = healerNow();
    await pass(healer, 1_000);
    expect(asked).toEqual([]); // Its traffic comes first.
    expect(healer.viewOf(vnfcId, "v")).toMatchObject({ state: "waiting", tries: [], triesMax: 5, words: "try 1 of 5 in 0.0 s" });
    await pass(healer, 500);
    expect(asked).toEqual(["start"]);
    expect(healer.viewOf(vnfcId, "v")).toMatchObject({
      state: "underWay",
      words: expect.stringMatching(/^start its server: the VIM has/),
    });
    await pass(healer, 60_000);
    expect(asked).toEqual(["start", "start", "rebuild", "evacuate", "rebuild"]);
    expect(await causes()).toEqual(["HEAL_GAVE_UP v"]);
    expect(healer.viewOf(vnfcId, "v")).toMatchObject({
      state: "gaveUp",
      words: "it did not come back after 5 tries: restart, restart, rebuild, otherHost, rebuild",
      tries: [
        { rung: "restart", failure: "failed", outcome: "start its server: the VIM has its server INACTIVE: no memory" },
        { rung: "restart", because: "it is down again after a restart" },
        { rung: "rebuild", because: "restarts did not help" },
        { rung: "otherHost", failure: "refused", outcome: expect.stringMatching(/^evacuate its server: .*No room/) },
        { rung: "rebuild", because: "no other host takes it" },
      ],
    });
    expect(told.flatMap((e) => (e.type === "heal.started" ? [[e.rung, e.try]] : []))).toEqual([
      ["restart", 1],
      ["restart", 2],
      ["rebuild", 3],
      ["otherHost", 4],
      ["rebuild", 5],
    ]);
    expect(told.filter((e) => e.type === "heal.ended")).toHaveLength(5);
    await writes.flush();

    const next = healerNow(); // After a restart it does not begin to count anew.
    await next.load();
    await pass(next, 20_000);
    expect(asked).toHaveLength(5);
    next.isUp(vnfcId);
    expect(await causes()).toEqual([]);
    expect(next.viewOf(vnfcId, "v")).toBe(null);
    await pass(next, 2_000, { server: { ...stopped, status: "PAUSED" } });
    expect(asked.slice(5)).toEqual(["resume"]);
    next.isUp(vnfcId);
    expect(told.at(-1)).toMatchObject({ type: "heal.ended", ok: true, rung: "restart", try: 1 });
    await writes.flush();
    expect(await db.selectFrom("saga").selectAll().execute()).toEqual([]);
    expect(await db.selectFrom("heal_course").selectAll().execute()).toEqual([]);
  });

  test("a host that does not answer is left at once, and what was tried on it counts no more when it is back", async () => {
    asked.length = 0;
    const healer = healerNow();
    const lost = { ...stopped, status: "ACTIVE", hostState: "unreachable" } as VimServer;
    await pass(healer, 60_000, { server: lost });
    expect(asked).toEqual(Array(5).fill("evacuate"));
    expect(await causes()).toEqual(["HEAL_GAVE_UP v"]);
    await pass(healer, 6_000);
    expect(asked.slice(5)).toEqual(["start"]);
    healer.isUp(vnfcId);
    expect(await causes()).toEqual([]);
  });

  test("a run that is killed in the middle of a heal is followed by one that goes on with it", async () => {
    asked.length = 0;
    const fenced = {
      server: { ...stopped, status: "PAUSED" } as VimServer,
      isFenced: true,
      port: { fenced: false } as VimLinkPort,
    };
    await pass(healerNow(), 1_500, fenced);
    expect(asked).toEqual(["fence"]);
    const next = healerNow();
    await next.load();
    expect(next.isUnderWay(vnfcId)).toBe(true);
    await pass(next, 500, { ...fenced, port: { fenced: true } as VimLinkPort });
    expect(asked).toEqual(["fence", "reboot"]);
    expect(next.viewOf(vnfcId, "v")?.tries).toMatchObject([{ rung: "restart", endedAt: null }]);
    next.isUp(vnfcId);
    await writes.flush();
  });

  test("one that runs and only has its cable out is left alone", async () => {
    asked.length = 0;
    await pass(healerNow(), 10_000, { server: { ...stopped, status: "ACTIVE" } });
    expect(asked).toEqual([]);
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
  standby: "hot" as const,
});
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_ACTIVE",
  members: [member(a), member(b)],
  trafficNets: [{ netId: net, name: "t0", normal: a }],
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null, guestHeartbeat: null, traffic: null },
};
const servers = new Map([
  [a, "sa" as ServerId],
  [b, "sb" as ServerId],
]);

const fencesBy = (by: Clock, connector: VimConnector) =>
  new Fences({
    clock: by,
    log: silent,
    connectorOf: () => connector,
    suspended: () => new Map(),
    isGivenUp: () => false,
    isBeingHealed: () => false,
  });

test("a member that packets go to and none comes from, which its VIM has not fenced, is fenced a second after that was told", () => {
  const fenced: string[] = [];
  const connector = { fence: async (_, member) => void fenced.push(member) } as Partial<VimConnector> as VimConnector;
  const still = Object.assign(new ManualClock(), { sleep: () => new Promise<void>(() => {}) });
  const fences = fencesBy(still, connector);
  const guard = new Guard(group, servers);
  for (const vnfc of [a, b]) {
    const of = guard.memberOf(vnfc)!;
    const port = { kind: "port", id: `p-${vnfc}` as VimPortId } as const;
    guard.hear(of, { about: { kind: "server", id: of.serverId }, says: "running", source: "qmp", seenAt: still.ms });
    guard.hear(of, { about: port, says: "answers", source: "probe", seenAt: still.ms });
    if (vnfc === a) guard.hear(of, { about: port, says: "silent", source: "traffic", seenAt: still.ms });
  }
  still.ms += 5_000; // The stream had stood still: it may be over by now, and the VIM has the time to say so.
  const toldMs = still.ms;
  guard.bindSeen(net, "d-a" as NetId, still.ms);
  for (const [atMs, want] of [
    [0, []],
    [999, []],
    [1_000, [a]],
  ] as const) {
    still.ms = toldMs + atMs;
    guard.judgeAll(still.ms);
    fences.look(guard);
    expect(fenced).toEqual(want);
  }
});

test("a group that is no more is not looked at again, whatever is answered to a fence that was under way", async () => {
  let asked = 0;
  const waits: (() => void)[] = [];
  const connector = {
    fence: async () => {
      asked++;
      throw new Fault("NOT_FOUND", "there is no such protection");
    },
  } as Partial<VimConnector> as VimConnector;
  const still = Object.assign(new ManualClock(), { sleep: () => new Promise<void>((wake) => void waits.push(wake)) });
  const fences = fencesBy(still, connector);
  const guard = new Guard(group, servers);
  for (const vnfc of [a, b]) {
    const of = guard.memberOf(vnfc)!;
    const port = { kind: "port", id: `p-${vnfc}` as VimPortId } as const;
    guard.hear(of, { about: { kind: "server", id: of.serverId }, says: "running", source: "qmp", seenAt: still.ms });
    guard.hear(of, { about: port, says: "answers", source: "probe", seenAt: still.ms });
    if (vnfc === a) guard.hear(of, { about: port, says: "silent", source: "traffic", seenAt: still.ms });
  }
  still.ms += 5_000;
  guard.bindSeen(net, "d-a" as NetId, still.ms);
  guard.judgeAll(still.ms);
  still.ms += 1_000;
  const look = async () => {
    fences.look(guard);
    await new Promise((r) => setImmediate(r));
    still.ms += 5_000;
    for (const wake of waits.splice(0)) wake();
    await new Promise((r) => setImmediate(r));
  };
  await look();
  expect(asked).toBe(2); // Refused, and asked again a moment later.
  fences.forget(guard);
  await look();
  expect(asked).toBe(2);
});

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
    const fences = fencesBy(still, connector);
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

describe("nobody that is up is left, and b was closed for its silence", () => {
  const asked: string[] = [];
  const connector = {
    fence: async (_, member, __, options) =>
      void asked.push(`fence ${member}${options?.unlessLast ? " unless it is the last" : ""}`),
    liftFence: async (_, member) => void asked.push(`open ${member}`),
  } as Partial<VimConnector> as VimConnector;
  const still = Object.assign(new ManualClock(), { sleep: () => new Promise<void>(() => {}) });

  test("b is opened when it answers again and a is silent; a is fenced once b has proven itself", () => {
    asked.length = 0;
    const fences = fencesBy(still, connector);
    const probed = {
      ...group.policy,
      probe: { intervalMs: 10, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null },
    };
    const guard = new Guard({ ...group, policy: probed }, servers);
    const says = (of: VnfcId, what: Evidence["says"], source: Evidence["source"]) => {
      const port = source !== "qmp";
      const about = port ? { kind: "port", id: `p-${of}` } : { kind: "server", id: servers.get(of)! };
      still.ms += 1;
      guard.hear(guard.memberOf(of)!, { about, says: what, source, seenAt: still.ms } as Evidence);
    };
    const look = () => {
      guard.judgeAll(still.ms);
      fences.look(guard);
    };
    for (const vnfc of [a, b]) says(vnfc, "running", "qmp");
    for (const vnfc of [a, b]) says(vnfc, "answers", "arpProbe");
    guard.bindSeen(net, "d-a" as NetId, still.ms);
    says(b, "silent", "probe");
    says(b, "fenced", "fence");
    says(b, "answers", "probe");
    look();
    expect(asked, "a serves").toEqual([]);
    says(a, "silent", "probe");
    look();
    look();
    expect(asked).toEqual(["open b"]);
    says(b, "linkUp", "fence");
    const believedMs = still.ms;
    says(b, "answers", "arpProbe");
    still.ms = believedMs + 1_999;
    look();
    expect(asked).toHaveLength(1);
    still.ms = believedMs + 2_000;
    look();
    expect(asked).toEqual(["open b", "fence a unless it is the last"]);
  });
});

test.each([
  ["probe", "after ten seconds whoever is up takes over, however short he is"],
  ["guestHeartbeat", "it answers, so it keeps what it serves until somebody has proven himself"],
] as const)("a member's %s stays silent and its twin comes and goes: %s", (silent, _what) => {
  const asked: string[] = [];
  const connector = {
    fence: async (_, member, __, options) =>
      void asked.push(`fence ${member}${options?.unlessLast ? " unless it is the last" : ""}`),
  } as Partial<VimConnector> as VimConnector;
  const still = Object.assign(new ManualClock(), { sleep: () => new Promise<void>(() => {}) });
  const fences = fencesBy(still, connector);
  const probe = { intervalMs: 10, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null };
  const guestHeartbeat = { intervalMs: 10, misses: 3, of: 3 };
  const guard = new Guard({ ...group, policy: { ...group.policy, probe, guestHeartbeat } }, servers);
  const says = (of: VnfcId, what: Evidence["says"], source: Evidence["source"]) => {
    const about =
      source === "qmp" || source === "guestHeartbeat"
        ? { kind: "server", id: servers.get(of)! }
        : { kind: "port", id: `p-${of}` };
    guard.hear(guard.memberOf(of)!, { about, says: what, source, seenAt: still.ms } as Evidence);
    guard.judgeAll(still.ms);
    fences.look(guard);
  };
  for (const vnfc of [a, b]) says(vnfc, "running", "qmp");
  for (const vnfc of [a, b]) says(vnfc, "answers", "arpProbe");
  guard.bindSeen(net, "d-a" as NetId, still.ms);
  still.ms += 1;
  says(a, "silent", silent);
  const silentMs = still.ms;
  while (still.ms < silentMs + 9_500) {
    says(b, "silent", "probe");
    still.ms += 500;
    says(b, "answers", "probe");
    expect(asked, `${still.ms - silentMs} ms`).toEqual([]);
    still.ms += 500;
  }
  still.ms = silentMs + 10_000;
  says(b, "silent", "probe");
  expect(asked, "nobody is up in this moment").toEqual([]);
  still.ms += 1;
  says(b, "answers", "probe");
  expect(asked).toEqual(silent === "probe" ? ["fence a unless it is the last"] : []);
});

test("a VIM that does not answer explains what follows from it, and no member that is down by itself", async () => {
  const roots = new RootCauses(
    clock,
    alarms,
    new FailoverBook(clock, stream, writes, alarms),
    new IncidentBook(clock, stream, writes),
  );
  const account = { id: "v" as VimAccountId, name: "north" } as VimAccount;
  const guard = new Guard({ ...group, id: "gv" as GroupId }, servers);
  guard.judgeAll(clock.ms);
  await alarms.raise("v", "VIM_UNREACHABLE", ["it does not answer"]);
  await alarms.raise("gv", "REDUNDANCY_LOST", ["a is unknown"]);
  const root = alarms.idOf("v", "VIM_UNREACHABLE");
  const explainedBy = () => alarms.active.find((al) => al.managedObjectId === "gv")?.correlatedAlarmIds;
  guard.hear(guard.memberOf(a)!, {
    about: { kind: "server", id: "sa" as ServerId },
    says: "stopped",
    source: "qmp",
    seenAt: clock.ms,
  });
  guard.judgeAll(clock.ms);
  roots.unreachable(account, [guard]);
  expect(explainedBy(), "a has ended, and that was seen").toBeUndefined();
  guard.hear(guard.memberOf(a)!, {
    about: { kind: "server", id: "sa" as ServerId },
    says: "running",
    source: "qmp",
    seenAt: clock.ms + 1,
  });
  guard.judgeAll(clock.ms + 1);
  roots.unreachable({ ...account, id: "other" as VimAccountId }, [guard]);
  expect(explainedBy(), "its members are in another VIM").toBeUndefined();
  roots.unreachable(account, [guard]);
  expect(explainedBy()).toEqual([root]);
  expect(alarms.active.find((al) => al.managedObjectId === "gv")).toMatchObject({ isRootCause: false });
  alarms.clearAllOf(["gv", "v"]);
});

describe("a failover that is not confirmed", () => {
  const move: Move = { trafficNet: net, from: a, to: b, kind: "failover" };
  const decision = {
    moves: [move],
    heal: [],
    wake: [],
    rest: [],
    unprotected: [],
    because: ["a is down"],
    command: null,
    againAt: null,
  };
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

  test.each([
    ["push", 11_000, "the stream stood still"],
    ["restart", 3_600_000, "found after a restart, and told an hour later"],
  ] as const)("decided by %s: a plan of its VIM that is told %i ms later is of the same fault (%s)", async (mode, lateMs, _) => {
    const had = new Set((await readFailovers(db, 100)).map((f) => f.id));
    const made = async () => (await readFailovers(db, 100)).filter((f) => !had.has(f.id));
    const guard = new Guard(group, servers);
    const book = new FailoverBook(clock, stream, writes, alarms);
    const firedAt = clock.ms;
    const done = Promise.resolve({ pending: false, onWireMs: clock.ms, barrierMs: clock.ms } as const);
    book.record(guard, decision, [{ move, done }], mode, { told: clock.ms, decided: clock.ms });
    await new Promise((r) => setImmediate(r));
    clock.ms += 5_000;
    guard.bindSeen(net, "d-b" as NetId, clock.ms);
    book.settle(guard, { ...decision, moves: [] }, clock.ms);
    clock.ms += lateMs;
    const fired = { protectionId: group.id, revision: 1, failed: a, moves: [{ trafficNet: net, to: b }], because: [], firedAt };
    book.fired(guard, { ...fired, onWireAt: firedAt, barrierAt: null }, clock.ms);
    await writes.flush();
    expect(await made()).toMatchObject([{ state: "closed", mode: "armed" }]);
    book.isUp(guard, a);
    book.fired(guard, { ...fired, firedAt: clock.ms, onWireAt: clock.ms, barrierAt: null }, clock.ms); // Another fault.
    await writes.flush();
    expect(await made()).toHaveLength(2);
  });

  test("one outage is one record: what was closed opens again while its member is not up, and not after", async () => {
    const had = new Set((await readFailovers(db, 100)).map((f) => f.id));
    const made = async () => (await readFailovers(db, 100)).filter((f) => !had.has(f.id));
    const guard = new Guard(group, servers);
    const book = new FailoverBook(clock, stream, writes, alarms);
    const failOver = async () => {
      const done = Promise.resolve({ pending: false, onWireMs: clock.ms, barrierMs: clock.ms } as const);
      book.record(guard, decision, [{ move, done }], "push", { told: clock.ms, decided: clock.ms });
      await new Promise((r) => setImmediate(r));
      clock.ms += 1_000;
      guard.bindSeen(net, "d-b" as NetId, clock.ms);
      book.settle(guard, { ...decision, moves: [] }, clock.ms);
      await writes.flush();
    };
    await failOver();
    await failOver(); // An operator had led it back meanwhile.
    const words = ["a is down", expect.stringMatching(/^not verified by packets/)];
    expect(await made()).toMatchObject([{ state: "closed", because: [...words, ...words] }]);
    book.isUp(guard, a);
    await failOver();
    expect(await made()).toHaveLength(2);
  });

  test("our request fails where the VIM has carried out the same: it is asked for again, and not waited for", async () => {
    const guard = new Guard(group, servers);
    const book = new FailoverBook(clock, stream, writes, alarms);
    const done = Promise.reject(new Error("the VIM could not store it"));
    done.catch(() => {});
    guard.bindSeen(net, "d-b" as NetId, clock.ms);
    book.record(guard, decision, [{ move, done }], "push", { told: clock.ms, decided: clock.ms });
    const moves = [{ trafficNet: net, to: b }];
    const fired = { protectionId: group.id, revision: 1, failed: a, moves, because: [], firedAt: clock.ms };
    book.fired(guard, { ...fired, onWireAt: clock.ms, barrierAt: null }, clock.ms);
    book.retried(guard, [{ move, done }]);
    await new Promise((r) => setImmediate(r));
    expect(book.pendingMoves(guard)).toEqual([move]);
    book.fired(guard, { ...fired, onWireAt: clock.ms, barrierAt: clock.ms }, clock.ms);
    expect(book.pendingMoves(guard)).toEqual([]);
  });
});
