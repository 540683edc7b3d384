import { expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { Rig, until } from "./rig.ts";

const HOUR_MS = 3_600_000;

/** The clock of the MANO and of its VIM, in which an hour goes by at once. */
class Clocks implements Clock {
  aheadMs = 0;
  now = () => systemClock.now() + this.aheadMs;
  wall = () => new Date(systemClock.wall().getTime() + this.aheadMs);
  sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms, signal);
}

async function bed(): Promise<{ rig: Rig; away: (during?: () => void) => Promise<void> }> {
  const clock = new Clocks();
  const rig = await Rig.start({}, undefined, { id: "both", aheadMs: 0 });
  await rig.stopMano();
  rig.clock = clock;
  await rig.startMano();
  const away = async (during = () => {}) => {
    await rig.vim.stop();
    clock.aheadMs += HOUR_MS;
    rig.vim.clock = { id: "both", aheadMs: clock.aheadMs };
    await until("the VIM is missed", async () => (await rig.alarms()).includes("VIM_UNREACHABLE"));
    during();
    await rig.vim.start();
    await until("the VIM is back", async () => !(await rig.alarms()).includes("VIM_UNREACHABLE"));
  };
  return { rig, away };
}

test("a VIM that is away for an hour: an alarm, and nothing else; what fails in that time is seen when it is back", async () => {
  const { rig, away } = await bed();
  await using _ = rig;
  await rig.deploy();
  const asked = rig.vim.asked.length;
  await away();
  await until("all is known again", async () => (await rig.ns()).vnfcs.every((v) => v.health?.state === "up"));
  expect(await rig.failovers()).toEqual([]);
  expect(rig.vim.asked.slice(asked)).toEqual([]);
  expect(await rig.alarms()).toEqual([]);
  await away(() => rig.vim.down("media-relay-b", "INACTIVE", [] as never));
  await until("traffic goes to the other", () => rig.vim.boundTo("traffic_net1") === "data_net0");
  await until("it is started again", () => rig.vim.asked.some((a) => a.startsWith("POST") && a.endsWith("/action")));
});

test("a VIM that is away for an hour in the middle of an instantiation: it goes on, for that hour does not count", async () => {
  const { rig, away } = await bed();
  await using _ = rig;
  const id = await rig.create();
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("it waits for its servers", async () => (await rig.ns()).detail?.includes("CREATING"));
  await away();
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  await until("it can fail over", async () => {
    const { state, underWay } = await rig.ns();
    expect(["INSTANTIATING", "INSTANTIATED"]).toContain(state);
    return state === "INSTANTIATED" && underWay === null;
  });
});
