import { expect, test } from "vitest";
import { countsOf, failuresOf, filesToRunAgain, type TestReport } from "./test-report.ts";

type File = TestReport["testResults"][number];
const file = (name: string, ...statuses: string[]): File => ({
  name,
  status: statuses.includes("failed") ? "failed" : "passed",
  message: "",
  assertionResults: statuses.map((status, i) => ({
    status,
    fullName: `test ${i}`,
    failureMessages: status === "failed" ? ["Error: too late\n    at there"] : [],
  })),
});
const unloaded = (name: string): File => ({ ...file(name), status: "failed", message: "SyntaxError: x\nmore" });
const report = (...testResults: File[]): TestReport => ({ testResults });

const first = report(file("a", "passed", "passed"), file("b", "passed", "failed", "failed", "pending"), unloaded("c"));

test("what failed is run again, unless it is so much that it is no accident", () => {
  expect(filesToRunAgain(first)).toEqual(["b", "c"]);
  expect(filesToRunAgain(report(file("a", "passed")))).toEqual([]);
  expect(filesToRunAgain(report(...["a", "b", "c", "d"].map((name) => file(name, "failed"))))).toEqual([]);
});

test("each failure is told in a line", () => {
  expect(failuresOf(first)).toEqual(["b: test 1: Error: too late", "b: test 2: Error: too late", "c: SyntaxError: x"]);
});

test("a file counts as it came out last, and one that cannot be loaded as a failure", () => {
  expect(countsOf(first, null)).toEqual({ passed: 3, failed: 3, skipped: 1 });
  const mended = report(file("b", "passed", "passed", "passed", "pending"), unloaded("c"));
  expect(countsOf(first, mended)).toEqual({ passed: 5, failed: 1, skipped: 1 });
  expect(countsOf(first, report(file("b", "failed"), file("c", "passed")))).toEqual({ passed: 3, failed: 1, skipped: 0 });
});
