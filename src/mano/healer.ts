import { healFor, healServer } from "../act/servers.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { VnfcId } from "../model/ids.ts";
import type { EventStream } from "../notify/stream.ts";
import type { ServerSpec, VimConnector, VimServer } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";

/**
 * How long a VNFC must have been down before it is started again. Its traffic is on the twin by then, and the start of a VM, which
 * takes a core of the host, does not disturb the survivor while it takes over.
 */
const HEAL_AFTER_MS = 1_000;
/** Rest between two tries of one VNFC: a server that dies at once must not be started in a circle. */
const COOL_DOWN_MS = 5_000;
/** Tries until a person must look. They count from the last time the VNFC was up. */
const TRIES_MAX = 5;

interface Course {
  tries: number;
  nextAtMs: number;
  isUnderWay: boolean;
}

/** Starts again what is down, through its VIM: one heal at a time for each VNFC. */
export class Healer {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stream: EventStream;
  readonly #alarms: AlarmBook;
  readonly #courses = new Map<VnfcId, Course>();

  constructor(clock: Clock, log: Log, stream: EventStream, alarms: AlarmBook) {
    this.#clock = clock;
    this.#log = log;
    this.#stream = stream;
    this.#alarms = alarms;
  }

  /** It is up: its heal, if any, has worked. */
  isUp(vnfcId: VnfcId): void {
    if (this.#courses.get(vnfcId)?.isUnderWay) this.#stream.push({ type: "heal.ended", vnfcId, ok: true });
    this.#courses.delete(vnfcId);
    this.#alarms.clear(vnfcId, "HEAL_GAVE_UP");
  }

  /** Nobody wants it any more. */
  forget(vnfcId: VnfcId): void {
    this.#courses.delete(vnfcId);
  }

  /** One try, if there is something to try and it is time. `seen`: the server as the VIM has it, and whether it is fenced. Gives the ms after which to look again, or null. */
  async heal(
    connector: VimConnector,
    vnfcId: VnfcId,
    spec: ServerSpec,
    { server: seen, isFenced }: { readonly server: VimServer | undefined; readonly isFenced: boolean },
    signal: AbortSignal,
  ): Promise<number | null> {
    const heal = healFor(seen, isFenced);
    if (heal === null) return null;
    const now = this.#clock.now();
    const course = this.#courses.get(vnfcId) ?? { tries: 0, nextAtMs: now + HEAL_AFTER_MS, isUnderWay: false };
    this.#courses.set(vnfcId, course);
    if (now < course.nextAtMs) return course.nextAtMs - now;
    if (course.isUnderWay)
      this.#ended(vnfcId, course, `the VIM has it ${seen?.status ?? "no more"}: ${seen?.lastError ?? "no reason given"}`);
    if (course.tries >= TRIES_MAX) {
      await this.#alarms.raise(vnfcId, "HEAL_GAVE_UP", [`${spec.name} did not come back after ${TRIES_MAX} tries`]);
      return null;
    }
    course.tries += 1;
    course.nextAtMs = this.#clock.now() + COOL_DOWN_MS;
    course.isUnderWay = true;
    this.#stream.push({ type: "heal.started", vnfcId, detail: `${heal}, try ${course.tries} of ${TRIES_MAX}` });
    try {
      await healServer(connector, heal, spec, signal);
    } catch (e) {
      this.#log.warn({ err: e, vnfcId }, "a heal failed");
      this.#ended(vnfcId, course, e instanceof Error ? e.message : String(e));
    }
    return COOL_DOWN_MS;
  }

  #ended(vnfcId: VnfcId, course: Course, detail: string): void {
    course.isUnderWay = false;
    this.#stream.push({ type: "heal.ended", vnfcId, ok: false, detail });
  }
}
