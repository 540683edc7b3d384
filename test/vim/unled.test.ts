import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import type { GroupId, VnfcId } from "../../src/model/ids.ts";
import { ArmedRig } from "./armed-rig.ts";
import { until } from "./rig.ts";

/* There is no MANO: what is armed is all that acts. */

const firedFor = (rig: ArmedRig, id: string): number =>
  rig.events.filter((e) => e.type === "protection.fired" && e.fired.failed === (id as VnfcId)).length;

test("a member ended while nobody could take over: who answers first is led its traffic, by the plan that is armed", async () => {
  await using rig = await ArmedRig.start();
  await rig.vim.protections.arm(rig.armed());
  rig.server(rig.b, "stopped", "processExit");
  rig.server(rig.a, "stopped", "processExit");
  await until("b is led around", () => rig.boundTo("traffic1") === "data0");
  expect([rig.boundTo("traffic0"), firedFor(rig, "A")]).toEqual(["data0", 0]);
  rig.runs(rig.b);
  await until("led to who answers", () => rig.boundTo("traffic0") === "data1");
  await until("the switch follows", async () => (await rig.leavesAt("va")) === rig.portOf(rig.b).switchPort);
  expect(firedFor(rig, "A")).toBe(1);
});

test("one that is back by itself keeps what it has when another answers", async () => {
  await using rig = await ArmedRig.start();
  await rig.vim.protections.arm(rig.armed());
  rig.server(rig.b, "stopped", "processExit");
  rig.server(rig.a, "stopped", "processExit");
  rig.runs(rig.a);
  rig.runs(rig.b);
  await until("both answer", () => [rig.a, rig.b].every((s) => rig.portOf(s).status === "ACTIVE"));
  await sleep(50); // What would be led, would be led in the next turn.
  expect([rig.boundTo("traffic0"), firedFor(rig, "A")]).toEqual(["data0", 0]);
});

test("the switch refused a plan: it is carried out a while later, since the fact still holds", async () => {
  const soon: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms > 9_000 ? 50 : ms, signal) };
  await using rig = await ArmedRig.start(soon);
  await rig.vim.protections.arm(rig.armed());
  rig.refuseNext = true;
  rig.server(rig.a, "paused");
  await until("refused", () => rig.told().includes("protection.refused"));
  await until("carried out", () => rig.told().includes("protection.confirmed"));
  expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced, firedFor(rig, "A")]).toEqual(["data1", true, 2]);
});

test("no opinion relies on a member that was asked to end and still runs; a fact does, since it is the better place for that long", async () => {
  await using rig = await ArmedRig.start();
  await rig.vim.protections.arm(rig.armed());
  await rig.vim.servers.act(rig.b.id, "shutdown");
  rig.port(rig.a, "silent", "probe");
  expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data0", false]);
  const fenced = rig.vim.protections.fence("group-1" as GroupId, "A" as VnfcId, "unlessLast");
  await expect(fenced).rejects.toMatchObject({
    code: "CONFLICT",
    message: expect.stringMatching(/relay-b was asked .*: shutdown/),
  });
  rig.server(rig.a, "stopped", "processExit");
  expect(rig.boundTo("traffic0")).toBe("data1");
});
