import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import {
  isOfOtherDescriptors,
  isReconnected,
  isReverting,
  isScaling,
  isSnapshotting,
  isTakingIn,
  type Occurrence,
} from "../model/occurrence.ts";
import type { AlarmBook } from "./alarms.ts";
import type { ConnectionTurns } from "./connection-turns.ts";
import { type Guard, isWell } from "./guard.ts";
import { bare, type Healer } from "./healer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import { failure, type Occurrences } from "./occurrences.ts";
import type { Deployment } from "./plan.ts";
import type { Reconnector } from "./reconnector.ts";
import type { ReshapeTurns } from "./reshape-turns.ts";
import type { ScaleProgress } from "./scale-share.ts";
import type { ScaleTurns } from "./scale-turns.ts";
import type { Scaler } from "./scaler.ts";
import { isStopped, vnfcsOf } from "./vnf-plan.ts";

/** A machine that was asked to stop or to start, beside the time that its guest has to end by itself. */
const OPERATE_MAX_MS = 120_000;

/** What every way to heal takes, and more: what ails it then is not healed by a start, such as a cable that is out. */
const HEAL_MAX_MS = 1_800_000;

/** Until VNFs have the size that was asked for, and as long again to take it back. */
const SCALE_MAX_MS = 300_000;

/** Until more of a snapshot is seen to come, and until its images are gone. */
const SNAPSHOT_MAX_MS = 600_000;

/** All VNFCs of a VNF, one after the other. */
const REVERT_MAX_MS = 3_600_000;

/** Guests are not asked to end by themselves, not even in the first look. */
const NOT_ASKED_MS = -1;

export interface OperationWatchParts {
  readonly clock: Clock;
  readonly alarms: AlarmBook;
  readonly healer: Healer;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly scaler: Scaler;
  readonly scaleTurns: ScaleTurns;
  readonly reconnector: Reconnector;
  readonly connectionTurns: ConnectionTurns;
  readonly reshapeTurns: ReshapeTurns;
  /** After the service runs, until it must be able to fail over. */
  readonly readyMaxMs: number;
  guardsOf(d: Deployment): readonly Guard[];
  /** Why a group cannot fail over now; none: it can. */
  whyItCannotFire(guard: Guard): readonly string[];
}

/** Takes snapshots, and leads VNFs back to them. */
export interface SnapshotSteps {
  /** With what is to be known of what was taken. */
  take(o: Occurrence, site: Site): Promise<ScaleProgress & { readonly remarks: readonly string[] }>;
  takeBack(o: Occurrence, site: Site): Promise<readonly string[]>;
  revert(d: Deployment, o: Occurrence, site: Site): Promise<ScaleProgress>;
  /** A way back has ended where it is. */
  release(d: Deployment, o: Occurrence): Promise<void>;
  readonly turns: Pick<ScaleTurns, "turn">;
}

/** Looks in each pass how far the operations are that somebody asked for, does their next step, and ends them. */
export class OperationWatch {
  readonly #parts: OperationWatchParts;
  /** When this run first looked at each, monotonic ms. */
  readonly #sinceMs = new Map<string, number>();
  #snapshots: SnapshotSteps | null = null;

  constructor(parts: OperationWatchParts) {
    this.#parts = parts;
  }

  /** Before the first look. */
  withSnapshots(steps: SnapshotSteps): void {
    this.#snapshots = steps;
  }

  /** Of one NS, in one of its VIMs. The caller has its turn. */
  async look(d: Deployment, site: Site): Promise<void> {
    const o = this.#parts.occurrences.runningOf(d.ns.id);
    if (o === undefined || d.ns.state !== "INSTANTIATED") return;
    if (isScaling(o)) return this.#scale(d, o, site);
    if (o.vnfs.some(isReconnected)) return this.#reconnect(d, o, site);
    if (isSnapshotting(o)) return this.#snapshot(d, o, site);
    if (o.state !== "PROCESSING") return;
    if (isReverting(o)) return this.#revert(d, o, site);
    if (isTakingIn(o)) return this.#takeIn(d, o, site);
    if (o.operation === "INSTANTIATE") await this.#ready(d, o);
    else if (o.operation === "HEAL") await this.#heal(d, o, site);
    else if (o.operation === "UPDATE") await this.#operate(d, o, site);
  }

  forget(id: string): void {
    this.#sinceMs.delete(id);
    this.#sinceMs.delete(backOf(id));
  }

  async #scale(d: Deployment, o: Occurrence, { vim }: Site): Promise<void> {
    if (o.state === "FAILED_TEMP" || vim !== d.ns.vimAccountId) return;
    const { scaler, scaleTurns, reshapeTurns } = this.#parts;
    await this.#follow(d, o, scaler.progressOf(d), isOfOtherDescriptors(o) ? reshapeTurns : scaleTurns);
  }

  async #reconnect(d: Deployment, o: Occurrence, site: Site): Promise<void> {
    if (o.state === "FAILED_TEMP" || site.vim !== d.ns.vimAccountId) return;
    const { reconnector, connectionTurns } = this.#parts;
    await this.#follow(d, o, await reconnector.step(d, o.vnfs.filter(isReconnected), site), connectionTurns);
  }

  async #snapshot(d: Deployment, o: Occurrence, site: Site): Promise<void> {
    if (o.state === "FAILED_TEMP") return;
    const { take, takeBack, turns } = this.#snapshots!;
    if (o.state === "ROLLING_BACK" || o.error !== null) return this.#takenBack(o, await takeBack(o, site));
    const { waits, failure: why, remarks } = await take(o, site);
    if (why === null && waits.length === 0) return this.#end(o, { state: "COMPLETED", warnings: remarks });
    if (o.warnings.join() !== waits.join()) this.forget(o.id); // It takes as long as it takes, if only more of it comes.
    const words = waits.join("; ");
    const isOver = this.#isOver(o.id, SNAPSHOT_MAX_MS);
    if (why === null && !isOver && o.cancelMode === null) return this.#note(o, waits);
    const because = o.cancelMode !== null ? `cancelled while: ${words}` : (why ?? `no more of it came: ${words}`);
    this.forget(o.id);
    await turns.turn(d, o, "from", { error: failure(because), warnings: waits });
  }

  async #revert(d: Deployment, o: Occurrence, site: Site): Promise<void> {
    const { revert, release } = this.#snapshots!;
    if (site.vim !== d.ns.vimAccountId) return;
    const { waits, failure: why } = await revert(d, o, site);
    const now = this.#parts.occurrences.runningOf(d.ns.id) ?? o; // It may be a step further.
    if (waits.length === 0) return this.#ready(d, now);
    const isOver = this.#isOver(backOf(o.id), REVERT_MAX_MS);
    const isMidway = now.vnfs.some((p) => p.reverting?.begun != null);
    const isCancelled = o.cancelMode === "FORCEFUL" || (o.cancelMode === "GRACEFUL" && !isMidway);
    if (why === null && !isOver && !isCancelled) return this.#note(now, waits);
    const words = waits.join("; ");
    const because = isCancelled ? `cancelled while: ${words}` : (why ?? `not after ${REVERT_MAX_MS / 1000} s: ${words}`);
    await release(d, now);
    const vnfs = now.vnfs.map((p) => (p.reverting ? { ...p, reverting: { ...p.reverting, begun: null } } : p));
    await this.#end(now, { state: "FAILED_TEMP", error: failure(because), warnings: waits, vnfs });
  }

  /** Its VNFs are of the NS already: who is to be a member of a group becomes one as any other does. */
  async #takeIn(d: Deployment, o: Occurrence, { vim }: Site): Promise<void> {
    if (vim !== d.ns.vimAccountId) return;
    const { waits, failure: why } = this.#parts.scaler.progressOf(d);
    if (waits.length === 0) return this.#ready(d, o);
    if (why !== null) return this.#end(o, { state: "FAILED_TEMP", error: failure(why), warnings: waits });
    await this.#wait(o, waits, SCALE_MAX_MS, waits.join("; "));
  }

  /** Ends what has come to where it was turned to, and turns back what does not. */
  async #follow(
    d: Deployment,
    o: Occurrence,
    { waits, failure: why, isBlind = false }: ScaleProgress,
    turns: Pick<ScaleTurns, "turn">,
  ): Promise<void> {
    // That a VIM does not answer is no fault of what it was asked for: the time does not count.
    if (isBlind && (o.cancelMode === null || o.error !== null)) return this.#note(o, waits);
    if (o.state === "ROLLING_BACK" || o.error !== null) return this.#takenBack(o, waits);
    if (waits.length === 0) return this.#ready(d, o);
    const maxMs = SCALE_MAX_MS * (1 + remadeBy(o)) + Math.max(0, ...o.vnfs.map((p) => p.graceMs ?? 0));
    const isOver = this.#isOver(o.id, maxMs);
    if (why === null && !isOver && o.cancelMode === null) return this.#note(o, waits);
    const words = waits.join("; ");
    const because = o.cancelMode !== null ? `cancelled while: ${words}` : (why ?? `not after ${maxMs / 1000} s: ${words}`);
    this.forget(o.id);
    await turns.turn(d, o, "from", { error: failure(because), warnings: waits });
  }

  /** It has failed, or is rolled back: ended when the VNFs are as large as they were. */
  async #takenBack(o: Occurrence, waits: readonly string[]): Promise<void> {
    const isRollback = o.state === "ROLLING_BACK";
    if (waits.length === 0) return this.#end(o, { state: isRollback ? "ROLLED_BACK" : "FAILED_TEMP" });
    if (!this.#isOver(backOf(o.id), SCALE_MAX_MS * (1 + remadeBy(o)))) return this.#note(o, waits);
    const words = `it could not be taken back: ${waits.join("; ")}`;
    await this.#end(o, {
      state: "FAILED_TEMP",
      error: failure([o.error?.detail ?? [], words].flat().join("; ")),
      warnings: waits,
    });
  }

  /** A VIM of this NS has not answered for so long: that time does not count. */
  awayFor(ns: NsId, ms: number): void {
    const o = this.#parts.occurrences.runningOf(ns);
    for (const what of o ? [o.id, backOf(o.id)] : []) {
      const sinceMs = this.#sinceMs.get(what);
      if (sinceMs !== undefined) this.#sinceMs.set(what, sinceMs + ms);
    }
  }

  async #ready(d: Deployment, o: Occurrence): Promise<void> {
    const why = this.#parts.guardsOf(d).flatMap((g) => this.#parts.whyItCannotFire(g).map((w) => `${g.group.name}: ${w}`));
    if (why.length === 0) return this.#end(o, { state: "COMPLETED", error: null, warnings: [] });
    const words = `the service runs, but it cannot fail over: ${why.join("; ")}`;
    await this.#wait(o, why, this.#parts.readyMaxMs, words);
  }

  async #heal(d: Deployment, o: Occurrence, site: Site): Promise<void> {
    const concerned = new Set(o.vnfs.flatMap((p) => p.vnfcs.map((v) => v.id)));
    const ill: Vnfc[] = [];
    for (const vnfc of d.vnfcs) {
      if (!concerned.has(vnfc.id) || isStopped(d, vnfc)) continue; // One that was stopped stays so until it is started.
      const guards = this.#parts.guardsOf(d);
      const of = guards.flatMap((g) => g.members).find((m) => m.member.vnfcId === vnfc.id);
      if (of) {
        if (!isWell(of)) ill.push(vnfc);
      } else if (vnfc.vimAccountId !== site.vim) {
        if (vnfc.status !== "ACTIVE" && vnfc.status !== "ACTIVE:NoMgmtIP") ill.push(vnfc);
      } else if (!(await this.#healAlone(vnfc, site))) ill.push(vnfc);
    }
    if (ill.length === 0) return this.#end(o, { state: "COMPLETED", error: null, warnings: [] });
    const givenUp = ill.filter((v) => this.#parts.alarms.isRaised(v.id, "HEAL_GAVE_UP"));
    const names = (vnfcs: readonly Vnfc[]) => vnfcs.map((v) => v.name).join(", ");
    const detail = `${names(givenUp)}: every way to heal was tried; the alarm HEAL_GAVE_UP says what came of it`;
    if (givenUp.length > 0) return this.#end(o, { state: "FAILED_TEMP", error: failure(detail) });
    const waits = ill.map((v) => `${v.name} is not up`);
    await this.#wait(o, waits, HEAL_MAX_MS, waits.join("; "));
  }

  /** A VNFC that no group protects: its machine is all there is to go by. True: it runs. */
  async #healAlone(vnfc: Vnfc, { seen, connector, signal }: Site): Promise<boolean> {
    const { healer, lifecycle } = this.#parts;
    const server = seen.servers.get(vnfc.vimServerId);
    if (server?.status === "ACTIVE") {
      healer.isUp(vnfc.id);
      return true;
    }
    const spec = lifecycle.specOf(vnfc.id, seen);
    if (spec) await healer.heal(bare(spec, vnfc, server, connector), signal);
    return false;
  }

  /** Starts or stops the machines of VNFs, as is wanted of them. */
  async #operate(d: Deployment, o: Occurrence, { vim, seen, connector, signal }: Site): Promise<void> {
    const vnfs = d.vnfs.filter((v) => o.vnfs.some((p) => p.vnfId === v.id));
    const graceOf = (id: string) => o.vnfs.find((p) => p.vnfId === id)?.graceMs ?? NOT_ASKED_MS;
    const waits: string[] = [];
    for (const vnf of vnfs)
      for (const vnfc of vnfcsOf(d, vnf)) {
        const isForced = this.#waitedMs(o) > graceOf(vnf.id);
        const status = vnfc.vimAccountId === vim ? seen.servers.get(vnfc.vimServerId)?.status : statusOf(vnfc);
        if (vnf.isStopped === (status === "INACTIVE") && status !== undefined) continue;
        if (!vnf.isStopped && (status === "ACTIVE" || status === "PAUSED")) continue; // A spare may rest.
        const isHere = vnfc.vimAccountId === vim;
        const why = await refusalOf(async () => {
          // A spare that rests has no guest that could end by itself.
          if (isHere && vnf.isStopped && (status === "ACTIVE" || status === "PAUSED"))
            await connector.stopServer(vnfc.vimServerId, isForced || status === "PAUSED", signal);
          else if (isHere && !vnf.isStopped && status === "INACTIVE") await connector.startServer(vnfc.vimServerId, signal);
        });
        waits.push(`${vnfc.serverName} is ${status ?? "gone"}${why === null ? "" : `: ${why}`}`);
      }
    if (waits.length === 0) return this.#end(o, { state: "COMPLETED", error: null, warnings: [] });
    const longestMs = Math.max(0, ...vnfs.map((v) => graceOf(v.id)));
    await this.#wait(o, waits, longestMs + OPERATE_MAX_MS, waits.join("; "));
  }

  #waitedMs(o: Occurrence): number {
    const now = this.#parts.clock.now();
    return now - (this.#sinceMs.get(o.id) ?? now);
  }

  async #wait(o: Occurrence, why: readonly string[], maxMs: number, words: string): Promise<void> {
    const isOver = this.#isOver(o.id, maxMs) || o.cancelMode !== null;
    const because = o.cancelMode === null ? `not after ${Math.round(maxMs / 1000)} s: ${words}` : `cancelled while: ${words}`;
    if (isOver) return this.#end(o, { state: "FAILED_TEMP", error: failure(because), warnings: why });
    await this.#note(o, why);
  }

  /** Counted from when this run first asked. */
  #isOver(what: string, maxMs: number): boolean {
    const now = this.#parts.clock.now();
    const sinceMs = this.#sinceMs.get(what) ?? now;
    this.#sinceMs.set(what, sinceMs);
    return now - sinceMs > maxMs;
  }

  async #note(o: Occurrence, warnings: readonly string[]): Promise<void> {
    const { occurrences } = this.#parts;
    if (o.warnings.join() !== warnings.join()) await occurrences.put(occurrences.changed(o, { warnings }));
  }

  async #end(o: Occurrence, change: Parameters<Occurrences["changed"]>[1]): Promise<void> {
    const { occurrences } = this.#parts;
    this.forget(o.id);
    // Nothing is left to cancel: neither now, nor when it is retried.
    await occurrences.put(occurrences.changed(o, { ...change, cancelMode: null }));
    if (o.operation === "HEAL") this.#leaveAlone(o);
  }

  /** Heals of what no group protects are driven by the operation alone: none is left half-way, for that would hold up heals of others. */
  #leaveAlone({ nsId, vnfs }: Occurrence): void {
    const { lifecycle, healer, guardsOf } = this.#parts;
    const d = lifecycle.of(nsId);
    const guarded = new Set(d && guardsOf(d).flatMap((g) => g.members.map((m) => m.member.vnfcId)));
    for (const { id } of vnfs.flatMap((p) => p.vnfcs)) if (!guarded.has(id)) healer.forget(id);
  }
}

/** Machines that are made anew, one after the other. */
const remadeBy = ({ vnfs }: Occurrence): number => vnfs.flatMap((p) => p.reshaped?.remade ?? []).length;

const backOf = (id: string): string => `${id} back`;

const statusOf = ({ status }: Vnfc): string => (status === "ACTIVE:NoMgmtIP" ? "ACTIVE" : status);

/** Why the VIM did not take it: that keeps no other NS waiting, and the next pass asks again. VIM_UNREACHABLE passes through. */
async function refusalOf(act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (e) {
    if (e instanceof Fault && e.code !== "VIM_UNREACHABLE") return e.message;
    throw e;
  }
}
