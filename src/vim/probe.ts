import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { Fabric } from "./fabric.ts";
import type { Facts } from "./facts.ts";

/** How often a port that has not answered yet is asked. A guest boots for seconds; a tenth of one is soon enough to know. */
const PROBE_INTERVAL_MS = 100;

/** The frames of a probe, made elsewhere (src/wire/): the question, and who answers in a frame that came in. */
export interface ProbeFrames {
  ask(ip: string): Uint8Array;
  answerIn(frame: Uint8Array): { readonly ip: string } | null;
}

/** Asks every port in BUILD for its address, out of its own switch port, until it answers. */
export class Probe {
  readonly #fabric: Fabric;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #frames: ProbeFrames;
  readonly #log: Log;

  constructor(fabric: Fabric, facts: Facts, clock: Clock, frames: ProbeFrames, log: Log) {
    this.#log = log;
    this.#fabric = fabric;
    this.#facts = facts;
    this.#clock = clock;
    this.#frames = frames;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#askAll();
      } catch (err) {
        this.#log.debug({ err }, "a probe could not be sent"); // The session ended under us; its end is told elsewhere.
      }
      await this.#clock.sleep(PROBE_INTERVAL_MS, signal).catch(() => {});
    }
  }

  /** An answer counts for the port it came in by: twins share an address, so the address alone names nobody. */
  packetIn(event: Extract<SwitchEvent, { type: "packetIn" }>): void {
    const answer = this.#frames.answerIn(event.frame);
    if (!answer) return;
    const port = this.#facts.unanswered().find((p) => p.switchPort === event.inPort && p.ip === answer.ip);
    if (port)
      this.#facts.portEvidence({
        about: { kind: "port", id: port.id },
        says: "answers",
        source: "arpProbe",
        seenAt: event.seenAt,
      });
  }

  #askAll(): void {
    const session = this.#fabric.session;
    if (!session) return;
    for (const { switchPort, ip } of this.#facts.unanswered()) {
      if (switchPort !== null && ip !== null && session.ports.has(switchPort))
        session.packetOut(switchPort, this.#frames.ask(ip));
    }
  }
}
