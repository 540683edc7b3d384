import type { PathVerdict } from "../detect/path.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { Path } from "../model/path.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { VimNet } from "../model/vim-picture.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { VimEvents } from "./events.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Facts } from "./facts.ts";
import { areSame, endsOf, missingOf, PathCourse, type PathEnds } from "./path-course.ts";
import type { Picture } from "./picture.ts";
import { type Readings, readPorts } from "./port-readings.ts";
import type { ProbeAnswer, ProbeFrames } from "./probe-targets.ts";

/** After a bind has moved: the first milliseconds belong to the traffic. */
const SETTLE_MS = 10;
/** How often it is looked where there is something to look at: soon at first, so that the time told is near the true one. */
const EVERY_MS = [
  { untilMs: 100, everyMs: 20 },
  { untilMs: 500, everyMs: 100 },
  { untilMs: Number.POSITIVE_INFINITY, everyMs: 250 },
] as const;
/** And where there is nothing: binds that nobody told of, members that come up. */
const LOOK_EVERY_MS = 500;
/** Looks are at most so frequent, and each takes what is due until half of that later: one request serves all of them. */
const STEP_MS = EVERY_MS[0].everyMs;
const ASK_EVERY_MS = 100;
/** Our own lateness, or that of the switch's answer, of more than this says that times cannot be trusted: looked at from the beginning. */
const LATE_MS = 300;

interface WatchedPath {
  path: Path;
  course: PathCourse | null;
  /** Whose counters were asked for last. */
  ends: PathEnds | null;
  /** When it is looked at next. */
  dueAtMs: number;
  /** The member was called silent on this bind once: nobody is told twice. */
  isSilenceTold: boolean;
}

export interface PathParts {
  readonly picture: Picture;
  readonly fabric: Fabrics;
  readonly events: VimEvents;
  readonly facts: Facts;
  readonly clock: Clock;
  readonly log: Log;
  /** It is called silent because packets went to it and none came from it. */
  isStarved(port: VimPortId): boolean;
}

/**
 * Looks whether packets pass where a bind leads them, each time a bind has moved, and from the start of the daemon on: what was not verified
 * when it ended is verified then. Level-triggered: a path is pending from the moment its bind differs from the one that was looked at.
 */
export class PathWatch {
  readonly #parts: PathParts;
  readonly #paths = new Map<NetId, WatchedPath>();
  /** Those of them that are looked at. */
  readonly #open = new Set<WatchedPath>();
  /** Binds that were told of, and up to which change of the picture they were all taken in. */
  readonly #told = new Set<NetId>();
  #followedTo = 0;
  #session: FlowSwitch | null = null;
  #wake: () => void = () => {};
  #isWoken = false;

  constructor(parts: PathParts) {
    this.#parts = parts;
    parts.events.subscribe((e) => {
      if (e.type !== "net.bound") return;
      this.#forget(e.netId); // Also where it comes back to what it was: what passed before says nothing of now.
      this.#told.add(e.netId);
      this.#isWoken = true;
      this.#wake();
    });
  }

  /** Of every net that is bound. */
  list(): Path[] {
    this.#follow();
    const { picture } = this.#parts;
    return [...this.#paths.values()].map(({ path }) => {
      const missing = path.state === "pending" ? missingOf(picture, picture.nets.get(path.netId) as VimNet) : null;
      return missing === null ? path : { ...path, why: missing };
    });
  }

  async run(frames: ProbeFrames, signal: AbortSignal): Promise<void> {
    let dueAtMs = this.#parts.clock.now();
    while (!signal.aborted) {
      const lateMs = this.#parts.clock.now() - dueAtMs;
      if (lateMs > LATE_MS) this.#beginAnew(AT_ONCE);
      await this.#look(frames).catch((err: unknown) => {
        this.#beginAnew(this.#parts.clock.now() + LOOK_EVERY_MS);
        this.#parts.log.debug({ err }, "paths could not be looked at"); // The session ended under us; its end is told elsewhere.
      });
      dueAtMs = this.#parts.clock.now() + this.#restMs();
      if (await this.#rest(dueAtMs - this.#parts.clock.now(), signal)) {
        await this.#parts.clock.sleep(SETTLE_MS, signal).catch(() => {});
        dueAtMs = this.#parts.clock.now();
      }
    }
  }

  heard(answer: ProbeAnswer, event: Extract<SwitchEvent, { type: "packetIn" }>): void {
    if (answer.kind === "arp") for (const { course } of this.#open) course?.heard(event.inPort, answer.ip);
  }

  /** Takes the binds as they are; of all others than those that have changed it is known. */
  #follow(): void {
    const { nets, flowVersions } = this.#parts.picture;
    const changed = [...this.#told, ...flowVersions.changedSince(this.#followedTo)];
    this.#told.clear();
    this.#followedTo = flowVersions.now;
    for (const netId of changed) {
      const bindNet = nets.get(netId)?.bindNet ?? null;
      if (bindNet === (this.#paths.get(netId)?.path.bindNet ?? null)) continue;
      this.#forget(netId);
      if (bindNet !== null) this.#begin(netId, bindNet);
    }
  }

  #begin(netId: NetId, bindNet: NetId): void {
    const path: Path = { netId, bindNet, state: "pending", how: null, why: "no packet was seen on it yet", at: null };
    const watched = { path, course: null, ends: null, dueAtMs: AT_ONCE, isSilenceTold: false };
    this.#paths.set(netId, watched);
    this.#open.add(watched);
  }

  #forget(netId: NetId): void {
    const watched = this.#paths.get(netId);
    if (watched === undefined) return;
    this.#paths.delete(netId);
    this.#open.delete(watched);
  }

  #beginAnew(dueAtMs: number): void {
    for (const watched of this.#open) Object.assign(watched, { course: null, dueAtMs });
  }

  async #look(frames: ProbeFrames): Promise<void> {
    this.#follow();
    const { fabric, clock } = this.#parts;
    const standing = fabric.isStanding ? fabric.session : null;
    const session = standing?.abilities.counters ? standing : null;
    if (session !== this.#session) this.#beginAnew(AT_ONCE);
    this.#session = session;
    if (standing !== null && session === null) this.#cannotSee();
    const due = this.#due(clock.now()).filter((w) => session !== null && this.#isReady(w, session));
    if (session === null || due.length === 0) return;
    if (due.some((w) => w.course === null)) await session.apply([]); // What the bind changed stands in the switch from here on.
    session.inOneWrite(() => this.#askAll(due, session, frames));
    const seen = await readPorts(session, clock, this.#portsOf(due));
    if (seen.tookMs > LATE_MS || session !== fabric.session) return this.#beginAnew(clock.now() + LOOK_EVERY_MS);
    this.#conclude(
      due.filter((w) => this.#open.has(w)),
      seen,
    );
  }

  /** What is not ready, or not looked at for another reason, is due again after a while. */
  #due(now: number): WatchedPath[] {
    const due = [...this.#open].filter((w) => w.dueAtMs <= now + STEP_MS / 2);
    for (const watched of due) watched.dueAtMs = now + LOOK_EVERY_MS;
    return due;
  }

  #cannotSee(): void {
    const why = "the switch is led by a controller that tells no port counters of the moment";
    for (const watched of [...this.#open])
      this.#found(watched, { state: "unseen", how: null, why, isSilent: false }, this.#parts.clock.now());
  }

  /** A port that came up or went since is another path. */
  #isReady(watched: WatchedPath, session: FlowSwitch): boolean {
    const ends = this.#endsOf(watched.path);
    const isThere = ends !== null && [...ends.users, ...ends.members.map((m) => m.switchPort)].every((p) => session.ports.has(p));
    if (!isThere || (watched.course !== null && !areSame(watched.course.ends, ends))) watched.course = null;
    watched.ends = ends;
    return isThere;
  }

  #endsOf({ netId }: Path) {
    const { picture, fabric } = this.#parts;
    const ends = endsOf(picture, picture.nets.get(netId) as VimNet);
    if (ends === null || fabric.session?.abilities.packets !== false) return ends;
    return { ...ends, members: ends.members.map((m) => ({ ...m, ip: null })) }; // Nobody can be asked.
  }

  #portsOf(due: readonly WatchedPath[]): ReadonlySet<string> {
    return new Set(due.flatMap(({ ends }) => [...(ends?.users ?? []), ...(ends?.members ?? []).map((m) => m.switchPort)]));
  }

  #askAll(due: readonly WatchedPath[], session: FlowSwitch, frames: ProbeFrames): void {
    const now = this.#parts.clock.now();
    for (const { course } of due) {
      if (course === null || now - course.askedAtMs < ASK_EVERY_MS) continue;
      const asked = course.ends.members.filter((m) => m.ip !== null);
      for (const { switchPort, ip } of asked) session.packetOut(switchPort, frames.ask(ip as string));
      if (asked.length > 0) course.asked(now);
    }
  }

  #conclude(due: readonly WatchedPath[], seen: Readings): void {
    const now = this.#parts.clock.now();
    const silent: WatchedPath[] = [];
    for (const watched of due) {
      const ends = this.#endsOf(watched.path);
      if (ends === null || watched.ends === null || !areSame(ends, watched.ends)) watched.course = null;
      else if (watched.course === null || !watched.course.read(seen, now)) watched.course = new PathCourse(ends, seen, now);
      const verdict = watched.course?.verdict ?? null;
      if (verdict === null) continue;
      if (verdict.isSilent) silent.push(watched);
      this.#found(watched, verdict, now);
    }
    this.#tellSilent(silent, now);
    for (const watched of due) {
      if (!isOpen(watched) || watched.path.state === "unverified") this.#endRound(watched);
      if (watched.course !== null) watched.dueAtMs = now + everyMs(now - watched.course.begunAtMs);
    }
  }

  /** One that is unverified is looked at again, from the beginning. */
  #endRound(watched: WatchedPath): void {
    if (watched.course?.verdict != null) watched.course = null;
  }

  #found(watched: WatchedPath, { state, how, why }: PathVerdict, now: number): void {
    const { path } = watched;
    if (path.state === state) return;
    watched.path = { netId: path.netId, bindNet: path.bindNet, state, how, why, at: now };
    if (!isOpen(watched)) this.#open.delete(watched);
    this.#parts.events.push({ type: `path.${state}`, path: watched.path });
    if (how === "traffic") this.#tellMembers(watched, "answers", why, now);
  }

  /**
   * Where several members are silent at once the fault is more likely in what leads to all of them. Nobody is blamed then; that no packets
   * pass is told all the same.
   */
  #tellSilent(silent: readonly WatchedPath[], now: number): void {
    const members = new Set(silent.map((w) => w.path.bindNet));
    if (members.size > 1) {
      this.#parts.log.warn({ nets: silent.map((w) => w.path.netId) }, "no packets pass several members at once: none is blamed");
      return;
    }
    for (const watched of silent) {
      if (watched.isSilenceTold) continue;
      watched.isSilenceTold = true;
      this.#tellMembers(watched, "silent", watched.path.why, now);
    }
  }

  #tellMembers({ course }: WatchedPath, says: "answers" | "silent", detail: string, seenAt: number): void {
    for (const { portId } of course?.ends.members ?? []) {
      if (portId === null || this.#parts.isStarved(portId) === (says === "silent")) continue; // No news.
      this.#parts.facts.portEvidence({ about: { kind: "port", id: portId }, says, source: "traffic", seenAt, detail });
    }
  }

  #restMs(): number {
    const now = this.#parts.clock.now();
    let next = now + LOOK_EVERY_MS;
    for (const { dueAtMs } of this.#open) next = Math.min(next, dueAtMs);
    return Math.max(STEP_MS, next - now);
  }

  /** True when a bind has moved meanwhile. */
  async #rest(ms: number, signal: AbortSignal): Promise<boolean> {
    const woken = new AbortController();
    const end = () => woken.abort(WOKEN);
    this.#wake = end;
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted || this.#isWoken) end();
    await this.#parts.clock.sleep(Math.max(0, ms), woken.signal).catch(() => {});
    signal.removeEventListener("abort", end);
    const isWoken = this.#isWoken;
    this.#isWoken = false;
    return isWoken;
  }
}

/** A reason of its own: without one each wake-up would make an error with its stack. */
const WOKEN = Symbol("woken");

/** Of one that was not looked at since its bind was told of, or since what was read became worthless. */
const AT_ONCE = Number.NEGATIVE_INFINITY;

/** How long after a look comes the next one, by the time since the first. */
const everyMs = (ageMs: number): number => EVERY_MS.find((e) => ageMs < e.untilMs)!.everyMs;

const isOpen = ({ path }: WatchedPath): boolean => path.state === "pending" || path.state === "unverified";
