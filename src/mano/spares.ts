import { BEGIN, type Outcome, type Progress, Saga } from "../act/saga.ts";
import { restSteps, type SpareWorld } from "../act/spare-steps.ts";
import { AWAKE } from "../detect/rest.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { SpareView } from "../model/group-view.ts";
import type { VimAccountId, VnfcId } from "../model/ids.ts";
import type { Decision } from "../model/protection.ts";
import type { EventStream } from "../notify/stream.ts";
import { deleteSaga, readSagas, writeSaga } from "../store/mano-sagas.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory, VimConnector } from "../vimconn/connector.ts";
import type { ArmedState } from "./arming.ts";
import type { Guard, GuardedMember } from "./guard.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { WriteQueue } from "./writes.ts";

/** Between two requests to resume the same spare. */
const WAKE_AGAIN_MS = 1_000;
/** After a spare could not be put to rest. */
const REST_AGAIN_MS = 30_000;
const SAGA_KIND = "rest";

export interface SparesParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  connectorOf(vim: VimAccountId): VimConnector;
  armedOf(guard: Guard): ArmedState;
  /** Has it written that a spare is meant to rest since then (ISO 8601), or is not (null). */
  noteRest(vnfcId: VnfcId, since: string | null): void;
}

/** How a waking went; monotonic ms. */
interface Waking {
  readonly askedAt: number;
  /** Not asked for again before. */
  againAt: number;
}

/** Warm spares: woken in the moment of the decision, put to rest by a saga that the passes drive. */
export class Spares {
  readonly #parts: SparesParts;
  readonly #sagas = new Map<VnfcId, Saga<SpareWorld>>();
  readonly #kept = new Map<VnfcId, Progress>();
  readonly #wakings = new Map<VnfcId, Waking>();
  readonly #lastWakeMs = new Map<VnfcId, number>();
  readonly #notBeforeMs = new Map<VnfcId, number>();
  readonly #stopped = new AbortController();

  constructor(parts: SparesParts) {
    this.#parts = parts;
  }

  /** Takes up what an earlier run was in the middle of. */
  async load(): Promise<void> {
    for (const { vnfcId, kind, body } of await readSagas(this.#parts.db))
      if (kind === SAGA_KIND) this.#kept.set(vnfcId, body as Progress);
  }

  stop(): void {
    this.#stopped.abort();
  }

  forget(vnfcId: VnfcId): void {
    this.#drop(vnfcId);
    for (const map of [this.#wakings, this.#lastWakeMs, this.#notBeforeMs]) map.delete(vnfcId);
  }

  /** In the tick of the decision: the request is on its way when this returns. Nothing is awaited, written or logged before. */
  wake(guard: Guard, decision: Decision): void {
    for (const vnfcId of decision.wake) {
      const of = guard.memberOf(vnfcId);
      const now = this.#parts.clock.now();
      const had = this.#wakings.get(vnfcId);
      if (of === undefined || (had !== undefined && now < had.againAt)) continue;
      this.#wakings.set(vnfcId, { askedAt: had?.askedAt ?? now, againAt: now + WAKE_AGAIN_MS });
      const asked = this.#parts.connectorOf(of.member.vimAccountId).resumeServer(of.serverId, this.#stopped.signal);
      asked.catch((err: unknown) => {
        if (!this.#stopped.signal.aborted)
          this.#parts.log.warn({ err, member: of.member.name }, "a spare could not be woken; the next pass asks again");
      });
      if (of.rest.rest === "goingToRest") of.rest = AWAKE; // Its pause, if it was asked for, is taken back.
      if (had === undefined) setImmediate(() => this.#tellWoken(guard, of, decision));
    }
  }

  /** After each decision: what became of those that were woken. */
  look(guard: Guard): void {
    for (const of of guard.members) {
      const { vnfcId } = of.member;
      const waking = this.#wakings.get(vnfcId);
      if (waking === undefined || of.rest.rest !== "awake") continue;
      if (of.health.state === "down") this.#wakings.delete(vnfcId);
      if (of.health.state !== "up") continue;
      this.#wakings.delete(vnfcId);
      const answeredAt = of.health.sinceMs;
      this.#lastWakeMs.set(vnfcId, answeredAt - waking.askedAt);
      const resumedAt = of.rest.sinceMs > waking.askedAt ? of.rest.sinceMs : null;
      const { askedAt } = waking;
      this.#parts.stream.push({ type: "spare.answered", groupId: guard.group.id, vnfcId, askedAt, resumedAt, answeredAt });
    }
  }

  /** One pass over those in one VIM, by the group that looks after each: goes on with what is being put to rest, begins where it is decided, and has on the disk what is so. Gives the ms after which to look again. */
  async pass(guard: Guard, decision: Decision, { vim, seen, signal }: Site): Promise<number | null> {
    let againMs: number | null = null;
    for (const of of guard.members) {
      if (of.member.vimAccountId !== vim) continue;
      if (of.member.standby !== "warm" || !guard.looksAfter(of.member.vnfcId)) continue;
      if (await this.#passOver(guard, of, decision, seen, signal)) againMs = WAKE_AGAIN_MS;
    }
    return againMs;
  }

  viewOf(guard: Guard): SpareView[] {
    return guard.members
      .filter((of) => of.member.standby === "warm")
      .map((of) => ({
        vnfcId: of.member.vnfcId,
        name: of.member.name,
        rest: of.rest.rest,
        isWarm: of.rest.rest === "resting" && of.health.state !== "down",
        words: wordsOf(of),
        lastWakeMs: this.#lastWakeMs.get(of.member.vnfcId) ?? null,
      }));
  }

  /** True while it waits for something that nobody tells. */
  async #passOver(guard: Guard, of: GuardedMember, decision: Decision, seen: Inventory, signal: AbortSignal): Promise<boolean> {
    const { vnfcId } = of.member;
    const server = seen.servers.get(of.serverId);
    const isBegun = this.#sagas.has(vnfcId) || this.#kept.has(vnfcId);
    if (isBegun && of.rest.rest === "awake" && !decision.rest.includes(vnfcId)) {
      await this.#mark(of, false); // It was woken in the middle.
      this.#drop(vnfcId);
    } else if (isBegun || this.#isDue(vnfcId, decision)) {
      const saga = this.#sagas.get(vnfcId) ?? this.#begin(guard, of);
      const world = { server, isMarked: of.rest.rest !== "awake", isTarget: this.#isTarget(guard, vnfcId) };
      return this.#after(guard, of, await saga.advance(world, signal));
    } else if (of.rest.rest === "goingToRest" && server?.status === "ACTIVE") {
      await this.#mark(of, false); // An earlier run has woken it, or somebody else did.
    }
    if (of.rest.rest === "awake" && of.isMarked) await this.#mark(of, false);
    return decision.wake.includes(vnfcId);
  }

  #isDue(vnfcId: VnfcId, decision: Decision): boolean {
    return decision.rest.includes(vnfcId) && this.#parts.clock.now() >= (this.#notBeforeMs.get(vnfcId) ?? 0);
  }

  #begin(guard: Guard, of: GuardedMember): Saga<SpareWorld> {
    const { vnfcId } = of.member;
    const { clock, writes } = this.#parts;
    const mayPause = () => of.rest.rest === "goingToRest" && guard.carriedBy(vnfcId) === 0;
    const saga = new Saga({
      steps: restSteps({
        connector: this.#parts.connectorOf(of.member.vimAccountId),
        serverId: of.serverId,
        mark: (isMeantToRest) => this.#mark(of, isMeantToRest),
        mayPause,
      }),
      progress: this.#kept.get(vnfcId) ?? BEGIN,
      now: () => clock.now(),
      keep: async (progress) => {
        writes.push((tx) => writeSaga(tx, { vnfcId, kind: SAGA_KIND, body: progress }));
        await writes.flush();
      },
    });
    this.#sagas.set(vnfcId, saga);
    return saga;
  }

  #after(guard: Guard, of: GuardedMember, outcome: Outcome): boolean {
    const { log, stream, clock } = this.#parts;
    const { vnfcId, name } = of.member;
    if (outcome.state === "waiting") return true;
    if (outcome.state === "stuck") {
      log.warn({ ...outcome, member: name }, "a spare can neither be put to rest nor woken; the next pass tries again");
      return true;
    }
    this.#drop(vnfcId);
    if (outcome.state === "done") {
      stream.push({ type: "spare.rests", groupId: guard.group.id, vnfcId, because: `${name} has answered and is not needed` });
      return false;
    }
    this.#notBeforeMs.set(vnfcId, clock.now() + REST_AGAIN_MS);
    log.warn({ step: outcome.step, why: outcome.why, member: name }, "a spare could not be put to rest");
    return false;
  }

  /** In memory first, so that no decision leads anything to it from here on; resolves when it is on the disk. */
  async #mark(of: GuardedMember, isMeantToRest: boolean): Promise<void> {
    const { clock, writes, noteRest } = this.#parts;
    of.isMarked = isMeantToRest;
    if (isMeantToRest) of.rest = { rest: "goingToRest", sinceMs: clock.now() };
    else if (of.rest.rest !== "awake") of.rest = AWAKE;
    noteRest(of.member.vnfcId, isMeantToRest ? clock.wall().toISOString() : null);
    await writes.flush();
  }

  #drop(vnfcId: VnfcId): void {
    const had = this.#sagas.delete(vnfcId);
    if (this.#kept.delete(vnfcId) || had) this.#parts.writes.push((tx) => deleteSaga(tx, vnfcId));
  }

  /** Where nothing is armed, or what is armed is not known, there is no plan to fear but our own. */
  #isTarget(guard: Guard, vnfcId: VnfcId): boolean {
    return guard.groupsWith(vnfcId).some((g) => {
      const armed = this.#parts.armedOf(g);
      if (armed.revision === null) return !armed.isKnown; // What an earlier request, or run, has left there may fire.
      return !armed.isCurrent || armed.plans.some((p) => p.moves.some((m) => m.to === vnfcId || m.orElse.includes(vnfcId)));
    });
  }

  #tellWoken(guard: Guard, { member }: GuardedMember, decision: Decision): void {
    const because = decision.because.at(-1) ?? "it is needed";
    this.#parts.stream.push({ type: "spare.woken", groupId: guard.group.id, vnfcId: member.vnfcId, because });
  }
}

function wordsOf({ member: { name }, health, rest: { rest } }: GuardedMember): string {
  if (health.state === "down") return `${name} is not warm: it is down (${health.why}); it is made anew`;
  if (rest === "resting") return `${name} is warm: it has answered, and is paused until a member fails`;
  if (rest === "goingToRest") return `${name} is being put to rest`;
  return health.state === "up" ? `${name} is awake` : `${name} is not warm: it is ${health.state} (${health.why})`;
}
