import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { probedIp } from "../model/net.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Facts } from "./facts.ts";
import type { ProbeAnswer, ProbeFrames, ProbeTarget } from "./probe-targets.ts";
import { Prober, type ProberParts } from "./prober.ts";

/** How often a port that has not answered yet is asked. A guest boots for seconds; a tenth of one is soon enough to know. */
const PROBE_INTERVAL_MS = 100;
/** How often it is looked whether there is such a port, where there is none. Every turn of an idle daemon costs half a millisecond. */
const LOOK_EVERY_MS = 250;

/** Who else has asked. */
export interface AnswerHearer {
  heard(answer: ProbeAnswer, event: Extract<SwitchEvent, { type: "packetIn" }>): void;
}

/**
 * Asks every port in BUILD for its address, out of its own switch port, until it answers; and those of `targets` all the time, each as
 * its policy says.
 */
export class Probe {
  readonly #fabric: Fabrics;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #frames: ProbeFrames;
  readonly #log: Log;
  readonly #prober: Prober;
  readonly #others: readonly AnswerHearer[];
  /** Switch ports whose first answer is waited for. */
  #awaited = new Set<string>();

  constructor(parts: ProberParts, targets: () => readonly ProbeTarget[], others: readonly AnswerHearer[] = []) {
    this.#others = others;
    this.#log = parts.log;
    this.#fabric = parts.fabric;
    this.#facts = parts.facts;
    this.#clock = parts.clock;
    this.#frames = parts.frames;
    this.#prober = new Prober(parts, targets);
  }

  /** Why no port is called silent now; null: as usual. */
  get suspended(): string | null {
    return this.#prober.suspended;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#prober.run(signal), this.#askUntilAnswered(signal)]);
  }

  packetIn(event: Extract<SwitchEvent, { type: "packetIn" }>): void {
    const answer = this.#frames.answerIn(event.frame);
    if (!answer) return;
    if (this.#awaited.has(event.inPort)) this.#firstAnswer(answer, event);
    this.#prober.heard(answer, event);
    for (const other of this.#others) other.heard(answer, event);
  }

  /** An answer counts for the port it came in by: twins share an address, so the address alone names nobody. */
  #firstAnswer(answer: ProbeAnswer, event: Extract<SwitchEvent, { type: "packetIn" }>): void {
    if (answer.kind !== "arp") return;
    const port = this.#facts.unanswered().find((p) => p.switchPort === event.inPort && p.ip === answer.ip);
    if (port)
      this.#facts.portEvidence({
        about: { kind: "port", id: port.id },
        says: "answers",
        source: "arpProbe",
        seenAt: event.seenAt,
      });
  }

  async #askUntilAnswered(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#askAll();
      } catch (err) {
        this.#log.debug({ err }, "a probe could not be sent"); // The session ended under us; its end is told elsewhere.
      }
      await this.#clock.sleep(this.#awaited.size > 0 ? PROBE_INTERVAL_MS : LOOK_EVERY_MS, signal).catch(() => {});
    }
  }

  #askAll(): void {
    const session = this.#fabric.session;
    this.#awaited = new Set();
    if (!session?.abilities.packets) return;
    for (const port of this.#facts.unanswered()) {
      const [switchPort, ip] = [port.switchPort, probedIp(port)];
      if (switchPort === null || ip === null || !session.ports.has(switchPort)) continue;
      this.#awaited.add(switchPort);
      session.packetOut(switchPort, this.#frames.ask(ip));
    }
  }
}
