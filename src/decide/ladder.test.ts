import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HealTry, Rung } from "../model/heal.ts";
import { type HealCase, nextRung, TRIES_MAX } from "./ladder.ts";

const tried = (...rungs: (Rung | `${Rung} refused`)[]): HealCase["tried"] =>
  rungs.map((r) => {
    const [rung, refused] = r.split(" ") as [Rung, "refused"?];
    return { rung, failure: refused ?? "failed" };
  });

describe("the next rung", () => {
  for (const [host, server, had, want] of [
    ["up", "there", tried(), "restart"],
    ["up", "there", tried("restart"), "restart"],
    ["up", "there", tried("restart", "restart"), "rebuild"],
    ["up", "there", tried("restart refused"), "rebuild"],
    ["up", "there", tried("restart", "restart", "rebuild"), "otherHost"],
    ["up", "there", tried("restart", "restart", "rebuild", "otherHost"), "otherHost"],
    ["up", "there", tried("restart", "restart", "rebuild", "otherHost refused"), "rebuild"],
    ["up", "there", tried("restart", "restart", "rebuild", "otherHost refused", "rebuild"), null],
    ["up", "error", tried(), "rebuild"],
    ["up", "error", tried("restart"), "rebuild"],
    ["up", "error", tried("rebuild"), "otherHost"],
    ["up", "gone", tried(), "restart"],
    ["up", "gone", tried("restart", "restart", "rebuild"), "restart"],
    ["lost", "there", tried(), "otherHost"],
    ["lost", "there", tried("restart"), "otherHost"],
    ["lost", "there", tried("otherHost refused"), "otherHost"],
    ["lost", "there", tried("otherHost refused", "otherHost", "otherHost", "otherHost", "otherHost"), null],
  ] as const) {
    test(`host ${host}, server ${server}, tried ${had.map((t) => `${t.rung} ${t.failure}`).join(", ") || "nothing"}: ${want}`, () => {
      const choice = nextRung({ host, server, tried: had, canMove: true });
      expect(choice.rung).toBe(want);
      expect(choice.because).not.toBe("");
    });
  }

  test("a VIM that does not say where a server is cannot make it elsewhere", () => {
    const rungs = [];
    const had: Pick<HealTry, "rung" | "failure">[] = [];
    for (;;) {
      const { rung } = nextRung({ host: "up", server: "there", tried: had, canMove: false });
      if (rung === null) break;
      rungs.push(rung);
      had.push({ rung, failure: "failed" });
    }
    expect(rungs).toEqual(["restart", "restart", "rebuild", "rebuild", "rebuild"]);
  });
});

const anyTried = fc.array(
  fc.record({
    rung: fc.constantFrom<Rung>("restart", "rebuild", "otherHost"),
    failure: fc.constantFrom("refused" as const, "failed" as const),
  }),
  { maxLength: TRIES_MAX + 2 },
);

test("it is total, gives a reason, ends after its tries, and asks nothing of a host that is lost", () => {
  const anyCase = fc.record({
    host: fc.constantFrom("up" as const, "lost" as const),
    server: fc.constantFrom("gone" as const, "error" as const, "there" as const),
    canMove: fc.boolean(),
    tried: anyTried,
  });
  fc.assert(
    fc.property(anyCase, (it) => {
      const { rung, because } = nextRung(it);
      expect(because).not.toBe("");
      expect(rung === null).toBe(it.tried.length >= TRIES_MAX);
      if (it.host === "lost" && it.canMove && rung !== null) expect(rung).toBe("otherHost");
    }),
  );
});
