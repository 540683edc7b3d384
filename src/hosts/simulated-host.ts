import type { Clock } from "../lib/clock.ts";
import type { Evidence } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import type { DomainSpec } from "./domain-xml.ts";
import type { Host, HostEvent, HostServer, StartOptions } from "./host.ts";

/** A guest that is asked to shut down takes some time; here as long as a test wants to wait. */
const SHUTDOWN_MS = 50;

const SAYS = { running: "running", paused: "paused", shutoff: "stopped" } as const satisfies Partial<
  Record<HostServer["state"], Evidence["says"]>
>;
type State = keyof typeof SAYS;

/**
 * A compute host that exists only in this process, for the VIM's test mode: its servers are states and nothing runs. It answers as a host
 * whose libvirt is there, so everything above it is the code of every other mode.
 */
export class SimulatedHost
  implements
    Pick<Host, "ensureRunning" | "pause" | "resume" | "shutdown" | "destroy" | "ensureGone" | "domains" | "stateOf" | "copyDisk">
{
  readonly #clock: Clock;
  readonly #domains = new Map<ServerId, HostServer & { readonly state: State }>();
  readonly #listeners = new Set<(e: HostEvent) => void>();

  /** `known`: what ran on it when the daemon ended; a VIM's restart ends no server in any mode. */
  constructor(clock: Clock, known: readonly (HostServer & { readonly state: State })[]) {
    this.#clock = clock;
    for (const domain of known) this.#domains.set(domain.id, domain);
  }

  /** As `Host.on`: a new listener hears first that the host is up. */
  on(listener: (e: HostEvent) => void): () => void {
    const seenAt = this.#clock.now();
    listener({ type: "host", status: "up", seenAt, sinceMs: seenAt });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ensureRunning(
    { uuid, name }: Pick<DomainSpec, "uuid" | "name">,
    { paused = false, ready = Promise.resolve() }: StartOptions = {},
  ): Promise<State> {
    await ready;
    const id = uuid as ServerId;
    const state = paused ? "paused" : "running";
    if (this.#domains.get(id)?.state === state) return state;
    this.#domains.set(id, { id, name, state });
    this.#tell(id, state);
    return state;
  }

  async pause(id: ServerId): Promise<void> {
    if (this.#domains.get(id)?.state === "running") this.#become(id, "paused");
  }

  async resume(id: ServerId): Promise<void> {
    if (this.#domains.get(id)?.state === "paused") this.#become(id, "running");
  }

  async shutdown(id: ServerId): Promise<void> {
    await this.#clock.sleep(SHUTDOWN_MS);
    this.#become(id, "shutoff");
  }

  async destroy(id: ServerId): Promise<void> {
    this.#become(id, "shutoff");
  }

  async ensureGone(id: ServerId): Promise<void> {
    this.#domains.delete(id);
  }

  /** There is nothing in it: its images are believed and not made. */
  async copyDisk(): Promise<void> {}

  async domains(): Promise<HostServer[]> {
    return [...this.#domains.values()];
  }

  async stateOf(id: ServerId): Promise<State | null> {
    return this.#domains.get(id)?.state ?? null;
  }

  #become(id: ServerId, state: State): void {
    const domain = this.#domains.get(id);
    if (domain === undefined || domain.state === state) return;
    this.#domains.set(id, { ...domain, state });
    this.#tell(id, state);
  }

  #tell(id: ServerId, state: State): void {
    const evidence = { about: { kind: "server", id }, says: SAYS[state], source: "libvirt", seenAt: this.#clock.now() } as const;
    for (const listener of this.#listeners) listener({ type: "evidence", evidence });
  }
}
