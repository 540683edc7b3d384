import * as vitest from "vitest";
import { type HealPlan, type HealWorld, healSteps } from "../../src/act/heal-steps.ts";
import { restartOf } from "../../src/act/servers.ts";
import type { HealVerb } from "../../src/model/heal.ts";
import type { GroupId, HostId, ServerId, VnfcId } from "../../src/model/ids.ts";
import type { Health } from "../../src/model/protection.ts";
import type { ServerSpec, VimConnector, VimLinkPort, VimServer } from "../../src/vimconn/connector.ts";
import { Life, lawsOf, type Story } from "./saga-harness.ts";

const { describe, expect, test } = vitest;

const ID = "s" as ServerId;
const [H1, H2] = ["h1", "h2"] as HostId[] as [HostId, HostId];
const DOWN: Health = { state: "down", sinceMs: 0, seenBy: [], why: "killed" };
const UP: Health = { state: "up", sinceMs: 0 };

/** A VIM with one server: a task that was acknowledged is done between two looks, and a new life opens the port and answers. */
class World implements HealWorld {
  server: VimServer | undefined;
  port: VimLinkPort | undefined;
  health: Health = DOWN;
  task: "begin" | null = null;
  canFence = true;

  constructor(status: VimServer["status"] | null) {
    if (status !== null) this.server = this.#server(status);
    this.port = {
      id: "p",
      name: "eth1",
      netId: "d",
      serverId: ID,
      mac: null,
      ip: null,
      switchPort: "t",
      status: "DOWN",
      fenced: false,
    } as never;
  }

  #server(status: VimServer["status"]): VimServer {
    return { id: ID, name: "s", description: null, status, lastError: null, hostId: H1, hostState: "up", antiAffinity: null };
  }

  get connector(): VimConnector {
    const begin = async () => {
      this.task = "begin";
    };
    return {
      ensureServers: async () => {
        this.server ??= this.#server("INACTIVE");
        this.task = "begin";
      },
      startServer: begin,
      resumeServer: begin,
      rebootServer: begin,
      rebuildServer: begin,
      evacuateServer: async (_: ServerId, from: HostId) => {
        if (this.server?.hostId !== from) return;
        this.server = { ...this.server, hostId: H2, status: "INACTIVE" };
        this.task = "begin";
      },
      fence: async () => {
        Object.assign(this.port!, { fenced: true });
      },
    } as Partial<VimConnector> as VimConnector;
  }

  settle(): void {
    if (this.task === null) {
      if (this.server?.status === "ACTIVE" && !this.port!.fenced) this.health = UP;
      return;
    }
    this.task = null;
    this.server = { ...this.server!, status: "ACTIVE" };
    Object.assign(this.port!, { fenced: false });
  }
}

const planned = (verb: HealVerb, closes: boolean): HealPlan => ({ verb, closes, from: verb === "evacuate" ? H1 : null });

function storyOf(status: VimServer["status"] | null, plan: HealPlan, mayTouch = () => true): Story<World> {
  return {
    world: () => new World(status),
    steps: ({ connector }) =>
      healSteps(plan, { connector, vnfcId: "v" as VnfcId, groupId: "g" as GroupId, spec: { id: ID } as ServerSpec, mayTouch }),
    settle: (w) => w.settle(),
    seen: ({ server, port, health }) => [server?.status, server?.hostId, port?.fenced, health.state],
  };
}

describe("every rung of a heal", () => {
  for (const [what, status, plan] of [
    ["start", "INACTIVE", planned("start", false)],
    ["make again", null, planned("create", false)],
    ["resume", "PAUSED", planned("resume", false)],
    ["fence and reboot one that is paused", "PAUSED", planned("reboot", true)],
    ["fence and reboot one that runs and does not answer", "ACTIVE", planned("reboot", true)],
    ["rebuild one in ERROR", "ERROR", planned("rebuild", false)],
    ["fence and rebuild", "PAUSED", planned("rebuild", true)],
    ["make anew on another host", "ACTIVE", planned("evacuate", false)],
  ] as const)
    lawsOf(what, storyOf(status, plan), vitest);
});

test("its port is closed before its life is ended, and it is waited for until it answers", async () => {
  const life = new Life(storyOf("PAUSED", planned("reboot", true)));
  expect(await life.end()).toEqual({ state: "done" });
  expect(life.asked).toEqual(["close its port", "reboot its server", "wait until it answers"]);
});

test("a member that has come up by itself is left alone", async () => {
  const life = new Life(storyOf("INACTIVE", planned("start", false), () => false));
  expect(await life.end()).toMatchObject({ state: "undone", why: expect.stringMatching(/it is up by itself and is left alone/) });
  expect(life.world.task).toBe(null);
});

test.for([
  [
    "stops again",
    (w: World) => ({ ...w.server!, status: "INACTIVE" as const, lastError: "no memory" }),
    /stopped again: the VIM has its server INACTIVE: no memory/,
  ],
  [
    "is lost with its host",
    (w: World) => ({ ...w.server!, hostState: "gone" as const }),
    /its compute host does not answer any more/,
  ],
  [
    "is fenced again before it has answered",
    (w: World) => {
      Object.assign(w.port!, { fenced: true });
      return w.server!;
    },
    /its port was closed again, which only another life opens: killed/,
  ],
  ["never answers", (w: World) => w.server!, /no answer within 300 s: killed/],
] as const)("one that %s: its try has failed, with the reason", async ([, change, why]) => {
  const base = storyOf("INACTIVE", planned("start", false));
  const story: Story<World> = {
    ...base,
    settle: (w) => {
      if (w.task !== null) w.settle();
      else if (w.server?.status === "ACTIVE") w.server = change(w);
    },
  };
  const life = new Life(story);
  let outcome = await life.pass();
  for (let i = 0; outcome.state === "waiting" && i < 400; i++) outcome = await life.pass();
  expect(outcome).toMatchObject({ state: "undone", step: "wait until it answers", why: expect.stringMatching(why) });
});

/** A VIM whose host is so loaded that it is at the reboot for so long, ms; a pass is a second. */
function slowReboot(forMs: number, change: Partial<VimServer> = {}): Life<World> {
  const base = storyOf("PAUSED", planned("reboot", true));
  let leftMs = forMs;
  return new Life({
    ...base,
    settle: (w) => {
      if (w.task !== null) leftMs -= 1_000;
      const isAtIt = w.task !== null && leftMs > 0;
      if (isAtIt) w.server = { ...w.server!, status: "INACTIVE", task: "reboot", ...change };
      else if (w.task !== null) w.server = { ...w.server!, task: null };
      if (!isAtIt) base.settle?.(w);
    },
  });
}

test("a reboot that its VIM is at for long is waited for, and it is one try", async () => {
  const life = new Life(storyOf("PAUSED", planned("reboot", true)));
  await life.end();
  const slow = slowReboot(30_000);
  expect(await slow.end()).toEqual({ state: "done" });
  expect(slow.asked).toEqual(life.asked);
});

test.for([
  ["never gets done with", {}, 60, /the VIM has its server INACTIVE \(reboot is under way\)/],
  ["cannot do, as its host does not answer", { hostState: "unreachable" }, 5, /INACTIVE \(reboot is under way\)/],
  ["has ended, and it does not run", { task: null, lastError: "no memory" }, 5, /the VIM has its server INACTIVE: no memory/],
] as const)("one that its VIM %s has failed", async ([, change, seconds, why]) => {
  const life = slowReboot(1e9, change);
  let outcome = await life.pass();
  for (let i = 0; outcome.state === "waiting" && i < 100; i++) outcome = await life.pass();
  expect(outcome).toMatchObject({ state: "undone", step: "reboot its server", why: expect.stringMatching(why) });
  expect(life.now / 1_000).toBeGreaterThanOrEqual(seconds);
  expect(life.now / 1_000).toBeLessThan(seconds + 5);
});

test.for([
  ["ACTIVE", false, null],
  ["CREATING", false, null],
  ["PAUSED", false, "resume"],
  ["INACTIVE", false, "start"],
  ["ERROR", false, "rebuild"],
  [undefined, false, "create"],
  ["PAUSED", true, "reboot"],
  ["ACTIVE", true, "reboot"],
  ["INACTIVE", true, "start"],
] as const)("a restart of a server that is %s (fenced: %s): %s", ([status, isFenced, want]) => {
  expect(restartOf(status && ({ id: ID, status } as VimServer), isFenced)).toBe(want);
});
