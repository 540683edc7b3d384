import { escapeHtml, msText, numberText, plural } from "./report-text.ts";
import type { DemoRun, ViewerResult } from "./result.ts";
import { percentile } from "./stats.ts";

/** Drawings of the report: SVG text whose colours come from the page's style sheet. All x are ms. */

/** Colour of each member. */
export type Colours = ReadonlyMap<string, string>;

const WIDTH = 1000;
const LEFT = 92;
const RIGHT = 14;
const LANE_HEIGHT = 118;
const LANE_GAP = 10;
const LABEL_ROW_HEIGHT = 17;
const AXIS_HEIGHT = 40;
const BAR_HEIGHT = 16;
const STRIP_HEIGHT = 64;
/** Width of a character of a label, rather too much than too little. */
const CHAR_WIDTH = 6.4;
const MUTED = 'fill="var(--soft)"';

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly x: (ms: number) => number;
}

const tenths = (n: number): number => Math.round(n * 10) / 10;

function linearAxis(from: number, to: number): Axis {
  const step = tickStep((to - from) / 8);
  const first = Math.ceil(from / step);
  const ticks = Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
  return { from, to, ticks, x: (ms) => tenths(LEFT + ((ms - from) / (to - from)) * (WIDTH - LEFT - RIGHT)) };
}

/** The next of …, 0.5, 1, 2, 5, 10, 20, … */
function tickStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return power * ([1, 2, 5].find((n) => n * power >= atLeast) ?? 10);
}

function logAxis(from: number, to: number): Axis {
  const low = Math.log10(from);
  const span = Math.log10(to) - low;
  const ticks = [0.1, 1, 10, 100, 1_000, 10_000].flatMap((p) => [p, 2 * p, 5 * p]).filter((t) => t >= from && t <= to);
  return { from, to, ticks, x: (ms) => tenths(LEFT + ((Math.log10(Math.max(ms, from)) - low) / span) * (WIDTH - LEFT - RIGHT)) };
}

const svg = (height: number, title: string, body: readonly string[]): string =>
  `<svg viewBox="0 0 ${WIDTH} ${tenths(height)}" role="img" aria-label="${escapeHtml(title)}">${body.join("")}</svg>`;
const text = (x: number, y: number, words: string, style: string): string =>
  `<text x="${x}" y="${tenths(y)}" ${style}>${escapeHtml(words)}</text>`;
const upright = (x: number, y1: number, y2: number, style: string): string =>
  `<line x1="${x}" x2="${x}" y1="${tenths(y1)}" y2="${tenths(y2)}" ${style}/>`;
const rect = (x1: number, x2: number, y: number, height: number, style: string): string =>
  `<rect x="${x1}" y="${tenths(y)}" width="${tenths(Math.max(1, x2 - x1))}" height="${tenths(height)}" ${style}/>`;

function drawAxis(axis: Axis, top: number, bottom: number, caption: string): string {
  const ticks = axis.ticks.map((ms) => {
    const words = String(Number(ms.toFixed(2))).replace("-", "−");
    const x = axis.x(ms);
    return upright(x, top, bottom, 'stroke="var(--faint)"') + text(x, bottom + 15, words, `${MUTED} text-anchor="middle"`);
  });
  return ticks.join("") + text(WIDTH - RIGHT, bottom + 32, caption, `${MUTED} text-anchor="end"`);
}

/** A named moment, drawn as a vertical line with its label above the plot. */
interface Mark {
  readonly ms: number;
  readonly label: string;
  readonly kind: "fault" | "step" | "served";
}

interface PlacedMark extends Mark {
  readonly x: number;
  /** Where the label begins: right of its line, or left of it where the drawing ends. */
  readonly start: number;
  /** 0 is next to the plot. */
  readonly row: number;
}

/**
 * Gives each label a row so that it covers neither another label nor the line of one: from right to left, each goes above all later
 * marks that it reaches.
 */
export function placeMarks(marks: readonly Mark[], x: (ms: number) => number): PlacedMark[] {
  const placed: PlacedMark[] = [];
  for (const mark of [...marks].sort((a, b) => b.ms - a.ms)) {
    const width = mark.label.length * CHAR_WIDTH;
    const at = x(mark.ms);
    const start = fits(mark, at) ? at + 4 : at - 4 - width;
    const reached = placed.filter((later) => Math.min(later.start, later.x) < start + width + 4);
    placed.push({ ...mark, x: at, start: tenths(start), row: Math.max(-1, ...reached.map((later) => later.row)) + 1 });
  }
  return placed;
}

/** Room for its label to the right of its line. */
const fits = (mark: Mark, x: number): boolean => x + 4 + mark.label.length * CHAR_WIDTH <= WIDTH - RIGHT;

const MARK_COLOURS = { fault: "var(--bad)", step: "var(--ink)", served: "var(--good)" } as const;

/** All lines, then all labels over them. `top` is where the plot begins: labels stand above it. */
function drawMarks(marks: readonly PlacedMark[], top: number, bottom: number): string {
  const y = ({ row }: PlacedMark) => top - 6 - row * LABEL_ROW_HEIGHT;
  const lines = marks.map((m) => {
    const dashed = m.kind === "step" ? 'stroke-dasharray="3 3" opacity="0.5"' : "";
    return upright(m.x, y(m) - 10, bottom, `stroke="${MARK_COLOURS[m.kind]}" stroke-width="1.2" ${dashed}`);
  });
  return [...lines, ...marks.map((m) => text(m.start, y(m), m.label, `class="over" fill="${MARK_COLOURS[m.kind]}"`))].join("");
}

const labelsHeight = (marks: readonly PlacedMark[]): number =>
  (Math.max(-1, ...marks.map((m) => m.row)) + 1) * LABEL_ROW_HEIGHT + 8;

/** The moments of a run. */
function marksOf(run: DemoRun): Mark[] {
  const { seen, told, decided, onWire, barrier, firstPacket } = run.times;
  const mark = (label: string, ms: number | null, kind: Mark["kind"] = "step"): Mark[] =>
    ms === null ? [] : [{ ms, label: `${label} ${numberText(ms)}`, kind }];
  return [
    { ms: 0, label: `fault: ${run.fault}${run.failed ? ` ${run.failed}` : ""}`, kind: "fault" },
    ...Object.entries(seen).flatMap(([source, ms]) => mark(`seen by ${source}`, ms)),
    ...mark("told", told),
    ...mark("decided", decided),
    ...mark("on the wire", onWire),
    ...mark("barrier", barrier),
    ...mark("first packet", firstPacket, "served"),
  ];
}

/** What is worth showing: from a little before the fault to a little after the traffic flows again, or after the last that was done for it. */
function zoomAxis(run: DemoRun): Axis {
  const { onWire, barrier, firstPacket } = run.times;
  const silences = run.viewers.flatMap((v) => (v.isHit && v.isServedAgain ? [v.silence.toMs] : []));
  const until = Math.max(2, onWire ?? 0, barrier ?? 0, firstPacket ?? 0, ...silences);
  return linearAxis(Math.max(-0.45 * until, -220), 1.4 * until);
}

/** Every packet that each viewer received around the fault, coloured by the member it came through; null where none were kept. */
export function drawPackets(run: DemoRun, colours: Colours): string | null {
  const viewers = run.viewers.filter((v) => v.packets !== undefined);
  if (viewers.length === 0) return null;
  const axis = zoomAxis(run);
  // Sources that saw it long after the traffic had moved are in the table; here they would stretch the picture.
  const shown = marksOf(run).filter((m) => m.ms >= axis.from && m.ms <= axis.to && fits(m, axis.x(m.ms)));
  const marks = placeMarks(shown, axis.x);
  const top = labelsHeight(marks);
  const bottom = top + viewers.length * (LANE_HEIGHT + LANE_GAP) - LANE_GAP;
  const laneTop = (i: number) => top + i * (LANE_HEIGHT + LANE_GAP);
  return svg(bottom + AXIS_HEIGHT, "packets at each viewer around the fault", [
    ...viewers.map((_, i) => rect(LEFT, WIDTH - RIGHT, laneTop(i), LANE_HEIGHT, 'fill="none" stroke="var(--line)"')),
    drawAxis(axis, top, bottom, "ms from the fault"),
    ...viewers.map((viewer, i) => drawLane(viewer, axis, laneTop(i), colours)),
    drawMarks(marks, top, bottom),
    ...viewers.map((viewer, i) => (viewer.isHit ? drawSilence(viewer, axis, laneTop(i)) : "")),
  ]);
}

function drawLane(viewer: ViewerResult, axis: Axis, top: number, colours: Colours): string {
  const name = text(LEFT - 10, top + LANE_HEIGHT / 2, viewer.name, 'text-anchor="end" font-weight="600"');
  const sub = text(LEFT - 10, top + LANE_HEIGHT / 2 + 15, viewer.isHit ? "hit" : "not hit", `text-anchor="end" ${MUTED}`);
  return name + sub + drawDots(viewer, axis, top, colours);
}

/** Packets as dots: further right is later, higher is a higher sequence number. One path for each member keeps the file small. */
function drawDots({ packets }: ViewerResult, axis: Axis, top: number, colours: Colours): string {
  const { members, points } = packets!;
  const shown = points.filter(([ms]) => ms! >= axis.from && ms! <= axis.to);
  const lowest = shown.reduce((min, [, seq]) => Math.min(min, seq!), Number.POSITIVE_INFINITY);
  const span = Math.max(1, shown.reduce((max, [, seq]) => Math.max(max, seq!), lowest) - lowest);
  const y = (seq: number) => tenths(top + LANE_HEIGHT - 12 - ((seq - lowest) / span) * (LANE_HEIGHT - 24));
  const dot = shown.length > 400 ? 2.4 : shown.length > 120 ? 4 : 6.5;
  const path = members.map((member, index) => {
    const d = shown.filter(([, , via]) => via === index).map(([ms, seq]) => `M${axis.x(ms!)} ${y(seq!)}h0`);
    const colour = colours.get(member) ?? "var(--soft)";
    return d.length === 0
      ? ""
      : `<path d="${d.join("")}" stroke="${colour}" stroke-width="${dot}" stroke-linecap="round" fill="none"/>`;
  });
  return path.join("");
}

/** The interruption as an area; its words stand in it, where no packet is, or beside it. */
function drawSilence(viewer: ViewerResult, axis: Axis, top: number): string {
  const from = axis.x(Math.max(axis.from, viewer.silence.fromMs));
  const to = axis.x(Math.min(axis.to, viewer.silence.toMs));
  const words = viewer.isServedAgain
    ? `${msText(viewer.interruptionMs)} without a packet, ${viewer.lost} lost`
    : "not served again";
  const isInside = to - from > words.length * CHAR_WIDTH + 16;
  const label = text(
    isInside ? to - 8 : to + 8,
    top + LANE_HEIGHT - 10,
    words,
    `class="over" fill="var(--gap)" text-anchor="${isInside ? "end" : "start"}"`,
  );
  return rect(from, to, top, LANE_HEIGHT, 'fill="var(--gap)" opacity="0.14"') + label;
}

/** Which member served each viewer over the whole time that was watched; null where it was not kept. */
export function drawServed(run: DemoRun, colours: Colours): string | null {
  const viewers = run.viewers.filter((v) => (v.stretches?.length ?? 0) > 0);
  if (viewers.length === 0) return null;
  const all = viewers.flatMap((v) => v.stretches!);
  const axis = linearAxis(
    all.reduce((min, s) => Math.min(min, s.fromMs), 0),
    all.reduce((max, s) => Math.max(max, s.toMs), 1),
  );
  const marks = placeMarks(
    longMarksOf(run).filter((m) => m.ms <= axis.to),
    axis.x,
  );
  const top = labelsHeight(marks);
  const bottom = top + viewers.length * (BAR_HEIGHT + 8);
  return svg(bottom + AXIS_HEIGHT, "member that served each viewer", [
    drawAxis(axis, top, bottom, "ms from the fault"),
    ...viewers.map((viewer, i) => drawBars(viewer, axis, top + 4 + i * (BAR_HEIGHT + 8), colours)),
    drawMarks(marks, top, bottom),
  ]);
}

function longMarksOf({ times }: DemoRun): Mark[] {
  const mark = (label: string, ms: number | null | undefined, kind: Mark["kind"]): Mark[] =>
    ms === null || ms === undefined ? [] : [{ ms, label: `${label} ${msText(ms)}`, kind }];
  const fault: Mark = { ms: 0, label: "fault", kind: "fault" };
  return [fault, ...mark("member up again", times.healed, "step"), ...mark("traffic back on it", times.reverted, "served")];
}

function drawBars(viewer: ViewerResult, axis: Axis, y: number, colours: Colours): string {
  const bars = viewer.stretches!.map((s) =>
    rect(axis.x(s.fromMs), axis.x(s.toMs), y, BAR_HEIGHT, `fill="${colours.get(s.member) ?? "var(--soft)"}"`),
  );
  return text(LEFT - 10, y + BAR_HEIGHT - 4, viewer.name, 'text-anchor="end" font-weight="600"') + bars.join("");
}

/** Values this many times apart no longer show on one linear scale. */
const LOG_FROM_RATIO = 20;

/** One dot for each interruption, one strip for each mode; ticks at median and 99th percentile. */
export function drawInterruptions(byMode: ReadonlyMap<string, readonly number[]>): string {
  const values = [...byMode.values()].flat();
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isLog = most / Math.max(least, 0.1) > LOG_FROM_RATIO;
  const axis = isLog ? logAxis(Math.max(0.1, least) * 0.7, most * 1.6) : linearAxis(0, most * 1.2);
  const bottom = byMode.size * STRIP_HEIGHT;
  return svg(bottom + AXIS_HEIGHT, "interruption of every run", [
    drawAxis(axis, 0, bottom, `interruption, ms${isLog ? " (logarithmic)" : ""}`),
    ...[...byMode].map(([mode, own], i) => drawStrip(mode, own, axis, i * STRIP_HEIGHT)),
  ]);
}

function drawStrip(mode: string, values: readonly number[], axis: Axis, top: number): string {
  const middle = top + STRIP_HEIGHT / 2 + 8;
  // Dots of equal values would hide each other: three heights, in turn.
  const dots = values.map((ms, i) => `M${axis.x(ms)} ${tenths(middle + ((i % 3) - 1) * 7)}h0`).join("");
  const quantile = (percent: number, label: string) => ({ ms: percentile(values, percent)!, label, kind: "step" as const });
  const marks = [
    quantile(50, `median ${numberText(percentile(values, 50))}`),
    quantile(100, `longest ${numberText(percentile(values, 100))}`),
  ];
  const placed = placeMarks(values.length > 1 ? marks : marks.slice(0, 1), axis.x);
  return [
    text(LEFT - 10, middle + 1, mode, 'text-anchor="end" font-weight="600"'),
    text(LEFT - 10, middle + 15, plural(values.length, "run"), `text-anchor="end" ${MUTED}`),
    `<path d="${dots}" stroke="var(--m0)" stroke-width="7" stroke-linecap="round" opacity="0.55" fill="none"/>`,
    ...placed.map(
      (m) =>
        upright(m.x, middle - 16, middle + 12, 'stroke="var(--ink)" stroke-width="1.5"') +
        text(m.row === 0 ? m.start : tenths(m.x - 5), middle - 12, m.label, m.row === 0 ? "" : 'text-anchor="end"'),
    ),
  ].join("");
}
