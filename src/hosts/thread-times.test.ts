import { expect, test } from "vitest";
import { readThreads } from "./thread-times.ts";

const ALL = new Set(Array.from({ length: 8_192 }, (_, core) => core));

/** Null only of a kernel without CONFIG_SCHED_INFO, where nothing here can be shown: that fails, and is not passed over. */
function ownThreads(tickless: ReadonlySet<number>) {
  const threads = readThreads(process.pid, tickless);
  if (threads === null)
    throw new Error("this kernel does not count what its threads run and wait (/proc/PID/task/TID/schedstat)");
  return threads;
}

test("the threads of a process, each with what the kernel has counted of it", () => {
  const threads = ownThreads(new Set());
  const own = threads.find((t) => t.id === process.pid)!;
  expect(own.ranMs).toBeGreaterThan(0);
  expect(own.runs).toBeGreaterThan(0);
  expect(threads.every((t) => !t.isTickless)).toBe(true);
});

test("those on a core that may go without a tick are marked", () => {
  expect(ownThreads(ALL).every((t) => t.isTickless)).toBe(true);
});

test("a process that is gone has none", () => {
  expect(readThreads(2 ** 30)).toBeNull();
});
