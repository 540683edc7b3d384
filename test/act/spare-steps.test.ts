import * as vitest from "vitest";
import { restSteps, type SpareWorld } from "../../src/act/spare-steps.ts";
import type { ServerId } from "../../src/model/ids.ts";
import type { VimConnector, VimServer } from "../../src/vimconn/connector.ts";
import { Life, lawsOf, type Story } from "./saga-harness.ts";

const { expect, test } = vitest;

const ID = "s" as ServerId;
const serverOf = (status: VimServer["status"]): VimServer => ({
  ...{ id: ID, name: "s", description: null, status, lastError: null, hostId: null, hostState: null, antiAffinity: null },
});

/** What is armed follows the mark between two looks. */
class World implements SpareWorld {
  server: VimServer | undefined = serverOf("ACTIVE");
  isMarked = false;
  isTarget = true;
  isNeeded = false;
  /** Whether anything led to it when it was paused. */
  wasTarget: boolean | null = null;

  get connector(): VimConnector {
    return {
      pauseServer: async () => {
        this.wasTarget = this.isTarget;
        this.server = serverOf("PAUSED");
      },
      resumeServer: async () => {
        this.server = serverOf("ACTIVE");
      },
    } as Partial<VimConnector> as VimConnector;
  }

  settle(): void {
    this.isTarget = !this.isMarked;
  }
}

const STORY: Story<World> = {
  world: () => new World(),
  steps: (w) =>
    restSteps({
      connector: w.connector,
      serverId: ID,
      mark: async (is) => {
        w.isMarked = is;
      },
      mayPause: () => !w.isNeeded,
    }),
  settle: (w) => w.settle(),
  seen: ({ server, isMarked, isTarget }) => [server?.status, isMarked, isTarget],
};

lawsOf("put a spare to rest", STORY, vitest);

test("it is on the disk that it is to rest, and nothing leads to it, before it is paused", async () => {
  const life = new Life(STORY);
  expect(await life.end()).toEqual({ state: "done" });
  expect(life.asked).toEqual(["mark it as resting", "lead nothing to it", "pause it"]);
  expect(life.world.wasTarget).toBe(false);
});

test("one that is needed by then is not paused, and is not meant to rest any more", async () => {
  const life = new Life(STORY);
  life.before = (asked) => {
    life.world.isNeeded ||= asked === "pause it";
  };
  expect(await life.end()).toMatchObject({ state: "undone", step: "pause it", why: expect.stringMatching(/it is needed/) });
  life.world.settle();
  expect(STORY.seen(life.world)).toEqual(["ACTIVE", false, true]);
});

test("one that a plan still leads to after its time stays awake", async () => {
  const life = new Life({ ...STORY, settle: () => {} });
  expect(await life.end()).toMatchObject({ state: "undone", step: "lead nothing to it" });
  expect(STORY.seen(life.world)).toEqual(["ACTIVE", false, true]);
});
