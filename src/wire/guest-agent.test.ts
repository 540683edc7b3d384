import fc from "fast-check";
import { expect, test } from "vitest";
import { type AgentAnswer, AgentLines, RESET, syncRequest } from "./guest-agent.ts";

/** Recorded from qemu-ga 7.2.22 on a socket (`-m unix-listen`): what was said to it, and every byte it answered. */
const RECORDED: readonly (readonly [said: string, answered: string, means: readonly AgentAnswer[]])[] = [
  [
    `${RESET}${syncRequest(7)}`,
    `{"error": {"class": "GenericError", "desc": "JSON parse error, stray '\\\\uFFFD'"}}\n{"return": 7}\n`,
    [{ refuses: "JSON parse error, stray '\\uFFFD'" }, { request: 7 }],
  ],
  [syncRequest(1) + syncRequest(2), `{"return": 1}\n{"return": 2}\n`, [{ request: 1 }, { request: 2 }]],
  [
    syncRequest(7),
    `{"error": {"class": "CommandNotFound", "desc": "Command guest-sync has been disabled"}}\n`,
    [{ refuses: "Command guest-sync has been disabled" }],
  ],
  [`{"execute":"guest-ping"}\n`, `{"return": {}}\n`, []],
];

test("what a real agent was asked is what we ask", () => {
  expect(syncRequest(7)).toBe(`{"execute":"guest-sync","arguments":{"id":7}}\n`);
});

test.each(RECORDED)("%j is answered %j", (_, answered, means) => {
  expect(new AgentLines().push(answered)).toEqual(means);
});

test("wherever the stream is cut, the answers are the same", () => {
  const all = RECORDED.map(([, answered]) => answered).join("");
  fc.assert(
    fc.property(fc.array(fc.nat(all.length)), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), all.length];
      const lines = new AgentLines();
      const heard = at.slice(1).flatMap((end, i) => lines.push(all.slice(at[i], end)));
      expect(heard).toEqual(RECORDED.flatMap(([, , means]) => means));
    }),
  );
});

test("a guest that writes anything at all is no agent, and holds no memory of ours", () => {
  const lines = new AgentLines();
  for (const text of ["\n", "{}\n", "null\n", "[1]\n", `{"return": 1.5}\n`, "{{{\n", '"\n']) expect(lines.push(text)).toEqual([]);
  for (let i = 0; i < 100; i++) expect(lines.push("x".repeat(65_536))).toEqual([]);
  expect(lines.push(`\n{"return": 3}\n`)).toEqual([{ request: 3 }]);
});

test("the words of a guest write nothing to a terminal but letters", () => {
  const [answer] = new AgentLines().push(`${JSON.stringify({ error: { desc: `\u001b[2J${"x".repeat(500)}` } })}\n`);
  expect(answer).toEqual({ refuses: `?[2J${"x".repeat(196)}` });
});
