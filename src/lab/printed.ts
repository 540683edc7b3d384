import { ms, table } from "../cli/table.ts";
import { type DemoResult, type DemoRun, summarise } from "./result.ts";

/** One line of the time line: milliseconds from the fault, and what happened. */
export const momentLine = (sinceFault: number, text: string): string =>
  `  ${`${sinceFault < 0 ? "" : "+"}${sinceFault.toFixed(1)}`.padStart(9)} ms  ${text}`;

/** What the viewers that were hit went through: the longest silence and the most packets lost. */
const worst = (run: DemoRun) => {
  const hit = run.viewers.filter((v) => v.isHit);
  return { interruptionMs: Math.max(...hit.map((v) => v.interruptionMs)), lost: Math.max(...hit.map((v) => v.lost)) };
};

/** One run of many, in one line. */
export function runLine(number: number, run: DemoRun): string {
  const [first] = Object.entries(run.times.seen).sort((a, b) => a[1] - b[1]);
  const seen = first ? `seen by ${first[0]} at ${ms(first[1])}` : "seen by polling";
  const verdict = run.verified ? "" : `  NOT SERVED: ${run.note ?? "unknown why"}`;
  const { interruptionMs, lost } = worst(run);
  return `  run ${String(number).padStart(3)} ${run.mode}: interruption ${ms(interruptionMs)} ms, ${lost} lost; ${seen}, on the wire ${ms(run.times.onWire)}, first packet ${ms(run.times.firstPacket)}${verdict}`;
}

/** The dissertation's Table 4, finer: when each step came, in ms from the fault. Many runs are one line of medians each way. */
export function timesTable(runs: readonly DemoRun[]): string {
  const shown = runs.slice(-SHOWN_RUNS_MAX);
  const heading = ["ms from the fault", ...shown.map((r, i) => `${r.mode} ${runs.length - shown.length + i + 1}`)];
  const sources = [...new Set(shown.flatMap((r) => Object.keys(r.times.seen)))];
  const first = (source: string) => Math.min(...shown.map((r) => r.times.seen[source] ?? Number.POSITIVE_INFINITY));
  const row = (name: string, of: (r: DemoRun) => number | null | undefined) => [name, ...shown.map((r) => ms(of(r)))];
  return table(heading, [
    ...sources.sort((a, b) => first(a) - first(b)).map((source) => row(`seen by ${source}`, (r) => r.times.seen[source])),
    row("told to the MANO", (r) => r.times.told),
    row("decided", (r) => r.times.decided),
    row("on the wire", (r) => r.times.onWire),
    row("barrier", (r) => r.times.barrier),
    row("seen to pass", (r) => r.times.verified ?? null),
    row("first good packet", (r) => r.times.firstPacket),
    row("alarm told", (r) => r.times.alarmTold),
    ...["A", "B"].flatMap((name) => [
      row(`viewer ${name}: interruption`, (r) => r.viewers.find((v) => v.name === name)?.interruptionMs),
      ...(shown.some((r) => r.scheme === "DUPLICATED")
        ? [
            [
              `viewer ${name}: copies dropped`,
              ...shown.map((r) => String(r.viewers.find((v) => v.name === name)?.duplicates ?? "-")),
            ],
          ]
        : []),
      [`viewer ${name}: lost packets`, ...shown.map((r) => String(r.viewers.find((v) => v.name === name)?.lost ?? "-"))],
    ]),
  ]);
}

/** More columns than this do not fit a terminal. */
const SHOWN_RUNS_MAX = 6;

export function summaryText({ runs }: DemoResult): string {
  return [...new Set(runs.map((r) => r.mode))]
    .map((mode) => {
      const { n, missed, interruptionMs, lost } = summarise(runs.filter((r) => r.mode === mode));
      const served = missed === 0 ? "every viewer was served again" : `${missed} NOT served again`;
      return `${mode}: ${n} ${n === 1 ? "run" : "runs"}, ${served}; interruption p50 ${ms(interruptionMs?.p50)}, p99 ${ms(interruptionMs?.p99)}, max ${ms(interruptionMs?.max)} ms; lost packets p50 ${lost?.p50 ?? "-"}, max ${lost?.max ?? "-"}`;
    })
    .join("\n");
}
