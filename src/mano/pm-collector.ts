import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { VimAccountId, VnfcId } from "../model/ids.ts";
import type { Alarm, Failover } from "../model/mano-event.ts";
import {
  type Direction,
  isCounted,
  isKnown,
  isUsed,
  type JobWish,
  type Metric,
  metricsOf,
  type OpenPmReport,
  type PmInterface,
  type PmTask,
  type PmValue,
  sampleMsOf,
  type ThresholdWish,
} from "../model/measurement.ts";
import type { PortCount } from "../model/port-count.ts";
import type { ServerUsage } from "../model/server-usage.ts";
import type { EventStream } from "../notify/stream.ts";
import { readOpenPmReports, readPmCrossings, writePmCollection, writePmCrossing } from "../store/mano-performance.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { crossings, faultsIn, type Known, type MeasuredObject, measure, vnfcsOf } from "./measuring.ts";
import { countsOf, isOnePeriod, type Reading } from "./reading.ts";
import type { WriteQueue } from "./writes.ts";

/** Of each job; older ones go. */
export const REPORTS_KEPT = 100;
/** Between two looks at least, whatever falls due: who falls due in between is measured together with others. */
const STEP_MS = 250;
/** A VIM has this part of the shortest period to tell what it counts, and no longer than that. */
const ANSWER_PARTS = 2;
const ANSWER_MAX_MS = 5_000;
/** A period that would be shorter than this part of one is left out. */
const NEAR = 0.8;
/** Nothing is measured: then it is only woken. */
const IDLE_MS = 3_600_000;

/** Null: there is none, or it is another tenant's. `owner` null: everybody's are found. */
export type FindObject = (of: PmInterface, id: string, owner: string | null) => MeasuredObject | null;

/** Where measurements come from. */
export interface PmSources {
  /** Finds objects as they are now. One that is asked for more often is looked at once: each reading takes a new one. */
  finder(): FindObject;
  /** Null: it does not answer, or does not count. Must not throw, and must end. */
  portCounts(vim: VimAccountId, signal: AbortSignal): Promise<readonly PortCount[] | null>;
  /** What servers have taken of their hosts, likewise. */
  serverUsage(vim: VimAccountId, signal: AbortSignal): Promise<readonly ServerUsage[] | null>;
  /** Whether each VNFC is up, as it is now. */
  health(): (id: VnfcId) => boolean;
  /** Those that were open at this time of the wall clock or later. Null: the store does not have all of them. */
  failovers(sinceMs: number): Promise<readonly Failover[] | null>;
  /** Alarms that a group serves nobody (SERVICE_DOWN), likewise. */
  serviceDowns(sinceMs: number): Promise<readonly Alarm[] | null>;
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
  /** How far apart looks are. */
  readonly sampleMs: number;
  /** The end of the period. */
  dueMs: number;
  /** When it is looked at next: then, or before where it is sampled within. */
  lookMs: number;
  /** At the beginning of the period; null: it has not begun. */
  before: Reading | null;
  /** What was read within it. */
  between: Reading[];
  /** What a job collects into; null: its next collection begins a report. */
  open: OpenPmReport | null;
  sides: ReadonlyMap<string, Direction>;
}

/** What one VIM is asked for, all of it at once. */
interface Question<T> {
  readonly of: "ports" | "servers";
  ask(vim: VimAccountId, signal: AbortSignal): Promise<readonly T[] | null>;
}

/** What falls due, with its objects as they are now. */
interface Due {
  readonly going: Going;
  readonly objects: readonly MeasuredObject[];
}

/**
 * Measures when it is time, for all that falls due at once by one request to each VIM. It shares the thread with everything that acts, so it does one
 * task at a time and then lets others run; nobody who decides waits for it. Where there is no job and no threshold nothing is read.
 */
export class PmCollector implements AsyncDisposable {
  readonly #parts: PmCollectorParts;
  readonly #tasks: () => readonly PmTask[];
  readonly #going = new Map<string, Going>();
  readonly #ended = new AbortController();
  /** What earlier runs had begun to collect, until its task is looked at. */
  #open = new Map<string, OpenPmReport>();
  #sides = new Map<string, ReadonlyMap<string, Direction>>();
  /** Both are read: before that no task is begun, for it would begin anew. */
  #isReady = false;
  /** VIMs that have not answered in time, and have not answered since, with what they were asked for: nobody waits for them. */
  readonly #silent = new Set<string>();
  #wake: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  constructor(parts: PmCollectorParts, tasks: () => readonly PmTask[]) {
    this.#parts = parts;
    this.#tasks = tasks;
  }

  async start(): Promise<void> {
    this.#open = new Map((await readOpenPmReports(this.#parts.db)).map((r) => [r.taskId, r]));
    this.#sides = await readPmCrossings(this.#parts.db);
    this.#isReady = true;
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
    if (!this.#isReady) return;
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
    const sampleMs = sampleMsOf(task, everyMs);
    return { task, everyMs, sampleMs, dueMs: now, lookMs: now, before: null, between: [], open, sides };
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { clock, log } = this.#parts;
      const due = [...this.#going.values()].filter((g) => g.lookMs <= clock.now());
      try {
        if (due.length > 0) await this.#measure(due, signal);
      } catch (err) {
        log.error({ err }, "performance could not be measured; a new period begins");
        for (const going of due) this.#lose(going);
      }
      await this.#rest(signal);
    }
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const next = Math.min(...[...this.#going.values()].map((g) => g.lookMs), clock.now() + IDLE_MS);
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const ends = AbortSignal.any([signal, woken.signal]);
    await clock.sleep(Math.max(next - clock.now(), STEP_MS), ends).catch(() => {});
  }

  async #measure(all: readonly Going[], signal: AbortSignal): Promise<void> {
    const { clock, finder } = this.#parts;
    const find = finder();
    const due: Due[] = [];
    for (const going of all) await this.#try(going, () => due.push({ going, objects: objectsOf(going.task, find) }));
    const wall = clock.wall(); // Before counts and records are read: what happens meanwhile is of the next period.
    const at = { at: wall.toISOString(), wallMs: wall.getTime(), monoMs: clock.now() };
    const isOver = ({ going }: Due) => going.dueMs <= at.monoMs;
    const { portCounts, serverUsage } = this.#parts;
    const [carried, taken] = await Promise.all([
      this.#read(due.filter(isOver), isCounted, { of: "ports", ask: portCounts }, signal),
      this.#read(due, isUsed, { of: "servers", ask: serverUsage }, signal),
    ]);
    const counts = mapped(carried, countsOf);
    const usage = mapped(taken, (all) => new Map(all.map((u) => [u.serverId as string, u])));
    const now: Reading = { ...at, counts, usage };
    const known = await this.#knownFor(due.filter(isOver).map((d) => d.going));
    for (const { going, objects } of due) {
      if (signal.aborted) return;
      if (this.#going.get(going.task.id) !== going) continue; // It was deleted meanwhile.
      await this.#try(going, () => {
        const own = { ...now, usage: usageFor(going.task, objects, usage) };
        if (isOver({ going, objects })) this.#take(going, objects, own, known);
        else this.#sample(going, own);
      });
    }
  }

  /** What fails with one task is not the others' trouble. Lets others run before it settles. */
  async #try(going: Going, act: () => void): Promise<void> {
    try {
      act();
    } catch (err) {
      this.#parts.log.error({ err, task: going.task.id }, "it could not be measured; a new period begins");
      this.#lose(going);
    }
    await othersRun();
  }

  /** One request to each VIM in which something of this kind is measured. One that does not answer is left out. */
  async #read<T>(
    due: readonly Due[],
    isIts: (m: Metric) => boolean,
    question: Question<T>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<VimAccountId, readonly T[]>> {
    const wanting = due.filter(({ going }) => metricsOf(going.task).some(isIts));
    const vims = new Set(wanting.flatMap(({ objects }) => objects.flatMap(vimsOf)));
    const read = await Promise.all([...vims].map(async (vim) => [vim, await this.#answerOf(vim, question, signal)] as const));
    return new Map(read.flatMap(([vim, all]) => (all === null ? [] : [[vim, all]])));
  }

  /** Null where it takes longer than a part of the shortest period: one VIM that hangs must not hold up what others count. */
  async #answerOf<T>(vim: VimAccountId, { of, ask }: Question<T>, signal: AbortSignal): Promise<readonly T[] | null> {
    const asked = `${of} ${vim}`;
    if (this.#silent.has(asked)) return null;
    const { clock } = this.#parts;
    const shortestMs = Math.min(...[...this.#going.values()].map((g) => g.sampleMs));
    this.#silent.add(asked);
    const ends = new AbortController();
    const answer = ask(vim, signal).finally(() => {
      this.#silent.delete(asked);
      ends.abort();
    });
    const late = clock.sleep(Math.min(shortestMs / ANSWER_PARTS, ANSWER_MAX_MS), ends.signal).then(
      () => null,
      () => answer,
    );
    return Promise.race([answer, late]);
  }

  /** What is asked for by nobody is not read. */
  async #knownFor(all: readonly Going[]): Promise<Known> {
    const { failovers, serviceDowns, health } = this.#parts;
    const own = all.filter(({ task }) => metricsOf(task).some(isKnown));
    const since = own.flatMap((g) => g.before?.wallMs ?? []);
    const [fromMs, areAsked] = [Math.min(...since), own.some(({ task }) => metricsOf(task).some(isOutage))];
    const found = since.length > 0 ? await failovers(fromMs) : [];
    const downs = since.length > 0 && areAsked ? await serviceDowns(fromMs) : [];
    return { isUp: own.length > 0 ? health() : () => false, faults: found && downs && faultsIn(found, downs) };
  }

  #take(going: Going, objects: readonly MeasuredObject[], now: Reading, known: Known): void {
    const { task, before, everyMs } = going;
    const isWhole = before !== null && isOnePeriod([before, now], everyMs);
    const of = (o: MeasuredObject) => measure(task, metricsOf(task), o, [before!, now], known, going.between);
    const values = before === null ? null : isWhole ? objects.flatMap(of) : [];
    going.before = now;
    this.#next(going);
    if (task.kind === "job") this.#collect(going, task, values, objects, now);
    else if (values !== null) this.#compare(going, task, values);
  }

  /** Within a period that has begun. */
  #sample(going: Going, now: Reading): void {
    going.between.push(now);
    going.lookMs = sampledNext(going, now.monoMs);
  }

  /** What lies before is not of the next period. */
  #lose(going: Going): void {
    going.before = null;
    this.#next(going);
  }

  /** The next period ends a period after this one should have; where that is too near, a period from now. The last one at the job's boundary. */
  #next(going: Going): void {
    const { clock } = this.#parts;
    const now = clock.now();
    const leftMs = going.task.kind === "job" ? leftOf(going.task, clock.wall().getTime()) : Number.POSITIVE_INFINITY;
    const onTimeMs = going.dueMs + going.everyMs;
    const nextMs = onTimeMs - now < going.everyMs * NEAR ? now + going.everyMs : onTimeMs;
    going.dueMs = Math.min(nextMs, now + Math.max(leftMs, 0));
    going.lookMs = sampledNext(going, now);
    going.between = [];
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
    if (isOver) going.dueMs = going.lookMs = Number.POSITIVE_INFINITY;
    const isAnything = values !== null && objects.length > 0; // Else what was measured is gone.
    if (going.open === null && !isAnything) return;
    if (values === null && !isOver) return;
    const { id, collections: had } = going.open ?? { id: randomUUID(), collections: 0 };
    const collections = had + (values === null ? 0 : 1);
    const isReady = isOver || collections * job.collectionS >= job.reportingS;
    const report = { id, taskId: job.id, readyAt: isReady ? now.at : null };
    this.#parts.writes.push((tx) => writePmCollection(tx, { report, nr: collections, values }, REPORTS_KEPT));
    going.open = isReady ? null : { id, taskId: job.id, collections };
    if (!isReady || objects.length === 0) return;
    const { interface: of, objectType, subObjectIds } = job;
    const about = { interface: of, objectType, objectIds: objects.map((o) => o.id), subObjectIds };
    this.#parts.stream.push({ type: "pm.report", jobId: job.id, reportId: id, ...about });
  }

  #compare(going: Going, task: PmTask<ThresholdWish>, values: readonly PmValue[]): void {
    const { sides, crossed } = crossings(task, values, going.sides);
    going.sides = sides;
    if (crossed.length === 0) return;
    this.#parts.writes.push((tx) => writePmCrossing(tx, task.id, sides));
    for (const { value, direction } of crossed) {
      const { objectId, subObjectId, metric } = value;
      const about = { interface: task.interface, objectType: task.objectType, objectId, subObjectId, metric };
      this.#parts.stream.push({ type: "pm.crossed", thresholdId: task.id, direction, value: value.value, ...about });
    }
  }
}

const objectsOf = ({ interface: of, owner, objectIds }: PmTask, find: FindObject): MeasuredObject[] =>
  objectIds.flatMap((id) => find(of, id, owner) ?? []);

/** Not just before the end: in a time as short as that nothing is measured well. */
const sampledNext = ({ sampleMs, dueMs }: Going, nowMs: number): number =>
  nowMs + sampleMs * (1 + NEAR) > dueMs ? dueMs : nowMs + sampleMs;

const isOutage = ({ source }: Metric): boolean => source === "outageTime";

const othersRun = () => new Promise(setImmediate);

/** Until its boundary, ms; infinite where it has none. */
const leftOf = ({ until }: JobWish, wallMs: number): number =>
  until === null ? Number.POSITIVE_INFINITY : Date.parse(until) - wallMs;

const vimsOf = (object: MeasuredObject): VimAccountId[] => [
  ...vnfcsOf(object).map((c) => c.vimAccountId),
  ...object.saps.map((s) => s.vim),
];

const mapped = <K, T, U>(all: ReadonlyMap<K, T>, to: (one: T) => U): ReadonlyMap<K, U> =>
  new Map([...all].map(([key, one]) => [key, to(one)]));

/** Of its own VNFCs alone, and only where it measures that: readings are kept until a period is over. */
function usageFor(task: PmTask, objects: readonly MeasuredObject[], all: Reading["usage"]): Reading["usage"] {
  const usage = new Map<VimAccountId, Map<string, ServerUsage>>();
  if (!metricsOf(task).some(isUsed)) return usage;
  for (const { vimAccountId: vim, serverId } of objects.flatMap(vnfcsOf)) {
    const found = all.get(vim)?.get(serverId);
    if (found) usage.set(vim, (usage.get(vim) ?? new Map()).set(serverId, found));
  }
  return usage;
}
