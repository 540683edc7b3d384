import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { NetId } from "../model/ids.ts";
import type { NetCable } from "../model/net-cable.ts";
import type { ServerPort, VimNet, VimPicture } from "../model/vim-picture.ts";
import { deletePort, savePort } from "../store/vim-picture.ts";
import type { Draft } from "./draft.ts";
import { type NetPlaces, netOfKey } from "./net-places.ts";
import type { OwnPort } from "./own-ports.ts";
import type { Picture } from "./picture.ts";
import { barePort, newMac } from "./ports.ts";

/** What nets have of the VIM's own for this purpose. */
export interface ApplianceKind<T extends NetCable> {
  /** For people. */
  readonly what: string;
  readonly port: OwnPort;
  /** Whether the net asks for one; cheap. */
  isAsked(net: VimNet): boolean;
  /** Those of a net that asks. Throws a fault: why it can have none. */
  of(picture: VimPicture, net: VimNet, places: NetPlaces): T[];
  /** The addresses that its port in the switch sends with; null: nobody knows. */
  portOf(appliance: T): Pick<ServerPort, "ip" | "mac">;
}

/** What is asked of the machine that they are on; every verb may be repeated. */
export interface ApplianceEdge<T extends NetCable> {
  keys(): Promise<string[]>;
  isRunning(appliance: T): Promise<boolean>;
  ensure(appliance: T): Promise<void>;
  remove(key: string, device: string): Promise<void>;
}

export interface ApplianceParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly log: Log;
  readonly draw: (draft: Draft) => void;
}

/** How often they are looked after, ms: a guest that asks a DHCP server in vain asks again after three seconds. */
export const APPLIANCES_EVERY_MS = 2_000;
/** The cable of one that runs is looked at this much more seldom. */
const CABLES_EVERY = 15;

/** Keeps what nets have of the VIM's own (DHCP servers, routers) as the nets ask: what ended starts again, what is of nets that are gone ends. */
export class Appliances<T extends NetCable> {
  readonly loop: Loop;
  readonly #parts: ApplianceParts;
  readonly #kind: ApplianceKind<T>;
  readonly #problems = new Map<NetId, string>();
  #edge: ApplianceEdge<T> | null = null;
  #places: NetPlaces | null = null;
  #passes = 0;

  constructor(parts: ApplianceParts, kind: ApplianceKind<T>) {
    this.#parts = parts;
    this.#kind = kind;
    this.loop = new Loop(
      parts.clock,
      () => this.pass(),
      (err) => parts.log.warn({ err }, `the ${kind.what}s could not be compared with the networks; the next pass tries again`),
    );
  }

  /** Nets that ask for one and have none that runs, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#problems;
  }

  /** Without it no net has one. */
  use(edge: ApplianceEdge<T>, places: NetPlaces): void {
    this.#edge = edge;
    this.#places = places;
  }

  async pass(): Promise<void> {
    const [edge, places] = [this.#edge, this.#places];
    if (edge === null || places === null) return;
    const { appliances, problems } = this.#plan(places);
    this.#forget(problems);
    for (const [id, why] of problems) this.#problem(id, why);
    const wanted = new Set(appliances.map((a) => a.key));
    await this.#dropPorts(places);
    for (const key of await edge.keys()) if (!wanted.has(key)) await this.#remove(edge, key);
    const isThorough = this.#passes++ % CABLES_EVERY === 0;
    for (const appliance of appliances) await this.#keep(edge, appliance, { places, isThorough });
  }

  #plan(places: NetPlaces): { readonly appliances: readonly T[]; readonly problems: ReadonlyMap<NetId, string> } {
    const problems = new Map<NetId, string>();
    const appliances = [...this.#parts.picture.nets.values()].flatMap((net) => {
      try {
        return this.#of(net, places);
      } catch (e) {
        if (!(e instanceof Fault)) throw e;
        problems.set(net.id, e.detail);
        return [];
      }
    });
    return { appliances, problems };
  }

  #of(net: VimNet, places: NetPlaces): T[] {
    return this.#kind.isAsked(net) ? this.#kind.of(this.#parts.picture, net, places) : [];
  }

  /** Whether its port is to stand in the picture: it is a member of the net in the switch. */
  #hasPort(net: VimNet | undefined, places: NetPlaces): boolean {
    try {
      return net !== undefined && this.#of(net, places).some((a) => a.bridge === null);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      return false;
    }
  }

  async #keep(edge: ApplianceEdge<T>, appliance: T, how: { readonly places: NetPlaces; readonly isThorough: boolean }) {
    try {
      const isWell = !how.isThorough && !this.#problems.has(appliance.netId) && (await edge.isRunning(appliance));
      if (!isWell) await edge.ensure(appliance);
      await this.#keepPort(appliance, how.places);
      this.#problems.delete(appliance.netId);
    } catch (err) {
      if (!(err instanceof Fault)) throw err;
      this.#problem(appliance.netId, `its ${this.#kind.what} does not run: ${err.detail}`);
    }
  }

  /** Only now is it a member of the net: the switch has its port. */
  #keepPort(appliance: T, places: NetPlaces): Promise<void> {
    const { picture, draw } = this.#parts;
    const { netId, bridge } = appliance;
    const { ip, mac } = this.#kind.portOf(appliance);
    const own = this.#kind.port;
    const id = own.id(netId);
    const had = picture.ports.get(id);
    if (bridge !== null || (had !== undefined && had.ip === ip && had.mac === mac)) return Promise.resolve();
    return picture.change(async () => {
      if (!this.#hasPort(picture.nets.get(netId), places)) return; // Gone meanwhile: the next pass removes it.
      const isTaken = mac !== null && picture.ports.by("mac", mac).some((p) => p.id !== id);
      const port: ServerPort = {
        ...barePort(own.name),
        ...had,
        id,
        kind: "external",
        netId,
        ip,
        mac: isTaken ? newMac((m) => picture.ports.hasAny("mac", m)) : mac, // The next pass gives it to the appliance.
        switchPort: own.device(netId),
      };
      await savePort(picture.db, port);
      draw({ ports: [port] });
      if (isTaken) this.loop.wake();
    });
  }

  /** Of nets that have none any more. */
  #dropPorts(places: NetPlaces): Promise<void> {
    const { picture, draw } = this.#parts;
    return picture.change(async () => {
      const own = [...picture.ports.values()].filter((p) => this.#kind.port.is(p));
      const left = own.filter((p) => !this.#hasPort(picture.nets.get(p.netId!), places));
      for (const port of left) await deletePort(picture.db, port.id);
      if (left.length > 0) draw({ gonePorts: left.map((p) => p.id) });
    });
  }

  async #remove(edge: ApplianceEdge<T>, key: string): Promise<void> {
    try {
      await edge.remove(key, this.#kind.port.device(netOfKey(key)));
    } catch (err) {
      this.#parts.log.warn(
        { err, key },
        `a ${this.#kind.what} that no network asks for could not be removed; the next pass tries again`,
      );
    }
  }

  #forget(problems: ReadonlyMap<NetId, string>): void {
    const { nets } = this.#parts.picture;
    for (const id of this.#problems.keys()) {
      const net = nets.get(id);
      if (!problems.has(id) && (net === undefined || !this.#kind.isAsked(net))) this.#problems.delete(id);
    }
  }

  /** Told once, and shown with the net. */
  #problem(id: NetId, why: string): void {
    if (this.#problems.get(id) !== why) this.#parts.log.warn({ net: id, why }, `a network is without its ${this.#kind.what}`);
    this.#problems.set(id, why);
  }
}
