import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { ManoStore } from "../../src/store/mano-schema.ts";

test("while the store does not answer nobody waits for what is written after the act; it is told once, and that it is over", async () => {
  const disk = Promise.withResolvers<void>();
  const hangs = { transaction: () => ({ execute: () => disk.promise }) } as unknown as ManoStore;
  const writes = new WriteQueue(hangs, silent, systemClock);
  const told: (string | null)[] = [];
  writes.onRefusal((why) => told.push(why));
  const waited = writes.done(async () => {});
  writes.silent("it has not answered");
  await waited; // A pass goes on to the next group.
  await writes.done(async () => {});
  expect([told, writes.isWaiting]).toEqual([["it has not answered"], true]);
  disk.resolve();
  writes.silent(null);
  await writes.flush();
  expect([told, writes.isWaiting]).toEqual([["it has not answered", null], false]);
});
