import type { PortReading } from "../detect/traffic.ts";
import type { Clock } from "../lib/clock.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";

/** Readings of all ports of a switch, by name, taken at one moment as far as we can tell. */
export interface Readings {
  /** How long the switch took to answer, ms: they are of some moment within. */
  readonly tookMs: number;
  readonly of: ReadonlyMap<string, PortReading>;
}

/** One request for all ports; `ports`: only these are looked at. A port whose packets the switch does not count is left out. Rejects as the session does. */
export async function readPorts(session: FlowSwitch, clock: Clock, ports?: ReadonlySet<string>): Promise<Readings> {
  const askedAt = clock.now();
  const counted = await session.portCounters(ports);
  const atMs = clock.now();
  const of = new Map<string, PortReading>();
  for (const [port, { txPackets, txDropped, rxPackets, own }] of counted) {
    if (txPackets === null || rxPackets === null) continue;
    // What a guest that stands still does not take off its queue any more is dropped: it was sent to it nonetheless.
    const tx = Number(txPackets + (txDropped ?? 0n));
    of.set(port, { atMs, tx, rx: Number(rxPackets), sent: own.sent, heard: own.heard });
  }
  return { tookMs: atMs - askedAt, of };
}
