import type { FakeHost } from "./fake-host.ts";
import type { FakeSwitch } from "./fake-switch.ts";
import { traced } from "./trace.ts";

/** The service address that viewers send to; no port declares it (docs: the twins' marker port tells them apart). */
export const SERVICE_MAC = "02:00:5e:00:01:64";
const PACKETS_PER_MS = 0.2;

/**
 * What viewers send and members answer, as the counters of the ports have it. Nothing is sent packet by packet: when somebody reads the counters, what
 * would have passed since the last reading is added, on the way of that moment.
 */
export class ServiceTraffic {
  readonly #fabric: FakeSwitch;
  readonly #host: FakeHost;
  readonly #viewers: ReadonlyMap<string, string>;
  #readAtMs: number;

  /** `viewers`: switch port → MAC. */
  constructor(fabric: FakeSwitch, host: FakeHost, viewers: ReadonlyMap<string, string>) {
    this.#fabric = fabric;
    this.#host = host;
    this.#viewers = viewers;
    this.#readAtMs = fabric.sim.now();
  }

  flow(): void {
    const now = this.#fabric.sim.now();
    const packets = Math.floor((now - this.#readAtMs) * PACKETS_PER_MS);
    if (packets === 0) return;
    this.#readAtMs = now;
    for (const [viewer, mac] of this.#viewers) this.#answered(viewer, mac, packets);
  }

  #answered(viewer: string, mac: string, packets: number): void {
    const { table, isLive } = this.#fabric;
    if (!isLive(viewer)) return;
    this.#fabric.count(viewer, "rx", packets);
    for (const { port } of traced(table, { inPort: viewer, vlan: null, ethDst: SERVICE_MAC }, isLive)) {
      if (!isLive(port)) continue;
      this.#fabric.count(port, "tx", packets);
      const guest = this.#host.guestOf(port);
      if (guest === undefined || !this.#host.isServing(guest)) continue;
      this.#fabric.count(port, "rx", packets);
      for (const back of traced(table, { inPort: port, vlan: null, ethDst: mac }, isLive))
        this.#fabric.count(back.port, "tx", packets);
    }
  }
}
