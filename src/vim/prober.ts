import { isMassOver, isMute, isWholeOf, mayBeOurs } from "../detect/mass.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Facts } from "./facts.ts";
import { type Readings, readPorts } from "./port-readings.ts";
import type { ProbeAnswer, ProbeFrames, ProbeTarget } from "./probe-targets.ts";
import { ProbedPort } from "./probed-port.ts";
import { NO_SWITCH, Suspension } from "./suspension.ts";
import { ThreadLooks, type ThreadsOf } from "./thread-looks.ts";
import { Wheel } from "./wheel.ts";

/** How often it is looked who is to be asked at all. */
const REFRESH_MS = 100;
/** Requests are spread by so much of the interval, so that they fall into step with nothing. */
const JITTER_SHARE = 0.1;
/** A share of the shortest interval is sent at once, in one write, at most so many ms apart. */
const STEP_SHARE = 0.05;
const STEP_MS_MAX = 5;
/** Between two looks at the switch's counters while most ports are silent, at least: longer than a busy host keeps its guests from their turn. */
const COUNTERS_EVERY_MS = 300;

export interface ProberParts {
  readonly fabric: Fabrics;
  readonly facts: Facts;
  readonly clock: Clock;
  readonly frames: ProbeFrames;
  readonly log: Log;
  /** Left out: nobody can tell. */
  readonly threadsOf?: ThreadsOf | undefined;
}

/** A question to the switch itself that waits for its answer. */
interface Check {
  readonly sentAtMs: number;
}

/**
 * Asks ports all the time whether what is behind them lives, and tells when that changes.
 *
 * After each round of requests the switch is asked for a barrier. What it sent before its answer has been read when the answer is,
 * and only then the requests of earlier rounds are judged. So neither a switch that stands still nor a standstill of this process looks
 * like the silence of a port: the barrier is late then, and what waited meanwhile counts neither way. Nor does a guest for which its host
 * has no core: from its first missed request on its threads are looked at after each round (detect/starvation.ts).
 */
export class Prober {
  readonly #fabric: Fabrics;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #frames: ProbeFrames;
  readonly #log: Log;
  readonly #looks: ThreadLooks;
  readonly #targets: () => readonly ProbeTarget[];
  readonly #wheel: Wheel<ProbedPort>;
  readonly #ports = new Map<ProbeTarget["portId"], ProbedPort>();
  #bySwitchPort = new Map<string, ProbedPort[]>();
  #session: FlowSwitch | null = null;
  #checks: Check[] = [];
  /** Until then the switch is known to have answered in time. */
  #goodUntilMs: number;
  #turnedAtMs: number;
  #refreshAtMs = Number.NEGATIVE_INFINITY;
  #stepMs = 1;
  readonly #suspension: Suspension;
  #stopped: AbortSignal = AbortSignal.abort();

  constructor(parts: ProberParts, targets: () => readonly ProbeTarget[]) {
    this.#fabric = parts.fabric;
    this.#facts = parts.facts;
    this.#clock = parts.clock;
    this.#frames = parts.frames;
    this.#log = parts.log;
    this.#looks = new ThreadLooks(parts.clock, parts.threadsOf ?? (() => null));
    this.#targets = targets;
    this.#suspension = new Suspension("probe", parts);
    const now = parts.clock.now();
    this.#wheel = new Wheel(now);
    this.#goodUntilMs = now;
    this.#turnedAtMs = now;
  }

  /** Why no port is called silent by its misses alone: so many miss at once that the fault may be ours. null: as usual. */
  get suspended(): string | null {
    return this.#suspension.now?.why ?? null;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#stopped = signal;
    while (!signal.aborted) {
      try {
        this.#turn(this.#clock.now());
      } catch (err) {
        this.#log.debug({ err }, "probes could not be sent"); // The session ended under us; its end is told elsewhere.
      }
      const next = Math.min(this.#wheel.nextMs() ?? Number.POSITIVE_INFINITY, this.#refreshAtMs);
      await this.#clock.sleep(Math.max(0, next - this.#clock.now()), signal).catch(() => {});
    }
  }

  /** An answer counts for the port it came in by: twins share an address, so the address alone names nobody. */
  heard(answer: ProbeAnswer, event: Extract<SwitchEvent, { type: "packetIn" }>): void {
    const ports = this.#bySwitchPort.get(event.inPort);
    if (ports === undefined) return;
    if (answer.kind === "tcp" && answer.accepts) this.#hangUp(ports, answer, event.inPort);
    for (const port of ports) {
      if (answer.kind === "whoHas") this.#introduce(port, answer, event.inPort);
      else if (port.heard(answer, event.seenAt) && port.told !== "answers" && port.says === "answers")
        this.#tell(port, "answers", event.seenAt);
    }
  }

  /** Whoever asked, and however late the answer is: no connection of ours stays open at the other end. */
  #hangUp(
    ports: readonly ProbedPort[],
    { mac, ip, tcpPort, request }: Extract<ProbeAnswer, { kind: "tcp" }>,
    inPort: string,
  ): void {
    const sourceIp = ports.find((p) => p.target.ip === ip && p.target.policy.tcpPort === tcpPort)?.target.policy.sourceIp;
    if (sourceIp) this.#session?.packetOut(inPort, this.#frames.hangUp(sourceIp, { mac, ip }, tcpPort, request));
  }

  /** Tells a guest that asks for it where the address is that we ask from. */
  #introduce({ target }: ProbedPort, { ip, from }: Extract<ProbeAnswer, { kind: "whoHas" }>, inPort: string): void {
    if (ip === target.policy.sourceIp && from.ip === target.ip) this.#session?.packetOut(inPort, this.#frames.here(ip, from));
  }

  #turn(nowMs: number): void {
    if (nowMs >= this.#refreshAtMs) this.#refresh(nowMs);
    const due = this.#wheel.take(nowMs).filter((port) => !port.isGone);
    const session = this.#follow();
    if (this.#suspension.now !== null && session !== null) this.#lookAgain(this.#suspension.now.sinceMs, nowMs);
    try {
      session?.inOneWrite(() => this.#askAll(session, due, nowMs));
    } finally {
      for (const port of due) this.#plan(port, nowMs);
    }
    this.#turnedAtMs = nowMs;
  }

  /** The session to ask through; null where answers cannot come back. What was asked through another says nothing any more. */
  #follow(): FlowSwitch | null {
    const standing = this.#fabric.isStanding ? this.#fabric.session : null;
    const session = standing?.abilities.packets ? standing : null;
    if (session !== this.#session) {
      this.#session = session;
      this.#checks = [];
      this.#suspension.end(this.#clock.now());
      for (const port of this.#ports.values()) port.reset();
    }
    if (this.#fabric.session === null && this.#ports.size > 0) this.#suspension.begin(NO_SWITCH, this.#clock.now());
    return session;
  }

  #askAll(session: FlowSwitch, due: readonly ProbedPort[], nowMs: number): void {
    const asked = due.filter((port) => this.#ask(session, port, nowMs));
    if (asked.length > 0) this.#check(session, asked, nowMs);
  }

  /** False where it makes no sense to ask now. */
  #ask(session: FlowSwitch, port: ProbedPort, nowMs: number): boolean {
    const { switchPort } = port.target;
    if (nowMs - port.dueAtMs > port.lateMs) port.stalled(this.#turnedAtMs, nowMs);
    const unanswered = this.#checks[0];
    if (unanswered !== undefined && nowMs - unanswered.sentAtMs > port.lateMs) {
      port.stalled(this.#goodUntilMs, nowMs);
      return false;
    }
    if (!session.ports.has(switchPort)) {
      port.reset();
      return false;
    }
    port.ask(nowMs, (frame) => session.packetOut(switchPort, frame));
    return true;
  }

  #check(session: FlowSwitch, asked: readonly ProbedPort[], nowMs: number): void {
    const check: Check = { sentAtMs: nowMs };
    this.#checks.push(check);
    session.apply([]).then(
      () => this.#checked(session, check, asked),
      () => {}, // Its end is told elsewhere, and the next turn follows it.
    );
  }

  #checked(session: FlowSwitch, check: Check, asked: readonly ProbedPort[]): void {
    if (session !== this.#session) return;
    this.#checks.splice(this.#checks.indexOf(check), 1);
    const now = this.#clock.now();
    const goodUntil = this.#goodUntilMs;
    const late = asked.filter((port) => now - check.sentAtMs > port.lateMs);
    if (late.length === 0) this.#goodUntilMs = check.sentAtMs;
    for (const port of late) port.stalled(goodUntil, now);
    this.#facts.gather();
    const inTime = asked.filter((port) => !late.includes(port));
    for (const port of inTime) port.judge(check.sentAtMs, now);
    if (this.#suspension.now === null) this.#looks.afterRound(inTime, now); // Else the counters are waited for, and they look themselves.
    for (const port of inTime) this.#judge(port, now);
  }

  #judge(port: ProbedPort, nowMs: number): void {
    if (port.isGone || port.told === "silent" || !port.isSilent(nowMs) || !this.#isItself(port, nowMs)) return;
    this.#refresh(nowMs); // It may have been stopped on purpose a moment ago.
    if (!port.isGone) this.#tell(port, "silent", nowMs);
  }

  /** The port is silent, and not the way to it. */
  #isItself(port: ProbedPort, nowMs: number): boolean {
    if (port.missedAtMs === null) return true; // One kind is silent and another answers: the way is all right.
    if (this.#suspension.now !== null) return false;
    const others = this.#untold();
    if (!mayBeOurs(port.missedAtMs, others, this.#ports.size)) return true;
    this.#suspend(others, nowMs);
    return false;
  }

  #untold(): ProbedPort[] {
    return [...this.#ports.values()].filter((p) => p.told !== "silent");
  }

  #suspend(others: readonly ProbedPort[], nowMs: number): void {
    const silent = others.filter((p) => p.missedAtMs !== null).length + this.#ports.size - others.length;
    const why = `${silent} of ${this.#ports.size} probed ports miss requests at the same time: the fault may be on our side`;
    this.#suspension.begin(why, nowMs);
    if (this.#session !== null) void this.#askCounters(this.#session);
  }

  /** While verdicts are suspended the switch's own counters say whose fault it is: they need no packet to reach us. */
  async #askCounters(session: FlowSwitch): Promise<void> {
    const suspended = this.#suspension.now;
    const isOver = () => this.#suspension.now !== suspended || this.#stopped.aborted;
    try {
      let fromMs = this.#clock.now();
      let before = await readPorts(session, this.#clock);
      this.#looks.withCounters(this.#untold(), this.#clock.now()); // What they wait until the next reading is told by two looks.
      let lastMute: readonly ProbedPort[] = [];
      while (!isOver()) {
        await this.#clock.sleep(this.#countersEveryMs(), this.#stopped).catch(() => {});
        const toMs = this.#clock.now();
        const after = await readPorts(session, this.#clock);
        if (isOver()) return;
        const mute = this.#muteBetween(before, after, toMs);
        if (isWholeOf(mute, lastMute, this.#untold(), fromMs)) this.#tellMute(mute, before, after);
        [fromMs, before, lastMute] = [toMs, after, mute];
      }
    } catch (err) {
      this.#log.debug({ err }, "port counters could not be read: verdicts stay suspended"); // The session ended, commonly: told elsewhere.
    }
  }

  /** So long that each silent port is asked often enough in between. */
  #countersEveryMs(): number {
    const runs = this.#untold().map(({ target: { policy } }) => (policy.misses + 1) * policy.intervalMs * (1 + JITTER_SHARE));
    return Math.max(COUNTERS_EVERY_MS, ...runs);
  }

  #muteBetween(before: Readings, after: Readings, nowMs: number): ProbedPort[] {
    const mute = this.#untold().filter((port) => {
      const { switchPort, policy } = port.target;
      const [was, is] = [before.of.get(switchPort), after.of.get(switchPort)];
      return port.says === "silent" && was !== undefined && is !== undefined && isMute(was, is, policy.misses);
    });
    this.#looks.withCounters(mute, nowMs);
    return mute.filter((port) => port.isSilent(nowMs) && port.hadItsTurn(nowMs));
  }

  /** All in one tick, so that nothing is led to one of them. */
  #tellMute(mute: readonly ProbedPort[], before: Readings, after: Readings): void {
    const now = this.#clock.now();
    this.#refresh(now);
    this.#facts.gather();
    for (const port of mute.filter((p) => !p.isGone)) {
      const sent = after.of.get(port.target.switchPort)!.tx - before.of.get(port.target.switchPort)!.tx;
      this.#tell(port, "silent", now, `${port.why}; the switch sent ${sent} packets to it and none came from it`);
    }
    if (this.#untold().length === 0) this.#suspension.end(now);
  }

  /** The end of a mass silence: who is still silent then must miss one more request. */
  #lookAgain(sinceMs: number, nowMs: number): void {
    const untold = this.#untold();
    if (!isMassOver(sinceMs, untold)) return;
    this.#suspension.end(nowMs);
    for (const port of untold) port.doubt();
  }

  #tell(port: ProbedPort, says: "answers" | "silent", seenAt: number, why = port.why): void {
    port.told = says;
    const about = { kind: "port", id: port.target.portId } as const;
    this.#facts.portEvidence({ about, says, source: "probe", seenAt, ...(says === "silent" && { detail: why }) });
  }

  #plan(port: ProbedPort, nowMs: number): void {
    const { intervalMs } = port.target.policy;
    // From the planned moment, so that the timer's own delay does not add up; yet never closer than WAIT_SHARE of the interval.
    const from = Math.max(port.dueAtMs, nowMs - JITTER_SHARE * intervalMs);
    port.dueAtMs = from + intervalMs * (1 + JITTER_SHARE * (2 * Math.random() - 1));
    this.#wheel.put(port, port.dueAtMs, this.#stepMs);
  }

  /** A port whose target is as it was goes on where it is; a new one is asked first at a moment of its own within its interval. */
  #refresh(nowMs: number): void {
    this.#refreshAtMs = nowMs + REFRESH_MS;
    const targets = this.#targets();
    const shortest = Math.min(...targets.map((t) => t.policy.intervalMs));
    this.#stepMs = Math.min(STEP_MS_MAX, Math.max(1, Math.floor(shortest * STEP_SHARE)));
    const wanted = new Map(targets.map((t) => [t.portId, t]));
    for (const [id, port] of this.#ports) if (!isSame(port.target, wanted.get(id))) this.#drop(port);
    for (const target of targets) {
      if (this.#ports.has(target.portId)) continue;
      const port = new ProbedPort(target, this.#frames, nowMs + Math.random() * target.policy.intervalMs);
      this.#ports.set(target.portId, port);
      this.#wheel.put(port, port.dueAtMs, this.#stepMs);
      this.#bySwitchPort.set(target.switchPort, [...(this.#bySwitchPort.get(target.switchPort) ?? []), port]);
    }
  }

  #drop(port: ProbedPort): void {
    port.isGone = true;
    this.#ports.delete(port.target.portId);
    const { switchPort } = port.target;
    const left = (this.#bySwitchPort.get(switchPort) ?? []).filter((p) => p !== port);
    if (left.length > 0) this.#bySwitchPort.set(switchPort, left);
    else this.#bySwitchPort.delete(switchPort);
  }
}

function isSame(a: ProbeTarget, b: ProbeTarget | undefined): boolean {
  if (b === undefined || a.switchPort !== b.switchPort || a.ip !== b.ip) return false;
  const [p, q] = [a.policy, b.policy];
  return (
    p === q ||
    (p.intervalMs === q.intervalMs &&
      p.misses === q.misses &&
      p.of === q.of &&
      p.icmp === q.icmp &&
      p.udpPort === q.udpPort &&
      p.tcpPort === q.tcpPort &&
      p.sourceIp === q.sourceIp)
  );
}
