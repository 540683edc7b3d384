/** What Vitest's JSON reporter writes, as far as it is read. */
export interface TestReport {
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  /** The path of the file. */
  readonly name: string;
  readonly status: "passed" | "failed";
  /** Why it could not even be loaded; empty otherwise. */
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[] | null;
  }[];
}

/** Where more files fail than this it is no accident, and nothing is run again. */
const AGAIN_MAX = 3;

/** The files to run once more, by themselves (decision 0131). */
export function filesToRunAgain({ testResults }: TestReport): string[] {
  const failed = testResults.filter((f) => f.status === "failed").map((f) => f.name);
  return failed.length <= AGAIN_MAX ? failed : [];
}

/** Each failure in a line: the file, the test, and the first line of why. */
export function failuresOf({ testResults }: TestReport): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((t) => t.status === "failed");
    if (failed.length === 0) return status === "failed" ? [`${name}: ${firstLine(message)}`] : [];
    return failed.map((t) => `${name}: ${t.fullName}: ${firstLine(t.failureMessages?.[0] ?? "")}`);
  });
}

const firstLine = (text: string): string => text.split("\n", 1)[0]!;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Of a run, with what was run again counted as it came out then. `again` null: nothing was. A file that cannot be loaded counts as one failure. */
export function countsOf(first: TestReport, again: TestReport | null): Counts {
  const later = new Map(again?.testResults.map((f) => [f.name, f]));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of first.testResults.map((f) => later.get(f.name) ?? f)) {
    for (const { status } of file.assertionResults)
      counts[status === "passed" ? "passed" : status === "failed" ? "failed" : "skipped"] += 1;
    if (file.status === "failed" && !file.assertionResults.some((t) => t.status === "failed")) counts.failed += 1;
  }
  return counts;
}
