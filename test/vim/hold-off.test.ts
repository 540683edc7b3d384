import { expect, test } from "vitest";
import type { Evidence } from "../../src/model/evidence.ts";
import type { GroupId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { Hit } from "../../src/vim/firing.ts";
import { HoldOff } from "../../src/vim/hold-off.ts";

const evidence: Evidence = { about: { kind: "port", id: "p" as VimPortId }, says: "silent", source: "probe", seenAt: 0 };
const hit = { protection: { id: "g" as GroupId }, member: { id: "a" as VnfcId }, evidence } as Hit;

/** A clock whose one sleeper is woken by hand. */
function standingClock() {
  const woken = Promise.withResolvers<void>();
  const clock = { nowMs: 0, now: () => clock.nowMs, wall: () => new Date(0), sleep: () => woken.promise };
  return { clock, wake: woken.resolve };
}
const turns = async (n: number) => {
  for (let i = 0; i < n; i++) await new Promise(setImmediate);
};

test("who waited is told by how much the wait is over", async () => {
  const { clock, wake } = standingClock();
  using holdOff = new HoldOff(clock);
  const late: number[] = [];
  holdOff.begin(hit, evidence, 2_000, (ms) => late.push(ms));
  clock.nowMs = 5_000;
  wake();
  await turns(2);
  expect(late).toEqual([3_000]);
  expect(holdOff.isHeld(hit, "silent")).toBe(false);
});

test("this process stood still: an answer that is read only now, right after the timer, ends it nonetheless", async () => {
  const { clock, wake } = standingClock();
  using holdOff = new HoldOff(clock);
  const late: number[] = [];
  holdOff.begin(hit, evidence, 2_000, (ms) => late.push(ms));
  clock.nowMs = 5_000;
  wake();
  await Promise.resolve(); // The sleeper goes on before anything is read.
  holdOff.ended(new Set([hit.member.id]), "answers");
  await turns(2);
  expect(late).toEqual([]);
});
