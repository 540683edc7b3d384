import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { VimAccountId, VnfcId } from "../model/ids.ts";
import type { Failover } from "../model/mano-event.ts";
import {
  type Direction,
  isCounted,
  type JobWish,
  type Metric,
  metricNamed,
  metricsOf,
  type PmInterface,
  type PmReport,
  type PmTask,
  type PmValue,
  type ThresholdWish,
} from "../model/measurement.ts";
import type { PortCount } from "../model/port-count.ts";
import type { EventStream } from "../notify/stream.ts";
import { readOpenPmReports, readPmCrossings, writePmCrossing, writePmReport } from "../store/mano-performance.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type Counts, countsOf, crossings, type Known, type MeasuredObject, measure, type Reading } from "./measuring.ts";
import type { WriteQueue } from "./writes.ts";

/** Of each job; older ones go. */
export const REPORTS_KEPT = 100;
/** Between two looks at least, whatever falls due: who falls due in between is measured together with others. */
const STEP_MS = 250;
/** Nothing is measured: then it is only woken. */
const IDLE_MS = 3_600_000;

/** Where measurements come from. */
export interface PmSources {
  /** Null: there is none, or it is another tenant's. `owner` null: everybody's are found. */
  objectOf(of: PmInterface, id: string, owner: string | null): MeasuredObject | null;
  /** Null: it does not answer, or does not count. Must not throw, and must end. */
  portCounts(vim: VimAccountId, signal: AbortSignal): Promise<readonly PortCount[] | null>;
  /** Whether each VNFC is up, as it is now. */
  health(): (id: VnfcId) => boolean;
  /** Those that may reach into the time since. */
  failovers(sinceMs: number): Promise<readonly Failover[]>;
}

export interface PmCollectorParts extends PmSources {
  readonly db: ManoStore;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly thresholdEveryMs: number;
}

/** A job or a threshold that is being measured. */
interface Going {
  readonly task: PmTask;
  readonly everyMs: number;
  dueMs: number;
  /** At the beginning of the period; null: it has not begun. */
  before: Reading | null;
  /** What a job has collected and not reported yet. */
  open: PmReport | null;
  sides: ReadonlyMap<string, Direction>;
}

/**
 * Measures when it is time, for all that falls due at once by one request to each VIM, and away from everything that acts: it asks nobody who decides, and
 * waits for its own answers only. Where there is no job and no threshold nothing is read.
 */
export class PmCollector implements AsyncDisposable {
  readonly #parts: PmCollectorParts;
  readonly #tasks: () => readonly PmTask[];
  readonly #going = new Map<string, Going>();
  readonly #ended = new AbortController();
  /** What earlier runs had begun to collect, until its task is looked at. */
  #open = new Map<string, PmReport>();
  #sides = new Map<string, ReadonlyMap<string, Direction>>();
  #wake: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  constructor(parts: PmCollectorParts, tasks: () => readonly PmTask[]) {
    this.#parts = parts;
    this.#tasks = tasks;
  }

  async start(): Promise<void> {
    this.#open = new Map((await readOpenPmReports(this.#parts.db)).map((r) => [r.taskId, r]));
    this.#sides = await readPmCrossings(this.#parts.db);
    this.look();
    this.#running = this.#run(this.#ended.signal).catch((err: unknown) =>
      this.#parts.log.fatal({ err }, "performance is measured no more, by a bug"),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#wake();
    await this.#running;
  }

  /** Jobs and thresholds have come or gone. */
  look(): void {
    const now = this.#parts.clock.now();
    const wanted = new Map(this.#tasks().map((t) => [t.id, t]));
    for (const id of this.#going.keys()) if (!wanted.has(id)) this.#going.delete(id);
    for (const task of wanted.values()) if (!this.#going.has(task.id)) this.#going.set(task.id, this.#begin(task, now));
    this.#wake();
  }

  #begin(task: PmTask, now: number): Going {
    const everyMs = task.kind === "job" ? task.collectionS * 1_000 : this.#parts.thresholdEveryMs;
    const open = this.#open.get(task.id) ?? null;
    const sides = this.#sides.get(task.id) ?? new Map();
    this.#open.delete(task.id);
    this.#sides.delete(task.id);
    return { task, everyMs, dueMs: now, before: null, open, sides };
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { clock, log } = this.#parts;
      const due = [...this.#going.values()].filter((g) => g.dueMs <= clock.now());
      try {
        if (due.length > 0) await this.#measure(due, signal);
      } catch (err) {
        log.error({ err }, "performance could not be measured; the next period is");
        for (const going of due) this.#miss(going);
      }
      await this.#rest(signal);
    }
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const next = Math.min(...[...this.#going.values()].map((g) => g.dueMs), clock.now() + IDLE_MS);
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const ends = AbortSignal.any([signal, woken.signal]);
    await clock.sleep(Math.max(next - clock.now(), STEP_MS), ends).catch(() => {});
  }

  async #measure(due: readonly Going[], signal: AbortSignal): Promise<void> {
    const { clock, failovers, health } = this.#parts;
    const counts = await this.#countsFor(due, signal);
    const wall = clock.wall(); // Before records are read: what is opened meanwhile is of the next period.
    const since = due.flatMap((g) => g.before?.wallMs ?? []);
    const isKnownNeeded = since.length > 0 && due.some((g) => metricsFor(g.task).some((m) => !isCounted(m)));
    const found = isKnownNeeded ? await failovers(Math.min(...since)) : [];
    const now: Reading = { at: wall.toISOString(), wallMs: wall.getTime(), counts };
    const known: Known = { isUp: health(), failovers: found };
    if (signal.aborted) return;
    for (const going of due) if (this.#going.get(going.task.id) === going) this.#take(going, now, known);
  }

  /** One request to each VIM in which something that falls due is counted. */
  async #countsFor(due: readonly Going[], signal: AbortSignal): Promise<ReadonlyMap<VimAccountId, Counts>> {
    const counting = due.filter(({ task }) => metricsFor(task).some(isCounted));
    const vims = new Set(counting.flatMap(({ task }) => this.#objectsOf(task).flatMap(vimsOf)));
    const read = await Promise.all([...vims].map(async (vim) => [vim, await this.#parts.portCounts(vim, signal)] as const));
    return new Map(read.flatMap(([vim, all]) => (all === null ? [] : [[vim, countsOf(all)] as const])));
  }

  #take(going: Going, now: Reading, known: Known): void {
    const { task, before } = going;
    const objects = this.#objectsOf(task);
    const values = before === null ? null : measure(task, metricsFor(task), objects, [before, now], known);
    going.before = now;
    this.#miss(going);
    if (task.kind === "job") this.#collect(going, task, values, objects, now);
    else if (values !== null) this.#compare(going, task, values, objects);
  }

  /** The next period ends a period after this one did, or should have; the last one at the job's boundary. */
  #miss(going: Going): void {
    const { clock } = this.#parts;
    const now = clock.now();
    const leftMs = going.task.kind === "job" ? leftOf(going.task, clock.wall().getTime()) : Number.POSITIVE_INFINITY;
    going.dueMs = Math.min(Math.max(going.dueMs + going.everyMs, now + going.everyMs / 2), now + Math.max(leftMs, 0));
  }

  /** A report is on the disk before it is told: both are one transaction. `values` null: the first period has only begun. */
  #collect(
    going: Going,
    job: PmTask<JobWish>,
    values: readonly PmValue[] | null,
    objects: readonly MeasuredObject[],
    now: Reading,
  ): void {
    const isOver = leftOf(job, now.wallMs) <= STEP_MS;
    if (isOver) going.dueMs = Number.POSITIVE_INFINITY;
    const isAnything = values !== null && objects.length > 0; // Else what was measured is gone.
    if (going.open === null && !isAnything) return;
    if (values === null && !isOver) return;
    const had = going.open ?? { id: randomUUID(), taskId: job.id, readyAt: null, collections: 0, values: [] };
    const collections = had.collections + (values === null ? 0 : 1);
    const isReady = isOver || collections * job.collectionS >= job.reportingS;
    const report = { ...had, collections, values: [...had.values, ...(values ?? [])], readyAt: isReady ? now.at : null };
    this.#parts.writes.push((tx) => writePmReport(tx, report, REPORTS_KEPT));
    going.open = isReady ? null : report;
    if (!isReady) return;
    const { interface: of, objectType, subObjectIds } = job;
    for (const { id: objectId, nsId } of objects) {
      const about = { interface: of, nsId, objectType, objectId, subObjectIds };
      this.#parts.stream.push({ type: "pm.report", jobId: job.id, reportId: report.id, ...about });
    }
  }

  #compare(going: Going, task: PmTask<ThresholdWish>, values: readonly PmValue[], objects: readonly MeasuredObject[]): void {
    const { sides, crossed } = crossings(task, values, going.sides);
    going.sides = sides;
    if (crossed.length === 0) return;
    this.#parts.writes.push((tx) => writePmCrossing(tx, task.id, sides));
    for (const { value, direction } of crossed) {
      const nsId = objects.find((o) => o.id === value.objectId)!.nsId;
      const { objectId, subObjectId, metric } = value;
      const about = { interface: task.interface, nsId, objectType: task.objectType, objectId, subObjectId, metric };
      this.#parts.stream.push({ type: "pm.crossed", thresholdId: task.id, direction, value: value.value, ...about });
    }
  }

  #objectsOf(task: PmTask): MeasuredObject[] {
    return task.objectIds.flatMap((id) => this.#parts.objectOf(task.interface, id, task.owner) ?? []);
  }
}

const metricsFor = (task: PmTask): Metric[] =>
  task.kind === "job"
    ? metricsOf(task).filter((m) => m.objectType === task.objectType)
    : [metricNamed(task.interface, task.metric)!];

/** Until its boundary, ms; infinite where it has none. */
const leftOf = ({ until }: JobWish, wallMs: number): number =>
  until === null ? Number.POSITIVE_INFINITY : Date.parse(until) - wallMs;

const vimsOf = ({ ns, vnf, saps }: MeasuredObject): VimAccountId[] => [
  ...(vnf ? [vnf] : ns.vnfs).flatMap((v) => v.vnfcViews.map((c) => c.vimAccountId)),
  ...saps.map((s) => s.vim),
];
