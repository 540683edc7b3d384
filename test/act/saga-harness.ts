import { BEGIN, type Outcome, type Progress, Saga, type Step } from "../../src/act/saga.ts";
import { Fault } from "../../src/lib/fault.ts";

/** A saga over a world that is made anew for each story. `settle`: what the world does by itself between two looks. */
export interface Story<World> {
  world(): World;
  steps(world: World): readonly Step<World>[];
  settle?(world: World): void;
  /** What is to be compared: the world without what does not matter. */
  seen(world: World): unknown;
}

export const REFUSED = new Fault("VIM_REFUSED", "no room");
export const AWAY = new Fault("VIM_UNREACHABLE", "no answer");
const PASSES_MAX = 40;
/** ms between two passes. */
const PASS_MS = 1_000;

/** What a daemon is that can be killed: the saga object is lost, the disk and the world stay. */
export class Life<World> {
  readonly story: Story<World>;
  readonly world: World;
  kept: Progress = BEGIN;
  now = 0;
  /** Names of requests in their order; of taking back with a minus. */
  readonly asked: string[] = [];
  /** Called before each request. */
  before: (asked: string) => void = () => {};
  /** Called after each request. */
  after: (asked: string) => void = () => {};
  /** Called when progress is on the disk. */
  onKept: () => void = () => {};
  #saga: Saga<World> | null = null;

  constructor(story: Story<World>) {
    this.story = story;
    this.world = story.world();
  }

  /** A new run of the daemon. */
  restart(): void {
    this.#saga = null;
  }

  async pass(signal = new AbortController().signal): Promise<Outcome> {
    this.#saga ??= this.#begin();
    this.now += PASS_MS;
    const outcome = await this.#saga.advance(this.world, signal);
    this.story.settle?.(this.world);
    return outcome;
  }

  async takeBack(why: string): Promise<Outcome> {
    this.#saga ??= this.#begin();
    return this.#saga.takeBack(why, new AbortController().signal);
  }

  /** Passes until it ends, or is stuck. */
  async end(): Promise<Outcome> {
    for (let i = 0; i < PASSES_MAX; i++) {
      const outcome = await this.pass();
      if (outcome.state !== "waiting") return outcome;
    }
    throw new Error(`not at an end after ${PASSES_MAX} passes; asked: ${this.asked.join(", ")}`);
  }

  #begin(): Saga<World> {
    const steps = this.story.steps(this.world).map((step) => this.#watched(step));
    const keep = async (progress: Progress) => {
      this.kept = progress;
      this.onKept();
    };
    return new Saga({ steps, progress: this.kept, now: () => this.now, keep });
  }

  #watched(step: Step<World>): Step<World> {
    const watch = async <T>(asked: string, act: () => Promise<T>): Promise<T> => {
      this.asked.push(asked);
      this.before(asked);
      const answer = await act();
      this.after(asked);
      return answer;
    };
    const { undo } = step;
    return {
      ...step,
      run: (signal) => watch(step.name, () => step.run(signal)),
      undo: undo && ((signal) => watch(`-${step.name}`, () => undo(signal))),
    };
  }
}

/** The kill -9 of a story: thrown where it strikes. */
export class Killed extends Error {}

/** What must hold for every saga: told once here, asked of each. */
export function lawsOf<World>(name: string, story: Story<World>, { test, expect }: typeof import("vitest")): void {
  const undisturbed = async () => {
    const life = new Life(story);
    const outcome = await life.end();
    return { life, outcome };
  };
  const names = story.steps(story.world()).map((s) => s.name);

  test(`${name}: ends, and once more changes nothing`, async () => {
    const { life, outcome } = await undisturbed();
    expect(outcome).toEqual({ state: "done" });
    const seen = story.seen(life.world);
    life.kept = BEGIN; // As if nothing of it had been written.
    life.restart();
    expect(await life.end()).toEqual({ state: "done" });
    expect(story.seen(life.world)).toEqual(seen);
  });

  for (const step of names) {
    test(`${name}: "${step}" twice is once`, async () => {
      const { life: once } = await undisturbed();
      const life = new Life(story);
      let isOver = false;
      life.after = (asked) => {
        if (asked !== step || isOver) return;
        isOver = true;
        throw AWAY; // It was done, and nobody heard the answer.
      };
      expect(await life.end()).toEqual({ state: "done" });
      expect(story.seen(life.world)).toEqual(story.seen(once.world));
    });

    test(`${name}: nobody answers to "${step}" once: the next pass asks again`, async () => {
      const { life: once } = await undisturbed();
      const life = new Life(story);
      let times = 0;
      life.before = (asked) => {
        if (asked === step && times++ === 0) throw AWAY;
      };
      expect(await life.end()).toEqual({ state: "done" });
      expect(story.seen(life.world)).toEqual(story.seen(once.world));
    });

    test(`${name}: "${step}" is refused: what was done is taken back in reverse, or it is stuck and says so`, async () => {
      const life = new Life(story);
      life.before = (asked) => {
        if (asked === step) throw REFUSED;
      };
      const outcome = await life.end();
      const isAsked = life.asked.includes(step);
      if (!isAsked) return expect(outcome).toEqual({ state: "done" }); // The world was there already.
      const at = names.indexOf(step);
      const hasWayBack = story
        .steps(life.world)
        .slice(0, at + 1)
        .every((s) => s.undo !== null);
      if (!hasWayBack) {
        expect(outcome).toMatchObject({ state: "stuck", step, why: REFUSED.message, leftToDo: expect.stringMatching(/./) });
        return;
      }
      expect(outcome).toEqual({ state: "undone", step, why: REFUSED.message, isRefusal: true });
      expect(life.asked.filter((a) => a.startsWith("-"))).toEqual(
        names
          .slice(0, at + 1)
          .reverse()
          .map((n) => `-${n}`),
      );
    });

    test(`${name}: killed before, in and after "${step}", and at each word on the disk: the next run ends it`, async () => {
      const { life: once } = await undisturbed();
      for (const where of ["before", "after"] as const) {
        const life = new Life(story);
        life[where] = (asked) => {
          if (asked !== step) return;
          life[where] = () => {};
          throw new Killed();
        };
        await expectEnd(life);
        expect(story.seen(life.world)).toEqual(story.seen(once.world));
      }
    });

    test(`${name}: "${step}" is refused and the run is killed at each point of taking back`, async () => {
      const plain = await refusedAt(story, step);
      for (let nth = 0; nth < plain.words; nth++) {
        const life = new Life(story);
        life.before = (asked) => {
          if (asked === step) throw REFUSED;
        };
        let words = 0;
        life.onKept = () => {
          if (words++ === nth) throw new Killed();
        };
        const outcome = await expectEnd(life);
        expect([outcome.state, story.seen(life.world)]).toEqual([plain.state, plain.seen]);
      }
    });
  }

  async function expectEnd(life: Life<World>): Promise<Outcome> {
    for (;;) {
      try {
        return await life.end();
      } catch (e) {
        if (!(e instanceof Killed)) throw e;
        life.restart();
      }
    }
  }

  async function refusedAt(of: Story<World>, step: string) {
    const life = new Life(of);
    let words = 0;
    life.onKept = () => {
      words++;
    };
    life.before = (asked) => {
      if (asked === step) throw REFUSED;
    };
    const { state } = await life.end();
    return { state, words, seen: of.seen(life.world) };
  }
}
