import { expect, test } from "vitest";
import { type FlowCase, flowCase } from "../../tools/flows/case.ts";
import { judge } from "../../tools/flows/judge.ts";
import { readRecording } from "../../tools/recording.ts";
import { AS_IT_IS, openvimAnswer } from "../tools/openvim-rule.ts";
import { recording } from "./recordings.ts";

/** Flow entries recorded from the original server: what it computed for 200 random networks. */
const path = recording("openvim-flows.jsonl");

if (path === null) test("the recorded flow entries are not here: nothing was compared", () => expect(path).toBeNull());
else {
  const verdicts = new Map<string, number>();
  for (const { line, value } of readRecording<FlowCase>(path, flowCase, "a case of nets")) {
    test(`recorded nets of line ${line}: as the original, or better for a reason that is written down`, () => {
      const verdict = judge(value);
      expect(verdict.is === "mismatch" ? verdict.differs : []).toEqual([]);
      const kind = verdict.is === "listed" ? verdict.decision : verdict.is;
      verdicts.set(kind, (verdicts.get(kind) ?? 0) + 1);
    });
  }
  test("the original's steps as the tests say them give what it computed, entry by entry, crashes too", () => {
    const byText = (out: FlowCase["out"]) => ({
      ...out,
      flows: out.flows?.map((f) => JSON.stringify(Object.entries(f).toSorted(([a], [b]) => (a < b ? -1 : 1)))).toSorted() ?? null,
    });
    for (const { line, value } of readRecording<FlowCase>(path, flowCase, "a case of nets"))
      expect({ line, ...byText(openvimAnswer(value, AS_IT_IS)) }).toEqual({ line, ...byText(value.out) });
  });
  test("most are the same: the list of differences has not become the rule", () => {
    expect(Object.fromEntries(verdicts)).toEqual({ same: 175, "0006 (2)": 14, "0006 (4)": 8, "0006 (5)": 3 });
  });
}
