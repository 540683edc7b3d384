import { Fault } from "../lib/fault.ts";

/** What a look at the world says of one step. */
export type Look =
  | { readonly is: "done" }
  /** Not there yet; once it was asked for, this is only waited for. */
  | { readonly is: "missing"; readonly why: string }
  /** It will not come: the saga goes back. */
  | { readonly is: "failed"; readonly why: string };

export const DONE: Look = { is: "done" };
export const missing = (why: string): Look => ({ is: "missing", why });
export const failed = (why: string): Look => ({ is: "failed", why });

/** One step of a saga: it is done when the world shows it, whoever did it. */
export interface Step<World> {
  readonly name: string;
  /** `askedForMs`: how long ago this run asked for it; null: it has not. */
  look(world: World, askedForMs: number | null): Look;
  /** Asks for it. Safe to repeat: twice is once. "done": the world will never show it, take it as done. */
  run(signal: AbortSignal): Promise<"done" | undefined>;
  /** Takes back what `run` did, half did or never began. Safe to repeat. Null: from here on there is no way back. */
  readonly undo: ((signal: AbortSignal) => Promise<void>) | null;
  /** What a person has to do when neither way goes on. */
  readonly leftToDo: string;
}

/** A step that leaves nothing behind which must be taken back. */
export const nothingToUndo = async (): Promise<void> => {};

/** How far a saga is. On the disk before it goes on, so that a kill -9 repeats at most the step it was in. */
export interface Progress {
  /** Steps that are done, or were begun where it goes back. */
  readonly done: number;
  /** Set: it goes back, because of this. */
  readonly failed: Failure | null;
}

export interface Failure {
  readonly step: string;
  readonly why: string;
  /** Who was asked said no; else the world did not become as it should. */
  readonly isRefusal: boolean;
}

export const BEGIN: Progress = { done: 0, failed: null };

export type Outcome =
  | { readonly state: "done" }
  | { readonly state: "waiting"; readonly step: string; readonly why: string }
  | ({ readonly state: "undone" } & Failure)
  | { readonly state: "stuck"; readonly step: string; readonly why: string; readonly leftToDo: string };

export interface SagaParts<World> {
  readonly steps: readonly Step<World>[];
  readonly progress: Progress;
  /** Monotonic ms. */
  now(): number;
  /** Resolves when it is on the disk. */
  keep(progress: Progress): Promise<void>;
}

/**
 * Steps in order, and on a failure their undoing in reverse (the idea is oxidecomputer/steno's). Every call of `advance` goes as far as
 * the world shown to it allows and awaits nothing but its own requests, so a pass of the slow loop drives it, and the first pass after
 * a restart goes on where the one before it was. No answer is no failure: the next pass asks again. A failure behind a step without
 * `undo`, and an `undo` that fails, leave it stuck: said with the step and what is left to do, and tried again with the next call.
 */
export class Saga<World> {
  readonly #parts: SagaParts<World>;
  #progress: Progress;
  /** When the present step was asked for, in this run. */
  #askedAt: number | null = null;

  constructor(parts: SagaParts<World>) {
    this.#parts = parts;
    this.#progress = parts.progress;
  }

  /** Throws what is no Fault (a bug of ours), and when the signal ends it: nothing is taken back then, the next run goes on. */
  async advance(world: World, signal: AbortSignal): Promise<Outcome> {
    if (this.#progress.failed !== null) return this.#goBack(this.#progress.failed, signal);
    for (;;) {
      signal.throwIfAborted();
      const step = this.#parts.steps[this.#progress.done];
      if (step === undefined) return { state: "done" };
      const look = step.look(world, this.#askedAt === null ? null : this.#parts.now() - this.#askedAt);
      if (look.is === "failed") return this.#fail(step, look.why, false, signal);
      const isDone = look.is === "done" || (this.#askedAt === null && (await this.#ask(step, signal)));
      if (isDone instanceof Fault) return this.#refused(step, isDone, signal);
      if (!isDone) return { state: "waiting", step: step.name, why: look.is === "missing" ? look.why : "" };
      await this.#keep({ done: this.#progress.done + 1, failed: null });
      this.#askedAt = null;
    }
  }

  /** Somebody wants it no more: goes back, as after a failure. */
  async takeBack(why: string, signal: AbortSignal): Promise<Outcome> {
    if (this.#progress.failed !== null) return this.#goBack(this.#progress.failed, signal);
    const step = this.#parts.steps[this.#progress.done] ?? this.#parts.steps.at(-1);
    return step === undefined ? { state: "done" } : this.#fail(step, why, false, signal);
  }

  /** True: the step is to be taken as done. A Fault: it was refused, or nobody answered. */
  async #ask(step: Step<World>, signal: AbortSignal): Promise<boolean | Fault> {
    this.#askedAt = this.#parts.now();
    try {
      return (await step.run(signal)) === "done";
    } catch (e) {
      this.#askedAt = null;
      if (signal.aborted || !(e instanceof Fault)) throw e;
      return e;
    }
  }

  async #refused(step: Step<World>, fault: Fault, signal: AbortSignal): Promise<Outcome> {
    if (isLater(fault)) return { state: "waiting", step: step.name, why: fault.message };
    return this.#fail(step, fault.message, true, signal);
  }

  async #fail(step: Step<World>, why: string, isRefusal: boolean, signal: AbortSignal): Promise<Outcome> {
    const { steps } = this.#parts;
    const begun = Math.min(this.#progress.done + 1, steps.length);
    this.#askedAt = null;
    if (steps.slice(0, begun).some((s) => s.undo === null))
      return { state: "stuck", step: step.name, why, leftToDo: step.leftToDo };
    const failure = { step: step.name, why, isRefusal };
    await this.#keep({ done: begun, failed: failure });
    return this.#goBack(failure, signal);
  }

  async #goBack(failure: Failure, signal: AbortSignal): Promise<Outcome> {
    while (this.#progress.done > 0) {
      signal.throwIfAborted();
      const step = this.#parts.steps[this.#progress.done - 1] as Step<World>;
      try {
        await step.undo?.(signal);
      } catch (e) {
        if (signal.aborted || !(e instanceof Fault)) throw e;
        if (isLater(e)) return { state: "waiting", step: step.name, why: `to be taken back: ${e.message}` };
        const why = `${failure.step} failed (${failure.why}), and ${step.name} could not be taken back: ${e.message}`;
        return { state: "stuck", step: step.name, why, leftToDo: step.leftToDo };
      }
      await this.#keep({ done: this.#progress.done - 1, failed: failure });
    }
    return { state: "undone", ...failure };
  }

  async #keep(progress: Progress): Promise<void> {
    await this.#parts.keep(progress);
    this.#progress = progress;
  }
}

/** It may or may not have been done: looked at, and asked for again. */
const isLater = (e: Fault): boolean => e.code === "VIM_UNREACHABLE";
