import { bfdWord } from "../detect/bfd.ts";
import type { BfdSeen } from "../hosts/bfd.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { BfdStatus, BfdTimers, BfdView, TunnelBfdView } from "../model/bfd.ts";
import type { ServerPort } from "../model/vim-picture.ts";
import type { Facts } from "./facts.ts";
import type { Picture } from "./picture.ts";

/** What is asked of the switch's database. */
export interface BfdSwitch {
  readonly connected: boolean;
  /** Of every interface. */
  bfd(): Iterable<readonly [string, BfdSeen]>;
  bfdOf(port: string): BfdSeen | null;
  setBfd(port: string, timers: BfdTimers | null): Promise<void>;
}

export interface BfdParts {
  readonly picture: Picture;
  readonly facts: Facts;
  readonly clock: Clock;
  /** Whether the switch itself is there: the database keeps the last word of one that is dead. */
  readonly isSwitchThere: () => boolean;
}

/** The tunnels between the switches of hosts, which run BFD without being asked. */
export interface TunnelBfd {
  /** Of those that lead to this port's switch; null: none does, for it is that of the cables, or none of ours. */
  viewOf(switchPort: string): TunnelBfdView | null;
}

/** A switch that starts anew connects some tenths of a second before its database forgets what the one before has said. */
const DATABASE_LAG_MS = 2_000;

/** Keeps BFD on the switch ports that are to run it, on no other, and passes on what it says of their links. */
export class BfdSessions {
  readonly #parts: BfdParts;
  #ovsdb: BfdSwitch | null = null;
  #tunnels: TunnelBfd | null = null;
  #switchUpMs = Number.NEGATIVE_INFINITY;
  /** Why a port does not run what it is to. */
  readonly #problems = new Map<string, string>();

  constructor(parts: BfdParts) {
    this.#parts = parts;
  }

  use(ovsdb: BfdSwitch): void {
    this.#ovsdb = ovsdb;
    for (const [port, { status }] of ovsdb.bfd()) this.heard(port, status, this.#parts.clock.now());
  }

  useTunnels(tunnels: TunnelBfd): void {
    this.#tunnels = tunnels;
  }

  switchConnected(): void {
    this.#switchUpMs = this.#parts.clock.now();
  }

  /** The switch says how a session is; only of those that are asked for it means anything here. */
  heard(switchPort: string, status: BfdStatus | null, seenAt: number): void {
    const { facts } = this.#parts;
    if (this.#wanted(switchPort) === null) return;
    const { says, why } = bfdWord(status);
    if (says !== null) facts.link("bfd", switchPort, says === "linkUp", seenAt, why ?? undefined);
  }

  /** Brings the switch to what the ports ask for. Rejects where it cannot be asked; the next pass tries again. */
  async reconcile(): Promise<void> {
    const ovsdb = this.#ovsdb;
    if (ovsdb === null || !ovsdb.connected) return;
    const wanted = new Map<string, BfdTimers>();
    for (const { switchPort, bfd } of this.#parts.picture.ports.by("bfd", true))
      if (switchPort !== null && bfd !== null) wanted.set(switchPort, bfd);
    this.#problems.clear();
    for (const [port, { timers }] of [...ovsdb.bfd()]) if (timers !== null && !wanted.has(port)) await this.#unset(ovsdb, port);
    for (const [port, timers] of wanted) {
      if (!isSame(timers, ovsdb.bfdOf(port)?.timers ?? null)) await this.#set(ovsdb, port, timers);
      this.heard(port, ovsdb.bfdOf(port)?.status ?? null, this.#parts.clock.now());
    }
  }

  /** Null: none is asked for. */
  viewOf({ switchPort, bfd }: ServerPort): BfdView | null {
    if (switchPort === null || bfd === null) return null;
    const status = this.#ovsdb?.bfdOf(switchPort)?.status ?? null;
    const { isProtecting, why } = bfdWord(status);
    const blind = this.#blindness(switchPort) ?? (isProtecting ? this.#doubt() : null);
    return { timers: bfd, status, isProtecting: isProtecting && blind === null, why: blind ?? why };
  }

  /** Whether the loss of the host that this port is on would be found in time; null: no tunnel leads there. */
  tunnelsTo({ switchPort }: ServerPort): TunnelBfdView | null {
    return switchPort === null ? null : (this.#tunnels?.viewOf(switchPort) ?? null);
  }

  #doubt(): string | null {
    const isFresh = this.#parts.clock.now() - this.#switchUpMs < DATABASE_LAG_MS;
    return isFresh ? "the switch has just connected: what its database says may be old" : null;
  }

  #blindness(switchPort: string): string | null {
    if (!this.#ovsdb?.connected) return "the switch's database is not connected";
    if (!this.#parts.isSwitchThere()) return "the switch is not connected: what its database says may be old";
    return this.#problems.get(switchPort) ?? null;
  }

  async #set(ovsdb: BfdSwitch, port: string, timers: BfdTimers): Promise<void> {
    try {
      await ovsdb.setBfd(port, timers);
    } catch (e) {
      if (!(e instanceof Fault) || e.code !== "OVSDB_REFUSED") throw e;
      this.#problems.set(port, e.message);
    }
  }

  async #unset(ovsdb: BfdSwitch, port: string): Promise<void> {
    await ovsdb.setBfd(port, null);
    this.#parts.facts.unwatched("bfd", port, this.#parts.clock.now());
  }

  #wanted(switchPort: string): BfdTimers | null {
    return this.#parts.picture.portsOn(switchPort).find((p) => p.bfd !== null)?.bfd ?? null;
  }
}

const isSame = (a: BfdTimers, b: BfdTimers | null): boolean =>
  b !== null && a.minTxMs === b.minTxMs && a.minRxMs === b.minRxMs && a.detectMult === b.detectMult;
