import { type PathReading, type PathVerdict, pathVerdict, QUIET_MS } from "../detect/path.ts";
import type { NetId, VimPortId } from "../model/ids.ts";
import { probedIp } from "../model/net.ts";
import type { VimNet } from "../model/vim-picture.ts";
import { outsideOf } from "../steer/fabric.ts";
import type { Picture } from "./picture.ts";
import type { Readings } from "./port-readings.ts";

/** A port of the net that a bind leads to. `portId` null: an outside port that the net's provider names. */
export interface MemberPort {
  readonly portId: VimPortId | null;
  readonly switchPort: string;
  /** Whom to ask by ARP; null: nobody. */
  readonly ip: string | null;
}

/** The switch ports at both ends of a path. */
export interface PathEnds {
  readonly users: readonly string[];
  readonly members: readonly MemberPort[];
}

/** Null where nothing can pass yet: an end has no port, or what is behind one is not up. */
export function endsOf(picture: Picture, net: VimNet): PathEnds | null {
  const to = net.bindNet === null ? undefined : picture.nets.get(net.bindNet);
  if (!to) return null;
  const users = portsOf(picture, net.id).flatMap((p) => p.switchPort ?? []);
  const members = portsOf(picture, to.id).filter((p) => !p.fenced && p.status === "ACTIVE");
  const outside = outsideOf(to)?.switchPort ?? null;
  const usersOutside = outsideOf(net)?.switchPort ?? null;
  const ends: PathEnds = {
    users: usersOutside === null ? users : [...users, usersOutside],
    members: [
      ...members.map((p) => ({ portId: p.id, switchPort: p.switchPort as string, ip: probedIp(p) })),
      ...(outside === null ? [] : [{ portId: null, switchPort: outside, ip: null }]),
    ],
  };
  return ends.users.length > 0 && ends.members.length > 0 ? ends : null;
}

/** Where `endsOf` is null: what nothing can pass for, in words of an operator; null: something can. */
export function missingOf(picture: Picture, net: VimNet): string | null {
  const to = net.bindNet === null ? undefined : picture.nets.get(net.bindNet);
  if (!to || endsOf(picture, net) !== null) return null;
  const hasUsers = outsideOf(net) !== null || portsOf(picture, net.id).length > 0;
  return hasUsers ? `no port of ${to.name} is up and open in the switch` : `no user of ${net.name} has a port in the switch`;
}

/** The same ports in the same order, asked by the same addresses. */
export const areSame = (a: PathEnds, b: PathEnds): boolean =>
  a.users.length === b.users.length &&
  a.members.length === b.members.length &&
  a.users.every((port, i) => port === b.users[i]) &&
  a.members.every((m, i) => {
    const { portId, switchPort, ip } = b.members[i]!;
    return m.portId === portId && m.switchPort === switchPort && m.ip === ip;
  });

const portsOf = (picture: Picture, id: NetId) => picture.portsIn(id).filter((p) => p.switchPort !== null);

/** One look at a path, from a first reading on. */
export class PathCourse {
  readonly ends: PathEnds;
  readonly begunAtMs: number;
  #readings: readonly [PathReading, ...PathReading[]];
  readonly #first: PathReading;
  #requests = 0;
  #isAnswered = false;
  askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(ends: PathEnds, seen: Readings, atMs: number) {
    this.ends = ends;
    this.begunAtMs = atMs;
    this.#first = readingOf(ends, seen, atMs);
    this.#readings = [this.#first];
  }

  asked(atMs: number): void {
    this.#requests++;
    this.askedAtMs = atMs;
  }

  /** Something came from a member that answers a request. */
  heard(switchPort: string, ip: string): void {
    if (this.#requests > 0 && this.ends.members.some((m) => m.switchPort === switchPort && m.ip === ip)) this.#isAnswered = true;
  }

  /** False where the counters began anew, and so must the look. */
  read(seen: Readings, atMs: number): boolean {
    const next = readingOf(this.ends, seen, atMs);
    const last = this.#readings.at(-1)!;
    if (next.entered < last.entered || next.reached < last.reached || next.returned < last.returned) return false;
    const base = this.#readings.findLastIndex((r) => atMs - r.atMs >= QUIET_MS);
    this.#readings = [...this.#readings.slice(Math.max(0, base)), next] as unknown as [PathReading, ...PathReading[]];
    return true;
  }

  get verdict(): PathVerdict | null {
    const isAsked = this.ends.members.some((m) => m.ip !== null);
    const asking = isAsked ? { requests: this.#requests, isAnswered: this.#isAnswered } : null;
    return pathVerdict({ first: this.#first, recent: this.#readings[0], last: this.#readings.at(-1)!, asking });
  }
}

/** Both ends, our own packets taken off. A port that is not counted adds nothing. */
function readingOf({ users, members }: PathEnds, { of }: Readings, atMs: number): PathReading {
  const sum = (ports: readonly string[], way: "tx" | "rx") =>
    ports.reduce((n, port) => {
      const r = of.get(port);
      return r === undefined ? n : n + (way === "tx" ? r.tx - r.sent : r.rx - r.heard);
    }, 0);
  const behind = members.map((m) => m.switchPort);
  return { atMs, entered: sum(users, "rx"), reached: sum(behind, "tx"), left: sum(behind, "rx"), returned: sum(users, "tx") };
}
