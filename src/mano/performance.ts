import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Seal } from "../lib/seal.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import {
  METRICS,
  type PmInterface,
  type PmNotifying,
  type PmReport,
  type PmTask,
  type PmWish,
  sampleMsOf,
} from "../model/measurement.ts";
import type { Callback, CallbackTls, ShownSubscription } from "../model/subscription.ts";
import type { CallbackPolicy } from "../notify/callback-policy.ts";
import type { EventStream } from "../notify/stream.ts";
import { SubscriptionBook } from "../notify/subscription-book.ts";
import { pmTasksIn, type ReadyReport, readPmReport, readReadyPmReports } from "../store/mano-performance.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { keptJournal } from "./kept-journal.ts";
import { type MeasuredObject, subObjectsOf } from "./measuring.ts";
import { PmCollector, type PmSources } from "./pm-collector.ts";
import type { WriteQueue } from "./writes.ts";

/** Jobs and thresholds: each is measured, and is a courier to its callback. */
const TASKS_MAX = 200;
const OF_TENANT_MAX = 50;
/** VNFs or network services of one job. */
const OBJECTS_MAX = 100;
/** Collection periods of one report. */
const COLLECTIONS_MAX = 120;
/** Collections of one report, each of its objects for itself: it is read and sent as a whole. */
const LOOKS_MAX = 2_000;
/** Objects that are measured each second, of all jobs and thresholds together. */
const RATE_MAX = 100;
/** So that one tenant does not use them all up. */
const RATE_OF_TENANT_MAX = 50;

export interface PerformanceParts extends PmSources {
  readonly db: ManoStore;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
  /** Notifications as they are sent; none: it is not about this one. */
  readonly notificationsOf: (task: PmTask, event: ManoEvent) => readonly object[];
  readonly ourTls: CallbackTls | null;
  readonly thresholdEveryMs: number;
}

export interface AskedPmTask {
  readonly owner: string | null;
  readonly callback: Callback;
  readonly wish: PmWish;
  readonly notifying: PmNotifying;
}

/** What a row says of a job or threshold; `key` tells apart two that ask for the same. */
type Kept = PmWish & PmNotifying & { readonly key: string };

/**
 * PM jobs and thresholds, as SOL003 and SOL005 have them. Each is kept as a subscription whose filter says what is measured, so that it is made, told of and
 * goes on after a restart as every other subscription does.
 */
export class Performance implements AsyncDisposable {
  readonly #parts: PerformanceParts;
  readonly #book: SubscriptionBook<ManoEvent>;
  readonly #collector: PmCollector;
  /** What is being made and is not in the book yet: it is counted with what is. */
  readonly #asked = new Set<PmWish & Pick<PmTask, "owner">>();

  private constructor(parts: PerformanceParts, book: SubscriptionBook<ManoEvent>) {
    this.#parts = parts;
    this.#book = book;
    this.#collector = new PmCollector(parts, () => this.#all(null));
    parts.writes.onWritten((events) => book.hear(events));
  }

  static async open(parts: PerformanceParts): Promise<Performance> {
    const { db, stream, writes, clock, log, policy, seal, ourTls, notificationsOf } = parts;
    const book = await SubscriptionBook.open<ManoEvent>({
      journal: keptJournal(stream, writes),
      keeper: pmTasksIn(db),
      clock,
      log,
      policy,
      seal,
      most: TASKS_MAX,
      mostOfTenant: OF_TENANT_MAX,
      tooMany,
      batchMax: 1,
      isStrict: true,
      readingOf: (kept) => {
        const task = taskOf(kept);
        return {
          matches: (event) => isOf(task, event),
          bodiesOf: ([event]) => (event ? notificationsOf(task, event).map((n) => JSON.stringify(n)) : []),
        };
      },
      callbackOf: (callback, filterJson) =>
        (JSON.parse(filterJson) as Kept).isShownOurCertificate ? { ...callback, tls: ourTls } : callback,
      lost: (from, to) => {
        log.warn(
          { from, to },
          "a receiver of performance notifications is so far behind that some are lost to it; the reports are kept",
        );
        return { seq: to, at: clock.wall().toISOString(), monoMs: clock.now(), type: "events.lost", from, to };
      },
    });
    return new Performance(parts, book);
  }

  /** Goes on with those of earlier runs. Not before this daemon leads. */
  async start(): Promise<void> {
    this.#book.start();
    await this.#collector.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#collector[Symbol.asyncDispose]();
    await this.#book[Symbol.asyncDispose]();
    await this.#parts.writes.flush();
  }

  /** Whether TLS_CERT can be served without a certificate in the request. */
  get hasOurCertificate(): boolean {
    return this.#parts.ourTls !== null;
  }

  /** Of one interface and one kind; of one tenant, or (null) of everybody. */
  list<K extends PmWish["kind"]>(of: PmInterface, kind: K, owner: string | null): PmTask<Extract<PmWish, { kind: K }>>[] {
    return this.#all(owner).filter(
      (t): t is PmTask<Extract<PmWish, { kind: K }>> => t.interface === of && (t as PmTask).kind === kind,
    );
  }

  /** Asks the callback first. Throws INVALID, NOT_SUPPORTED, also where there are too many, CALLBACK_REFUSED. */
  async create({ owner, callback, wish, notifying }: AskedPmTask): Promise<PmTask> {
    this.#check(wish, owner);
    const kept: Kept = { ...wish, ...notifying, key: randomUUID() };
    const asked = { ...wish, owner };
    this.#asked.add(asked);
    try {
      this.#checkRate(owner);
      const made = await this.#book.create({ owner, callback, filterJson: JSON.stringify(kept), since: null });
      this.#collector.look();
      return taskOf(made.kept);
    } finally {
      this.#asked.delete(asked);
    }
  }

  /** Another callback, or other authentication; what is measured stays. */
  async modify(
    id: string,
    owner: string | null,
    change: (had: Callback | null) => { readonly callback: Callback; readonly isShownOurCertificate: boolean | null },
  ): Promise<PmTask> {
    const changed = await this.#book.modify(id, owner, (had, filterJson) => {
      const { callback, isShownOurCertificate } = change(had);
      const kept = JSON.parse(filterJson) as Kept;
      return {
        callback,
        filterJson: JSON.stringify({ ...kept, ...(isShownOurCertificate !== null && { isShownOurCertificate }) }),
      };
    });
    return taskOf(changed.kept);
  }

  /** With its reports. Nothing is measured or told for it any more when this resolves. Throws NOT_FOUND. */
  async delete(id: string, owner: string | null): Promise<void> {
    await this.#book.delete(id, owner);
    this.#collector.look();
  }

  /** Of these jobs, newest first. */
  async reports(jobIds: readonly string[]): Promise<ReadyReport[]> {
    await this.#parts.writes.flush();
    return readReadyPmReports(this.#parts.db, jobIds);
  }

  /** Null: this job has none by this id that is ready, or has it no more. */
  async report(jobId: string, id: string): Promise<PmReport | null> {
    await this.#parts.writes.flush();
    const found = await readPmReport(this.#parts.db, id);
    return found?.taskId === jobId && found.readyAt !== null ? found : null;
  }

  #all(owner: string | null): PmTask[] {
    return this.#book.list(owner).map(({ kept }: ShownSubscription) => taskOf(kept));
  }

  #check(wish: PmWish, owner: string | null): void {
    checkMetrics(wish);
    const { objectIds, subObjectIds, objectType } = wish;
    if (objectIds.length > OBJECTS_MAX)
      throw new Fault("NOT_SUPPORTED", `objectInstanceIds: at most ${OBJECTS_MAX} in one job, not ${objectIds.length}`);
    const find = this.#parts.finder();
    const objects = objectIds.map((id) => find(wish.interface, id, owner) ?? missing(wish, id));
    if (subObjectIds !== null) checkSubObjects(subObjectIds, objectType, objects);
    if (wish.kind === "job") checkPeriods(wish, this.#parts.clock.wall());
  }

  /** How much is measured in a second is bounded: it is measured on the thread that acts. */
  #checkRate(owner: string | null): void {
    const all = [...this.#all(null), ...this.#asked];
    const sum = (of: readonly PmWish[]) => of.reduce((rate, w) => rate + rateOf(w, this.#parts.thresholdEveryMs), 0);
    const refuse = (rate: number, most: number, whose: string) => {
      const detail = `criteria/collectionPeriod: with this one ${Math.ceil(rate)} objects would be measured each second, and ${most} can be, of all PM jobs and thresholds ${whose}: want a longer period or fewer objects`;
      if (rate > most) throw new Fault("NOT_SUPPORTED", detail);
    };
    refuse(sum(all), RATE_MAX, "together");
    if (owner !== null) refuse(sum(all.filter((t) => t.owner === owner)), RATE_OF_TENANT_MAX, "of this tenant");
  }
}

/** Objects that are measured each second. One that is over counts until it is deleted. */
const rateOf = (wish: PmWish, thresholdEveryMs: number): number =>
  (wish.objectIds.length * MS_PER_S) / sampleMsOf(wish, wish.kind === "job" ? wish.collectionS * MS_PER_S : thresholdEveryMs);

const MS_PER_S = 1_000;

function missing({ interface: of }: PmWish, id: string): never {
  const [what, list] = of === "nspm" ? ["NS", "/nslcm/v2/ns_instances"] : ["VNF", "/vnflcm/v2/vnf_instances"];
  throw new Fault("NOT_SUPPORTED", `objectInstanceIds: there is no ${what} instance ${id}; GET ${list} lists those there are`, {
    id,
  });
}

const tooMany = (most: number, ofTenant: boolean): Fault => {
  const there = ofTenant
    ? `this tenant has ${most} PM jobs and thresholds, as many as it may`
    : `there are ${most} PM jobs and thresholds, as many as there can be`;
  return new Fault("NOT_SUPPORTED", `${there}: delete one that nobody needs`);
};

function checkMetrics(wish: PmWish): void {
  const there = METRICS.filter((m) => m.of === wish.interface);
  const ofType = there.filter((m) => m.objectType === wish.objectType);
  if (ofType.length === 0) throw refused("objectType", wish.objectType, [...new Set(there.map((m) => m.objectType))]);
  const names = ofType.map((m) => m.name);
  const asked = wish.kind === "job" ? wish.metrics : [wish.metric];
  for (const name of asked) if (!names.includes(name)) throw refused("performanceMetric", name, names, wish.objectType);
  if (wish.kind === "threshold") return;
  const groups = [...new Set(ofType.map((m) => m.group))];
  for (const g of wish.groups) if (!groups.includes(g)) throw refused("performanceMetricGroup", g, groups, wish.objectType);
}

const refused = (attribute: string, value: string, there: readonly string[], type?: string): Fault =>
  new Fault(
    "NOT_SUPPORTED",
    `${attribute}: ${value.slice(0, 100)} is not measured${type === undefined ? "" : ` of ${type}`} here; there are ${there.join(", ")}`,
  );

function checkSubObjects(ids: readonly string[], type: PmWish["objectType"], objects: readonly MeasuredObject[]): void {
  const [object] = objects;
  if (objects.length !== 1 || object === undefined)
    throw new Fault("NOT_SUPPORTED", "subObjectInstanceIds: only with exactly one object");
  const there = subObjectsOf(type, object);
  const stranger = ids.find((id) => !there.includes(id));
  if (stranger === undefined) return;
  const those = there.length === 0 ? `a ${type} has none` : `there are ${there.join(", ")}`;
  throw new Fault("NOT_SUPPORTED", `subObjectInstanceIds: ${object.id} has no ${stranger.slice(0, 100)}; ${those}`);
}

function checkPeriods({ collectionS, reportingS, until, objectIds }: Extract<PmWish, { kind: "job" }>, now: Date): void {
  if (reportingS % collectionS !== 0 || reportingS > collectionS * COLLECTIONS_MAX)
    throw new Fault(
      "NOT_SUPPORTED",
      `criteria/reportingPeriod: want 1 to ${COLLECTIONS_MAX} times the collectionPeriod of ${collectionS} s, not ${reportingS} s`,
    );
  const looks = (reportingS / collectionS) * objectIds.length;
  if (looks > LOOKS_MAX)
    throw new Fault(
      "NOT_SUPPORTED",
      `criteria/reportingPeriod: one report would have ${looks} collections of an object, and can have ${LOOKS_MAX}: want a shorter reportingPeriod or fewer objects`,
    );
  if (until !== null && !(Date.parse(until) > now.getTime()))
    throw new Fault("NOT_SUPPORTED", `criteria/reportingBoundary: want a time to come, not ${until.slice(0, 100)}`);
}

function taskOf(kept: ShownSubscription["kept"]): PmTask {
  const { key: _, ...asked } = JSON.parse(kept.filter_json) as Kept;
  return { ...asked, id: kept.id, owner: kept.tenant_id, callbackUri: kept.callback, createdAt: kept.created_at };
}

const isOf = ({ id }: PmTask, event: ManoEvent): boolean =>
  (event.type === "pm.report" && event.jobId === id) || (event.type === "pm.crossed" && event.thresholdId === id);
