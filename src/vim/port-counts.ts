import type { Clock } from "../lib/clock.ts";
import type { PortCount } from "../model/port-count.ts";
import { outsideOf } from "../steer/fabric.ts";
import type { CountedPort } from "../switch/flow-switch.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";

/** Who asks again sooner is told what was read before: however many ask, the switch is asked so often at most. */
const READ_EVERY_MS = 200;

type Counted = ReadonlyMap<string, CountedPort>;

export interface PortCountsParts {
  readonly picture: Picture;
  readonly fabric: Pick<Fabrics, "session">;
  readonly clock: Clock;
}

/** What the ports of the switch have carried, for whoever asks. One request covers all ports, and nobody who acts waits for it. */
export class PortCounts {
  readonly #parts: PortCountsParts;
  #reading: { readonly atMs: number; readonly counted: Promise<Counted> } | null = null;

  constructor(parts: PortCountsParts) {
    this.#parts = parts;
  }

  /** Of every port that is in the switch. Empty where no switch is connected that counts. Rejects as the session does. */
  async list(): Promise<readonly PortCount[]> {
    const { picture } = this.#parts;
    const counted = await this.#counted();
    const ofPorts = [...picture.ports.values()].flatMap((port) => {
      const of = port.switchPort === null ? undefined : counted.get(port.switchPort);
      if (of === undefined) return [];
      const { id: portId, name, serverId, netId } = port;
      const netName = netId === null ? null : (picture.nets.get(netId)?.name ?? null);
      return [{ portId, name, serverId, netId, netName, ...countOf(of) }];
    });
    // A cable that is a port of its net too is counted once.
    const ports = new Set([...picture.ports.values()].map((p) => `${p.netId} ${p.switchPort}`));
    const hasPortThere = (netId: string, name: string) => ports.has(`${netId} ${name}`);
    const ofNets = [...picture.nets.values()].flatMap((net) => {
      const name = outsideOf(net)?.switchPort;
      const of = name === undefined ? undefined : counted.get(name);
      if (name === undefined || of === undefined || hasPortThere(net.id, name)) return [];
      return [{ portId: net.id, name, serverId: null, netId: net.id, netName: net.name, ...countOf(of) }];
    });
    return [...ofPorts, ...ofNets];
  }

  #counted(): Promise<Counted> {
    const { fabric, clock } = this.#parts;
    const session = fabric.session;
    if (!session?.abilities.counters) return Promise.resolve(new Map());
    const now = clock.now();
    if (this.#reading === null || now - this.#reading.atMs >= READ_EVERY_MS)
      this.#reading = { atMs: now, counted: session.portCounters() };
    return this.#reading.counted;
  }
}

/** What the switch sends is what comes to who is plugged in. */
const countOf = (of: CountedPort) => ({
  bytesIn: numberOf(of.txBytes),
  bytesOut: numberOf(of.rxBytes),
  packetsIn: numberOf(of.txPackets),
  packetsOut: numberOf(of.rxPackets),
});

const numberOf = (n: bigint | null): number | null => (n === null ? null : Number(n));
