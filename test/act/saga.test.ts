import * as vitest from "vitest";
import { DONE, missing, nothingToUndo, type Step } from "../../src/act/saga.ts";
import { AWAY, Life, lawsOf, REFUSED, type Story } from "./saga-harness.ts";

const { describe, expect, test } = vitest;

/** Three things that exist or do not; the second one takes a while to come. */
interface Things {
  readonly there: Set<string>;
  readonly coming: Set<string>;
}

const make = (world: Things, name: string, more: Partial<Step<Things>> = {}): Step<Things> => ({
  name,
  look: ({ there }) => (there.has(name) ? DONE : missing(`${name} is not there`)),
  run: async () => {
    if (!world.there.has(name)) world.coming.add(name);
    return undefined;
  },
  undo: async () => {
    world.there.delete(name);
    world.coming.delete(name);
  },
  leftToDo: `remove ${name} by hand`,
  ...more,
});

const story: Story<Things> = {
  world: () => ({ there: new Set(), coming: new Set() }),
  steps: (w) => [make(w, "one"), make(w, "two"), make(w, "three")],
  settle: ({ there, coming }) => {
    for (const name of coming) there.add(name);
    coming.clear();
  },
  seen: ({ there }) => [...there].sort(),
};

describe("a saga", () => {
  lawsOf("three things", story, vitest);
  lawsOf(
    "no way back from the second",
    { ...story, steps: (w) => [make(w, "one"), make(w, "two", { undo: null }), make(w, "three")] },
    vitest,
  );

  test("leaves the world as it was when a step is refused", async () => {
    const life = new Life(story);
    life.before = (asked) => {
      if (asked === "three") throw REFUSED;
    };
    expect(await life.end()).toMatchObject({ state: "undone", step: "three" });
    expect(story.seen(life.world)).toEqual([]);
    expect(life.asked).toEqual(["one", "two", "three", "-three", "-two", "-one"]);
  });

  test("that cannot take a step back is stuck, says where and what is left to do by whom, and goes on when it can", async () => {
    const life = new Life(story);
    let isStuck = true;
    life.before = (asked) => {
      if (asked === "three" || (asked === "-two" && isStuck)) throw REFUSED;
    };
    const stuck = {
      state: "stuck",
      step: "two",
      why: `three failed (${REFUSED.message}), and two could not be taken back: ${REFUSED.message}`,
      leftToDo: "remove two by hand",
    };
    expect(await life.end()).toEqual(stuck);
    expect(await life.end()).toEqual(stuck);
    expect(story.seen(life.world)).toEqual(["one", "two"]);
    life.restart();
    isStuck = false;
    expect(await life.end()).toMatchObject({ state: "undone", step: "three" });
    expect(story.seen(life.world)).toEqual([]);
  });

  test("whose undo gets no answer waits for the next pass", async () => {
    const life = new Life(story);
    let times = 0;
    life.before = (asked) => {
      if (asked === "two") throw REFUSED;
      if (asked === "-one" && times++ === 0) throw AWAY;
    };
    expect(await life.end()).toMatchObject({ state: "undone" });
    expect(life.asked.filter((a) => a === "-one")).toHaveLength(2);
  });

  test("is ended by its signal between two steps, takes nothing back, and is finished by the next run", async () => {
    const life = new Life(story);
    const ended = new AbortController();
    life.after = (asked) => asked === "two" && ended.abort(new Error("the daemon ends"));
    await expect(
      (async () => {
        for (;;) if ((await life.pass(ended.signal)).state !== "waiting") return;
      })(),
    ).rejects.toThrow("the daemon ends");
    expect(story.seen(life.world)).toEqual(["one", "two"]);
    life.after = () => {};
    life.restart();
    expect(await life.end()).toEqual({ state: "done" });
  });

  test("asks once and then waits; a step that fails while it is waited for sends it back", async () => {
    const slow: Story<Things> = {
      ...story,
      settle: () => {},
      steps: (w) => [
        make(w, "one", {
          look: (_, askedForMs) =>
            (askedForMs ?? 0) > 5_000 ? { is: "failed", why: "not within 5 s" } : missing("it is not there"),
          undo: nothingToUndo,
        }),
      ],
    };
    const life = new Life(slow);
    expect(await life.end()).toEqual({ state: "undone", step: "one", why: "not within 5 s", isRefusal: false });
    expect(life.asked).toEqual(["one", "-one"]);
  });

  test("is taken back on demand, from where it is", async () => {
    const life = new Life(story);
    await life.pass();
    await life.pass();
    expect(await life.takeBack("not wanted any more")).toMatchObject({ state: "undone", why: "not wanted any more" });
    expect(story.seen(life.world)).toEqual([]);
  });

  test("a bug is not taken for a failure", async () => {
    const life = new Life(story);
    life.before = () => {
      throw new TypeError("x is not a function");
    };
    await expect(life.pass()).rejects.toThrow(TypeError);
  });
});
