import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { DhcpServer } from "../model/dhcp.ts";
import type { NetId } from "../model/ids.ts";
import type { ServerPort } from "../model/vim-picture.ts";
import { deletePort, savePort } from "../store/vim-picture.ts";
import { type DhcpPlaces, dhcpPlan, hasDhcpPort, netOfKey } from "./dhcp-plan.ts";
import { DHCP_PORT, dhcpDevice, dhcpPortId, isDhcpPort } from "./dhcp-port.ts";
import type { Draft } from "./draft.ts";
import type { Picture } from "./picture.ts";
import { barePort, newMac } from "./ports.ts";

/** What is asked of DHCP servers; every verb may be repeated. */
export interface DhcpEdge {
  keys(): Promise<string[]>;
  isRunning(server: DhcpServer): Promise<boolean>;
  ensure(server: DhcpServer): Promise<void>;
  remove(key: string, device: string): Promise<void>;
}

export interface DhcpParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly log: Log;
  readonly draw: (draft: Draft) => void;
}

/** How often servers are looked after, ms: a guest that asks in vain asks again after three seconds. */
export const DHCP_EVERY_MS = 2_000;
/** The cable of one that runs is looked at this much more seldom. */
const CABLES_EVERY = 15;

/** Keeps the DHCP servers as the nets ask: those that ended start again, those of nets that are gone end. */
export class Dhcp {
  readonly loop: Loop;
  readonly #parts: DhcpParts;
  readonly #problems = new Map<NetId, string>();
  #edge: DhcpEdge | null = null;
  #places: DhcpPlaces | null = null;
  #passes = 0;

  constructor(parts: DhcpParts) {
    this.#parts = parts;
    this.loop = new Loop(
      parts.clock,
      () => this.pass(),
      (err) => parts.log.warn({ err }, "the DHCP servers could not be compared with the networks; the next pass tries again"),
    );
  }

  /** Nets whose DHCP server does not run, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#problems;
  }

  /** Without it no net has a server. */
  use(edge: DhcpEdge, places: DhcpPlaces): void {
    this.#edge = edge;
    this.#places = places;
  }

  async pass(): Promise<void> {
    const [edge, places] = [this.#edge, this.#places];
    if (edge === null || places === null) return;
    const { servers, problems } = dhcpPlan(this.#parts.picture, places);
    this.#forget(problems);
    for (const [id, why] of problems) this.#problem(id, why);
    const wanted = new Set(servers.map((s) => s.key));
    await this.#dropPorts();
    for (const key of await edge.keys()) if (!wanted.has(key)) await this.#remove(edge, key);
    const isThorough = this.#passes++ % CABLES_EVERY === 0;
    for (const server of servers) await this.#keep(edge, server, isThorough);
  }

  async #keep(edge: DhcpEdge, server: DhcpServer, isThorough: boolean): Promise<void> {
    try {
      const isWell = !isThorough && !this.#problems.has(server.netId) && (await edge.isRunning(server));
      if (!isWell) await edge.ensure(server);
      await this.#keepPort(server);
      this.#problems.delete(server.netId);
    } catch (err) {
      if (!(err instanceof Fault)) throw err;
      this.#problem(server.netId, `its DHCP server does not run: ${err.detail}`);
    }
  }

  /** Only now is it a member of the net: the switch has its port. */
  #keepPort({ netId, mac, ip, bridge }: DhcpServer): Promise<void> {
    const { picture, draw } = this.#parts;
    const id = dhcpPortId(netId);
    const had = picture.ports.get(id);
    if (bridge !== null || (had?.ip === ip && had.mac === mac)) return Promise.resolve();
    return picture.change(async () => {
      if (!hasDhcpPort(picture.nets.get(netId))) return; // Gone meanwhile: the next pass removes the server.
      const isTaken = picture.ports.by("mac", mac).some((p) => p.id !== id);
      const port: ServerPort = {
        ...barePort(DHCP_PORT),
        ...had,
        id,
        kind: "external",
        netId,
        ip,
        mac: isTaken ? newMac((m) => picture.ports.hasAny("mac", m)) : mac, // The next pass gives it to the server.
        switchPort: dhcpDevice(netId),
      };
      await savePort(picture.db, port);
      draw({ ports: [port] });
      if (isTaken) this.loop.wake();
    });
  }

  /** Of nets that have no server any more. */
  #dropPorts(): Promise<void> {
    const { picture, draw } = this.#parts;
    return picture.change(async () => {
      const left = [...picture.ports.values()].filter((p) => isDhcpPort(p) && !hasDhcpPort(picture.nets.get(p.netId!)));
      for (const port of left) await deletePort(picture.db, port.id);
      if (left.length > 0) draw({ gonePorts: left.map((p) => p.id) });
    });
  }

  async #remove(edge: DhcpEdge, key: string): Promise<void> {
    try {
      await edge.remove(key, dhcpDevice(netOfKey(key)));
    } catch (err) {
      this.#parts.log.warn({ err, key }, "a DHCP server of a net that is gone could not be removed; the next pass tries again");
    }
  }

  #forget(problems: ReadonlyMap<NetId, string>): void {
    const { nets } = this.#parts.picture;
    for (const id of this.#problems.keys()) if (!problems.has(id) && !nets.get(id)?.enableDhcp) this.#problems.delete(id);
  }

  /** Told once, and shown with the net. */
  #problem(id: NetId, why: string): void {
    if (this.#problems.get(id) !== why) this.#parts.log.warn({ net: id, why }, "a network is without its DHCP server");
    this.#problems.set(id, why);
  }
}
