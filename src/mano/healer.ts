import { type HealPlan, type HealWorld, healSteps, isHostLost, mayRun } from "../act/heal-steps.ts";
import { BEGIN, type Outcome, Saga } from "../act/saga.ts";
import { restartOf } from "../act/servers.ts";
import { nextRung } from "../decide/ladder.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { HealTry, HealView, Rung } from "../model/heal.ts";
import type { GroupId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { EventStream } from "../notify/stream.ts";
import { deleteHealCourse, deleteSaga, readHealCourses, readSagas, writeHealCourse, writeSaga } from "../store/mano-sagas.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { ServerSpec, VimConnector, VimServer } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import { type Course, endedTries, healView, isItsTurn, type KeptCourse, type KeptHeal, newCourse } from "./heal-course.ts";
import type { WriteQueue } from "./writes.ts";

/**
 * How long a VNFC must have been down before it is healed. Its traffic is on the twin by then, and the start of a VM, which takes a
 * core of the host, does not disturb the survivor while it takes over.
 */
const HEAL_AFTER_MS = 1_000;
/** Rest between two tries of one VNFC: a server that dies at once must not be started in a circle. */
const COOL_DOWN_MS = 5_000;
/** Until one that waits for others of its VIM is looked at again. */
const TURN_AGAIN_MS = 500;
const SAGA_KIND = "heal";

/** A VNFC that is down, with all that is known of it now. */
export interface Patient extends HealWorld {
  readonly vnfcId: VnfcId;
  /** Its protection group; null: it is in none. */
  readonly groupId: GroupId | null;
  readonly spec: ServerSpec;
  /** Its port is closed, or it is taken for one that should be: it is given a new life, and never goes on with the old one. */
  readonly isFenced: boolean;
  readonly connector: VimConnector;
  /** False: it is up. Looked at right before each request. */
  mayTouch(): boolean;
}

/** A server that no group protects (yet): its state is all to go by. */
export const bare = (
  spec: ServerSpec,
  { id: vnfcId }: Vnfc,
  server: VimServer | undefined,
  connector: VimConnector,
): Patient => ({
  ...{ vnfcId, spec, server, connector, groupId: null, port: undefined, health: null, isFenced: false, mayTouch: () => true },
});

export interface HealerParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly stream: EventStream;
  readonly alarms: AlarmBook;
  readonly writes: WriteQueue;
  /** Told of each try: that it has begun (`ok` null), and how it ended. */
  onHeal?(vnfcId: VnfcId, startedAt: string, ok: boolean | null, detail: string): void;
}

/** Brings back what is down, rung by rung (decide/ladder.ts), through its VIM: one heal at a time for each VNFC, driven by the passes. */
export class Healer {
  readonly #parts: HealerParts;
  readonly #courses = new Map<VnfcId, Course>();
  readonly #sagas = new Map<VnfcId, Saga<HealWorld>>();

  constructor(parts: HealerParts) {
    this.#parts = parts;
  }

  /** Takes up what an earlier run was in the middle of. The rest after its last try begins anew. */
  async load(): Promise<void> {
    const { db, clock } = this.#parts;
    for (const { vnfcId, body } of await readHealCourses(db))
      this.#courses.set(vnfcId, Object.assign(newCourse(clock.now() + COOL_DOWN_MS), body as KeptCourse));
    for (const { vnfcId, kind, body } of await readSagas(db)) {
      if (kind !== SAGA_KIND) continue;
      const course = this.#courses.get(vnfcId);
      if (course) course.kept = body as KeptHeal;
    }
  }

  /** It is up: its heal, if any, has worked. */
  isUp(vnfcId: VnfcId): void {
    const course = this.#courses.get(vnfcId);
    if (course?.kept) this.#tell("heal.ended", vnfcId, course, true, "it is up");
    this.#drop(vnfcId);
    this.#parts.alarms.clear(vnfcId, "HEAL_GAVE_UP");
    this.#parts.alarms.clear(vnfcId, "HEAL_STUCK");
  }

  /** Nobody wants it any more. */
  forget(vnfcId: VnfcId): void {
    const course = this.#courses.get(vnfcId);
    const startedAt = course?.kept ? course.tries.at(-1)?.startedAt : undefined;
    if (startedAt !== undefined) this.#parts.onHeal?.(vnfcId, startedAt, false, "it was not wanted any more");
    this.#drop(vnfcId);
  }

  #drop(vnfcId: VnfcId): void {
    this.#sagas.delete(vnfcId);
    if (!this.#courses.delete(vnfcId)) return;
    this.#parts.writes.push(async (tx) => {
      await deleteHealCourse(tx, vnfcId);
      await deleteSaga(tx, vnfcId);
    });
  }

  /** A heal of it has begun and not ended: it is to be looked at in each pass, also while it is not known to be down. */
  isUnderWay(vnfcId: VnfcId): boolean {
    return this.#courses.get(vnfcId)?.kept != null;
  }

  viewOf(vnfcId: VnfcId, name: string): HealView | null {
    const course = this.#courses.get(vnfcId);
    return course ? healView(vnfcId, name, course, this.#parts.clock.now()) : null;
  }

  /** Goes on with its heal, or begins one when it is time. Gives the ms after which to look again, or null: when there is news. */
  async heal(patient: Patient, signal: AbortSignal): Promise<number | null> {
    const now = this.#parts.clock.now();
    const had = this.#courses.get(patient.vnfcId);
    if (had?.kept) had.through = patient.connector;
    if (had?.kept) return this.#goOn(patient, had, had.kept, signal);
    const isLost = isHostLost(patient.server);
    if (!isLost && restartOf(patient.server, patient.isFenced) === null) return null;
    const course = had ?? newCourse(now + HEAL_AFTER_MS);
    course.through = patient.connector;
    this.#courses.set(patient.vnfcId, course);
    if (course.isHostLost && !isLost) Object.assign(course, { tries: [], gaveUp: null }); // Its host is back: what was tried says nothing.
    course.isHostLost = isLost;
    if (now < course.nextAtMs) return course.nextAtMs - now;
    const server = patient.server === undefined ? "gone" : patient.server.status === "ERROR" ? "error" : "there";
    const choice = nextRung({
      host: isLost ? "lost" : "up",
      canMove: patient.server?.hostId != null,
      server,
      tried: endedTries(course),
    });
    if (choice.rung === null) return this.#giveUp(patient, course, choice.because);
    course.waitsItsTurn = !isItsTurn(this.#courses.values(), patient.connector);
    if (course.waitsItsTurn) return TURN_AGAIN_MS;
    return this.#begin(patient, course, choice.rung, choice.because, signal);
  }

  async #giveUp({ vnfcId, spec }: Patient, course: Course, because: string): Promise<null> {
    course.gaveUp = because;
    const last = course.tries.at(-1)?.outcome;
    await this.#parts.alarms.raise(vnfcId, "HEAL_GAVE_UP", [
      `${spec.name}: ${because}`,
      ...(last ? [`the last one: ${last}`] : []),
    ]);
    return null;
  }

  /** On the disk before anything is asked. */
  async #begin(patient: Patient, course: Course, rung: Rung, because: string, signal: AbortSignal): Promise<number | null> {
    const plan = planOf(patient, rung);
    if (plan === null) return null;
    const startedAt = this.#parts.clock.wall().toISOString();
    course.tries = [...course.tries, { rung, because, startedAt, endedAt: null, failure: null, outcome: null }];
    this.#keepCourse(patient.vnfcId, course);
    const kept = { plan, progress: BEGIN };
    await this.#keep(patient.vnfcId, course, kept);
    this.#tell("heal.started", patient.vnfcId, course, null, `${rung} (${plan.verb}): ${because}`);
    return this.#goOn(patient, course, kept, signal);
  }

  async #goOn(patient: Patient, course: Course, kept: KeptHeal, signal: AbortSignal): Promise<number | null> {
    const saga = this.#sagas.get(patient.vnfcId) ?? this.#sagaOf(patient, course, kept);
    return this.#after(patient, course, await saga.advance(patient, signal));
  }

  #sagaOf(patient: Patient, course: Course, { plan, progress }: KeptHeal): Saga<HealWorld> {
    const { clock } = this.#parts;
    const keep = (next: KeptHeal["progress"]) => this.#keep(patient.vnfcId, course, { plan, progress: next });
    const saga = new Saga({ steps: healSteps(plan, patient), progress, now: () => clock.now(), keep });
    this.#sagas.set(patient.vnfcId, saga);
    return saga;
  }

  async #after({ vnfcId, spec }: Patient, course: Course, outcome: Outcome): Promise<number | null> {
    const { alarms, clock, log, writes } = this.#parts;
    if (outcome.state === "done") this.isUp(vnfcId);
    if (outcome.state === "done") return null;
    if (outcome.state !== "undone") {
      course.doing = { leftToDo: null, ...outcome };
      if (outcome.state === "waiting") return COOL_DOWN_MS;
      const words = `${outcome.step}: ${outcome.why}; left to do by a person: ${outcome.leftToDo}`;
      await alarms.raise(vnfcId, "HEAL_STUCK", [`${spec.name}: ${words}`]);
      return COOL_DOWN_MS;
    }
    const { step, why, isRefusal } = outcome;
    log.warn({ vnfcId, step, why }, "a heal failed");
    this.#sagas.delete(vnfcId);
    writes.push((tx) => deleteSaga(tx, vnfcId));
    const end = {
      endedAt: clock.wall().toISOString(),
      failure: isRefusal ? "refused" : "failed",
      outcome: `${step}: ${why}`,
    } as const;
    course.tries = course.tries.map((t): HealTry => (t.endedAt === null ? { ...t, ...end } : t));
    Object.assign(course, { kept: null, doing: null, nextAtMs: clock.now() + COOL_DOWN_MS });
    this.#keepCourse(vnfcId, course);
    alarms.clear(vnfcId, "HEAL_STUCK");
    this.#tell("heal.ended", vnfcId, course, false, end.outcome);
    return COOL_DOWN_MS;
  }

  async #keep(vnfcId: VnfcId, course: Course, kept: KeptHeal): Promise<void> {
    const { writes } = this.#parts;
    writes.push((tx) => writeSaga(tx, { vnfcId, kind: SAGA_KIND, body: kept }));
    await writes.flush();
    course.kept = kept;
  }

  #keepCourse(vnfcId: VnfcId, { tries, isHostLost: isLost }: Course): void {
    const body: KeptCourse = { tries, isHostLost: isLost };
    this.#parts.writes.push((tx) => writeHealCourse(tx, vnfcId, body));
  }

  #tell(type: "heal.started" | "heal.ended", vnfcId: VnfcId, { tries }: Course, ok: boolean | null, detail: string): void {
    const rung = tries.at(-1)?.rung ?? "restart";
    this.#parts.onHeal?.(vnfcId, tries.at(-1)?.startedAt ?? this.#parts.clock.wall().toISOString(), ok, detail);
    this.#parts.stream.push({ type, vnfcId, rung, try: tries.length, detail, ...(ok !== null && { ok }) });
  }
}

/** What a rung comes to, here and now; null: there is nothing to ask for. */
function planOf({ server, isFenced, groupId }: Patient, rung: Rung): HealPlan | null {
  if (rung === "otherHost") return server?.hostId ? { verb: "evacuate", closes: false, from: server.hostId } : null;
  const verb = rung === "rebuild" ? "rebuild" : restartOf(server, isFenced);
  return verb && { verb, closes: groupId !== null && verb !== "resume" && mayRun(server), from: null };
}
