import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Ns } from "../model/ns.ts";
import {
  type CancelMode,
  isOfOtherDescriptors,
  isReconnected,
  isScaling,
  isSnapshotting,
  type NsOperation,
  type Occurrence,
  type VnfInstance,
  type VnfOperation,
  type VnfPart,
} from "../model/occurrence.ts";
import { updateNsState } from "../store/mano-ns.ts";
import {
  deleteVnfInstances,
  type OccurrencesAsked,
  readOccurrence,
  readOccurrenceOfVnf,
  readOccurrences,
  updateVnfInstance,
} from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Nfvo } from "./nfvo.ts";
import type { NsScaleWish } from "./ns-size.ts";
import { failure } from "./occurrences.ts";
import { calledOf, type Deployment } from "./plan.ts";
import type { Requests } from "./requests.ts";
import type { ScaleTurns } from "./scale-turns.ts";
import type { ScaleWish } from "./size.ts";
import { someOf } from "./some-of.ts";
import { checkMayBegin, type Task } from "./start.ts";
import { isStopped, partsOf, vnfcsOf, vnfsDeleted } from "./vnf-plan.ts";

/** Characters of the metadata of a VNF, in JSON. */
const METADATA_MAX = 65_536;

/** What is asked for one VNF of several. */
export interface OperateWish {
  readonly vnfId: string;
  readonly isStopped: boolean;
  /** For its guests to end by themselves; null: they are switched off. */
  readonly graceMs: number | null;
}
export interface ModifyWish {
  readonly vnfId: string;
  readonly change: Partial<Pick<VnfInstance, "name" | "description" | "metadata">>;
}

/** Life cycle operations that clients ask for beside instantiation and termination, and what they may do with one that has not ended well. */
export class Operations {
  readonly #nfvo: Nfvo;
  readonly #requests: Requests;
  readonly #db: ManoStore;
  readonly #clock: Clock;
  readonly #snapshotTurns: Pick<ScaleTurns, "turn">;

  constructor(nfvo: Nfvo, requests: Requests, db: ManoStore, clock: Clock, snapshotTurns: Pick<ScaleTurns, "turn">) {
    this.#snapshotTurns = snapshotTurns;
    this.#nfvo = nfvo;
    this.#requests = requests;
    this.#db = db;
    this.#clock = clock;
  }

  async list(asked: OccurrencesAsked): Promise<Occurrence[]> {
    await this.#nfvo.writes.flush();
    return readOccurrences(this.#db, asked);
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Occurrence> {
    await this.#nfvo.writes.flush();
    const found = await readOccurrence(this.#db, id);
    if (found) return found;
    throw new Fault("NOT_FOUND", `there is no life cycle operation occurrence ${id}`, { id });
  }

  /** By the id that it has for one of its VNFs. Throws NOT_FOUND. */
  async getOfVnf(id: string): Promise<Occurrence> {
    await this.#nfvo.writes.flush();
    const found = await readOccurrenceOfVnf(this.#db, id);
    if (found) return found;
    throw new Fault("NOT_FOUND", `there is no VNF life cycle operation occurrence ${id}`, { id });
  }

  /** Throws NOT_FOUND. */
  vnfOf(id: string): { readonly deployment: Deployment; readonly vnf: VnfInstance } {
    const found = this.#nfvo.lifecycle.vnfOf(id);
    if (found) return found;
    const there = this.#nfvo.lifecycle.all.flatMap((d) => d.vnfs.map((v) => `${v.id} (${v.name})`));
    throw new Fault("NOT_FOUND", `there is no VNF instance ${id}; there are: ${someOf(there)}`, { id });
  }

  /** Throws NOT_FOUND, and CONFLICT where its state lets nothing of the kind begin, whatever is asked for. */
  checkMayBegin(nsId: string, task: Task): void {
    const d = this.#requests.deploymentOf(nsId);
    checkMayBegin(d, this.#nfvo.occurrences.runningOf(d.ns.id), task);
  }

  /**
   * Heals VNFCs that are down: whatever was given up is tried anew, from the first rung. One that is up is left as it is. `which` null: all of
   * the NS. The operation ends when all of them are up.
   */
  heal(nsId: string, which: readonly VnfcId[] | null, params: Occurrence["params"]): Promise<Occurrence> {
    return this.#start(nsId, "HEAL", "HEAL", which, params, (vnfcs) => {
      for (const id of vnfcs) this.#healAnew(id);
    });
  }

  /** Starts or stops all machines of VNFs of one NS. One that is stopped is not healed. */
  async operate(nsId: string, wishes: readonly OperateWish[], params: Occurrence["params"]): Promise<Occurrence> {
    const which = wishes.flatMap(({ vnfId }) => {
      const { deployment, vnf } = this.vnfOf(vnfId);
      return vnfcsOf(deployment, vnf).map((v) => v.id);
    });
    const graceOf = (id: string) => wishes.find((w) => w.vnfId === id)?.graceMs ?? null;
    const shaped = (p: VnfPart) => ({ ...p, ...(graceOf(p.vnfId) !== null && { graceMs: graceOf(p.vnfId)! }) });
    return this.#start(nsId, "UPDATE", "OPERATE", which, params, null, shaped, (o) => {
      const modifiedAt = this.#now();
      const changed = wishes.map(({ vnfId, isStopped }) => ({ ...this.vnfOf(vnfId).vnf, isStopped, modifiedAt }));
      return this.#nfvo.lifecycle.changeVnfs(o.nsId, changed, (tx) => this.#nfvo.occurrences.write(tx, o));
    });
  }

  /** Scales VNFs of one NS. It ends when they are as large as asked for, and can fail over. */
  scale(
    nsId: string,
    wishes: readonly ScaleWish[],
    operation: "SCALE" | "SCALE_TO_LEVEL",
    params: Occurrence["params"],
  ): Promise<Occurrence> {
    return this.#nfvo.turns.scaleTurns.begin(this.#requests.deploymentOf(nsId).ns.id, wishes, operation, params);
  }

  /** Scales the NS itself: how many VNFs it has. It ends when they are there, or are gone, and what is protected can fail over. */
  scaleNs(nsId: string, wish: NsScaleWish, operation: "SCALE" | "UPDATE", params: Occurrence["params"]): Promise<Occurrence> {
    return this.#nfvo.turns.scaleTurns.beginNs(this.#requests.deploymentOf(nsId).ns.id, wish, operation, params);
  }

  /** Changes what is written of VNFs of one NS (metadata as in RFC 7396, of one level): done when this resolves, and on record as an operation. */
  async modify(nsId: string, wishes: readonly ModifyWish[], params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, occurrences } = this.#nfvo;
    return lifecycle.exclusive(this.#requests.deploymentOf(nsId).ns.id, async () => {
      const d = this.#requests.deploymentOf(nsId);
      const isMeant = (id: string) => wishes.some((w) => w.vnfId === id);
      const all = partsOf(d, "MODIFY_INFO", "MODIFIED", null, () => randomUUID()).filter((p) => isMeant(p.vnfId));
      const begun = occurrences.begin(
        d.ns,
        "UPDATE",
        all.map((p) => ({ ...p, vnfcs: [] })),
        params,
      );
      const o = occurrences.changed(begun, { state: "COMPLETED" });
      const modifiedAt = this.#now();
      const changed = wishes.map(({ vnfId, change }) => {
        const { vnf } = this.vnfOf(vnfId);
        return { ...vnf, ...change, metadata: merged(vnf.metadata, change.metadata ?? {}), modifiedAt };
      });
      await lifecycle.changeVnfs(d.ns.id, changed, async (tx) => {
        await occurrences.write(tx, begun);
        await occurrences.write(tx, o, begun);
      });
      occurrences.tell(begun);
      occurrences.tell(o);
      return o;
    });
  }

  /** Goes on with what is FAILED_TEMP. Throws NOT_FOUND, CONFLICT. */
  async retry(id: string): Promise<Occurrence> {
    const o = await this.#failedTemp(id, "retried");
    const { ns } = this.#requests.deploymentOf(o.nsId);
    if (o.operation === "INSTANTIATE" && ns.state !== "INSTANTIATED")
      return this.#requests.startInstantiation(o.nsId, o.params, { retried: o });
    return this.#nfvo.lifecycle.exclusive(ns.id, async () => {
      const now = this.#nfvo.occurrences.stillFailedTemp(o);
      if (this.#turnsOf(now)) return this.#turn(now, "to", { state: "PROCESSING", error: null, warnings: [], cancelMode: null });
      if (now.operation === "HEAL") for (const v of now.vnfs.flatMap((p) => p.vnfcs)) this.#healAnew(v.id);
      const again = await this.#put(now, { state: "PROCESSING", error: null, warnings: [] });
      this.#wake(ns);
      return again;
    });
  }

  /** Takes back what is FAILED_TEMP: of an instantiation everything. Throws NOT_FOUND, CONFLICT where that is no way for it. */
  async rollback(id: string): Promise<Occurrence> {
    const o = await this.#failedTemp(id, "rolled back");
    if (this.#turnsOf(o))
      return this.#nfvo.lifecycle.exclusive(o.nsId, () =>
        this.#turn(this.#nfvo.occurrences.stillFailedTemp(o), "from", { state: "ROLLING_BACK" }),
      );
    if (o.operation !== "INSTANTIATE")
      throw new Fault("CONFLICT", `a ${o.operation} cannot be rolled back; retry it, or let it fail`, { id });
    const { ns } = this.#requests.deploymentOf(o.nsId);
    if (ns.state === "INSTANTIATED") return this.#requests.startTermination(o.nsId, {}, { rolledBack: o });
    return this.#nfvo.lifecycle.exclusive(ns.id, async () => {
      // What it left was taken away before it was FAILED_TEMP.
      const d = this.#requests.deploymentOf(o.nsId);
      const clean: Ns = { ...d.ns, state: "NOT_INSTANTIATED", detail: null, modifiedAt: this.#now() };
      const isSole = clean.soleVnf !== undefined;
      const { occurrences, lifecycle, outbox } = this.#nfvo;
      const back = occurrences.changed(occurrences.stillFailedTemp(o), { state: "ROLLING_BACK" });
      const done = occurrences.changed(back, { state: "ROLLED_BACK" });
      const untold = await this.#db.transaction().execute(async (tx) => {
        await updateNsState(tx, clean);
        if (!isSole) await deleteVnfInstances(tx, clean.id);
        await occurrences.write(tx, back);
        await occurrences.write(tx, done, back);
        return outbox.put(tx, isSole ? [] : vnfsDeleted(d));
      });
      lifecycle.want({ ...d, ns: clean, vnfs: isSole ? d.vnfs : [] });
      occurrences.tell(back);
      occurrences.tell(done);
      outbox.tell(untold);
      return done;
    });
  }

  /** Gives up what is FAILED_TEMP. Throws NOT_FOUND, CONFLICT. */
  async fail(id: string): Promise<Occurrence> {
    const o = await this.#failedTemp(id, "let fail");
    return this.#nfvo.lifecycle.exclusive(o.nsId, async () => {
      const { occurrences, lifecycle, outbox } = this.#nfvo;
      const now = occurrences.stillFailedTemp(o);
      const failed = occurrences.changed(now, { state: "FAILED", error: now.error ?? failure("given up") });
      const d = this.#requests.deploymentOf(o.nsId);
      const left = vnfsLeft(d, failed, this.#now());
      const untold = await this.#db.transaction().execute(async (tx) => {
        await occurrences.write(tx, failed);
        if (left.length === 0) await deleteVnfInstances(tx, d.ns.id);
        for (const vnf of left) if (!d.vnfs.includes(vnf)) await updateVnfInstance(tx, vnf);
        return outbox.put(tx, left.length === 0 ? vnfsDeleted(d) : []);
      });
      lifecycle.noteVnfs(d.ns.id, left);
      occurrences.tell(failed);
      outbox.tell(untold);
      this.#wake(d.ns);
      return failed;
    });
  }

  /** Asks what goes on to stop where it is: it is FAILED_TEMP when it has. Throws NOT_FOUND, CONFLICT. */
  async cancel(id: string, mode: CancelMode): Promise<Occurrence> {
    const o = await this.get(id);
    const running = this.#nfvo.occurrences.runningOf(o.nsId);
    if (running?.id !== id || running.state !== "PROCESSING" || running.operation === "TERMINATE")
      throw new Fault("CONFLICT", `${o.operation} ${id} is ${o.state}${whyNotCancelled(o)}; it cannot be cancelled`, { id });
    return this.#nfvo.lifecycle.exclusive(o.nsId, async () => {
      const now = this.#nfvo.occurrences.runningOf(o.nsId);
      if (now?.id !== id || now.state !== "PROCESSING")
        throw new Fault("CONFLICT", `${o.operation} ${id} has come to its end in between`, { id });
      const asked = await this.#put(now, { cancelMode: mode });
      const d = this.#requests.deploymentOf(o.nsId);
      if (d.ns.state === "INSTANTIATING") await this.#nfvo.lifecycle.fail(d.ns.id, "cancelled");
      this.#wake(d.ns);
      return asked;
    });
  }

  /** Goes on with a FAILED_TEMP operation by taking what it has reached. Throws CONFLICT for another, NO_SUCH_TASK for this: none of ours has such a step. */
  async continue(id: string): Promise<never> {
    const o = await this.get(id);
    if (o.state !== "FAILED_TEMP")
      throw new Fault("CONFLICT", `${o.operation} ${id} is ${o.state}; only one that is FAILED_TEMP can be continued`, { id });
    throw new Fault("NO_SUCH_TASK", `a ${o.operation} has no later step to go on with; retry it, roll it back, or let it fail`, {
      id,
    });
  }

  async #start(
    nsId: string,
    operation: NsOperation,
    vnfOperation: VnfOperation,
    which: readonly VnfcId[] | null,
    params: Occurrence["params"],
    before: ((vnfcs: readonly VnfcId[]) => void) | null,
    shaped: (part: VnfPart) => VnfPart = (part) => part,
    write: (o: Occurrence) => Promise<void> = (o) => this.#db.transaction().execute((tx) => this.#nfvo.occurrences.write(tx, o)),
  ): Promise<Occurrence> {
    const { lifecycle, occurrences } = this.#nfvo;
    const { ns } = this.#requests.deploymentOf(nsId);
    const occurrence = await lifecycle.exclusive(ns.id, async () => {
      const d = this.#requests.deploymentOf(nsId);
      if (d.ns.state !== "INSTANTIATED")
        throw new Fault("CONFLICT", `${calledOf(d.ns)} is ${d.ns.state}; that is possible when it is INSTANTIATED`, { id: nsId });
      const set = which === null ? null : new Set(which);
      const concerned = d.vnfcs.filter((v) => set === null || set.has(v.id));
      if (operation === "HEAL" && concerned.length > 0 && concerned.every((v) => isStopped(d, v)))
        throw new Fault("CONFLICT", "what is to be healed was stopped; ask for an operate to STARTED first", { id: nsId });
      const o = occurrences.begin(
        d.ns,
        operation,
        partsOf(d, vnfOperation, "MODIFIED", set, () => randomUUID()).map(shaped),
        params,
      );
      await write(o);
      before?.(concerned.map((v) => v.id));
      occurrences.tell(o);
      return o;
    });
    this.#wake(ns);
    return occurrence;
  }

  /** What turns an operation forth and back; null: it has two ends that differ in nothing. */
  #turnsOf(o: Occurrence): Pick<ScaleTurns, "turn"> | null {
    if (isSnapshotting(o)) return this.#snapshotTurns;
    const { reshapeTurns, scaleTurns, connectionTurns } = this.#nfvo.turns;
    if (isOfOtherDescriptors(o)) return reshapeTurns;
    return isScaling(o) ? scaleTurns : o.vnfs.some(isReconnected) ? connectionTurns : null;
  }

  #turn(o: Occurrence, way: "from" | "to", change: Parameters<ScaleTurns["turn"]>[3]): Promise<Occurrence> {
    return this.#turnsOf(o)!.turn(this.#requests.deploymentOf(o.nsId), o, way, change);
  }

  /** What was given up counts no more. What is under way goes on. */
  #healAnew(id: VnfcId): void {
    if (!this.#nfvo.healer.isUnderWay(id)) this.#nfvo.healer.forget(id);
    this.#nfvo.alarms.clear(id, "HEAL_GAVE_UP");
  }

  async #failedTemp(id: string, what: string): Promise<Occurrence> {
    const o = await this.get(id);
    if (o.state !== "FAILED_TEMP" || this.#nfvo.occurrences.runningOf(o.nsId)?.id !== id)
      throw new Fault("CONFLICT", `${o.operation} ${id} is ${o.state}; only one that is FAILED_TEMP can be ${what}`, { id });
    return o;
  }

  #put(o: Occurrence, change: Parameters<Nfvo["occurrences"]["changed"]>[1]): Promise<Occurrence> {
    return this.#nfvo.occurrences.put(this.#nfvo.occurrences.changed(o, change));
  }

  #wake(ns: Ns): void {
    const d = this.#nfvo.lifecycle.of(ns.id);
    const vims = new Set([ns.vimAccountId, ...(d?.vnfcs.map((v) => v.vimAccountId) ?? [])]);
    for (const watch of this.#nfvo.watches) if (vims.has(watch.account.id)) watch.wakeNow();
  }

  #now(): string {
    return this.#clock.wall().toISOString();
  }
}

/**
 * The VNFs of an NS after an operation that was given up. Those of an instantiation that left nothing go with it. One that was to be started or
 * stopped, and was not, is wanted to run: what the operation has stopped of it is healed, and its traffic is served meanwhile.
 */
function vnfsLeft(d: Deployment, o: Occurrence, now: string): readonly VnfInstance[] {
  if (o.operation === "INSTANTIATE" && d.vnfcs.length === 0 && d.ns.soleVnf === undefined) return [];
  const operated = new Set(o.vnfs.filter((p) => p.operation === "OPERATE").map((p) => p.vnfId));
  return d.vnfs.map((v) => (operated.has(v.id) && v.isStopped ? { ...v, isStopped: false, modifiedAt: now } : v));
}

/** Null takes an entry away. Throws TOO_LARGE for more than a VNF may have. */
function merged(had: VnfInstance["metadata"], patch: VnfInstance["metadata"]): VnfInstance["metadata"] {
  const metadata = Object.fromEntries(Object.entries({ ...had, ...patch }).filter(([, v]) => v !== null));
  if (JSON.stringify(metadata).length <= METADATA_MAX) return metadata;
  throw new Fault("TOO_LARGE", `metadata: it would have more than ${METADATA_MAX} characters`);
}

const whyNotCancelled = ({ isAutomatic, operation }: Occurrence): string =>
  isAutomatic
    ? ", and is done by the MANO itself"
    : operation === "TERMINATE"
      ? ", and what is half taken away is of no use"
      : "";
