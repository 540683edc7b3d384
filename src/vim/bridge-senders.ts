import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { HeldTap } from "../model/held-tap.ts";
import type { HostId, NetId, ServerId } from "../model/ids.ts";
import { closedTaps, type Held, heldTaps, whyNotHeld } from "./held-taps.ts";
import type { Picture } from "./picture.ts";

/** What is asked of a host; may be repeated. */
export interface SenderEdge {
  hold(taps: readonly HeldTap[]): Promise<void>;
}

/** How often it is looked whether somebody took the rules away, ms. */
export const SENDERS_EVERY_MS = 2_000;

/**
 * Has guests on Linux bridges of hosts held to what they may send: before they run, when it becomes something else, and again where the host has lost it. One that cannot
 * be held does not start.
 */
export class BridgeSenders {
  readonly loop: Loop;
  /** One for each host whose kernel is reached; filled by the composition root. */
  readonly edges = new Map<HostId, SenderEdge>();
  readonly #picture: Picture;
  readonly #log: Log;
  #problems = new Map<NetId, string>();

  constructor(picture: Picture, clock: Clock, log: Log) {
    this.#picture = picture;
    this.#log = log;
    this.loop = new Loop(
      clock,
      () => this.pass(),
      (err) => log.warn({ err }, "what guests may send could not be looked after; the next pass tries again"),
    );
  }

  /** Nets of which not every port is held that is to be, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#problems;
  }

  /** For a server that is about to start there. Throws MISSING_PART where it is to be held and the host cannot. */
  async hold(hostId: HostId, starting: ServerId): Promise<void> {
    const held = heldTaps(this.#picture, hostId).get(hostId) ?? [];
    const edge = this.edges.get(hostId);
    if (edge !== undefined) return edge.hold(this.#withClosed(held, hostId));
    const its = held.find(({ server }) => server.id === starting);
    if (its !== undefined)
      throw new Fault(
        "MISSING_PART",
        `port_security: ${whyNotHeld(this.#picture, its.server, its.net) ?? "its host holds nobody"}`,
      );
  }

  async pass(): Promise<void> {
    const problems = new Map<NetId, string>();
    const all = heldTaps(this.#picture);
    for (const [hostId, edge] of this.edges) {
      const held = all.get(hostId) ?? [];
      const why = await edge.hold(this.#withClosed(held, hostId)).then(() => null, wordsOf);
      for (const one of held) {
        const problem = why ?? whyNotHeld(this.#picture, one.server, one.net);
        if (problem !== null) problems.set(one.net.id, problemOf(one, problem));
      }
    }
    for (const [net, why] of problems)
      if (this.#problems.get(net) !== why) this.#log.warn({ net, why }, "a port is not held to what it may send");
    this.#problems = problems;
  }

  /** Of a server that comes back to a host before what it left there is gone, the tap is that one's still. */
  #withClosed(held: readonly Held[], hostId: HostId): HeldTap[] {
    const closed = closedTaps(this.#picture.leftovers.values(), hostId);
    const names = new Set(closed.map(({ tap }) => tap));
    return [...held.filter(({ tap }) => !names.has(tap)), ...closed];
  }
}

const wordsOf = (e: unknown): string => (e instanceof Fault ? e.detail : String(e));
const problemOf = ({ port }: Held, why: string): string => `port '${port.name}' is not held to what it may send: ${why}`;
