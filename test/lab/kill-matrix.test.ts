import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { added, type Cell, countedAs, figuresOf, keep, type Run, readLedger, runOf } from "../../bench/matrix/ledger.ts";
import { lengthText } from "../../bench/matrix/printed.ts";
import { STORIES } from "../../bench/matrix/stories.ts";
import { parseDescriptor } from "../../src/descriptor/plain.ts";
import { burden } from "../../src/lab/burden.ts";
import { startTicksOf } from "../../src/lab/leftovers.ts";
import type { DemoRun } from "../../src/lab/result.ts";
import { tuned } from "../../src/lab/tuned.ts";
import { example } from "../mano/rig.ts";

const dir = mkdtempSync(join(tmpdir(), "matrix-"));
afterAll(() => rmSync(dir, { recursive: true }));

const run = (more: Partial<Run> = {}): Run => ({
  served: true,
  firstPacketMs: 5,
  interruptionMs: 6,
  lostA: 0,
  lostB: 0,
  incidents: 1,
  areIncidentsRight: true,
  areAlarmsRight: true,
  redundantAgainMs: 4000,
  severalOwners: 0,
  looks: 50,
  overlapMs: 0,
  ...more,
});
const cell = (story: string, runs: readonly Run[], version = "abc"): Cell => ({
  ...{ version, scheme: "active-active", openflow: "1.3", story, pps: 500, load: 0, probeIntervalMs: 250 },
  runs,
});

test("lines of one cell are added up, whenever they were written; those of another version or an older program are not", () => {
  const path = join(dir, "ledger.jsonl");
  expect(readLedger(path)).toEqual([]);
  keep(path, { what: "kill-matrix", story: "kill", n: 2 });
  for (const line of [cell("kill", [run()]), cell("pause", [run()]), cell("kill", [run(), run()]), cell("kill", [run()], "abd")])
    keep(path, line);
  const cells = added(readLedger(path));
  expect(cells.map((c) => [c.version, c.story, c.runs.length])).toEqual([
    ["abc", "kill", 3],
    ["abc", "pause", 1],
    ["abd", "kill", 1],
  ]);
});

test("lines of versions since a commit count too, when asked for; one that is no commit, or older, does not", () => {
  const git = (...args: string[]) => execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" }).trim();
  const committed = () => {
    git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "x");
    return git("log", "-1", "--format=%h");
  };
  git("init", "-q");
  const [older, since, later] = [committed(), committed(), committed()] as const;
  const cells = [older, since, later, `${later}+`, "now"].map((version) => cell("kill", [run()], version));
  const runs = (from?: string) => added(countedAs("now", cells, dir, from)).map((c) => [c.version, c.runs.length]);
  expect(runs()).toEqual([["now", 1]]);
  expect(runs(since)).toEqual([["now", 3]]);
  expect(() => runs("no-commit")).toThrow("--since no-commit: this repository has no such commit");
});

test("a run that was not served is a miss and in no percentile; what is wrong is counted over all", () => {
  const runs = [
    run({ firstPacketMs: 7, severalOwners: 1 }),
    run(),
    run({ served: false, firstPacketMs: 999, areAlarmsRight: false }),
  ];
  expect(figuresOf(cell("kill", runs))).toMatchObject({
    n: 3,
    missed: 1,
    firstPacket: { p50: 5, p99: 7, max: 7 },
    incidentsWrong: 0,
    alarmsWrong: 1,
    severalOwners: 1,
    looks: 150,
  });
});

test("what is right for a story: one record, and both alarms raised and cleared; with the twin down SERVICE_DOWN too", () => {
  const [kill, twin] = [STORIES.find((s) => s.name === "kill")!, STORIES.find((s) => s.isTwinDown)!];
  const found = (more: Partial<DemoRun>) =>
    ({
      verified: true,
      incidents: 1,
      alarmsLeft: 0,
      alarmsRaised: ["REDUNDANCY_LOST", "VNFC_DOWN"],
      viewers: [],
      ...more,
    }) as DemoRun;
  const times = { firstPacket: 3 } as DemoRun["times"];
  const table: readonly [typeof kill, Partial<DemoRun>, boolean, boolean][] = [
    [kill, {}, true, true],
    [kill, { incidents: 2 }, false, true],
    [kill, { alarmsLeft: 1 }, true, false],
    [kill, { alarmsRaised: ["VNFC_DOWN"] }, true, false],
    [twin, {}, true, false],
    [twin, { incidents: 0, alarmsRaised: ["SERVICE_DOWN", "VNFC_DOWN"] }, true, true],
  ];
  for (const [story, more, incidents, alarms] of table) {
    const kept = runOf(story, { ...found(more), times });
    expect([kept.areIncidentsRight, kept.areAlarmsRight]).toEqual([incidents, alarms]);
  }
});

test("the time that is left, as people say it", () => {
  expect([40_000, 180_000, 3_900_000].map(lengthText)).toEqual(["40 s", "3 min", "1 h 05 min"]);
});

test("a tuned example is still a descriptor, and differs in what was asked for only", () => {
  const before = example("media-relay.yaml");
  expect(tuned(before, {})).toBe(before);
  const after = tuned(before, { probeIntervalMs: 10, waitToRestoreMs: 500 });
  const expected = parse(before);
  Object.assign(expected.vnfd[0].vdu[0].protection, { wait_to_restore_ms: 500 });
  expected.vnfd[0].vdu[0].protection.probe.interval = 10;
  expect(parse(after)).toEqual(expected);
  expect(parseDescriptor(after)).toMatchObject({ ok: true });
});

test("busy processes run until they are disposed of", async () => {
  const pids: number[] = [];
  {
    await using _busy = burden(2, (pid) => pids.push(pid));
    expect(pids.map(startTicksOf).every((t) => t !== null)).toBe(true);
  }
  expect(pids).toHaveLength(2);
  expect(pids.map(startTicksOf)).toEqual([null, null]);
});
