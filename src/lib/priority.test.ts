import { execFile } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { afterLook, type Hold } from "./priority.ts";

const run = promisify(execFile);
const FIRST: Hold = { isFirst: true, against: 0 };
const after = (from: Hold, ...shares: number[]): Hold => shares.reduce(afterLook, from);
const BUSY = [0.9, 1.4, 0.7, 0.61, 2, 0.8];
const CALM = [0, 0.1, 0.29, 0, 0.05, 0.2];

test.each<[string, Hold, number[], boolean]>([
  ["busy for a minute: given up", FIRST, BUSY, false],
  ["busy for ten seconds less: kept", FIRST, BUSY.slice(1), true],
  ["one look in between that is not busy counts anew", FIRST, [...BUSY.slice(1), 0.6, ...BUSY.slice(1)], true],
  ["given up, and half busy ever after: not taken again", after(FIRST, ...BUSY), Array(20).fill(0.45), false],
  ["given up, then calm for a minute: taken again", after(FIRST, ...BUSY), CALM, true],
  ["given up, then calm for ten seconds less", after(FIRST, ...BUSY), CALM.slice(1), false],
])("%s", (_, from, shares, isFirst) => {
  expect(after(from, ...shares).isFirst).toBe(isFirst);
});

test("it is never turned twice within a minute of looks", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { maxLength: 200 }), (shares) => {
      let [hold, last] = [FIRST, -100];
      shares.forEach((share, i) => {
        const next = afterLook(hold, share);
        if (next.isFirst !== hold.isFirst) {
          expect(i - last).toBeGreaterThanOrEqual(6);
          last = i;
        }
        hold = next;
      });
    }),
  );
});

const SPINS = `
  import { holdFirst } from ${JSON.stringify(new URL("./priority.ts", import.meta.url).href)};
  import { systemClock } from ${JSON.stringify(new URL("./clock.ts", import.meta.url).href)};
  import { readFileSync } from "node:fs";
  const end = new AbortController();
  const log = { warn: () => {}, info: () => {} };
  // proc(5), field 41 (sched.h); a program that is asked for it would keep this one from being busy, and from being calm.
  const policy = () => ["SCHED_OTHER", "SCHED_FIFO"][readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ")[38]];
  const until = async (wanted, spin) => {
    for (let i = 0; policy() !== wanted; i++) {
      if (i > 400) throw new Error("still " + policy());
      const to = performance.now() + (spin ? 50 : 0);
      while (performance.now() < to);
      await systemClock.sleep(spin ? 0 : 50);
    }
    console.log(wanted);
  };
  const held = holdFirst(1, { clock: systemClock, log, signal: end.signal, lookMs: 250 });
  await until("SCHED_FIFO", false);
  await until("SCHED_OTHER", true);
  await until("SCHED_FIFO", false);
  end.abort();
  await held;
`;
const spun = async (env = process.env): Promise<string[]> => {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", SPINS], { timeout: 60_000, env });
  return stdout.trim().split("\n");
};
const TURNS = ["SCHED_FIFO", "SCHED_OTHER", "SCHED_FIFO"];

test("a process that spins is among the others after six looks, and first again when it has been calm for six", async () => {
  expect(await spun()).toEqual(TURNS);
});

test("a change that fails once is tried again by the next look, however busy it is", async () => {
  const dir = await mkdtemp(join(tmpdir(), "chrt-"));
  try {
    const { stdout: real } = await run("which", ["chrt"]);
    const once = `case "$*" in *--other*) mkdir ${dir}/failed 2>/dev/null && exit 1;; esac`;
    await writeFile(join(dir, "chrt"), `#!/bin/sh\n${once}\nexec ${real.trim()} "$@"\n`);
    await chmod(join(dir, "chrt"), 0o755);
    expect(await spun({ ...process.env, PATH: `${dir}:${process.env.PATH}` })).toEqual(TURNS);
    expect(await readdir(dir)).toContain("failed");
  } finally {
    await rm(dir, { recursive: true });
  }
});
