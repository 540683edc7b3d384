import type { NetId } from "../model/ids.ts";
import { copyTargets, type FabricNet, oneTag } from "./fabric.ts";

/**
 * Which nets stand in for the one that serves a traffic net, in order, when that one's port is lost. The switch carries it out
 * by itself (OpenFlow 1.3 fast failover), so it holds while nobody controls the switch.
 */
export interface StandIns {
  readonly isEmpty: boolean;
  /** Those of a traffic net while it is bound to `serving`. */
  of(net: NetId, serving: NetId): readonly NetId[];
  /** Traffic nets that this one may stand in for: at least those of which `of` names it. */
  whom(standIn: NetId): Iterable<NetId>;
}
export const NO_STAND_INS: StandIns = { isEmpty: true, of: () => [], whom: () => [] };

/** From the stand-ins of each traffic net, whatever it is bound to. */
export function standInsOf(lists: ReadonlyMap<NetId, readonly NetId[]>): StandIns {
  const whom = Map.groupBy(
    [...lists].flatMap(([net, list]) => list.map((standIn) => ({ net, standIn }))),
    (way) => way.standIn,
  );
  return {
    isEmpty: lists.size === 0,
    of: (net) => lists.get(net) ?? [],
    whom: (standIn) => (whom.get(standIn) ?? []).map((way) => way.net),
  };
}

/** A traffic net and the nets that can serve it, the serving one first: each with exactly one port, no two on the same one. */
export interface Armed {
  readonly net: FabricNet;
  readonly chain: readonly FabricNet[];
}

export interface Arming {
  /** As given; but a net whose serving net has no port left is bound to the first that stands in. */
  readonly nets: readonly FabricNet[];
  readonly armed: ReadonlyMap<string, Armed>;
  /** By the net that stands in: the armed traffic nets that lead to it when all before it in their chain are lost. */
  readonly waiting: ReadonlyMap<string, readonly Armed[]>;
  /** Traffic nets that the switch cannot protect by itself as asked, and why. A net may be protected by some and not by others. */
  readonly notArmed: ReadonlyMap<NetId, string>;
}

/** What of the asked protection can be laid into a switch. Pure and total: an unknown net is a reason, not an error. */
export function arm(nets: readonly FabricNet[], standIns: StandIns): Arming {
  const byId = new Map(nets.map((n) => [n.id, n]));
  const armed = new Map<string, Armed>();
  const notArmed = new Map<NetId, string>();
  const led = new Map<string, FabricNet>();
  const bridged = copyTargets(nets);
  for (const net of nets) {
    const netId = net.id as NetId;
    const serving = byId.get(net.bindNet ?? "");
    if (serving === undefined) continue; // Not bound, so nobody serves it whose loss could be noticed.
    const asked = standIns.of(netId, serving.id as NetId);
    if (asked.length === 0) continue;
    if (bridged.has(serving.id)) {
      notArmed.set(netId, `network ${serving.id} is one of two that a network is led into at once`);
      continue;
    }
    const { chain, reasons } = chainOf(net, serving, asked, byId, bridged);
    const first = chain[0];
    if (first === undefined || (serving.ports.length > 0 && first !== serving)) {
      notArmed.set(netId, reasons.join("; "));
      continue;
    }
    const effective = first === serving ? net : { ...net, bindNet: first.id };
    led.set(netId, effective);
    if (chain.length > 1) armed.set(netId, { net: effective, chain });
    if (reasons.length > 0) notArmed.set(netId, reasons.join("; "));
  }
  return { nets: nets.map((n) => led.get(n.id) ?? n), armed, waiting: waitingOf(armed.values()), notArmed };
}

function waitingOf(armed: Iterable<Armed>): Map<string, readonly Armed[]> {
  const ways = [...armed].flatMap((a) => a.chain.slice(1).map((member) => ({ root: member.id, armed: a })));
  return new Map([...Map.groupBy(ways, (w) => w.root)].map(([root, list]) => [root, list.map((w) => w.armed)]));
}

function chainOf(
  net: FabricNet,
  serving: FabricNet,
  asked: readonly NetId[],
  byId: ReadonlyMap<string, FabricNet>,
  bridged: ReadonlySet<string>,
) {
  const chain: FabricNet[] = [];
  const reasons: string[] = [];
  for (const id of new Set([serving.id, ...asked])) {
    const why = bridged.has(id)
      ? `network ${id} is one of two that a network is led into at once`
      : whyNot(net, id, byId.get(id), chain);
    if (why === null) chain.push(byId.get(id) as FabricNet);
    else reasons.push(why);
  }
  return { chain, reasons };
}

/** Why this net cannot have a place in the chain; null when it can. */
function whyNot(net: FabricNet, id: string, member: FabricNet | undefined, before: readonly FabricNet[]): string | null {
  if (member === undefined) return `network ${id} is not in the switch's fabric`;
  if (member.bindNet !== null) return `network ${id} is bound itself: binds do not chain`;
  const [port, ...more] = member.ports;
  if (port === undefined) return `network ${id} has no port in the switch now`;
  if (more.length > 0) return `network ${id} has ${member.ports.length} ports: only the loss of a single one can be noticed`;
  if (oneTag(net.bindVlan, port.vlan) === undefined) return `the way to network ${id} needs two VLAN tags`;
  if (net.ports.some((p) => p.switchPort === port.switchPort))
    return `network ${id} is on switch port ${port.switchPort}, where ${net.id} is too`;
  const same = before.find((n) => n.ports[0]?.switchPort === port.switchPort);
  return same === undefined ? null : `networks ${same.id} and ${id} are on the same switch port ${port.switchPort}`;
}
