import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Value } from "typebox/value";
import { afterAll, expect, test } from "vitest";
import { LAB_FOLDER, type LabFile, startTicksOf } from "../../src/lab/leftovers.ts";
import { listNetns } from "../../src/lab/netns.ts";
import { DemoResult } from "../../src/lab/result.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const SEMPRE = join(ROOT, "src/sempre.ts");
const dir = mkdtempSync(join(tmpdir(), "demo-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the lab of this process has made, as it is written down. */
function labOf(owner: number): LabFile {
  const folder = join(ROOT, LAB_FOLDER);
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const all = files.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as LabFile);
  return all.find((file) => file.owner.pid === owner)!;
}

const labs = async () => (await listNetns()).filter((name) => name.startsWith("sempre-"));

test("the whole demo: both viewers are served again, by push and by polling, and nothing is left behind", {
  timeout: 180_000,
}, async () => {
  const before = await labs();
  const [json, report] = [join(dir, "result.json"), join(dir, "report.html")];
  const { stdout } = await run(process.execPath, [SEMPRE, "demo", "--mode", "both", "--json", json, "--report", report]);
  expect(stdout).toContain("every viewer was served again");

  const result = JSON.parse(readFileSync(json, "utf8")) as DemoResult;
  expect([...Value.Errors(DemoResult, result)]).toEqual([]);
  expect(result.runs.map((r) => [r.mode, r.verified])).toEqual([
    ["push", true],
    ["poll", true],
  ]);
  for (const { mode, times, viewers } of result.runs) {
    // Each step of the record comes after the one before it. What is armed in the VIM is carried out before the MANO is told.
    const heard = mode === "poll" ? [times.told] : [];
    const steps = [...heard, times.decided, times.onWire, times.barrier] as number[];
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(viewers.find((v) => v.name === "A")).toMatchObject({
      servedBefore: "relay-a",
      servedAfter: "relay-b",
      isServedAgain: true,
    });
    expect(viewers.find((v) => v.name === "B")).toMatchObject({ servedBefore: "relay-b", servedAfter: null });
  }
  expect(Object.keys(result.runs[0]?.times.seen ?? {})).toEqual(expect.arrayContaining(["processExit", "qmp"]));
  expect(readFileSync(report, "utf8")).toContain("</html>");
  expect(await labs()).toEqual(before);
});

test("a demo that is killed leaves nothing that the next start does not remove", { timeout: 120_000 }, async () => {
  const before = await labs();
  const demo = run(process.execPath, [SEMPRE, "demo"]);
  const ended = demo.catch(() => {});
  while ((await labs()).length < before.length + 4) await sleep(50);
  await sleep(3000); // Daemons and guests are on their way.
  const { processes } = labOf(demo.child.pid!);
  expect(processes.length).toBeGreaterThan(3);
  demo.child.kill("SIGKILL");
  await ended;
  const running = () => processes.filter(({ pid, startTicks }) => startTicksOf(pid) === startTicks);
  for (let waited = 0; waited < 5_000 && running().length > 0; waited += 50) await sleep(50);
  expect(running()).toEqual([]); // Its switch, hypervisor and daemons ended with it.
  expect((await labs()).length).toBeGreaterThan(before.length);
  const { stdout } = await run(process.execPath, [SEMPRE, "down"]);
  expect(stdout).toContain("removed");
  expect(await labs()).toEqual(before);
});

for (const [what, args, sentence] of [
  [
    "an unknown fault",
    ["demo", "--fault", "fire"],
    "Allowed choices are kill, pause, shutdown, destroy, link, hang, panic, vnic, relay",
  ],
  ["a number that is none", ["demo", "--runs", "many"], "want a whole number"],
  ["a store that is not there", ["failovers", "--store", "/nowhere/mano.db"], "there is no file /nowhere/mano.db"],
  ["a word that is none", ["show", "weather"], "'weather' is none of ns, vnfcs"],
  ["settings that are not there", ["vim", "--config", "/nowhere.json"], "/nowhere.json cannot be read"],
] as const) {
  test(`${what} is answered with a sentence and a failure`, async () => {
    await expect(run(process.execPath, [SEMPRE, ...args])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(sentence),
    });
  });
}
