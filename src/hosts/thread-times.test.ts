import { expect, test } from "vitest";
import { readThreads } from "./thread-times.ts";

const ALL = new Set(Array.from({ length: 8_192 }, (_, core) => core));

test("the threads of a process, each with what the kernel has counted of it", (ctx) => {
  const threads = readThreads(process.pid, new Set());
  if (threads === null) return ctx.skip("this kernel does not count");
  const own = threads.find((t) => t.id === process.pid)!;
  expect(own.ranMs).toBeGreaterThan(0);
  expect(own.runs).toBeGreaterThan(0);
  expect(threads.every((t) => !t.isTickless)).toBe(true);
});

test("those on a core that may go without a tick are marked", (ctx) => {
  const threads = readThreads(process.pid, ALL);
  if (threads === null) return ctx.skip("this kernel does not count");
  expect(threads.every((t) => t.isTickless)).toBe(true);
});

test("a process that is gone has none", () => {
  expect(readThreads(2 ** 30)).toBeNull();
});
