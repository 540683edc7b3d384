import { ms, table } from "../../src/cli/table.ts";
import { type Cell, figuresOf } from "./ledger.ts";

const HEADING = [
  "",
  "n",
  "missed",
  "first packet p50",
  "p99",
  "max",
  "pause p50",
  "max",
  "A lost p50",
  "max",
  "B lost max",
  "records",
  "alarms",
  "two owners",
  "redundant again p50",
  "max",
];

/** One row for each cell; times in ms from the fault, the last two in s. */
export function matrixTable(cells: readonly Cell[]): string {
  return table(HEADING, cells.map(rowOf));
}

function rowOf(cell: Cell): string[] {
  const f = figuresOf(cell);
  const right = (wrong: number) => (wrong === 0 ? "right" : `${wrong} wrong`);
  const seconds = (of: number | undefined) => (of === undefined ? "-" : (of / 1000).toFixed(1));
  return [
    `${cell.scheme} ${cell.openflow} ${cell.story}`,
    String(f.n),
    String(f.missed),
    ...[f.firstPacket?.p50, f.firstPacket?.p99, f.firstPacket?.max, f.interruption?.p50, f.interruption?.max].map((x) => ms(x)),
    ...[f.lostA?.p50, f.lostA?.max, f.lostB?.max].map((x) => String(x ?? "-")),
    right(f.incidentsWrong),
    right(f.alarmsWrong),
    `${f.severalOwners}/${f.looks}`,
    seconds(f.redundantAgain?.p50),
    seconds(f.redundantAgain?.max),
  ];
}

/** "1 h 05 min", "3 min", "40 s". */
export function lengthText(lengthMs: number): string {
  const minutes = Math.floor(lengthMs / 60_000);
  if (minutes === 0) return `${Math.round(lengthMs / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
