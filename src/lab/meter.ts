import type { Packets, RoundTrip } from "./packet-log.ts";
import { median } from "./stats.ts";

/** What is looked at: all times monotonic ms, `fromMs <= faultMs <= toMs`. */
export interface MeasureWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly faultMs: number;
}

/** A time without a packet. */
export interface Silence {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ms: number;
  /** A packet ended it; false when it lasts to the end of the window, so that it may be longer. */
  readonly isOver: boolean;
}

/** A time during which one member delivered without a gap worth speaking of. */
export interface Stretch {
  readonly member: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly packets: number;
}

/** Packets of each member, counted in slices of time; all members' arrays are equally long. */
export interface Buckets {
  readonly fromMs: number;
  readonly widthMs: number;
  readonly counts: Readonly<Record<string, readonly number[]>>;
}

/** Counts by sequence number. What the source sent before the first or after the last packet that came cannot be known here. */
export interface Counts {
  readonly received: number;
  /** Length of the range of sequence numbers that came. */
  readonly sentEstimate: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Came after one with a higher number (RFC 4737, 3.3); duplicates not counted. */
  readonly reordered: number;
}

export interface RoundTripCounts {
  readonly sent: number;
  readonly answered: number;
  /** Longest time without an answer, ms. */
  readonly longestGapMs: number;
  /** Usual time from request to answer, ms; null when none was answered. */
  readonly usualMs: number | null;
}

/** One packet of the plot: ms from the fault, sequence number from the last packet before the fault, index into `members`. */
export type Point = readonly [ms: number, seq: number, member: number];

/** All that a viewer says of one fault. Times are monotonic ms, except in `points`. */
export interface Measurement extends Counts {
  /** Datagrams that the viewer's own socket had to drop: they are in `lost` and no fault of the switch-over. */
  readonly socketDrops: number;
  readonly longestSilence: Silence;
  /** The longest silence that overlaps the 10 s after the fault. A stream without any interruption has its normal gap here. */
  readonly interruption: Silence;
  readonly interruptionMs: number;
  /** Usual time between two packets before the fault, ms; null when fewer than two came. */
  readonly normalGapMs: number | null;
  readonly servedBefore: string | null;
  /** The first packet after the fault through another member than the one that served just before it. */
  readonly firstVia: { readonly member: string; readonly atMs: number } | null;
  readonly stretches: readonly Stretch[];
  readonly buckets: Buckets;
  /** Time during which two members both delivered, ms. */
  readonly overlapMs: number;
  readonly roundTrips: RoundTripCounts;
  readonly members: readonly string[];
  readonly points: readonly Point[];
}

/** A silence that begins later than this after a fault is not its doing. */
const FAULT_LASTS_MS = 10_000;
/** A member that was silent for longer than this had stopped: some packets' time on a slow stream, more than a busy machine's jitter on a fast one. */
export const STRETCH_GAP_MS = 20;
const GAPS_PER_STRETCH_GAP = 4;
/** Part of the time line that is given millisecond by millisecond, from and to the fault. */
const BUCKETS_BEFORE_MS = 100;
const BUCKETS_AFTER_MS = 400;
/** Part of the time line that is given packet by packet, from and to the fault; what comes later is thinned out more. */
const POINTS_BEFORE_MS = 250;
const POINTS_NEAR_MS = 1_000;
const NEAR_POINTS_MAX = 3_000;
const LATER_POINTS_MAX = 1_000;

/** What a packet log says of a fault. Pure. Throws RangeError when the fault lies outside the window. */
export function measure(
  packets: Packets,
  members: readonly string[],
  trips: readonly RoundTrip[],
  socketDrops: number,
  window: MeasureWindow,
): Measurement {
  const { fromMs, toMs, faultMs } = window;
  if (!(fromMs <= faultMs && faultMs <= toMs)) throw new RangeError(`the fault (${faultMs}) is not within ${fromMs} to ${toMs}`);
  const interruption = longestSilence(packets.atMs, window, { fromMs: faultMs, toMs: faultMs + FAULT_LASTS_MS });
  const normalGapMs = usualGap(packets.atMs.filter((at) => at < faultMs));
  const served = lastBefore(packets, faultMs);
  const firstVia = firstThroughAnother(packets, faultMs, served);
  const stretches = stretchesOf(packets, Math.max(STRETCH_GAP_MS, GAPS_PER_STRETCH_GAP * (normalGapMs ?? 0)), members);
  return {
    ...countsOf(packets.seq),
    socketDrops,
    longestSilence: longestSilence(packets.atMs, window),
    interruption,
    interruptionMs: interruption.ms,
    normalGapMs,
    servedBefore: served === null ? null : members[packets.via[served]!]!,
    firstVia: firstVia === null ? null : { member: members[packets.via[firstVia]!]!, atMs: packets.atMs[firstVia]! },
    stretches,
    buckets: bucketsOf(
      packets,
      members,
      Math.max(fromMs, faultMs - BUCKETS_BEFORE_MS),
      Math.min(toMs, faultMs + BUCKETS_AFTER_MS),
      1,
    ),
    overlapMs: overlapOf(stretches),
    roundTrips: roundTripsOf(trips, fromMs, toMs),
    members,
    points: pointsOf(packets, faultMs, served ?? 0),
  };
}

/** Received, lost, twice, out of order. */
export function countsOf(seq: Uint32Array): Counts {
  if (seq.length === 0) return { received: 0, sentEstimate: 0, lost: 0, duplicates: 0, reordered: 0 };
  const lowest = seq.reduce((a, b) => Math.min(a, b));
  const sentEstimate = seq.reduce((a, b) => Math.max(a, b)) - lowest + 1;
  const seen = new Uint8Array(sentEstimate);
  let duplicates = 0;
  let reordered = 0;
  let highest = -1;
  for (const n of seq) {
    const isDuplicate = seen[n - lowest] === 1;
    if (isDuplicate) duplicates++;
    else if (n < highest) reordered++;
    seen[n - lowest] = 1;
    highest = Math.max(highest, n);
  }
  return { received: seq.length, sentEstimate, lost: sentEstimate - (seq.length - duplicates), duplicates, reordered };
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The longest time between neighbours among: the window's start, each arrival, the window's end; of those that overlap `within`.
 * Where none is longer than another the first counts.
 */
export function longestSilence(atMs: ArrayLike<number>, window: Span, within: Span = window): Silence {
  let longest: Silence = { fromMs: within.fromMs, toMs: within.fromMs, ms: 0, isOver: true };
  for (let i = 0; i <= atMs.length; i++) {
    const fromMs = i === 0 ? window.fromMs : atMs[i - 1]!;
    const toMs = i === atMs.length ? window.toMs : atMs[i]!;
    const overlaps = toMs > within.fromMs && fromMs < within.toMs;
    if (overlaps && toMs - fromMs > longest.ms) longest = { fromMs, toMs, ms: toMs - fromMs, isOver: i < atMs.length };
  }
  return longest;
}

/** Median time between neighbours, ms. */
function usualGap(atMs: Float64Array): number | null {
  return median(atMs.subarray(1).map((at, i) => at - atMs[i]!));
}

/** Index of the last packet before a moment; null when none came before. */
function lastBefore(packets: Packets, atMs: number): number | null {
  const index = packets.atMs.findLastIndex((at) => at < atMs);
  return index < 0 ? null : index;
}

function firstThroughAnother(packets: Packets, faultMs: number, served: number | null): number | null {
  if (served === null) return null;
  const index = packets.via.findIndex((via, i) => packets.atMs[i]! >= faultMs && via !== packets.via[served]);
  return index < 0 ? null : index;
}

/** When each member delivered: a new stretch begins where a member was silent for more than `gapMs`. In order of their beginning. */
export function stretchesOf(packets: Packets, gapMs: number, members: readonly string[]): Stretch[] {
  const done: { member: string; fromMs: number; toMs: number; packets: number }[] = [];
  const open = new Map<number, (typeof done)[number]>();
  for (const [i, atMs] of packets.atMs.entries()) {
    const via = packets.via[i]!;
    let stretch = open.get(via);
    if (!stretch || atMs - stretch.toMs > gapMs) {
      stretch = { member: members[via]!, fromMs: atMs, toMs: atMs, packets: 0 };
      open.set(via, stretch);
      done.push(stretch);
    }
    stretch.toMs = atMs;
    stretch.packets++;
  }
  return done;
}

/** How long two members or more delivered at the same time, ms. `stretches` stand in the order of their beginning. */
export function overlapOf(stretches: readonly Stretch[]): number {
  let overlapMs = 0;
  let coveredTo = Number.NEGATIVE_INFINITY;
  let countedTo = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of stretches) {
    const end = Math.min(toMs, coveredTo);
    overlapMs += Math.max(0, end - Math.max(fromMs, countedTo));
    countedTo = Math.max(countedTo, end);
    coveredTo = Math.max(coveredTo, toMs);
  }
  return overlapMs;
}

/** Packets per slice of `widthMs` and member, from `fromMs` to before `toMs`. */
export function bucketsOf(packets: Packets, members: readonly string[], fromMs: number, toMs: number, widthMs: number): Buckets {
  const length = Math.max(0, Math.ceil((toMs - fromMs) / widthMs));
  const columns = members.map(() => new Array<number>(length).fill(0));
  for (const [i, atMs] of packets.atMs.entries()) {
    const bucket = Math.floor((atMs - fromMs) / widthMs);
    if (bucket >= 0 && bucket < length) columns[packets.via[i]!]![bucket]!++;
  }
  return { fromMs, widthMs, counts: Object.fromEntries(members.map((m, i) => [m, columns[i]!])) };
}

/** Requests sent in the window, how many of them were answered (by now), and the longest time without an answer. */
export function roundTripsOf(trips: readonly RoundTrip[], fromMs: number, toMs: number): RoundTripCounts {
  const sent = trips.filter((t) => t.sentMs >= fromMs && t.sentMs <= toMs);
  const took = sent.flatMap((t) => (t.answeredMs === null ? [] : [t.answeredMs - t.sentMs]));
  const arrivals = trips.flatMap((t) =>
    t.answeredMs !== null && t.answeredMs >= fromMs && t.answeredMs <= toMs ? [t.answeredMs] : [],
  );
  const { ms } = longestSilence(Float64Array.from(arrivals).sort(), { fromMs, toMs });
  return { sent: sent.length, answered: took.length, longestGapMs: ms, usualMs: median(took) };
}

/** The packets around a fault, at most 4,000. `base` is the index of the packet whose sequence number counts as 0. */
function pointsOf(packets: Packets, faultMs: number, base: number): Point[] {
  const between = (fromMs: number, toMs: number) =>
    [...packets.atMs.keys()].filter((i) => packets.atMs[i]! > fromMs && packets.atMs[i]! <= toMs);
  const near = thinned(between(faultMs - POINTS_BEFORE_MS, faultMs + POINTS_NEAR_MS), NEAR_POINTS_MAX);
  const later = thinned(between(faultMs + POINTS_NEAR_MS, faultMs + FAULT_LASTS_MS), LATER_POINTS_MAX);
  return [...near, ...later].map((i) => [
    hundredths(packets.atMs[i]! - faultMs),
    packets.seq[i]! - packets.seq[base]!,
    packets.via[i]!,
  ]);
}

/** All, or only every second, third and so on. */
function thinned(indexes: readonly number[], most: number): number[] {
  const step = Math.ceil(indexes.length / most);
  return indexes.filter((_, n) => n % step === 0);
}

const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

/**
 * Notices that packets come through another member than before. While two members deliver at the same time it tells of the newcomer
 * once, and not of every packet in turn.
 */
export class ViaWatch {
  #current: number | null = null;
  readonly #lastMs: number[] = [];

  /** True when this packet is the first one through its member since another one served. */
  isChange(via: number, atMs: number): boolean {
    const isSilent = (member: number) => atMs - (this.#lastMs[member] ?? Number.NEGATIVE_INFINITY) > STRETCH_GAP_MS;
    const isChange = via !== this.#current && (this.#current === null || isSilent(via) || isSilent(this.#current));
    if (isChange) this.#current = via;
    this.#lastMs[via] = atMs;
    return isChange;
  }
}

/** Drops of the UDP socket on `port`, out of /proc/net/udp (proc(5): the local address ends in the port in hex, drops stand last); 0 where there is none. */
export function udpDropsOf(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  const own = rows.filter((columns) => columns[1]?.endsWith(suffix));
  return own.reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}
