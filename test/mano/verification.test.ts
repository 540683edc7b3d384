import { expect, test } from "vitest";
import type { Failover } from "../../src/model/mano-event.ts";
import { Rig, until } from "./rig.ts";

const settle = (ms: number) => new Promise((r) => setTimeout(r, ms));
const newest = async (rig: Rig): Promise<Failover> => (await rig.failovers())[0]!;
const becomes = (rig: Rig, state: Failover["state"]) => until(state, async () => (await newest(rig))?.state === state);
/** How often a record was told to be closed, of all runs. */
const closings = async (rig: Rig): Promise<number> =>
  (await rig.events()).filter((e) => e.type === "failover" && e.failover.state === "closed").length;

/** relay-a fails, and traffic_net0 is led to relay-b. */
async function failedOver(): Promise<Rig> {
  const rig = await Rig.overVimThatLooks();
  await rig.deploy();
  rig.vim.down("media-relay-a");
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  return rig;
}

test("a record is open until the VIM has seen packets pass, and says when", async () => {
  await using rig = await failedOver();
  await settle(1_500);
  expect((await newest(rig)).state).toBe("open");
  rig.vim.found("traffic_net0", "pending");
  await settle(700);
  expect((await newest(rig)).state).toBe("open");
  const { at_mono_ms } = rig.vim.found("traffic_net0", "verified");
  await becomes(rig, "closed");
  const { times } = await newest(rig);
  expect(times.verified).toBe(at_mono_ms);
  expect(times.verified).toBeGreaterThan(times.barrier!);
  expect(await closings(rig)).toBe(1);
});

test("what was seen while nobody listened is read, and closes the record once", async () => {
  await using rig = await failedOver();
  await becomes(rig, "open");
  await rig.stopMano();
  const { at_mono_ms } = rig.vim.found("traffic_net0", "verified");
  await rig.startMano();
  await becomes(rig, "closed");
  await rig.stopMano();
  await rig.startMano();
  await until("seen", async () => (await rig.ns()).protectionGroups[0]?.trafficNets[0]?.servedBy);
  rig.vim.found("traffic_net0", "verified"); // As a VIM that starts anew tells it again.
  await settle(700);
  expect(await rig.failovers()).toMatchObject([{ state: "closed", times: { verified: at_mono_ms } }]);
  expect(await closings(rig)).toBe(1);
});

test("a switch-over that was found after a restart is open until packets are seen, too", async () => {
  await using rig = await Rig.overVimThatLooks();
  await rig.deploy();
  await rig.stopMano();
  rig.vim.down("media-relay-a");
  rig.vim.nets.get("id-traffic_net0")!.bind_net = "id-data_net1"; // By a run that was killed before it could write.
  await rig.startMano();
  await becomes(rig, "open");
  await settle(700);
  rig.vim.found("traffic_net0", "verified");
  await becomes(rig, "closed");
  expect(await rig.failovers()).toMatchObject([{ mode: "restart", times: { verified: expect.any(Number) } }]);
});

test("packets that do not pass: an alarm, and the record waits until they do", async () => {
  await using rig = await failedOver();
  rig.vim.found("traffic_net0", "unverified");
  await becomes(rig, "stuck");
  expect(await rig.alarms()).toContain("FAILOVER_STUCK");
  expect((await newest(rig)).because.at(-1)).toBe("traffic_net0 to relay-b: not verified by packets: unverified, says the toy");
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net1"); // There is nobody else.
  rig.vim.found("traffic_net0", "verified", false); // And the event is lost.
  await becomes(rig, "closed");
  await until("cleared", async () => !(await rig.alarms()).includes("FAILOVER_STUCK"));
});

test("where nobody can tell the record is closed, and says so", async () => {
  await using rig = await failedOver();
  rig.vim.found("traffic_net0", "unseen");
  await becomes(rig, "closed");
  const { times, because } = await newest(rig);
  expect(times.verified).toBeNull();
  expect(because.at(-1)).toBe("traffic_net0 to relay-b: not verified by packets: unseen, says the toy");
});

test("traffic that returns to a member is verified as well", async () => {
  await using rig = await failedOver();
  rig.vim.found("traffic_net0", "verified");
  await becomes(rig, "closed");
  rig.vim.up("media-relay-a");
  await until("led back", () => rig.vim.boundTo("traffic_net0") === "data_net0");
  await until("on record", async () => (await newest(rig)).kind === "failback");
  await settle(700);
  expect((await newest(rig)).state).toBe("open");
  rig.vim.found("traffic_net0", "verified");
  await becomes(rig, "closed");
});
