import fc from "fast-check";
import type { NetId } from "../../src/model/ids.ts";
import type { Net, VimPort } from "../../src/model/net.ts";
import { net, port } from "./table.ts";

/**
 * The rule of the fabric, said once more and otherwise than in `steer/`: not which entries there are, but where a frame that comes in has
 * to come out. Every frame that should arrive does, once, with the right tag, and none that should not.
 */
export interface World {
  readonly nets: readonly Net[];
  readonly ports: readonly VimPort[];
}

export interface Frame {
  readonly inPort: string;
  readonly vlan: number | null;
  readonly ethDst: string;
}

/** Where a cable or a guest is plugged in. */
interface Plug {
  readonly net: Net;
  readonly on: string;
  readonly vlan: number | null;
  readonly mac: string | null;
}

/** From a plug into a net, for frames with this tag. */
interface Door {
  readonly tagIn: number | null;
  readonly to: Net;
  readonly tagOut: number | null;
  readonly isAcross: boolean;
}

/** Both tags at once are none that a frame of the fabric can have: undefined. */
const together = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : undefined);

function plugsIn({ ports }: World, n: Net): Plug[] {
  const open = ports.filter((p) => p.netId === n.id && p.adminUp && !p.fenced && p.switchPort !== null);
  const [, outside, tagged] = /^openflow:([^:]+)(:vlan)?$/.exec(n.provider ?? "") ?? [];
  const plugs = open.map((p): Plug => ({ net: n, on: p.switchPort!, vlan: p.vlan, mac: p.mac }));
  if (outside) plugs.push({ net: n, on: outside, vlan: tagged ? n.vlan : null, mac: null });
  return n.adminUp ? plugs : [];
}

/** A place is one net's: who came first has it. A ptp net with more than two ends is not carried. */
function plugsOf(world: World): Plug[] {
  const carried = world.nets
    .filter((n) => n.kind === "data" || (n.kind === "ptp" && plugsIn(world, n).length <= 2))
    .flatMap((n) => plugsIn(world, n));
  return carried.filter((p) => carried.find((q) => q.on === p.on && q.vlan === p.vlan)?.net === p.net);
}

function doorsOf(p: Plug, nets: readonly Net[], plugs: readonly Plug[]): Door[] {
  const doors: Door[] = [{ tagIn: p.vlan, to: p.net, tagOut: null, isAcross: false }];
  for (const n of nets) {
    if (p.net.bindNet === n.id || p.net.copyNet === n.id)
      doors.push({ tagIn: p.vlan, to: n, tagOut: p.net.bindVlan, isAcross: true });
    const tagIn = together(n.bindVlan, p.vlan);
    const isTaken = n.bindVlan !== null && plugs.some((q) => q.on === p.on && q.vlan === tagIn && q.net !== p.net);
    if ((n.bindNet === p.net.id || n.copyNet === p.net.id) && tagIn !== undefined && !isTaken)
      doors.push({ tagIn, to: n, tagOut: null, isAcross: true });
  }
  return doors;
}

/** All nets that are tied by binds, however many. */
function tiedTo(of: Net, nets: readonly Net[]): Set<Net> {
  const tied = new Set([of]);
  const areTied = (a: Net, b: Net) => a.bindNet === b.id || a.copyNet === b.id;
  for (const n of tied) for (const m of nets) if (areTied(n, m) || areTied(m, n)) tied.add(m);
  return tied;
}

/** `port/tag` of each copy, sorted. */
export function shouldLeave(world: World, frame: Frame): string[] {
  const plugs = plugsOf(world);
  const here = plugs.filter((p) => p.on === frame.inPort);
  const isClaimed = here.some((p) => doorsOf(p, world.nets, plugs).some((d) => d.tagIn === frame.vlan));
  if (isClaimed) return leaves(world, plugs, frame, frame.vlan, null);
  const untagged = here.find((p) => p.vlan === null);
  return untagged && isTransparent(world, plugs, untagged.net) ? leaves(world, plugs, frame, null, frame.vlan) : [];
}

/** Where no port and no bind has a tag, tags are the business of those who send them. */
function isTransparent(world: World, plugs: readonly Plug[], of: Net): boolean {
  const tied = tiedTo(of, world.nets);
  const isTrunk = (on: string) => plugs.some((p) => p.on === on && p.vlan !== null);
  return [...tied].every((n) => n.bindVlan === null) && plugs.every((p) => !tied.has(p.net) || !isTrunk(p.on));
}

function leaves({ nets }: World, plugs: readonly Plug[], frame: Frame, tag: number | null, kept: number | null): string[] {
  const doors = plugs
    .filter((p) => p.on === frame.inPort)
    .flatMap((p) => doorsOf(p, nets, plugs).map((door) => ({ of: p.net, door })))
    .filter(({ door }) => door.tagIn === tag);
  const ways = doors.flatMap(({ door }) =>
    plugs.flatMap((q) => {
      const out = together(door.tagOut, q.vlan);
      const isBack = q.on === frame.inPort && out === tag;
      return q.net === door.to && out !== undefined && !isBack ? [{ ...q, out, isAcross: door.isAcross }] : [];
    }),
  );
  const places = (of: typeof ways) => [...new Set(of.map((w) => `${w.on}/${w.out ?? kept}`))].sort();
  const isAcross = ways.some((w) => w.isAcross);
  const all = places(ways);
  const known = ways.filter((w) => w.mac === frame.ethDst);
  const undeclared = places(ways.filter((w) => w.mac === null || isAcross));
  const isToAll = (Number.parseInt(frame.ethDst.slice(0, 2), 16) & 1) === 1;
  const family = tiedTo(doors[0]!.of, nets);
  const isPair = plugs.filter((p) => family.has(p.net)).length === 2;
  if (isPair || isToAll) return all;
  if (known.length > 0) return places(known);
  // Where whatever is known leads to one and the same place, so does the rest.
  const answers = ways.map((w) => places(ways.filter((v) => v.mac === w.mac)));
  const isOneWay = ways.every((w, i) => w.mac === null || `${answers[i]}` === `${all}`);
  return isOneWay && (undeclared.length === 0 || `${undeclared}` === `${all}`) ? all : undeclared;
}

export const STRANGER = "02:00:00:00:00:77";
export const [BROADCAST, MULTICAST] = ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:12"] as const;
const MACS = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:64"];
export const SWITCH_PORTS = ["p1", "p2", "p3", "p4", "p5", "p6"];
const TAGS = [null, null, null, 10, 20];
const UNCLAIMED_TAG = 77;

const portOf = (i: number) =>
  fc.record({
    net: fc.nat(3),
    on: fc.constantFrom(...SWITCH_PORTS),
    vlan: fc.constantFrom(...TAGS),
    mac: fc.constantFrom(null, ...MACS, ...MACS),
    isOpen: fc.constantFrom(true, true, true, true, true, false),
    isFenced: fc.constantFrom(false, false, false, false, false, true),
    i: fc.constant(i),
  });
const netOf = fc.record({
  bind: fc.option(fc.nat(3), { freq: 1 }),
  copy: fc.option(fc.nat(3), { freq: 4 }),
  bindVlan: fc.constantFrom(null, null, 10, 30),
  kind: fc.constantFrom<Net["kind"]>("data", "data", "data", "data", "ptp", "bridge_man"),
  provider: fc.constantFrom(null, null, null, "openflow:p6", "openflow:p5:vlan"),
  adminUp: fc.constantFrom(true, true, true, true, true, false),
});

/** Four nets with any binds that the VIM would allow, and up to nine link ports. */
export const worlds: fc.Arbitrary<World> = fc
  .tuple(fc.array(netOf, { minLength: 4, maxLength: 4 }), fc.integer({ min: 2, max: 9 }))
  .chain(([nets, n]) => fc.tuple(fc.constant(nets), fc.tuple(...Array.from({ length: n }, (_, i) => portOf(i)))))
  .map(([drawn, ports]) => {
    const isRoot = (i: number) => drawn[i]!.bind === null;
    const idOf = (i: number) => `n${i}` as NetId;
    const nets = drawn.map((d, i) => {
      const bindNet = d.bind !== null && d.bind !== i && isRoot(d.bind) ? idOf(d.bind) : null;
      const isSecond = d.copy !== null && d.copy !== i && isRoot(d.copy) && idOf(d.copy) !== bindNet;
      const { kind, adminUp, provider } = d;
      const more = { kind, adminUp, provider, vlan: 40 + i, bindVlan: d.bindVlan };
      return net(idOf(i), bindNet, { ...more, copyNet: bindNet !== null && isSecond ? idOf(d.copy!) : null });
    });
    const plugged = ports.map((p) =>
      port(idOf(p.net), p.on, p.mac, { id: `port${p.i}` as VimPort["id"], vlan: p.vlan, adminUp: p.isOpen, fenced: p.isFenced }),
    );
    return { nets, ports: plugged };
  });

/** From every switch port, with every tag that means something and one that means nothing, to everybody. */
export function framesInto({ nets, ports }: World): Frame[] {
  const tags = new Set([null, UNCLAIMED_TAG, ...ports.map((p) => p.vlan), ...nets.flatMap((n) => [n.bindVlan, n.vlan])]);
  const to = [...MACS, STRANGER, BROADCAST, MULTICAST];
  return SWITCH_PORTS.flatMap((inPort) => [...tags].flatMap((vlan) => to.map((ethDst) => ({ inPort, vlan, ethDst }))));
}
