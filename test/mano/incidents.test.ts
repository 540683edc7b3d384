import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { showFailovers } from "../../src/cli/failovers.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import { tellStore } from "../../src/mano/roots.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { Incident } from "../../src/model/incident.ts";
import type { Alarm, ManoEvent } from "../../src/model/mano-event.ts";
import { EventStream } from "../../src/notify/stream.ts";
import { readActiveAlarms } from "../../src/store/mano-records.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { WireCondition } from "../../src/vimconn/wire.ts";
import { NETS, Rig, until } from "./rig.ts";
import { monoMs, ToyVim } from "./toy-vim.ts";

const RELAYS = ["media-relay-a", "media-relay-b"];
const alarmsOf = async (rig: Rig): Promise<Alarm[]> =>
  (await rig.ask("GET", "/mano/v1/alarms")).body.filter((a: Alarm) => a.clearedAt === null);
const incidentsOf = async (rig: Rig): Promise<Incident[]> => (await rig.ask("GET", "/mano/v1/incidents")).body;

/** The link of a member's service port, in its VIM's rows and told. */
function link(rig: Rig, name: string, isUp: boolean): void {
  const server = rig.vim.byName(name);
  const port = [...rig.vim.ports.values()].find((p) => p.device_id === server.id && p.name === "eth1")!;
  port.status = isUp ? "ACTIVE" : "DOWN";
  const about = { kind: "port", id: port.id as never } as const;
  const tell = (says: Evidence["says"], source: Evidence["source"]) =>
    rig.vim.push({ type: "evidence", evidence: { about, says, source, seenAt: monoMs() } });
  tell(isUp ? "linkUp" : "linkDown", "ovsdb");
  if (isUp) tell("answers", "arpProbe");
}

test("what fails with a host is one incident: its record names it, over a restart too, and it is over when the host is there again", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  rig.vim.hosts = [
    { id: "1", name: "compute-1", state: "up" },
    { id: "2", name: "compute-2", state: "up" },
  ];
  for (const [i, name] of RELAYS.entries()) Object.assign(rig.vim.byName(name), { hostId: String(i + 1), host_state: "up" });
  Object.assign(rig.vim.byName(RELAYS[0]!), { host_state: "gone" });
  rig.vim.hosts[0]!.state = "gone";
  link(rig, RELAYS[0]!, false);
  rig.vim.push({ type: "host.status", hostId: "1" as never, status: "gone" });

  const [incident] = await until("an incident with its record", async () => {
    const all = await incidentsOf(rig);
    return all[0]?.failovers.length === 1 ? all : null;
  });
  const [root] = (await alarmsOf(rig)).filter((a) => a.probableCause === "HOST_DOWN");
  expect(incident).toMatchObject({
    state: "open",
    alarmId: root!.id,
    cause: { kind: "host", resourceId: "1", name: "compute host compute-1 of VIM vim1" },
  });
  const [failover] = await rig.failovers();
  expect(failover).toMatchObject({ id: incident!.failovers[0], about: incident!.members[0], incidentId: incident!.id });
  expect((await rig.ask("GET", `/mano/v1/incidents/${incident!.id}`)).body).toEqual((await incidentsOf(rig))[0]);
  expect((await rig.ask("GET", "/mano/v1/incidents/zz")).status).toBe(404);
  const show = (id?: string) => showFailovers({ id, store: join(rig.dir, "mano.db"), limit: 10, runsFolder: "/" });
  expect(await show()).toMatch(
    /compute host compute-1 of VIM vim1[\s\S]*INCIDENT[\s\S]*open .*compute host compute-1 of VIM vim1 +relay-a +1/,
  );
  expect(await show(incident!.id)).toContain(`failover ${failover!.id}`);
  const explained = (await alarmsOf(rig)).filter((a) => a.correlatedAlarmIds?.includes(root!.id)).map((a) => a.probableCause);
  expect(explained.sort()).toEqual(["REDUNDANCY_LOST", "VNFC_DOWN"]);

  await rig.stopMano();
  await rig.startMano();
  await until("watched again", async () => (await rig.ns()).vnfcs.some((v) => v.health?.state === "down"));
  rig.vim.hosts[0]!.state = "up";
  Object.assign(rig.vim.byName(RELAYS[0]!), { host_state: "up" });
  link(rig, RELAYS[0]!, true);
  rig.vim.up(RELAYS[0]!);
  rig.vim.push({ type: "host.status", hostId: "1" as never, status: "up" });
  await until("closed", async () => (await incidentsOf(rig))[0]?.state === "closed");
  expect(await incidentsOf(rig)).toHaveLength(1);
});

test("a switch that is lost: one root alarm that says what still works; what went with it is one incident", async () => {
  await using rig = new Rig(await new ToyVim(NETS).start());
  const condition = (connected: boolean): WireCondition => ({
    switch: { datapath: "0000000000000001", connected, why: connected ? null : "end of file", stand_ins: ["traffic_net0"] },
    store: { writable: true, why: null },
    suspended: connected ? {} : { probe: "no switch" },
  });
  rig.vim.condition = condition(true);
  await rig.startMano();
  await rig.deploy();
  rig.vim.condition = condition(false);
  rig.vim.push({ type: "switch.status", datapath: "0000000000000001", status: "disconnected", why: "end of file" });
  rig.vim.push({ type: "opinions.suspended", source: "probe", why: "no switch" });
  for (const name of RELAYS) link(rig, name, false);

  const root = await until("the alarm", async () => (await alarmsOf(rig)).find((a) => a.probableCause === "SWITCH_DOWN"));
  expect(root).toMatchObject({
    isRootCause: true,
    perceivedSeverity: "CRITICAL",
    managedObjectId: expect.stringMatching(/\/switch$/),
  });
  expect(root.faultDetails).toEqual([
    "switch 0000000000000001 of VIM vim1 has no session with it: end of file",
    expect.stringMatching(/^it forwards on by what stands in it/),
    "led on by itself when a port is lost: traffic_net0",
    expect.stringMatching(/^opinions that come by way of it .* do not count/),
  ]);
  const explained = async () =>
    (await alarmsOf(rig))
      .filter((a) => a.correlatedAlarmIds?.includes(root.id))
      .map((a) => a.probableCause)
      .sort();
  await until("explained", async () => (await explained()).includes("SERVICE_DOWN"));
  expect(await explained()).toEqual(["AUTOMATION_STOPPED", "REDUNDANCY_LOST", "SERVICE_DOWN", "VNFC_DOWN", "VNFC_DOWN"]);
  const [incident] = await incidentsOf(rig);
  expect(incident).toMatchObject({ state: "open", alarmId: root.id, cause: { kind: "switch" }, failovers: [] });
  expect(incident!.members).toHaveLength(2);

  rig.vim.condition = condition(true);
  rig.vim.push({ type: "switch.status", datapath: "0000000000000001", status: "connected" });
  rig.vim.push({ type: "opinions.counted", source: "probe" });
  for (const name of RELAYS) link(rig, name, true);
  await until("over", async () => (await alarmsOf(rig)).length === 0 && (await incidentsOf(rig))[0]?.state === "closed");
});

test("a VIM whose store takes nothing is an alarm of its own", async () => {
  await using rig = new Rig(await new ToyVim(NETS).start());
  const store = (writable: boolean) => {
    rig.vim.condition = { switch: null, store: { writable, why: writable ? null : "disk is full" }, suspended: {} };
    rig.vim.push({ type: "store.status", status: writable ? "writable" : "notWritable" });
  };
  store(false);
  await rig.startMano();
  const alarm = await until("told", async () => (await alarmsOf(rig))[0]);
  expect(alarm).toMatchObject({ probableCause: "STORE_NOT_WRITABLE", managedObjectId: expect.stringMatching(/\/store$/) });
  expect(alarm.faultDetails[0]).toBe("VIM vim1 cannot write its store: disk is full");
  store(true);
  await until("cleared", async () => (await alarmsOf(rig)).length === 0);
});

describe("our own store", () => {
  test("full: the alarm is told though it cannot be written, what waits is written when there is room", async () => {
    const db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/mano") });
    const writes = new WriteQueue(db, silent, clock);
    const stream = new EventStream(writes, clock, 0);
    const alarms = await AlarmBook.open(db, stream, writes, clock);
    writes.onRefusal((why) => tellStore(alarms, why));
    const told: ManoEvent[] = [];
    stream.subscribe((e) => told.push(e));
    const alarmsTold = () => told.flatMap((e) => (e.type === "alarm.raised" || e.type === "alarm.cleared" ? [e.type] : []));

    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql.raw(`pragma max_page_count = ${rows[0]!.page_count}`).execute(db);
    const detail = "x".repeat(100_000);
    stream.push({ type: "ns.state", nsId: "n" as never, state: "FAILED", detail });
    await until("raised", () => alarmsTold().length === 1);
    expect(alarms.active).toMatchObject([
      {
        probableCause: "STORE_NOT_WRITABLE",
        faultDetails: [expect.stringMatching(/cannot write its store: .*full/), expect.any(String)],
      },
    ]);
    expect(await readActiveAlarms(db)).toEqual([]);

    await sql.raw("pragma max_page_count = 1000000").execute(db);
    await until("cleared", () => alarmsTold().length === 2);
    await writes.flush();
    expect((await stream.since(0, 10)).map((e) => e.type)).toEqual(["ns.state", "alarm.raised", "alarm.cleared"]);

    await alarms.raise("mano/store", "STORE_NOT_WRITABLE", ["as a run left it that was killed then"]);
    const next = new WriteQueue(db, silent, clock);
    const after = await AlarmBook.open(db, new EventStream(next, clock, 100), next, clock);
    next.onRefusal((why) => tellStore(after, why));
    expect(after.active).toHaveLength(1);
    next.push(async () => {});
    await until("the next run's first write clears it", () => after.active.length === 0);
    await next.flush();
    await db.destroy();
  });
});
