import { type Answerer, isMass, isMassOver } from "../detect/mass.ts";
import type { Verdict } from "../detect/misses.ts";
import { type PortReading, passed, READINGS, readOn, trafficVerdict } from "../detect/traffic.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { HostId, VimPortId } from "../model/ids.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Facts } from "./facts.ts";
import { type Readings, readPorts } from "./port-readings.ts";
import { NO_SWITCH, Suspension } from "./suspension.ts";

/** A service port to which packets are led. */
export interface TrafficTarget {
  readonly portId: VimPortId;
  readonly switchPort: string;
  readonly silentMs: number;
  /** The compute host of its server; null: not known. */
  readonly hostId: HostId | null;
}

/** How often it is looked whether there is something to watch, where there is nothing. */
const LOOK_EVERY_MS = 500;
/** A turn or an answer that is later than this share of a step takes back what was read: which moment it speaks of is not known. */
const LATE_SHARE = 0.5;
/** A timer may fire so much early of a target's own step. */
const EARLY_SHARE = 0.2;

interface WatchedPort {
  readonly target: TrafficTarget;
  readings: readonly PortReading[];
  told: Verdict | null;
}

/**
 * Reads the port counters of those that serve, and tells when packets go in and none comes out, and when they do again. One request covers all
 * ports of the switch. Silence is an opinion; how it is formed is in detect/traffic.ts, and docs/decisions has what may mislead it.
 */
export class TrafficWatch {
  readonly #fabric: Fabrics;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #targets: () => readonly TrafficTarget[];
  readonly #ports = new Map<VimPortId, WatchedPort>();
  readonly #suspension: Suspension;
  #session: FlowSwitch | null = null;

  constructor(parts: { fabric: Fabrics; facts: Facts; clock: Clock; log: Log }, targets: () => readonly TrafficTarget[]) {
    this.#fabric = parts.fabric;
    this.#facts = parts.facts;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#targets = targets;
    this.#suspension = new Suspension("traffic", parts);
  }

  async run(signal: AbortSignal): Promise<void> {
    let dueAtMs = this.#clock.now();
    while (!signal.aborted) {
      this.#refresh();
      const stepMs = Math.min(...[...this.#ports.values()].map((p) => p.target.silentMs / READINGS));
      if (Number.isFinite(stepMs)) await this.#look(stepMs, this.#clock.now() - dueAtMs > stepMs * LATE_SHARE);
      const now = this.#clock.now();
      dueAtMs = now + Math.min(stepMs, LOOK_EVERY_MS);
      await this.#clock.sleep(dueAtMs - now, signal).catch(() => {});
    }
  }

  /** A port whose target is as it was goes on where it is. */
  #refresh(): void {
    const wanted = new Map(this.#targets().map((t) => [t.portId, t]));
    for (const [id, { target }] of this.#ports) {
      const now = wanted.get(id);
      if (now?.switchPort !== target.switchPort || now.silentMs !== target.silentMs) this.#ports.delete(id);
    }
    for (const [id, target] of wanted) if (!this.#ports.has(id)) this.#ports.set(id, { target, readings: [], told: null });
  }

  async #look(stepMs: number, isLate: boolean): Promise<void> {
    const standing = this.#fabric.isStanding ? this.#fabric.session : null;
    const session = standing?.abilities.counters ? standing : null;
    if (session !== this.#session || isLate) this.#forget();
    if (session !== this.#session) this.#suspension.end(this.#clock.now());
    this.#session = session;
    if (this.#fabric.session === null) this.#suspension.begin(NO_SWITCH, this.#clock.now());
    if (session === null) return;
    try {
      const ports = new Set([...this.#ports.values()].map((p) => p.target.switchPort));
      const seen = await readPorts(session, this.#clock, ports);
      if (session !== this.#fabric.session || seen.tookMs > stepMs * LATE_SHARE) this.#forget();
      else this.#take(seen);
    } catch (err) {
      this.#forget();
      this.#log.debug({ err }, "port counters could not be read"); // The session ended under us; its end is told elsewhere.
    }
  }

  /** What was read until now says nothing any more. */
  #forget(): void {
    for (const port of this.#ports.values()) port.readings = [];
  }

  #take({ of }: Readings): void {
    this.#refresh(); // Somebody may have been stopped, or its traffic led elsewhere, while the switch answered.
    for (const port of this.#ports.values()) {
      const { silentMs, switchPort } = port.target;
      const next = of.get(switchPort);
      const last = port.readings.at(-1);
      if (next === undefined) port.readings = [];
      else if (last === undefined || next.atMs - last.atMs >= (silentMs / READINGS) * (1 - EARLY_SHARE))
        port.readings = readOn(port.readings, next, silentMs);
    }
    for (const port of [...this.#ports.values()]) this.#judge(port);
    const { now } = this.#suspension;
    if (now !== null && isMassOver(now.sinceMs, this.#untold())) this.#suspension.end(this.#clock.now());
  }

  #judge(port: WatchedPort): void {
    const says = trafficVerdict(port.readings, port.target.silentMs);
    if (says === null || says === port.told || (says === "silent" && this.#isMass(port))) return;
    port.told = says;
    const seenAt = port.readings.at(-1)!.atMs;
    const about = { kind: "port", id: port.target.portId } as const;
    this.#facts.portEvidence({ about, says, source: "traffic", seenAt, ...(says === "silent" && { detail: whyOf(port) }) });
  }

  /** Most of those that serve are silent at the same time: the fault is more likely ours, or in what they all lead to. */
  #isMass(port: WatchedPort): boolean {
    const { missedAtMs } = answererOf(port);
    const untold = this.#untold();
    if (missedAtMs === null || !isMass(missedAtMs, untold)) return false;
    const silent = untold.filter((p) => p.missedAtMs !== null).length;
    const why = `of ${this.#ports.size} ports that serve, ${silent} get packets and send none at the same time: the fault may be on our side`;
    this.#suspension.begin(why, this.#clock.now());
    return true;
  }

  #untold(): Answerer[] {
    return [...this.#ports.values()].filter((p) => p.told !== "silent").map(answererOf);
  }
}

/** Whether something came from a port in the last step; where nothing did, and nothing went in either all the time, it tells nothing. */
function answererOf({ readings, target: { hostId } }: WatchedPort): Answerer {
  const [before, last] = readings.slice(-2);
  if (before === undefined || last === undefined) return { answeredAtMs: Number.NEGATIVE_INFINITY, missedAtMs: null, hostId };
  if (passed(before, last).from > 0) return { answeredAtMs: last.atMs, missedAtMs: null, hostId };
  const isFed = passed(readings[0]!, last).to > 0;
  return { answeredAtMs: Number.NEGATIVE_INFINITY, missedAtMs: isFed ? before.atMs : null, hostId };
}

function whyOf({ readings }: WatchedPort): string {
  const [first, last] = [readings[0]!, readings.at(-1)!];
  const { to, from } = passed(first, last);
  return `within ${Math.round(last.atMs - first.atMs)} ms ${to} packets went to it and ${Math.max(0, from)} came from it`;
}
