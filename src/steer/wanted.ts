import { type Action, type FlowEntry, type FlowTable, type GroupEntry, type Match, NO_OWNER, PROBE_MAC } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import { hasOwnBridges, type Net, type VimPort } from "../model/net.ts";
import type { Abilities } from "../model/switch.ts";
import { type Attachments, attachmentsOf, placed, placeKey } from "./attachments.ts";
import { actionsOf, bindGroups, type FabricNet, type FabricPort, fabricNet } from "./fabric.ts";
import { GroupIds, hash32 } from "./group-ids.ts";
import { grouped, permanentBridge, turnsBack, type Waiting } from "./groups.ts";
import { ANYBODY, type LeadingEntry, leadingEntries, takenTags, twoTagged } from "./leading.ts";
import { type Arming, arm, NO_STAND_INS, type StandIns } from "./stand-ins.ts";

/** What is wanted of one bind group, or of several that a net is led into at once. */
export interface WantedPart {
  readonly nets: readonly NetId[];
  readonly table: FlowTable;
}

export interface Wanted {
  readonly table: FlowTable;
  /** The same, apart; what is nobody's stands in none of them. */
  readonly parts: readonly WantedPart[];
  /** Nets that cannot be carried, with the reason in the words of the original's `last_error`. */
  readonly problems: ReadonlyMap<NetId, string>;
  /** Traffic nets that the switch does not protect by itself as asked, or not by all that were asked, and why. */
  readonly notArmed: ReadonlyMap<NetId, string>;
}

/** Above every entry of a net: an answer to our own probe is never led anywhere else. */
const PROBE_PRIORITY = 60_000;

/**
 * Everything that should stand in the switch, from the state alone. Where there can be no groups there are no stand-ins. `ids`: numbers
 * that groups have already. `attachments`: of all nets, where these are only some.
 */
export function wantedTable(
  nets: readonly Net[],
  ports: readonly VimPort[],
  abilities: Abilities,
  standIns: StandIns = NO_STAND_INS,
  ids: GroupIds = new GroupIds(),
  attachments: Attachments | null = null,
): Wanted {
  const portsOf = Map.groupBy(ports, (p) => p.netId);
  const fabric = nets
    .filter((n) => n.kind === "data" || n.kind === "ptp" || hasOwnBridges(n)) // Of the last, ports that are on no switch are led nowhere.
    .map((n) => ({ net: n, fabric: fabricNet(n, portsOf.get(n.id) ?? []) }));
  const problems = new Map<NetId, string>();
  for (const { net, fabric: f } of fabric) {
    if (net.kind === "ptp" && f.ports.length > 2)
      problems.set(net.id, `'ptp' type network cannot connect ${f.ports.length} interfaces, only 2`);
  }
  const whole = fabric.filter(({ net }) => !problems.has(net.id)).map((f) => f.fabric);
  const known = attachments ?? attachmentsOf(whole);
  const carried = whole.map((net) => {
    const { net: kept, lost } = placed(net, known);
    const { net: secured, open } = withoutUnheld(kept, abilities);
    const problem = lost ?? open;
    if (problem !== null) problems.set(net.id as NetId, problem);
    return secured;
  });
  const { noGroups } = abilities;
  const arming = noGroups === null ? arm(carried, standIns) : withoutGroups(carried, standIns, noGroups);
  const leading: Leading = (nets) => leadingEntries(nets, known, abilities);
  const parts = bindGroups(arming.nets)
    .map(inOrder)
    .map((group) => {
      for (const [id, why] of [...twoTagged(group), ...takenTags(group, known)]) problems.set(id as NetId, why);
      const table = noGroups === null ? withGroups(group, arming, ids, leading) : plain(leading(group));
      return { nets: group.map((n) => n.id as NetId), table };
    });
  return {
    table: {
      entries: [...housekeeping(abilities), ...parts.flatMap((p) => p.table.entries)],
      groups: parts.flatMap((p) => p.table.groups),
    },
    parts,
    problems,
    notArmed: arming.notArmed,
  };
}

/**
 * Where two ways want one group the first has it, so which one is first must not follow from who asks: from all nets, or from some. The
 * root stays the first.
 */
function inOrder(group: readonly FabricNet[]): readonly FabricNet[] {
  const [root, ...bound] = group as readonly [FabricNet, ...FabricNet[]];
  const place = (p: FabricPort) => placeKey(p.switchPort, p.vlan);
  const isLedTwice = group.some((n) => n.copyNet !== null); // Then there are several roots.
  const nets = isLedTwice
    ? group.toSorted((a, b) => byText(a.id, b.id))
    : [root, ...bound.toSorted((a, b) => byText(a.id, b.id))];
  return nets.map((n) => (n.ports.length < 2 ? n : { ...n, ports: n.ports.toSorted((p, q) => byText(place(p), place(q))) }));
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A net without the ports that cannot be held to what they may send; `open`: the first, and why. */
function withoutUnheld(net: FabricNet, { senders, ipv6 }: Abilities): { readonly net: FabricNet; readonly open: string | null } {
  const why = (p: FabricPort): string | null => {
    if (p.senders === null) return null;
    if (p.senders.length === 0) return "has no MAC address to be held to";
    if (!senders) return "is in a switch that cannot be asked who sent a packet";
    return ipv6 || !p.senders.some(({ ip }) => ip?.includes(":"))
      ? null
      : "is in a switch that cannot be asked who sent an IPv6 packet";
  };
  const first = net.ports.find((p) => why(p) !== null);
  if (first === undefined) return { net, open: null };
  const open = `port security is asked of switch port ${first.switchPort}, which ${why(first)}: it is led nowhere`;
  return { net: { ...net, ports: net.ports.filter((p) => why(p) === null) }, open };
}

const withoutGroups = (nets: readonly FabricNet[], standIns: StandIns, why: string): Arming => ({
  nets,
  armed: new Map(),
  waiting: new Map(),
  notArmed: unarmed(nets, standIns, why),
});

/** Those of the nets that have stand-ins now, with the reason why the switch does not know of them. */
export function unarmed(
  nets: readonly Pick<FabricNet, "id" | "bindNet">[],
  standIns: StandIns,
  why: string,
): ReadonlyMap<NetId, string> {
  const asks = nets.filter((n) => n.bindNet !== null && standIns.of(n.id as NetId, n.bindNet as NetId).length > 0);
  return new Map(asks.map((n) => [n.id as NetId, why]));
}

/**
 * Answers to our probes are handed to us. A packet without an entry is dropped: in OpenFlow 1.0, and under another's controller, that
 * takes an entry. There it stands above the controller's own for such packets, which has priority 0.
 */
function housekeeping({ packets, dropsMisses }: Abilities): FlowEntry[] {
  const probe: FlowEntry = {
    ...entryOf(PROBE_PRIORITY, "probe"),
    match: { ethDst: PROBE_MAC },
    actions: [{ do: "toController" }],
  };
  const miss = entryOf(packets ? 0 : 1, "miss");
  return [...(packets ? [probe] : []), ...(dropsMisses ? [] : [miss])];
}

/** Above every entry of a net, below the probes' answers. */
export const ARRIVAL_PRIORITY = 50_000;

/** What comes by a tunnel from another bridge has its way already: it leaves by the port that the tunnel says. */
export const arrival = (tunnel: string): FlowEntry => ({
  ...entryOf(ARRIVAL_PRIORITY, "tunnel"),
  match: { inPort: tunnel },
  actions: [{ do: "outputByTunnelKey" }],
});

export function entryOf(priority: number, owner: string): FlowEntry {
  return { table: 0, priority, cookie: cookieOf(owner), match: {}, actions: [] };
}

let last = { owner: "", cookie: NO_OWNER };
/** Entries of one net come one after the other, and have one value between them. */
function cookieOf(owner: string): bigint {
  if (owner !== last.owner) last = { owner, cookie: NO_OWNER | BigInt(hash32(owner)) };
  return last.cookie;
}

function flowEntry(e: LeadingEntry, actions: readonly Action[]): FlowEntry {
  const match = e.from === ANYBODY ? placeOf(e) : { ...placeOf(e), ...e.from };
  return { table: 0, priority: e.priority, cookie: cookieOf(e.netId), match, actions };
}

function placeOf({ inPort, vlan, takesTags, ethDst }: LeadingEntry): Match {
  if (vlan === null && takesTags) return ethDst === null ? { inPort } : { inPort, ethDst };
  const tag = vlan ?? "none";
  return ethDst === null ? { inPort, vlan: tag } : { inPort, vlan: tag, ethDst };
}

/** The entries of these nets, on this switch. */
type Leading = (nets: readonly FabricNet[]) => LeadingEntry[];

const plain = (entries: readonly LeadingEntry[]): FlowTable => ({
  entries: entries.map((e) => flowEntry(e, actionsOf(e.vlan, e.out))),
  groups: [],
});

/** OpenFlow 1.3: in groups (`groups.ts`), and with the ways that wait for the loss of a port. */
function withGroups(
  group: readonly FabricNet[],
  { armed, waiting: standing }: Arming,
  ids: GroupIds,
  leading: Leading,
): FlowTable {
  if (group.some((n) => n.copyNet !== null)) return withCopies(group, leading(group), ids);
  const root = group[0] as FabricNet;
  const waiting = (standing.get(root.id) ?? [])
    .toSorted((a, b) => byText(a.net.id, b.net.id))
    .map((a): Waiting => ({ armed: a, root }));
  if (group.length === 1 && waiting.length === 0) return plain(leading(group));
  const { entries, groups } = grouped(group, entriesOf(group, waiting, leading), armed, waiting, ids);
  return { entries: entries.map((led) => flowEntry(led.entry, led.actions)), groups };
}

/** A net that is led into two has one group of type `all`: a bucket for each way out. Everything else is as without groups. */
function withCopies(group: readonly FabricNet[], leading: readonly LeadingEntry[], ids: GroupIds): FlowTable {
  const groups = new Map<number, GroupEntry>();
  const bridged = new Set(group.filter((n) => n.copyNet !== null).map((n) => n.id));
  const entries = leading.map((e) => {
    if (!bridged.has(e.netId) || e.out.length < 2 || turnsBack(e)) return flowEntry(e, actionsOf(e.vlan, e.out));
    const bridge = permanentBridge(e, ids, groups);
    groups.set(bridge.id, bridge);
    return flowEntry(e, [{ do: "group", group: bridge.id }]);
  });
  return { entries, groups: [...groups.values()] };
}

/** From the root as if the waiting nets were bound to it already: then a later bind finds its matches there and turns them in place. */
function entriesOf(group: readonly FabricNet[], waiting: readonly Waiting[], leading: Leading): LeadingEntry[] {
  if (waiting.length === 0) return leading(group);
  const rootId = (group[0] as FabricNet).id;
  const all = [...group, ...waiting.map((w) => ({ ...w.armed.net, bindNet: rootId }))];
  return [...leading(group).filter((e) => e.netId !== rootId), ...leading(all).filter((e) => e.netId === rootId)];
}
