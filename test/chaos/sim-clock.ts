import type { Clock } from "../../src/lib/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly due: () => void;
  isOff: boolean;
}

/** Rounds of immediates after which a settling is taken for an endless one. */
const ROUNDS_MAX = 10_000;
/** Of rounds, one in so many is a real turn of the event loop, in which Node looks for rejections that nobody heard. */
const TURN_EVERY = 500;

/**
 * Simulated time for a whole system in one process. Time stands while anything runs: it moves to the next timer only when no promise
 * and no `setImmediate` is left to go on. While it is installed, `setImmediate` and `Math.random` of the process are its own.
 */
export class SimClock {
  #nowMs: number;
  #wallOffsetMs = Date.UTC(2026, 0, 1);
  #heap: Timer[] = [];
  #order = 0;
  #immediates: (() => void)[] = [];
  #rounds = 0;
  readonly #real = { setImmediate: globalThis.setImmediate, random: Math.random };

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  install(random: () => number): void {
    const fake = (fn: (...args: unknown[]) => void, ...args: unknown[]) => void this.#immediates.push(() => fn(...args));
    globalThis.setImmediate = fake as unknown as typeof setImmediate;
    Math.random = random;
  }

  uninstall(): void {
    globalThis.setImmediate = this.#real.setImmediate;
    Math.random = this.#real.random;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): Date {
    return new Date(this.#nowMs + this.#wallOffsetMs);
  }

  /** The wall clock is set by somebody: monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Calls `due` after so many ms; the answer takes it back. */
  after(ms: number, due: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, due, isOff: false };
    this.#push(timer);
    return () => {
      timer.isOff = true;
    };
  }

  /** A turn of the event loop. */
  turn(): Promise<void> {
    return new Promise((r) => this.#real.setImmediate(r));
  }

  /** Lets all happen until `untilMs`, or until `isOver` says so, which is asked after each step. */
  run(untilMs: number, isOver: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let rounds = 0;
    const settled = () => {
      try {
        if (this.#immediates.length > 0) {
          if (++rounds > ROUNDS_MAX) throw new Error(`does not settle at ${this.#nowMs} ms: ${ROUNDS_MAX} rounds of immediates`);
          for (const fn of this.#immediates.splice(0)) fn();
        } else {
          rounds = 0;
          if (isOver() || !this.#step(untilMs)) return resolve();
        }
        this.#whenSettled(settled);
      } catch (e) {
        reject(e);
      }
    };
    this.#whenSettled(settled);
    return promise;
  }

  /**
   * When all has run that needs no time, behind every promise that can go on: what is given to `nextTick` by a microtask is called when
   * the queue of these is empty. It costs a fraction of a turn of the event loop.
   */
  #whenSettled(go: () => void): void {
    if (++this.#rounds % TURN_EVERY === 0) this.#real.setImmediate(go);
    else queueMicrotask(() => process.nextTick(go));
  }

  /** Moves to the next timer that is due by `untilMs`, and calls it. False when there is none: then it is `untilMs`. */
  #step(untilMs: number): boolean {
    while (this.#heap[0]?.isOff) this.#pop();
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#pop();
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.due();
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

const isBefore = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** One run of a daemon. When it ends as by kill -9, nothing that it has begun goes on. */
export class Life {
  readonly clock: Clock;
  readonly name: string;
  readonly #sim: SimClock;
  #isOver = false;
  #standsUntilMs = Number.NEGATIVE_INFINITY;
  #standsFromMs = Number.POSITIVE_INFINITY;
  /** What has come while it stood, in order. */
  readonly #held: (() => void)[] = [];
  /** Who sleeps by which signal: one listener for all of them. */
  readonly #asleep = new Map<AbortSignal, { readonly wakes: Set<() => void>; readonly onAbort: () => void }>();
  #stepsLeft = Number.POSITIVE_INFINITY;
  #onCrash: () => void = () => {};

  constructor(name: string, sim: SimClock) {
    this.name = name;
    this.#sim = sim;
    this.clock = {
      now: () => sim.now(),
      wall: () => sim.wall(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Who sleeps never wakes; what Node keeps for a signal that somebody listens to goes with it. */
  end(): void {
    this.#isOver = true;
    for (const [signal, { onAbort }] of this.#asleep) signal.removeEventListener("abort", onAbort);
    this.#asleep.clear();
    this.#held.length = 0;
  }

  /** When it went on last, or will; -Infinity: it never stood. */
  get goesOnMs(): number {
    return this.#standsUntilMs;
  }

  /** When something that happened at `atMs` could reach it. */
  reachedAtMs(atMs: number): number {
    return atMs >= this.#standsFromMs ? Math.max(atMs, this.#standsUntilMs) : atMs;
  }

  /** Its process stands still (SIGSTOP, a host without a free core), and goes on where it was. */
  stand(ms: number): void {
    if (this.#standsUntilMs <= this.#sim.now()) this.#standsFromMs = this.#sim.now();
    this.#standsUntilMs = Math.max(this.#standsUntilMs, this.#sim.now() + ms);
  }

  /** Something reaches it from outside: at once, or when it goes on. Nothing reaches one that is over. */
  reach(arrive: () => void): void {
    if (this.#isOver) return;
    const isStanding = this.#standsUntilMs > this.#sim.now();
    if (!isStanding && this.#held.length === 0) arrive();
    else if (this.#held.push(arrive) === 1) this.#sim.after(this.#standsUntilMs - this.#sim.now(), () => this.#goOn());
  }

  /** One thing after the other, as a loop of events does. */
  #goOn(): void {
    if (this.#isOver) return;
    const restMs = this.#standsUntilMs - this.#sim.now();
    if (restMs <= 0) this.#held.shift()?.();
    if (this.#held.length > 0) this.#sim.after(restMs, () => this.#goOn());
  }

  /** Ends it at its n-th step from now: a statement to its store, or a word to another part. */
  crashIn(steps: number, onCrash: () => void): void {
    this.#stepsLeft = steps;
    this.#onCrash = onCrash;
  }

  /** Called before each step; false: it is over, and the step is not made. */
  step(): boolean {
    if (this.#isOver) return false;
    if (--this.#stepsLeft > 0) return true;
    this.end();
    this.#onCrash();
    return false;
  }

  /** As node:timers/promises: rejects when aborted. A sleeper of a run that is over never wakes. */
  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const wakes = signal && this.#wakesOf(signal);
      let isTakenBack = false;
      const wake = () => {
        isTakenBack = true;
        off();
        reject(signal?.reason);
      };
      const due = () => {
        if (isTakenBack) return;
        wakes?.delete(wake);
        resolve();
      };
      const off = this.#sim.after(Number.isFinite(ms) ? ms : 1e12, () => this.reach(due));
      wakes?.add(wake);
    });
  }

  #wakesOf(signal: AbortSignal): Set<() => void> {
    const had = this.#asleep.get(signal);
    if (had) return had.wakes;
    const wakes = new Set<() => void>();
    const onAbort = () => {
      this.#asleep.delete(signal);
      for (const wake of wakes) wake();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#asleep.set(signal, { wakes, onAbort });
    return wakes;
  }
}

/** What never comes. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});
