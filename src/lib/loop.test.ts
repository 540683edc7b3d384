import { expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { Loop } from "./loop.ts";

/** Sleeps end when they are told to. */
class HandClock implements Clock {
  readonly asleep: { readonly ms: number; readonly wake: () => void }[] = [];
  nowMs = 0;
  now = () => this.nowMs;
  wall = () => new Date(0);
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.asleep.push({ ms, wake: resolve });
    signal?.addEventListener("abort", () => reject(signal.reason));
    return promise;
  }
}

const turns = () => new Promise((done) => setImmediate(done));

test("what is woken settles first; what somebody waits for begins at once, and settles no longer where it settled", async () => {
  const clock = new HandClock();
  const end = new AbortController();
  let passes = 0;
  const loop = new Loop(
    clock,
    async () => void passes++,
    (e) => {
      throw e;
    },
  );
  const running = loop.run(() => 60_000, end.signal);
  await turns();
  expect([passes, clock.asleep.at(-1)?.ms]).toEqual([1, 60_000]);

  loop.wake();
  await turns();
  expect([passes, clock.asleep.at(-1)?.ms]).toEqual([1, 100]);
  clock.asleep.at(-1)?.wake();
  await turns();
  expect(passes).toBe(2);

  loop.wakeNow();
  await turns();
  expect([passes, clock.asleep.at(-1)?.ms]).toEqual([3, 60_000]);

  loop.wake();
  await turns();
  loop.wakeNow();
  await turns();
  expect(passes).toBe(4);

  loop.wake(); // The one that was awaited is over: this one settles again.
  await turns();
  expect([passes, clock.asleep.at(-1)?.ms]).toEqual([4, 100]);
  end.abort();
  await running;
  expect(passes).toBe(4);
});

test("a pass that took long leaves others as long before one that was woken meanwhile, but no longer than it may", async () => {
  for (const [tookMs, leavesMs, settleMs] of [
    [300, 500, 300],
    [900, 500, 500],
    [20, 500, 100],
    [900, 0, 100],
  ] as const) {
    const clock = new HandClock();
    const end = new AbortController();
    const loop = new Loop(
      clock,
      async () => {
        clock.nowMs += tookMs;
        loop.wake();
      },
      () => {},
      { leavesMs },
    );
    const running = loop.run(() => 60_000, end.signal);
    await turns();
    expect(clock.asleep.map((s) => s.ms)).toEqual([settleMs]);
    end.abort();
    await running;
  }
});
