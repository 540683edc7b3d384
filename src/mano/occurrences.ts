import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { nameUuid } from "../lib/name-uuid.ts";
import type { NsId, VnfcId } from "../model/ids.ts";
import type { Failover, ManoEventBody } from "../model/mano-event.ts";
import type { Ns } from "../model/ns.ts";
import { isTakingIn, isUnderWay, type NsOperation, type Occurrence, type VnfPart } from "../model/occurrence.ts";
import type { EventStream } from "../notify/stream.ts";
import { readRunningOccurrences, upsertOccurrence } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Untold } from "../store/untold.ts";
import type { Outbox } from "./outbox.ts";
import { calledOf, type Deployment } from "./plan.ts";
import { partsOf } from "./vnf-plan.ts";
import type { WriteQueue } from "./writes.ts";

/** In JSON, of what was asked for: a list shows it of thousands of operations. */
const PARAMS_MAX = 16_384;
const PARAM_MAX = 1_024;

/** As they were asked for; of very many only the short ones. */
function keptOf(params: Occurrence["params"]): Occurrence["params"] {
  if (JSON.stringify(params).length <= PARAMS_MAX) return params;
  const short = Object.entries(params).filter(([key, v]) => key.length + JSON.stringify(v).length <= PARAM_MAX);
  return Object.fromEntries(short.slice(0, PARAMS_MAX / PARAM_MAX));
}

/** Of a life cycle operation that was not finished. */
export const failure = (detail: string): NonNullable<Occurrence["error"]> => ({
  status: 500,
  title: "the operation was not finished",
  detail,
});

/** What becomes of an operation while what it works on is turned forth or back. */
export type TurnChange = Partial<Pick<Occurrence, "state" | "error" | "warnings" | "cancelMode">>;

/** The life cycle operations of every NS: at most one at a time that somebody asked for, and the record of what the MANO does by itself. */
export class Occurrences {
  readonly #db: ManoStore;
  readonly #clock: Clock;
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  readonly #outbox: Outbox;
  /** Asked for and not at their end. */
  readonly #running = new Map<NsId, Occurrence>();
  /** What is to be told of each when it is on the disk. */
  readonly #untold = new WeakMap<Occurrence, Untold | null>();
  /** What was told last of what goes on by itself. */
  readonly #automatic = new Map<string, Occurrence>();

  constructor(db: ManoStore, clock: Clock, stream: EventStream, writes: WriteQueue, outbox: Outbox) {
    this.#outbox = outbox;
    this.#db = db;
    this.#clock = clock;
    this.#stream = stream;
    this.#writes = writes;
  }

  /** Takes up what an earlier run was in the middle of. */
  async load(): Promise<void> {
    for (const o of await readRunningOccurrences(this.#db))
      (o.isAutomatic ? this.#automatic : this.#running).set((o.isAutomatic ? o.id : o.nsId) as NsId, o);
  }

  /** What somebody asked for and that is not at its end. */
  runningOf(ns: NsId): Occurrence | undefined {
    return this.#running.get(ns);
  }

  get running(): readonly Occurrence[] {
    return [...this.#running.values()];
  }

  /** As it is now. Throws CONFLICT where it is not FAILED_TEMP any more: another request was faster. */
  stillFailedTemp({ id, nsId, operation }: Occurrence): Occurrence {
    const now = this.#running.get(nsId);
    if (now?.id === id && now.state === "FAILED_TEMP") return now;
    throw new Fault("CONFLICT", `${operation} ${id} is not FAILED_TEMP any more`, { id });
  }

  /** A new one, to be written together with what is wanted. Throws CONFLICT while another one goes on that is not given up for it. */
  begin(
    ns: Ns,
    operation: NsOperation,
    vnfs: readonly VnfPart[],
    params: Occurrence["params"],
    givenUp: Occurrence | null = null,
  ): Occurrence {
    const other = this.#running.get(ns.id);
    if (other && other.id !== givenUp?.id) throw busy(ns, other);
    const now = this.#now();
    return {
      id: crypto.randomUUID(),
      nsId: ns.id,
      ...markOf(ns),
      operation,
      state: "PROCESSING",
      startedAt: now,
      stateEnteredAt: now,
      isAutomatic: false,
      cancelMode: null,
      params: keptOf(params),
      error: null,
      warnings: [],
      vnfs,
    };
  }

  /** The same in another state. */
  changed(o: Occurrence, change: TurnChange & Partial<Pick<Occurrence, "vnfs">>): Occurrence {
    const isNew = change.state !== undefined && change.state !== o.state;
    const changed = { ...o, ...change, ...(isNew && { stateEnteredAt: this.#now() }) };
    const { descriptors: _, ...bare } = changed; // Of use to who turns it forth and back alone.
    return isUnderWay(changed) ? changed : bare;
  }

  /** Part of the caller's transaction, with what is to be heard of it; `tell` it when that is on the disk. `before`: as it is told until then. */
  async write(tx: ManoStore, o: Occurrence, before = this.#running.get(o.nsId)): Promise<void> {
    await upsertOccurrence(tx, o);
    const isSame = before?.id === o.id && before.state === o.state;
    this.#untold.set(o, await this.#outbox.put(tx, isSame ? [] : eventsOf(o, before?.id !== o.id)));
  }

  /** It is on the disk: subscribers hear of it where its state is a new one. */
  tell(o: Occurrence): void {
    const before = this.#running.get(o.nsId);
    if (isUnderWay(o)) this.#running.set(o.nsId, o);
    else if (before?.id === o.id) this.#running.delete(o.nsId);
    this.#outbox.tell(this.#untold.get(o) ?? null);
  }

  /** Writes it by itself and tells it. */
  async put(o: Occurrence): Promise<Occurrence> {
    await this.#db.transaction().execute((tx) => this.write(tx, o));
    this.tell(o);
    return o;
  }

  /** What a step of the life cycle means for the operation that goes on; null: nothing. */
  after(ns: Ns, isRemoved: boolean): Occurrence | null {
    const o = this.#running.get(ns.id);
    if (!o || o.state === "FAILED_TEMP") return null;
    if (ns.state === "FAILED") {
      const error = failure(ns.detail ?? "no reason is known");
      // Not before what it left is taken away: then it can be tried again, or given up.
      return this.changed(o, isRemoved ? { state: "FAILED_TEMP", error, cancelMode: null } : { error });
    }
    if (!isRemoved) return null;
    return this.changed(o, { state: o.state === "ROLLING_BACK" ? "ROLLED_BACK" : "COMPLETED", cancelMode: null });
  }

  /** A switch-over's record has changed: so has its occurrence, which has its id. Nothing is awaited. */
  switchedOver(d: Deployment | undefined, failover: Failover): void {
    if (d === undefined) return;
    const isFault = failover.kind === "failover";
    const which = new Set(failover.moves.flatMap((m) => [m.to, ...(m.from === null ? [] : [m.from])]).concat(failover.about));
    const operation = isFault ? "HEAL" : "CHANGE_EXT_CONN";
    const { id, groupId, kind, because, moves, openedAt, closedAt, times, state } = failover;
    const had = this.#automatic.get(id);
    const isClosed = state === "closed";
    const parts = partsOf(d, operation, "MODIFIED", which, (vnf) => nameUuid(`${id} ${vnf.id}`));
    const earlier = (had?.vnfs ?? []).filter((p) => !parts.some((now) => now.id === p.id));
    this.#keep({
      id,
      nsId: failover.nsId,
      ...markOf(d.ns),
      operation: isFault ? "HEAL" : "UPDATE",
      state: isClosed ? "COMPLETED" : "PROCESSING",
      startedAt: openedAt,
      stateEnteredAt: isClosed ? (closedAt ?? openedAt) : openedAt,
      isAutomatic: true,
      cancelMode: null,
      params: {},
      error: null,
      warnings: state === "stuck" ? because : [],
      // One that it was led to first and then away from stays, and all of an NS that was terminated in between: their clients have its id.
      vnfs: [...parts, ...earlier],
      switchOver: { failoverId: id, groupId, kind, because, moves, openedAt, closedAt, times },
    });
  }

  /** A try of a heal that the MANO does by itself: begun (`ok` null), or at its end. */
  healed(d: Deployment | undefined, vnfcId: VnfcId, startedAt: string, ok: boolean | null, detail: string): void {
    const id = nameUuid(`heal ${vnfcId} ${startedAt}`);
    const had = this.#automatic.get(id);
    // It ends also where its NS is being taken away, or where somebody has asked for the same meanwhile.
    if (had && ok !== null) {
      this.#endOf(had, ok ? null : detail);
      return;
    }
    if (d?.ns.state !== "INSTANTIATED") return;
    const running = this.#running.get(d.ns.id);
    if (running?.vnfs.some((p) => p.vnfcs.some((v) => v.id === vnfcId))) return; // It is part of what was asked for.
    this.#keep({
      id,
      nsId: d.ns.id,
      ...markOf(d.ns),
      operation: "HEAL",
      state: ok === null ? "PROCESSING" : ok ? "COMPLETED" : "FAILED",
      startedAt,
      stateEnteredAt: ok === null ? startedAt : this.#now(),
      isAutomatic: true,
      cancelMode: null,
      params: { cause: detail },
      error: ok === false ? failure(detail) : null,
      warnings: [],
      vnfs: partsOf(d, "HEAL", "MODIFIED", new Set([vnfcId]), (vnf) => nameUuid(`${id} ${vnf.id}`)),
    });
  }

  /** What an earlier run had begun by itself and nobody goes on with: that run was killed while its NS was taken away. */
  endOrphans(
    groups: { guardOf(groupId: string): unknown },
    healer: { isUnderWay(id: VnfcId): boolean },
    vnfcs: { vnfcOf(id: VnfcId): unknown },
  ): void {
    const isHealed = (id: VnfcId) => healer.isUnderWay(id) && vnfcs.vnfcOf(id) !== undefined;
    for (const o of [...this.#automatic.values()]) {
      const { switchOver } = o;
      const goesOn = switchOver
        ? groups.guardOf(switchOver.groupId) !== undefined
        : o.vnfs.some((p) => p.vnfcs.some((v) => isHealed(v.id)));
      if (!goesOn) this.#endOf(o, "it was not wanted any more");
    }
  }

  /** `why` null: it has come to a good end. */
  #endOf(o: Occurrence, why: string | null): void {
    const state = why === null ? "COMPLETED" : "FAILED";
    this.#keep({ ...o, state, stateEnteredAt: this.#now(), error: why === null ? null : failure(why) });
  }

  #keep(o: Occurrence): void {
    const had = this.#automatic.get(o.id);
    if (isUnderWay(o)) this.#automatic.set(o.id, o);
    else this.#automatic.delete(o.id);
    this.#writes.push((tx) => upsertOccurrence(tx, o));
    if (had?.state !== o.state) for (const event of eventsOf(o, had === undefined)) this.#stream.push(event);
  }

  #now(): string {
    return this.#clock.wall().toISOString();
  }
}

const markOf = ({ soleVnf }: Ns): Pick<Occurrence, "isOfSoleVnf"> => (soleVnf === undefined ? {} : { isOfSoleVnf: true });

/** What is heard of it in this state. */
function eventsOf({ descriptors: _, ...o }: Occurrence, isNew: boolean): ManoEventBody[] {
  const states = isNew && !o.isAutomatic && o.state === "PROCESSING" ? (["STARTING", "PROCESSING"] as const) : [o.state];
  const ofVnfs = (isTakingIn(o) ? [] : o.vnfs).flatMap(({ id: occurrenceId, vnfId }) =>
    states.map((state) => ({ type: "vnf.occurrence", vnfId, occurrenceId, state, occurrence: o }) as const),
  );
  return [{ type: "ns.occurrence", occurrence: o }, ...ofVnfs];
}

/** Another operation has to come to its end first. */
export const busy = (ns: Ns, o: Occurrence): Fault =>
  new Fault(
    "CONFLICT",
    o.state === "FAILED_TEMP"
      ? `the ${o.operation} ${o.id} of ${calledOf(ns)} is FAILED_TEMP; retry it, roll it back, or let it fail first`
      : `${calledOf(ns)} is busy with ${o.operation} ${o.id}, which is ${o.state}; wait for its end, or cancel it`,
    { id: o.id },
  );
