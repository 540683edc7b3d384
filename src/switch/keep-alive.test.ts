import { expect, test } from "vitest";
import type { Clock } from "../lib/clock.ts";
import { keepAlive } from "./keep-alive.ts";

const policy = { intervalMs: 1000, missesMax: 3 };

/** Runs the keep-alive over a script: for each interval how long it really took, and how many bytes came in it. */
async function play(script: readonly { readonly tookMs: number; readonly bytes: number }[]) {
  const life = new AbortController();
  const peer = {
    bytesRead: 0,
    echoes: 0,
    why: null as string | null,
    echo: () => void peer.echoes++,
    expire: () => {},
    lost: (why: string) => {
      peer.why = why;
    },
  };
  let now = 0;
  const left = [...script];
  const clock: Clock = {
    now: () => now,
    wall: () => new Date(0),
    async sleep() {
      const step = left.shift();
      if (step === undefined) return life.abort();
      now += step.tookMs;
      peer.bytesRead += step.bytes;
    },
  };
  await keepAlive(peer, policy, clock, life.signal);
  return peer;
}

const answered = { tookMs: 1000, bytes: 8 };
const silent = { tookMs: 1001, bytes: 0 };
const stalled = { tookMs: 9000, bytes: 0 };

test("a switch that answers stays, with one echo request per interval", async () => {
  expect(await play([answered, answered, answered, answered])).toMatchObject({ why: null, echoes: 5 });
});

test("three silent intervals end it, and the reason says so", async () => {
  expect((await play([answered, silent, silent, silent])).why).toBe("no answer to 3 echo requests, 1000 ms apart");
});

test("silence is counted anew after an answer", async () => {
  expect((await play([silent, silent, answered, silent, silent])).why).toBeNull();
});

test("our own standstill is not the switch's silence", async () => {
  expect((await play([stalled, stalled, stalled, stalled])).why).toBeNull();
  expect((await play([silent, stalled, silent, stalled])).why).toBeNull();
});
