import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";
import { monoMs } from "./toy-vim.ts";

const settle = (ms: number) => new Promise((r) => setTimeout(r, ms));
const group = async (rig: Rig): Promise<ProtectionGroupView> => (await rig.ask("GET", "/mano/v1/protection_groups")).body[0];
const armed = (rig: Rig) => [...(rig.vim.protections?.values() ?? [])][0];
const isArmed = (rig: Rig) => until("armed", async () => (await group(rig)).armed.isCurrent);
const closed = (rig: Rig) => until("closed", async () => (await rig.failovers())[0]?.state === "closed");
const puts = (rig: Rig) => rig.vim.armings.filter((x) => x.startsWith("PUT"));

async function protectedRig(settings: object = {}, file = example("media-relay.yaml")): Promise<Rig> {
  const rig = await Rig.start(settings);
  await rig.deploy(file);
  if (!("mode" in settings)) await isArmed(rig);
  return rig;
}

/** What the VIM tells of a silent member whose plan it carries out, in its order. */
function hang(rig: Rig, name: string, isFired = true): void {
  const id = rig.vim.byName(name).id;
  const port = [...rig.vim.ports.values()].find((p) => p.device_id === id && p.name === "eth1")!;
  const about = { kind: "port", id: port.id as never } as const;
  rig.vim.push({ type: "evidence", evidence: { about, says: "silent", source: "probe", seenAt: monoMs() } });
  if (!isFired) return;
  const fired = rig.vim.fire(name);
  rig.vim.fence(id);
  rig.vim.tellFired(fired);
}

test("what each member's failure would do lies in the VIM, with the probe, and follows what changes", async () => {
  await using rig = await protectedRig();
  const [a, b] = (await rig.ns()).vnfcs;
  expect(armed(rig)).toMatchObject({
    hold_off_ms: 0,
    members: [
      { id: a!.id, name: "relay-a", server_id: a!.vimServerId, data_net: "id-data_net0" },
      { id: b!.id, name: "relay-b", data_net: "id-data_net1" },
    ],
    plans: [
      { failed: a!.id, moves: [{ net: "id-traffic_net0", to: b!.id }] },
      { failed: b!.id, moves: [{ net: "id-traffic_net1", to: a!.id }] },
    ],
    probe: { interval_ms: 250, misses: 3, of: 3, icmp: false, udp_port: null },
  });
  const { revision } = armed(rig)!;
  rig.vim.down("media-relay-a");
  await until("nobody to take over from b", () => armed(rig)!.plans.length === 0);
  expect(armed(rig)!.revision).toBeGreaterThan(revision);
  rig.vim.up("media-relay-a");
  await until("b serves all, for which a would stand in", () => armed(rig)!.plans[0]?.moves.length === 2);
  await until("led back", () => rig.vim.boundTo("traffic_net0") === "data_net0");
  await until("both", () => armed(rig)!.plans.length === 2);
});

test("a member that fell silent while the MANO was away is known to be after its start, and is fenced", async () => {
  await using rig = await protectedRig();
  const { id } = rig.vim.byName("media-relay-a");
  await rig.stopMano();
  [...rig.vim.ports.values()].find((p) => p.device_id === id && p.name === "eth1")!.opinions = { probe: "silent" }; // And nobody tells.
  await rig.startMano();
  const [a] = (await rig.ns()).vnfcs;
  await until("fenced by command", () => rig.vim.armings.includes(`PUT fence ${a!.id}`));
  await until("led to the twin", () => rig.vim.boundTo("traffic_net0") === "data_net1");
});

test("a VIM that has just started and not heard of its links: what it says of them moves, disarms and starts nothing", async () => {
  await using rig = await protectedRig();
  const { revision } = armed(rig)!;
  const asked = rig.vim.asked.length;
  await rig.stopMano();
  for (const p of rig.vim.ports.values()) Object.assign(p, { stale: true, status: p.name === "eth1" ? "DOWN" : p.status });
  await rig.startMano();
  await until("seen", async () => (await group(rig)).members.every((m) => m.health.state === "unknown"));
  await settle(1_000);
  expect([armed(rig)!.revision, armed(rig)!.plans.length, rig.vim.asked.length]).toEqual([revision, 2, asked]);
  for (const p of rig.vim.ports.values()) Object.assign(p, { stale: false, status: "ACTIVE" });
  await until("up", async () => (await group(rig)).members.every((m) => m.health.state === "up"));
  expect(armed(rig)!.revision).toBe(revision);
});

test("a restart leaves what is armed as it is; somebody else's newer revision is read and followed", async () => {
  await using rig = await protectedRig();
  await rig.stopMano();
  const before = puts(rig).length;
  await rig.startMano();
  await isArmed(rig);
  expect(puts(rig)).toHaveLength(before);
  await rig.stopMano();
  Object.assign(armed(rig)!, { revision: 70, plans: [] });
  await rig.startMano();
  await isArmed(rig);
  expect(armed(rig)).toMatchObject({ revision: 71, plans: [{}, {}] });
  Object.assign(armed(rig)!, { revision: 90 }); // While we run: our next is refused, read, and given again.
  rig.vim.down("media-relay-a");
  await until("ours again", () => armed(rig)!.revision === 91);
});

test("a VIM without protections: all works, and it is said", async () => {
  await using rig = await Rig.start();
  rig.vim.protections = null;
  await rig.deploy();
  await until("said", async () => (await group(rig)).armed.why === "not armed: this VIM has no protections");
  rig.vim.down("media-relay-a");
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await closed(rig);
  expect(await rig.failovers()).toMatchObject([{ mode: "push" }]);
  expect(puts(rig)).toHaveLength(1); // Not asked again with every decision.
});

test("the reference mode takes away what an earlier run has armed, and arms nothing", async () => {
  await using rig = await protectedRig();
  await rig.stopMano();
  const before = puts(rig).length;
  rig.setSettings({ mode: "poll", pollIntervalMs: 200 });
  await rig.startMano();
  await until("taken away", () => rig.vim.protections!.size === 0);
  await settle(500);
  expect(puts(rig)).toHaveLength(before);
  expect(rig.vim.armings.filter((x) => x === "DELETE")).toHaveLength(1);
});

test("a hang that the VIM acted on: one record, mode armed, with its times; then a reboot, never a resume", async () => {
  await using rig = await protectedRig();
  const asked = rig.vim.asked.length;
  const { revision } = armed(rig)!;
  hang(rig, "media-relay-a");
  await closed(rig);
  expect(rig.vim.asked.slice(asked).filter((x) => x.startsWith("PUT"))).toEqual([]);
  const records = await rig.failovers();
  const [{ times, because }] = records as [(typeof records)[0]];
  expect(records).toMatchObject([
    { mode: "armed", kind: "failover", state: "closed", moves: [{ trafficNet: "id-traffic_net0" }] },
  ]);
  expect(because).toEqual([
    "relay-a is down: port fenced (its port was closed in the switch: silent)",
    "armed beforehand: when relay-a fails, traffic_net0 goes to relay-b",
    "not verified by packets: this VIM does not look for them",
  ]);
  expect(Object.keys(times.seen).sort()).toEqual(["fence", "probe"]);
  expect([times.seen.probe! < times.decided!, times.onWire! > times.decided!, times.barrier! > times.onWire!]).toEqual([
    true,
    true,
    true,
  ]);
  expect(await rig.alarms()).toEqual(["REDUNDANCY_LOST", "VNFC_DOWN"]);
  await until("a higher revision", () => armed(rig)!.revision > revision);
  await until("healed", () => rig.vim.asked.some((x) => x.endsWith("/action")));
  expect((await rig.events()).find((e) => e.type === "heal.started")).toMatchObject({
    rung: "restart",
    try: 1,
    detail: "restart (reboot): it is down",
  });
});

test("we decide the same before the VIM's word comes: it is one record, of the VIM's action", async () => {
  await using rig = await protectedRig();
  const fired = rig.vim.fire("media-relay-a");
  rig.vim.down("media-relay-a");
  await until("our own record", async () => (await rig.failovers())[0]);
  await settle(50);
  rig.vim.tellFired(fired);
  await closed(rig);
  await settle(300);
  const records = await rig.failovers();
  expect(records).toMatchObject([{ mode: "armed", times: { decided: fired.firedAt, barrier: fired.firedAt + 0.9 } }]);
});

test("the VIM acted while we were away: one record, and what it tells again makes no other", async () => {
  await using rig = await protectedRig();
  await rig.stopMano();
  const fired = rig.vim.fire("media-relay-a");
  rig.vim.down("media-relay-a");
  rig.vim.tellFired(fired);
  await rig.startMano();
  await until("armed and closed", async () => (await rig.failovers()).every((f) => f.mode === "armed" && f.state === "closed"));
  rig.vim.tellFired(fired);
  await settle(300);
  expect(await rig.failovers()).toMatchObject([{ mode: "armed", times: { decided: fired.firedAt } }]);
  await rig.stopMano();
  await rig.startMano();
  await until("seen", async () => (await group(rig)).isProtected);
  rig.vim.tellFired(fired); // Its record is of an earlier run by now.
  await settle(300);
  expect(await rig.failovers()).toHaveLength(1);
});

test("the switch refused what was armed: the same record goes on, by command", async () => {
  await using rig = await protectedRig();
  const fired = rig.vim.fire("media-relay-a");
  hang(rig, "media-relay-a", false);
  rig.vim.fence(rig.vim.byName("media-relay-a").id);
  rig.vim.push({ type: "net.bound", netId: "id-traffic_net0" as never, bindNet: "id-data_net1" as never, was: null });
  rig.vim.push({ type: "protection.fired", fired });
  await until("open", async () => (await rig.failovers())[0]?.mode === "armed");
  rig.vim.nets.get("id-traffic_net0")!.bind_net = "id-data_net0";
  rig.vim.push({ type: "net.bound", netId: "id-traffic_net0" as never, bindNet: "id-data_net0" as never, was: null });
  rig.vim.push({ type: "protection.refused", fired, why: "group table full" });
  await until("moved by us", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await closed(rig);
  const records = await rig.failovers();
  expect(records).toHaveLength(1);
  expect(records[0]!.because.at(-2)).toBe("the switch refused what was armed: group table full");
});

test("a silent member that nobody fenced is fenced by command after four runs of misses; alone it is not", async () => {
  await using rig = await protectedRig();
  const silentAt = monoMs();
  hang(rig, "media-relay-a", false);
  await until("unknown", async () => (await group(rig)).members[0]!.health.state === "unknown");
  await until("fence asked for", () => rig.vim.armings.some((x) => x.startsWith("PUT fence")));
  expect(monoMs() - silentAt).toBeGreaterThanOrEqual(2_950); // Of three requests, one each 250 ms.
  await until("moved by us", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await closed(rig);
  expect(await rig.failovers()).toHaveLength(1);
  hang(rig, "media-relay-b", false); // The only one left.
  await settle(3_300);
  expect(rig.vim.armings.filter((x) => x.startsWith("PUT fence"))).toHaveLength(1);
});

test("a restarted MANO learns of a fence from the VIM's ports: traffic does not return to a resumed VM", async () => {
  await using rig = await protectedRig();
  hang(rig, "media-relay-a");
  await closed(rig);
  await rig.stopMano();
  await rig.startMano();
  await until("fenced", async () => (await group(rig)).members[0]!.isFenced);
  await settle(2_500); // Its server is ACTIVE and its port answered once; longer than the wait-to-restore.
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net1");
});
