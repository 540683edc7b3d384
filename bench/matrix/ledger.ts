import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { DemoRun } from "../../src/lab/result.ts";
import { spreadOf } from "../../src/lab/stats.ts";
import { Fault } from "../../src/lib/fault.ts";
import type { Story } from "./stories.ts";

/** What a cell is: lines that agree in all of it are runs of the same thing and are added up. */
export interface CellKey {
  /** The last commit that changed what runs; a "+" behind it: with changes that are in no commit. */
  readonly version: string;
  readonly scheme: string;
  readonly openflow: string;
  readonly story: string;
  readonly pps: number;
  readonly load: number;
  readonly probeIntervalMs: number;
}

/** The runs of one cell in one call, a value for each run, so that percentiles can be taken over several calls. */
export interface Cell extends CellKey {
  readonly runs: readonly Run[];
}

/** One run. Times are ms from the fault. */
export interface Run {
  /** The viewers were served again, all was restored, and there is a record. */
  readonly served: boolean;
  readonly note?: string;
  /** First packet through another member at viewer A; null: none came. */
  readonly firstPacketMs: number | null;
  readonly interruptionMs: number;
  readonly lostA: number;
  readonly lostB: number;
  readonly incidents: number;
  readonly areIncidentsRight: boolean;
  /** Those that must be were raised, and all are cleared. */
  readonly areAlarmsRight: boolean;
  readonly redundantAgainMs: number | null;
  /** Looks at the switch in which more than one member's packets reached viewer A, of all. */
  readonly severalOwners: number;
  readonly looks: number;
  /** Time during which viewer A got packets through both members, ms. */
  readonly overlapMs: number;
}

export function runOf(story: Story, run: DemoRun): Run {
  const [a, b] = run.viewers;
  return {
    served: run.verified,
    ...(run.note === undefined ? {} : { note: run.note }),
    firstPacketMs: run.times.firstPacket,
    interruptionMs: a?.interruptionMs ?? 0,
    lostA: a?.lost ?? 0,
    lostB: b?.lost ?? 0,
    incidents: run.incidents ?? 0,
    areIncidentsRight: story.incidents.includes(run.incidents ?? 0),
    areAlarmsRight: run.alarmsLeft === 0 && story.alarms.every((cause) => run.alarmsRaised?.includes(cause)),
    redundantAgainMs: run.redundantAgainMs ?? null,
    severalOwners: run.owners?.several ?? 0,
    looks: run.owners?.samples ?? 0,
    overlapMs: a?.overlapMs ?? 0,
  };
}

const PARTS = ["version", "scheme", "openflow", "story", "pps", "load", "probeIntervalMs"] as const;
export const keyText = (key: CellKey): string => PARTS.map((part) => key[part]).join(" · ");

/** Cells with the same key become one, in the order of their first lines. */
export function added(cells: readonly Cell[]): Cell[] {
  const same = Map.groupBy(cells, keyText);
  return [...same.values()].map((list) => ({ ...list[0]!, runs: list.flatMap((c) => c.runs) }));
}

/** Lines of earlier programs, which have no runs of their own, are not read. */
export function readLedger(path: string): Cell[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Partial<Cell>).filter((c): c is Cell => Array.isArray(c.runs));
}

export const keep = (path: string, line: object): void => appendFileSync(path, `${JSON.stringify(line)}\n`);

/** What of the program decides what is measured, and what is right. A line of results changes no version. */
const MEASURED = ["src", "sql", "examples", "bench/matrix", "sempre", "package-lock.json"];

export function versionOf(root: string): string {
  const ask = (...args: string[]) => git(root, ...args, "--", ...MEASURED);
  return `${ask("log", "-1", "--format=%h")}${ask("status", "--porcelain") === "" ? "" : "+"}`;
}

/**
 * The lines that count as this version's: its own, and those of every version since the commit `since`, told apart in what is printed
 * alone. Throws INVALID where there is no such commit.
 */
export function countedAs(version: string, cells: readonly Cell[], root: string, since?: string): Cell[] {
  if (since !== undefined && !isCommit(root, since))
    throw new Fault("INVALID", `--since ${since}: this repository has no such commit; \`git log --oneline\` shows them`);
  const isLater = (of: string) => since !== undefined && isCommit(root, of) && isAncestor(root, since, of);
  const versions = new Set(cells.map((c) => c.version));
  const counted = new Set([...versions].filter((v) => v === version || isLater(v)));
  return cells.filter((c) => counted.has(c.version)).map((c) => ({ ...c, version }));
}

const git = (root: string, ...args: string[]) =>
  execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

function isDone(root: string, ...args: string[]): boolean {
  try {
    git(root, ...args);
    return true;
  } catch {
    return false;
  }
}

const isCommit = (root: string, name: string) => isDone(root, "cat-file", "-e", `${name}^{commit}`);
const isAncestor = (root: string, older: string, newer: string) => isDone(root, "merge-base", "--is-ancestor", older, newer);

/** The numbers of a cell. Percentiles are nearest-rank; runs that were not served stand in none of them. */
export function figuresOf({ runs }: Cell) {
  const served = runs.filter((r) => r.served);
  const spread = (of: (r: Run) => number | null) => spreadOf(served.flatMap((r) => of(r) ?? []));
  const wrong = (isRight: (r: Run) => boolean) => runs.filter((r) => !isRight(r)).length;
  return {
    n: runs.length,
    missed: runs.length - served.length,
    firstPacket: spread((r) => r.firstPacketMs),
    interruption: spread((r) => r.interruptionMs),
    lostA: spread((r) => r.lostA),
    lostB: spread((r) => r.lostB),
    redundantAgain: spread((r) => r.redundantAgainMs),
    incidentsWrong: wrong((r) => r.areIncidentsRight),
    alarmsWrong: wrong((r) => r.areAlarmsRight),
    severalOwners: runs.reduce((sum, r) => sum + r.severalOwners, 0),
    looks: runs.reduce((sum, r) => sum + r.looks, 0),
    overlap: spread((r) => r.overlapMs),
  };
}
