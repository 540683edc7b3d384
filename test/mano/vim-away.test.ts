import { expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import { OperationWatch } from "../../src/mano/operation-watch.ts";
import { VimWatch } from "../../src/mano/vim-watch.ts";
import type { Occurrence } from "../../src/model/occurrence.ts";
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

test("a VIM that can be looked at and leaves a request unanswered is not away: what waits for it does not wait for ever", async () => {
  let nowMs = 0;
  const ended = new AbortController();
  // What each pass meets: a request in it, or the look itself, is not answered.
  const passes = ["request", "request", "nothing", "look", "look", "nothing"];
  const unanswered = () => new Fault("VIM_UNREACHABLE", "no answer");
  const away: number[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wall: () => new Date(nowMs),
    sleep: async () => {
      nowMs += 1_000;
      passes.shift();
      if (passes.length === 0) ended.abort();
    },
  };
  const connector = {
    inventory: async () => {
      if (passes[0] === "look") throw unanswered();
      return { startedAt: nowMs, condition: null };
    },
  };
  const watch = new VimWatch({ id: "vim1", name: "vim1" } as never, connector as never, null, {
    clock,
    log: silent,
    mode: "poll",
    pollIntervalMs: 1_000,
    stream: { push: () => {} } as never,
    alarms: { clear: () => {}, raise: async () => {} } as never,
    onEvents: () => {},
    onInventory: async () => {
      if (passes[0] === "request") throw unanswered();
    },
    onLost: () => {},
    onBack: (ms) => away.push(ms),
    isBusy: () => false,
  });
  await watch.run(ended.signal);
  expect(away).toEqual([3_000]);
});

test("what a scaling is taken back in does not count either while its VIM is away", async () => {
  let nowMs = 0;
  let now = {
    id: "o",
    nsId: "ns",
    operation: "SCALE",
    state: "ROLLING_BACK",
    error: null,
    warnings: [],
    vnfs: [{ id: "p", size: { from: {}, to: {} } }],
  } as never as Occurrence;
  const occurrences = {
    runningOf: () => now,
    changed: (o: Occurrence, change: Partial<Occurrence>) => ({ ...o, ...change }),
    put: async (o: Occurrence) => (now = o),
  };
  const scaler = { progressOf: () => ({ waits: ["relay-d is being taken away"], failure: null }) };
  const watch = new OperationWatch({ clock: { now: () => nowMs }, occurrences, scaler } as never);
  const d = { ns: { id: "ns", state: "INSTANTIATED", vimAccountId: "vim1" } } as never;
  const look = () => watch.look(d, { vim: "vim1" } as never);
  await look();
  nowMs += HOUR_MS;
  watch.awayFor("ns" as never, HOUR_MS);
  await look();
  expect(now.state).toBe("ROLLING_BACK");
  nowMs += HOUR_MS; // It was there, and did not do it.
  await look();
  expect(now).toMatchObject({ state: "FAILED_TEMP", error: { detail: expect.stringMatching(/could not be taken back/) } });
});
