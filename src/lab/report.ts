import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SOURCES } from "../model/evidence.ts";
import { FAULT_KINDS, isFaultKind } from "./fault-injection.ts";
import { type Colours, drawInterruptions, drawPackets, drawServed } from "./report-plot.ts";
import { escapeHtml, listText, msText, numberText, plural } from "./report-text.ts";
import { type DemoResult, type DemoRun, type DemoSummary, isMissed, REFERENCE_MODE, type ViewerResult } from "./result.ts";
import { median } from "./stats.ts";

const STYLE = readFileSync(join(import.meta.dirname, "report.css"), "utf8");
const COLOURS = ["var(--m0)", "var(--m1)", "var(--m2)", "var(--m3)"];

/** The result as one HTML page that needs nothing else: no network, no script; light, dark and on paper. */
export function reportHtml(result: DemoResult): string {
  const { runs } = result;
  const headline = headlineOf(result);
  const parts = [
    headerOf(result, headline),
    tilesOf(result),
    comparisonOf(result),
    ...plotsOf(runs),
    timesOf(runs),
    backgroundOf(result),
  ];
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sempre: ${escapeHtml(headline)}</title>`;
  return `<!doctype html>\n<html lang="en"><head>${head}<style>${STYLE}</style></head>\n<body><main>${parts.join("\n")}</main></body></html>\n`;
}

/** Runs that show what is proposed; the reference is only compared with. All, where there is nothing but the reference. */
function mainRuns(runs: readonly DemoRun[]): readonly DemoRun[] {
  const own = runs.filter((r) => r.mode !== REFERENCE_MODE);
  return own.length > 0 ? own : runs;
}

const hitViewers = (run: DemoRun): readonly ViewerResult[] => run.viewers.filter((v) => v.isHit);
/** The longest interruption of a viewer that was hit; null in a run where one was never served again, or none was hit. */
const interruptionOf = (run: DemoRun): number | null =>
  isMissed(run) || hitViewers(run).length === 0 ? null : Math.max(...hitViewers(run).map((v) => v.interruptionMs));
const firstSeen = (run: DemoRun): number | null => {
  const seen = Object.values(run.times.seen);
  return seen.length === 0 ? null : Math.min(...seen);
};
const medianOf = (runs: readonly DemoRun[], pick: (run: DemoRun) => number | null): number | null =>
  median(runs.map(pick).filter((ms) => ms !== null));

/** The verdict, as one sentence. */
function headlineOf({ runs }: DemoResult): string {
  const shown = mainRuns(runs);
  const missed = shown.filter(isMissed).length;
  const unverified = shown.filter((r) => !r.verified).length;
  const interruptions = shown.map(interruptionOf).filter((ms) => ms !== null);
  if (shown.length === 0) return "Nothing was run";
  if (missed > 0) return `${missed} of ${plural(shown.length, "failover")} missed: a viewer was not served again`;
  if (interruptions.length === 0) return "No viewer was hit by the fault";
  const doubt = unverified > 0 ? `; ${unverified} not verified` : "";
  if (shown.length === 1) return `The stream was back after ${msText(interruptions[0])}${doubt}`;
  return `${shown.length} of ${shown.length} failovers: back after ${msText(median(interruptions))}, at most ${msText(Math.max(...interruptions))}${doubt}`;
}

function headerOf(result: DemoResult, headline: string): string {
  const shown = mainRuns(result.runs);
  const isGood = shown.length > 0 && shown.every((r) => r.verified && !isMissed(r));
  const when = result.startedAt ? ` · ${result.startedAt.replace("T", " ").slice(0, 19)}` : "";
  const notes = [...new Set(shown.flatMap((r) => r.note ?? []))].map((note) => `<p class="bad">${escapeHtml(note)}</p>`);
  return `<header><p class="overline">Sempre · failover measured at the viewers${escapeHtml(when)}</p>
<h1${isGood ? "" : ' class="missed"'}>${escapeHtml(headline)}</h1><p class="lead">${escapeHtml(storyOf(shown))}</p>${notes.join("")}</header>`;
}

/** What happened, for somebody who was not there. */
function storyOf(runs: readonly DemoRun[]): string {
  if (runs.length === 0) return "";
  const whole = runs.length === 1 ? runs[0]! : null;
  const faults = [...new Set(runs.map((r) => r.fault))];
  const texts = faults.map((fault) => (isFaultKind(fault) ? `${fault}: ${FAULT_KINDS[fault]}` : fault));
  const what = whole
    ? `${whole.failed ?? "A member"} was made to fail by ${texts[0]}.`
    : `${plural(runs.length, "run")}. Fault by ${texts.join("; by ")}.`;
  const viewers = whole ? whole.viewers.map((v) => (v.isHit ? hitStory(v) : otherStory(v))) : [];
  return [what, ...viewers].join(" ");
}

function hitStory(v: ViewerResult): string {
  if (!v.isServedAgain) return `${v.name} lost its stream and did not get it back.`;
  const through = v.servedAfter ? ` and was served through ${v.servedAfter} from then on` : "";
  return `${v.name} lost ${plural(v.lost, "packet")}${through}.`;
}

const otherStory = (v: ViewerResult): string =>
  v.lost === 0
    ? `${v.name}, which was not hit, lost nothing.`
    : `${v.name}, which was not hit, lost ${plural(v.lost, "packet")}.`;

function tilesOf({ runs }: DemoResult): string {
  const shown = mainRuns(runs);
  const many = shown.length > 1;
  const hit = shown.flatMap(hitViewers).filter((v) => v.isServedAgain);
  const others = shown.flatMap((r) => r.viewers.filter((v) => !v.isHit));
  const lost = hit.map((v) => v.lost);
  const tile = (value: string, label: string) =>
    `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`;
  return `<div class="tiles">${[
    tile(
      hit.length === 0 && shown.some(isMissed) ? "not over" : msText(medianOf(shown, interruptionOf)),
      many ? "interruption, median" : "interruption: longest time without a packet",
    ),
    tile(
      median(lost) === null ? "–" : String(median(lost)),
      many ? `packets lost, median; at most ${Math.max(0, ...lost)}` : "packets lost",
    ),
    tile(msText(medianOf(shown, firstSeen)), `until the fault was seen${many ? ", median" : ""}`),
    tile(msText(medianOf(shown, (r) => r.times.onWire)), `until the flow change was on the wire${many ? ", median" : ""}`),
    ...(others.length === 0
      ? []
      : [
          tile(
            String(Math.max(...others.map((v) => v.lost))),
            `packets lost by viewers that were not hit${many ? ", at most" : ""}`,
          ),
        ]),
  ].join("")}</div>`;
}

/** All interruptions beside each other; for several modes with their numbers. Empty for a single run. */
function comparisonOf({ runs, summary }: DemoResult): string {
  const byMode = new Map<string, number[]>();
  for (const run of runs) {
    const ms = interruptionOf(run);
    if (ms !== null) byMode.set(run.mode, [...(byMode.get(run.mode) ?? []), ms]);
  }
  if (runs.length < 2 || byMode.size === 0) return "";
  const rows = Object.entries(summary.byMode ?? { [runs[0]!.mode]: summary }).map(([mode, s]) => summaryRow(mode, s));
  const head = ["runs", "missed", "median", "99 %", "longest", "lost, median", "lost, most", "others lost, most"].map(
    (h) => `<th>${h}</th>`,
  );
  return `<section><h2>Interruption of every run</h2><p class="hint">${escapeHtml(ratioText(byMode))}One dot is one run.</p>
<figure>${drawInterruptions(byMode)}</figure>
<div class="scroll"><table><thead><tr><th>mode</th>${head.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function summaryRow(mode: string, s: DemoSummary): string {
  const spread = s.interruptionMs;
  const missed = s.missed > 0 ? `<span class="bad">${s.missed}</span>` : "0";
  const cells = [
    String(s.n),
    missed,
    msText(spread?.p50),
    msText(spread?.p99),
    msText(spread?.max),
    s.lost?.p50 ?? "–",
    s.lost?.max ?? "–",
    s.others.lost?.max ?? "–",
  ];
  return `<tr><td><strong>${escapeHtml(mode)}</strong></td>${cells.map((c) => `<td>${c}</td>`).join("")}</tr>`;
}

/** How the modes compare with the reference. Empty without one. */
function ratioText(byMode: ReadonlyMap<string, readonly number[]>): string {
  const reference = median(byMode.get(REFERENCE_MODE) ?? []);
  if (reference === null) return "";
  const others = [...byMode].filter(([mode]) => mode !== REFERENCE_MODE);
  return others
    .map(
      ([mode, values]) =>
        `By ${mode} the stream is back ${timesText(reference / Math.max(0.01, median(values)!))} sooner than by polling. `,
    )
    .join("");
}

const timesText = (ratio: number): string => `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)} times`;

/** Of each mode the run in the middle and the longest one: the usual case, and the worst. */
function plotsOf(runs: readonly DemoRun[]): string[] {
  const colours: Colours = new Map(memberNames(runs).map((m, i) => [m, COLOURS[i % COLOURS.length]!]));
  return [...new Set(runs.map((r) => r.mode))].flatMap((mode) => {
    const own = runs
      .filter((r) => r.mode === mode)
      .sort((a, b) => (interruptionOf(a) ?? Number.POSITIVE_INFINITY) - (interruptionOf(b) ?? Number.POSITIVE_INFINITY));
    const [usual, worst] = [own[Math.ceil(own.length / 2) - 1]!, own.at(-1)!];
    if (own.length === 1)
      return [plotOf(usual, runs.length === 1 ? "Around the fault" : `${mode}: around the fault`, runs, colours)];
    return [
      plotOf(usual, `${mode}: a usual run`, runs, colours),
      ...(worst === usual ? [] : [plotOf(worst, `${mode}: the longest interruption`, runs, colours)]),
    ];
  });
}

const memberNames = (runs: readonly DemoRun[]): string[] =>
  [
    ...new Set(
      runs.flatMap((r) =>
        r.viewers.flatMap((v) => [...(v.packets?.members ?? []), ...(v.stretches?.map((s) => s.member) ?? [])]),
      ),
    ),
  ].sort();

function plotOf(run: DemoRun, title: string, runs: readonly DemoRun[], colours: Colours): string {
  const packets = drawPackets(run, colours);
  const served = drawServed(run, colours);
  if (packets === null && served === null) return "";
  const which = runs.length > 1 ? ` <span class="hint">run ${run.index ?? runs.indexOf(run) + 1} of ${runs.length}</span>` : "";
  const legend = [...colours].map(([m, colour]) => `<li><i style="background:${colour}"></i>through ${escapeHtml(m)}</li>`);
  const gap = '<li><i class="gap" style="background:var(--gap)"></i>interruption</li>';
  return `<section><h2>${escapeHtml(title)}${which}</h2><ul class="legend">${legend.join("")}${gap}</ul>
${packets === null ? "" : `<figure>${packets}<figcaption>One dot is one packet that arrived: further right is later, higher is a higher sequence number. A step upwards is loss.</figcaption></figure>`}
${served === null ? "" : `<figure>${served}<figcaption>Who served each viewer, over the whole time that was watched.</figcaption></figure>`}</section>`;
}

const TIME_COLUMNS = ["told", "decided", "onWire", "barrier", "firstPacket", "verified", "alarmTold"] as const;
const TIME_HEADS = ["told", "decided", "on the wire", "barrier", "first packet", "seen to pass", "alarm told"];

function timesOf(runs: readonly DemoRun[]): string {
  const head = TIME_HEADS.map((h) => `<th>${h}</th>`).join("");
  const rows = runs.map((run, i) => timesRow(run, i)).join("");
  return `<section><h2>Times of every run</h2><p class="hint">In ms from the fault, which is 0.</p>
<div class="scroll"><table><thead><tr><th>run</th><th class="text">fault</th><th>seen by</th>${head}<th>interruption</th><th>lost</th><th>verified</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function timesRow(run: DemoRun, i: number): string {
  const seen = Object.entries(run.times.seen).sort((a, b) => a[1] - b[1]);
  const seenText = seen.map(([source, ms]) => `${escapeHtml(source)} ${numberText(ms)}`).join("<br>") || "–";
  const perViewer = (pick: (v: ViewerResult) => string) =>
    run.viewers.map((v) => `<span class="hint">${escapeHtml(v.name)}</span> ${pick(v)}`).join("<br>");
  const interruption = (v: ViewerResult) => {
    if (!v.isServedAgain) return '<span class="bad">not served again</span>';
    return v.isHit ? `<strong>${numberText(v.interruptionMs)}</strong>` : numberText(v.interruptionMs);
  };
  const times = TIME_COLUMNS.map((column) => `<td>${numberText(run.times[column] ?? null)}</td>`).join("");
  // What was sent after the last packet that came is not known.
  const lost = (v: ViewerResult) =>
    !v.isServedAgain ? "–" : v.socketDrops > 0 ? `${v.lost} (${v.socketDrops} in its own socket)` : String(v.lost);
  return `<tr><td>${run.index ?? i + 1}</td><td class="text">${escapeHtml(`${run.fault} ${run.failed ?? ""}`)}<br><span class="hint">${escapeHtml(run.mode)}</span></td>
<td class="lines">${seenText}</td>${times}<td class="lines">${perViewer(interruption)}</td><td class="lines">${perViewer(lost)}</td>
<td>${run.verified ? '<span class="good">yes</span>' : '<span class="bad">no</span>'}</td></tr>`;
}

const MEANINGS: readonly (readonly [string, string])[] = [
  [
    "interruption",
    "longest time between two packets at a viewer that overlaps the 10 s after the fault; an undisturbed stream has its normal gap here",
  ],
  ["lost", "sequence numbers that never came, by the RTP header"],
  ["told", "the first piece of evidence arrived at the MANO"],
  ["on the wire", "the last byte of the flow change left the controller"],
  ["barrier", "the switch confirmed that the change is in force"],
  ["seen to pass", "the VIM saw packets reach and leave the member that took over: the record is closed after this"],
  ["first packet", "first packet at a viewer that was hit through the member that took over"],
];

/** How to read it, and what it was measured on. */
function backgroundOf({ machine, versions, packetsPerSecond, runs }: DemoResult): string {
  const list = (pairs: readonly (readonly [string, string | number])[]) =>
    `<dl>${pairs.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(String(text))}</dd>`).join("")}</dl>`;
  const used = new Set(runs.flatMap((r) => Object.keys(r.times.seen)));
  const sources = Object.entries(SOURCES).flatMap(([name, { text }]) => (used.has(name) ? [[name, text] as const] : []));
  const schemes = listText([...new Set(runs.map((r) => r.scheme))]);
  const setting: (readonly [string, string | number])[] = [
    ["scheme", schemes],
    ...(packetsPerSecond ? [["packets per second", packetsPerSecond] as const] : []),
  ];
  return `<section><h2>What the words mean</h2>${list([...MEANINGS, ...sources])}</section>
<section><h2>What it was measured on</h2><div class="columns"><div>${list([...setting, ...Object.entries(machine)])}</div><div>${list(Object.entries(versions))}</div></div></section>`;
}
