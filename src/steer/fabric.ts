import type { Action } from "../model/flow.ts";
import type { Net, VimPort } from "../model/net.ts";
import { type Sender, sendersOf } from "./port-security.ts";

/**
 * The fabric of OpenVIM: the nets of one bind group (a net and all nets bound to it) and the ways from each port to every other,
 * across the boundary of a bind too. `fabricEntries` is OpenVIM's own rule, entry by entry, as its API lists it; what stands in
 * the switch follows from the same ways and is worked out in `leading.ts` (docs/decisions/0058-what-stands-in-the-switch.md).
 */
export interface FabricPort {
  readonly switchPort: string;
  readonly vlan: number | null;
  readonly mac: string | null;
  /** Who it may send as; null: as anybody. */
  readonly senders: readonly Sender[] | null;
}

export interface FabricNet {
  readonly id: string;
  readonly bindNet: string | null;
  /** The second net of a 1+1. */
  readonly copyNet: string | null;
  readonly bindVlan: number | null;
  readonly ports: readonly FabricPort[];
}

export interface FabricEntry {
  readonly netId: string;
  readonly priority: number;
  readonly inPort: string;
  readonly vlan: number | null;
  /** null: any destination. */
  readonly ethDst: string | null;
  /** Where the packet leaves, in order; `vlan` null means untagged there. */
  readonly out: readonly Outlet[];
}

export interface Outlet {
  readonly vlan: number | null;
  readonly port: string;
}

export const BROADCAST = "ff:ff:ff:ff:ff:ff";
/** Priorities of OpenVIM: inside a net, and across a bind. */
export const INSIDE = 1000;
export const ACROSS = 1100;
/** An entry for any destination stands this much below the ones for a known MAC. */
export const ANY_BELOW = 5;

/** The ports of a net that carry traffic: its link ports that are admin up and not fenced, and the outside port its provider names. */
export function fabricNet(net: Net, ports: readonly VimPort[]): FabricNet {
  const own = ports.filter((p) => p.netId === net.id && p.adminUp && !p.fenced && p.switchPort !== null);
  const outside = outsideOf(net);
  const fabricPorts = own.map(
    (p): FabricPort => ({ switchPort: p.switchPort as string, vlan: p.vlan, mac: p.mac, senders: sendersOf(net, p) }),
  );
  if (outside !== null) fabricPorts.push({ ...outside, mac: null, senders: null });
  return {
    id: net.id,
    bindNet: net.bindNet,
    copyNet: net.copyNet,
    bindVlan: net.bindVlan,
    ports: net.adminUp ? fabricPorts : [],
  };
}

export type Outside = Pick<FabricPort, "switchPort" | "vlan">;

/** The port of the switch that a net's provider names: `openflow:PORT`, or `openflow:PORT:vlan` for one that carries the net's VLAN. */
export function outsideOf(
  net: Pick<Net, "provider" | "vlan">,
): { readonly switchPort: string; readonly vlan: number | null } | null {
  const [, switchPort, tagged] = /^openflow:([^:]+)(:vlan)?$/.exec(net.provider ?? "") ?? [];
  return switchPort === undefined ? null : { switchPort, vlan: tagged === undefined ? null : net.vlan };
}

/** Bind groups: each net that is not bound itself, with all nets bound to it; those that a net is led into at once are one group. */
export function bindGroups(nets: readonly FabricNet[]): FabricNet[][] {
  const known = new Set(nets.map((n) => n.id));
  const roots = nets.filter((n) => n.bindNet === null || !known.has(n.bindNet));
  const bound = Map.groupBy(nets, (n) => n.bindNet);
  const groups = roots.map((root) => [root, ...(bound.get(root.id) ?? []).filter((n) => n !== root)]);
  return nets.some((n) => n.copyNet !== null) ? joined(groups) : groups;
}

/** Groups that a net leads into both of become one: what leaves the net by one match has to be said in one entry. */
function joined(groups: readonly FabricNet[][]): FabricNet[][] {
  const done: FabricNet[][] = [];
  for (const group of groups) {
    const isTied = (other: readonly FabricNet[]) => leadsInto(group, other) || leadsInto(other, group);
    const [tied, apart] = [done.filter(isTied), done.filter((other) => !isTied(other))];
    done.splice(0, done.length, ...apart, [...tied.flat(), ...group]);
  }
  return done;
}

const leadsInto = (from: readonly FabricNet[], to: readonly FabricNet[]) =>
  from.some((n) => n.copyNet !== null && to.some((t) => t.id === n.copyNet));

/** Nets that another one is led into beside a second one. */
export const copyTargets = (nets: readonly FabricNet[]): ReadonlySet<string> =>
  new Set(nets.flatMap((n) => (n.copyNet === null ? [] : [n.bindNet ?? n.copyNet, n.copyNet])));

const isLedInto = (from: FabricNet, to: FabricNet) => from.bindNet === to.id || from.copyNet === to.id;

interface Direction {
  readonly from: FabricNet;
  readonly to: FabricNet;
  readonly priority: number;
  readonly vlanIn: number | null;
  readonly vlanOut: number | null;
}

/** Which net leads into which, and the VLAN of the boundary: taken off on the way in, put on on the way out. */
function directions(group: readonly FabricNet[]): Direction[] {
  return group.flatMap((from) =>
    group.flatMap((to): Direction[] => {
      if (from === to) return [{ from, to, priority: INSIDE, vlanIn: null, vlanOut: null }];
      if (isLedInto(from, to)) return [{ from, to, priority: ACROSS, vlanIn: null, vlanOut: from.bindVlan }];
      if (isLedInto(to, from)) return [{ from, to, priority: ACROSS, vlanIn: to.bindVlan, vlanOut: null }];
      return [];
    }),
  );
}

/** A tag of the boundary and a tag of the port would need two tags (QinQ), which the fabric does not carry: undefined. */
export function oneTag(boundary: number | null, port: number | null): number | null | undefined {
  if (boundary !== null && port !== null) return undefined;
  return boundary ?? port;
}

/** From one port, for packets that come with the tag `vlanIn` (null: none), to another. */
export interface Way {
  readonly direction: Direction;
  readonly source: FabricPort;
  readonly vlanIn: number | null;
  readonly outlet: Outlet;
  readonly mac: string | null;
}

export function ways(group: readonly FabricNet[]): Way[] {
  return directions(group).flatMap((direction) =>
    direction.from.ports.flatMap((source) => {
      const vlanIn = oneTag(direction.vlanIn, source.vlan);
      if (vlanIn === undefined) return [];
      return direction.to.ports.flatMap((target): Way[] => {
        const vlan = oneTag(direction.vlanOut, target.vlan);
        if (vlan === undefined || (source.switchPort === target.switchPort && vlanIn === vlan)) return [];
        return [{ direction, source, vlanIn, outlet: { vlan, port: target.switchPort }, mac: target.mac }];
      });
    }),
  );
}

export const outletKey = (o: Outlet) => `${o.vlan ?? "-"}>${o.port}`;
/** Untagged first, so that the tag is set once and never taken off again. */
const byTag = (a: Outlet, b: Outlet) => (a.vlan ?? 0) - (b.vlan ?? 0) || (a.port < b.port ? -1 : a.port > b.port ? 1 : 0);

export function distinct(outlets: readonly Outlet[]): Outlet[] {
  const isBefore = (a: Outlet | undefined, b: Outlet) => a === undefined || byTag(a, b) < 0;
  if (outlets.every((o, i) => isBefore(outlets[i - 1], o))) return [...outlets];
  return outlets.toSorted(byTag).filter((o, i, all) => isBefore(all[i - 1], o));
}

const matchKey = (e: FabricEntry) => `${e.inPort}|${e.vlan}|${e.ethDst}|${e.priority}`;

export const portCountOf = (group: readonly FabricNet[]): number => group.reduce((n, net) => n + net.ports.length, 0);

/** All entries of one bind group, as OpenVIM lists them. */
export function fabricEntries(group: readonly FabricNet[]): FabricEntry[] {
  const all = ways(group);
  const portCount = portCountOf(group);
  const entries = all.map((way) => towards(way, portCount));
  if (portCount > 2) entries.push(...broadcasts(group, all));
  return merge(unify(entries));
}

/**
 * One match stands once in a switch: where the original writes several entries with the same match and different actions (ports
 * without a known MAC), so that the last one wins, ours is one entry that leads to all of them.
 */
function merge(entries: readonly FabricEntry[]): FabricEntry[] {
  const byMatch = Map.groupBy(entries, matchKey);
  return [...byMatch.values()].map((same) => ({ ...(same[0] as FabricEntry), out: distinct(same.flatMap((e) => e.out)) }));
}

function towards(way: Way, portCount: number): FabricEntry {
  const any = way.mac === null || portCount === 2;
  return {
    netId: way.direction.from.id,
    priority: way.direction.priority - (any ? ANY_BELOW : 0),
    inPort: way.source.switchPort,
    vlan: way.vlanIn,
    ethDst: any ? null : way.mac,
    out: [way.outlet],
  };
}

const sourceKey = (source: FabricPort, vlanIn: number | null) => `${source.switchPort}|${source.vlan}|${vlanIn}`;

/** Where a packet for everybody goes, per source port; with the priority of the first direction it can take, though nobody be there. */
function broadcasts(group: readonly FabricNet[], all: readonly Way[]): FabricEntry[] {
  const priorities = new Map<string, number>();
  for (const { from, vlanIn: boundary, priority } of directions(group)) {
    for (const source of from.ports) {
      const vlanIn = oneTag(boundary, source.vlan);
      const key = vlanIn === undefined ? null : sourceKey(source, vlanIn);
      if (key !== null && !priorities.has(key)) priorities.set(key, priority);
    }
  }
  const bySource = Map.groupBy(all, (w) => sourceKey(w.source, w.vlanIn));
  return [...bySource].map(([key, list]) => {
    const first = list[0] as Way;
    return {
      netId: first.direction.from.id,
      priority: priorities.get(key) as number,
      inPort: first.source.switchPort,
      vlan: first.vlanIn,
      ethDst: BROADCAST,
      out: distinct(list.map((w) => w.outlet)),
    };
  });
}

/** Entries of one port and tag that all do the same need no destination: one entry for any, as in a point-to-point net. */
function unify(entries: readonly FabricEntry[]): FabricEntry[] {
  const bySource = Map.groupBy(entries, (e) => `${e.vlan}|${e.inPort}`);
  return [...bySource.values()].flatMap((list) => {
    const first = list[0] as FabricEntry;
    const same = list.length > 1 && list.every((e) => sameOut(e.out, first.out));
    if (!same) return list;
    return [{ ...first, ethDst: null, priority: first.priority - (first.ethDst === null ? 0 : ANY_BELOW) }];
  });
}

export const sameOut = (a: readonly Outlet[], b: readonly Outlet[]) =>
  a.length === b.length && a.every(({ vlan, port }, i) => vlan === b[i]!.vlan && port === b[i]!.port);

/** One value for each: in a table of a hundred thousand entries most of them stand in many, and nobody changes one. */
const outputs = new Map<string, Action>();
const tags = new Map<number, Action>();
/** Of ports that were ever led to: those that are no more are forgotten with the others. */
const OUTPUTS_MAX = 10_000;
const STRIP: Action = { do: "stripVlan" };

function output(port: string): Action {
  const had = outputs.get(port);
  if (had !== undefined) return had;
  if (outputs.size === OUTPUTS_MAX) outputs.clear();
  const made: Action = { do: "output", port };
  outputs.set(port, made);
  return made;
}

function setVlan(vlan: number, push: boolean): Action {
  const key = push ? vlan : -vlan;
  const made = tags.get(key) ?? { do: "setVlan", vlan, push };
  tags.set(key, made);
  return made;
}

/** The actions that lead a packet with tag `vlanIn` (null: none) to the outlets, writing the tag only where it changes. */
export function actionsOf(vlanIn: number | null, out: readonly Outlet[]): Action[] {
  const actions: Action[] = [];
  let tag = vlanIn;
  for (const { vlan, port } of out) {
    if (vlan !== tag) actions.push(vlan === null ? STRIP : setVlan(vlan, tag === null));
    tag = vlan;
    actions.push(output(port));
  }
  return actions.slice(); // A list that was pushed to has room for 17; of a hundred thousand entries that is most of their memory.
}
