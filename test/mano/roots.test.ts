import { expect, test } from "vitest";
import type { Alarm } from "../../src/model/mano-event.ts";
import { Rig, until } from "./rig.ts";
import { monoMs } from "./toy-vim.ts";

const active = async (rig: Rig): Promise<Alarm[]> =>
  (await rig.ask("GET", "/mano/v1/alarms")).body.filter((a: Alarm) => a.clearedAt === null);
const RELAYS = ["media-relay-a", "media-relay-b"];

test("a host goes with all on it: one root alarm, the members' alarms point at it, over a restart too; cleared when they are up elsewhere", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  rig.vim.hosts = [{ id: "1", name: "compute-1", state: "gone" }];
  for (const name of RELAYS) {
    const server = rig.vim.byName(name);
    Object.assign(server, { hostId: "1", host_state: "gone" });
    const port = [...rig.vim.ports.values()].find((p) => p.device_id === server.id && p.name === "eth1")!;
    port.status = "DOWN";
    const about = { kind: "port", id: port.id as never } as const;
    rig.vim.push({ type: "evidence", evidence: { about, says: "linkDown", source: "ovsdb", seenAt: monoMs() } });
  }
  rig.vim.push({ type: "host.status", hostId: "1" as never, status: "gone" });

  const explained = (alarms: readonly Alarm[]) =>
    alarms.filter((a) => a.correlatedAlarmIds !== undefined && a.probableCause === "VNFC_DOWN");
  await until("both explained", async () => explained(await active(rig)).length === 2);
  const roots = (await active(rig)).filter((a) => a.probableCause === "HOST_DOWN");
  expect(roots).toMatchObject([
    { isRootCause: true, perceivedSeverity: "CRITICAL", managedObjectId: expect.stringMatching(/\/1$/) },
  ]);
  expect(roots[0]!.faultDetails[0]).toMatch(/^compute host compute-1 of VIM vim1 is gone/);
  const members = explained(await active(rig));
  for (const alarm of members)
    expect(alarm).toMatchObject({
      probableCause: "VNFC_DOWN",
      isRootCause: false,
      correlatedAlarmIds: [roots[0]!.id],
      rootCauseFaultyResource: { faultyResource: { resourceId: "1" }, faultyResourceType: "COMPUTE" },
    });

  await rig.stopMano();
  await rig.startMano();
  await until("watched again", async () => (await rig.ns()).vnfcs.every((v) => v.health?.state === "down"));
  expect((await active(rig)).filter((a) => a.probableCause === "HOST_DOWN")).toEqual(roots);
  expect(
    explained(await active(rig))
      .map((a) => a.id)
      .sort(),
  ).toEqual(members.map((a) => a.id).sort());

  rig.vim.hosts.push({ id: "2", name: "compute-2", state: "up" });
  await until("moved", () => RELAYS.every((name) => rig.vim.byName(name).hostId === "2"));
  for (const name of RELAYS) rig.vim.up(name);
  const isOurs = (a: Alarm) => a.probableCause === "HOST_DOWN" || a.probableCause === "VNFC_DOWN";
  await until("cleared", async () => !(await active(rig)).some(isOurs));
  const told = (await rig.events()).flatMap((e) =>
    e.type === "alarm.raised" || e.type === "alarm.cleared" ? (e.alarm.probableCause === "HOST_DOWN" ? [e.type] : []) : [],
  );
  expect(told).toEqual(["alarm.raised", "alarm.cleared"]);
});

test("two members are paused for one storage: one root alarm and one incident with them, though the host is well; over when both are up", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  rig.vim.hosts = [{ id: "1", name: "compute-1", state: "up" }];
  const full = (name: string, storage: string) => {
    const server = rig.vim.byName(name);
    Object.assign(server, { hostId: "1", host_state: "up", status: "PAUSED", storage_lost: storage });
    const about = { kind: "server", id: server.id as never } as const;
    rig.vim.push({ type: "evidence", evidence: { about, says: "paused", source: "qmp", seenAt: monoMs(), storage } });
  };
  for (const name of RELAYS) full(name, "/srv/vms");
  const roots = async () => (await active(rig)).filter((a) => a.probableCause === "STORAGE_LOST");
  const explained = async () =>
    (await active(rig)).filter((a) => a.probableCause === "VNFC_DOWN" && a.correlatedAlarmIds !== undefined);
  await until("both explained", async () => (await explained()).length === 2);
  const [root, ...others] = await roots();
  expect(others).toEqual([]);
  expect(root).toMatchObject({
    isRootCause: true,
    perceivedSeverity: "CRITICAL",
    managedObjectId: expect.stringMatching(/\/1 \/srv\/vms$/),
  });
  expect(root!.faultDetails[0]).toMatch(/^storage \/srv\/vms of compute host compute-1 of VIM vim1 could not be read or written/);
  for (const alarm of await explained())
    expect(alarm).toMatchObject({
      isRootCause: false,
      correlatedAlarmIds: [root!.id],
      rootCauseFaultyResource: { faultyResource: { resourceId: "1 /srv/vms" }, faultyResourceType: "STORAGE" },
    });
  const incidents = async () => (await rig.ask("GET", "/mano/v1/incidents")).body;
  await until("one incident with both", async () => (await incidents())[0]?.members.length === 2);
  expect(await incidents()).toMatchObject([{ cause: { kind: "storage", resourceId: "1 /srv/vms" }, alarmId: root!.id }]);

  for (const name of RELAYS) {
    delete (rig.vim.byName(name) as { storage_lost?: string }).storage_lost;
    rig.vim.up(name);
  }
  await until("over", async () => (await roots()).length === 0);
});
