import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const MODULE = new URL("./priority.ts", import.meta.url).href;

/** In a process of its own: this one stays as it is. Prints scheduling policies (proc(5), field 41; 1 is SCHED_FIFO) of all threads. */
const program = (priority: number) => `
  import { readFileSync, readdirSync } from "node:fs";
  import { runFirst } from ${JSON.stringify(MODULE)};
  await runFirst(${priority});
  const stat = (task) => readFileSync("/proc/self/task/" + task + "/stat", "utf8").split(") ")[1].split(" ");
  console.log(JSON.stringify(readdirSync("/proc/self/task").map((t) => [stat(t)[37], stat(t)[38]].join(" "))));`;
const tried = (priority: number) => run(process.execPath, ["--input-type=module", "-e", program(priority)]);

test("all threads of a process get real-time priority", async () => {
  const policies = JSON.parse((await tried(3)).stdout) as string[];
  expect(policies.length).toBeGreaterThan(1);
  expect(new Set(policies)).toEqual(new Set(["3 1"]));
});

test("what the system refuses is said in a sentence", async () => {
  await expect(tried(200)).rejects.toMatchObject({ stderr: expect.stringContaining("real-time priority 200 is refused") });
});
