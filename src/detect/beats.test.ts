import { expect, test } from "vitest";
import { Beats } from "./beats.ts";

/**
 * A request every second; "1 2 3 …" are the seconds. Each second: "+" answered in time, "-" not, "~" 900 ms late (which is after its time), "!" refused, "?" no
 * channel to ask by, "L" a new life of the channel, "z" not either, and we stand still until the next second. Gives what is said after each.
 */
function play(story: string, rule = { intervalMs: 1_000, misses: 3, of: 3 }): string {
  const beats = new Beats(rule);
  let life = 1;
  const said: string[] = [];
  let late: number | null = null;
  [...story].forEach((what, second) => {
    const now = second * 1_000;
    if (what === "L") life++;
    if (story[second - 1] === "z") beats.stalled(now - 1_000, now);
    beats.asked(second, what === "?" ? null : life, now);
    if (late !== null) beats.answered(late, life, now - 100);
    late = what === "~" ? second : null;
    if (what === "+") beats.answered(second, life, now + 20);
    if (what === "!") beats.refused("the relay does not run", life, now + 20);
    if (what !== "z") beats.judge(now + 900);
    said.push(beats.says === null ? "." : beats.says === "answers" ? "a" : "S");
  });
  return said.join("");
}

for (const [what, story, want] of [
  ["a guest that never answered is not silent: it boots, or has no agent", "--------", "........"],
  ["it answers", "-+++", ".aaa"],
  ["two misses are not three", "+--+--+", "aaaaaaa"],
  ["three misses", "+---", "aaaS"],
  ["it answers again", "+---+", "aaaSa"],
  ["a late answer proves life", "+-~-+--+", "aaaaaaaa"],
  ["it says that it is not well", "+!!!", "aaaS"],
  ["it says that it is not well, and is again", "+!!!+", "aaaSa"],
  ["it says from the beginning that it is not well: it was never well", "!!!!", "...."],
  ["no channel to ask by says nothing, and what was said before no more", "+--?---", "aaa...."],
  ["QEMU's next life boots first", "+--L----+---", "aaa.....aaaS"],
  ["four misses, in two of which we stood still", "+-zz-+", "aaaaaa"],
  ["the same, awake", "+----+", "aaaSSa"],
] as const)
  test(`${what}: ${story} → ${want}`, () => expect(play(story)).toBe(want));

test("three of five", () => {
  expect(play("+-+--", { intervalMs: 1_000, misses: 3, of: 5 })).toBe("aaaaS");
});

test("why, in words: the agent's own where it has any", () => {
  const beats = new Beats({ intervalMs: 1_000, misses: 2, of: 2 });
  beats.answered(0, 1, 0);
  beats.asked(1, 1, 1_000);
  beats.refused("the relay does not run", 1, 1_010);
  beats.asked(2, 1, 2_000);
  beats.refused("the relay does not run", 1, 2_010);
  beats.judge(2_900);
  expect(beats.why).toBe("its guest's agent says: the relay does not run");
  expect(beats.answerer.missedAtMs).toBeNull(); // It answers: the way to it is all right.
  for (const request of [3, 4]) beats.asked(request, 1, request * 1_000);
  beats.judge(4_900);
  expect(beats.answerer.missedAtMs).toBe(4_000);
});
