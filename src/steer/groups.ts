import type { Action, Bucket, GroupEntry } from "../model/flow.ts";
import { actionsOf, type FabricNet, type Outlet, oneTag, outletKey } from "./fabric.ts";
import type { GroupIds } from "./group-ids.ts";
import type { LeadingEntry } from "./leading.ts";
import { sameGroup } from "./same.ts";
import type { Armed } from "./stand-ins.ts";

/**
 * The groups of OpenFlow 1.3 that a bind group leads through. What changes when a bind moves stands in groups, so that a
 * switch-over is one GROUP_MOD each way, however many entries lead there:
 *
 *   forward  of a traffic net: one bucket, the member that serves it; or fast failover over all that may serve it
 *   back     of a data net: one bucket for each traffic net bound to it, for what has no entry of its own
 *   bridge   of a traffic net that is led into two members at once: a bucket for each (1+1, `permanentBridge`)
 *   gate     from a member that stands in to a traffic net: open while the ports of all before it are down, else a drop
 */
export interface Led {
  readonly entry: LeadingEntry;
  readonly actions: readonly Action[];
}

export interface Grouped {
  readonly entries: readonly Led[];
  readonly groups: readonly GroupEntry[];
}

/** A traffic net that leads to `root` when all before it in its chain are lost. */
export interface Waiting {
  readonly armed: Armed;
  readonly root: FabricNet;
}

/** Both directions of one bind group. `entries`: of its nets and, from the root, towards the waiting ones too. */
export function grouped(
  group: readonly FabricNet[],
  entries: readonly LeadingEntry[],
  armed: ReadonlyMap<string, Armed>,
  waiting: readonly Waiting[],
  ids: GroupIds,
): Grouped {
  const root = group[0] as FabricNet;
  const groups = new Map<number, GroupEntry>();
  const everybody = [...group, ...waiting.map((w) => w.armed.net)];
  const owners = ownersOf(group, waiting);
  const into = new Map<number, readonly Action[]>(); // Most entries do nothing but this: one value for all of a group.
  const led = entries.map((entry): Led => {
    if (entry.out.length === 0) return { entry, actions: [] }; // Drops.
    const part =
      entry.netId === root.id
        ? back(root, entry, everybody, owners, ids)
        : forward(root, entry, armed.get(entry.netId), groups, ids);
    for (const g of part.needs) groups.set(g.id, g);
    if (part.through === null || turnsBack(entry) || conflicts(groups, part.through)) return { entry, actions: part.plain };
    groups.set(part.through.id, part.through);
    const { id } = part.through;
    if (!into.has(id)) into.set(id, [{ do: "group", group: id }]);
    const through = into.get(id)!;
    return { entry, actions: part.beside.length === 0 ? through : [...through, ...part.beside] };
  });
  return { entries: led, groups: [...groups.values()] };
}

/** Leads out of the port it came in by, with another tag: a bucket cannot, since it does not know where a packet came from. */
export const turnsBack = (e: LeadingEntry): boolean => e.out.some((o) => o.port === e.inPort);

/** A copy into every outlet of the entry: what enters a net that is led into two. A second tag needs a group of its own. */
export function permanentBridge(e: LeadingEntry, ids: GroupIds, groups: ReadonlyMap<number, GroupEntry>): GroupEntry {
  const buckets = e.out.map((o) => always(actionsOf(e.vlan, [o])));
  const first: GroupEntry = { id: ids.of({ way: "forward", owner: e.netId }), type: "all", buckets };
  if (!conflicts(groups, first)) return first;
  const what = `bridge ${e.vlan} ${e.out.map(outletKey).join(" ")}`;
  return { ...first, id: ids.of({ way: "standIn", owner: e.netId, what }) };
}

interface Part {
  /** The group that the entry leads through, with what it does beside; null: none, and then it does `plain`. */
  readonly through: GroupEntry | null;
  readonly beside: readonly Action[];
  readonly plain: readonly Action[];
  /** Groups that have to be there either way. */
  readonly needs: readonly GroupEntry[];
}

/** Entries of one net that arrive with different tags need different buckets; the later ones then stand without a group. */
function conflicts(groups: ReadonlyMap<number, GroupEntry>, wanted: GroupEntry): boolean {
  const had = groups.get(wanted.id);
  return had !== undefined && !sameGroup(had, wanted);
}

function forward(
  root: FabricNet,
  e: LeadingEntry,
  armed: Armed | undefined,
  groups: ReadonlyMap<number, GroupEntry>,
  ids: GroupIds,
): Part {
  const plain = actionsOf(e.vlan, e.out);
  if (armed !== undefined) return forwardArmed(e, armed, groups, ids);
  const isOne = root.ports.length === 1 && e.out.length === 1 && leadsTo(root, e.out);
  const through: GroupEntry | null = isOne
    ? { id: ids.of({ way: "forward", owner: e.netId }), type: "indirect", buckets: [{ actions: plain, watchPort: null }] }
    : null;
  return { through, beside: [], plain, needs: [] };
}

/** Group actions work on a copy of the packet as it came, so they stand before an output that needs another tag. */
function forwardArmed(e: LeadingEntry, { net, chain }: Armed, groups: ReadonlyMap<number, GroupEntry>, ids: GroupIds): Part {
  const serving = outletKey(outletTo(net, chain[0] as FabricNet));
  const beside = e.out.filter((o) => outletKey(o) !== serving);
  const plain = actionsOf(e.vlan, e.out);
  if (beside.length === e.out.length) return { through: null, beside: [], plain, needs: [] };
  const buckets = chain.map((member) => ({
    actions: actionsOf(e.vlan, [outletTo(net, member)]),
    watchPort: portOf(member),
  }));
  const first: GroupEntry = { id: ids.of({ way: "forward", owner: net.id }), type: "fastFailover", buckets };
  // A second tag needs buckets of its own, and so a group of its own.
  const another = () => ids.of({ way: "standIn", owner: net.id, what: `${net.id} ${e.vlan}` });
  const through = conflicts(groups, first) ? { ...first, id: another() } : first;
  return { through, beside: actionsOf(e.vlan, beside), plain, needs: [] };
}

function back(root: FabricNet, e: LeadingEntry, everybody: readonly FabricNet[], owners: Owners, ids: GroupIds): Part {
  const { direct, gates } = split(e, owners, ids);
  const toGates = gates.map((g): Action => ({ do: "group", group: g.id }));
  const plain = [...toGates, ...actionsOf(e.vlan, direct)];
  if (root.ports.length !== 1 || isForOne(e, everybody)) return { through: null, beside: [], plain, needs: gates };
  const buckets: Bucket[] = [...direct.map((o) => actionsOf(e.vlan, [o])), ...toGates.map((a) => [a])].map(always);
  return { through: { id: ids.of({ way: "back", owner: root.id }), type: "all", buckets }, beside: [], plain, needs: gates };
}

const always = (actions: readonly Action[]): Bucket => ({ actions, watchPort: null });

/** Who gets what leaves the root: null for a net that is bound to it. An outlet has one owner, so no packet is doubled. */
type Owners = ReadonlyMap<string, Waiting | null>;

function ownersOf(bound: readonly FabricNet[], waiting: readonly Waiting[]): Owners {
  if (waiting.length === 0) return NOBODY_WAITS;
  const keys = (net: FabricNet) => net.ports.map((p) => outletKey({ vlan: p.vlan, port: p.switchPort }));
  return new Map([
    ...waiting.flatMap((w) => keys(w.armed.net).map((key) => [key, w] as const)),
    ...bound.flatMap((net) => keys(net).map((key) => [key, null] as const)),
  ]);
}

const NOBODY_WAITS: Owners = new Map();

/** Where an entry of the root leads: at once, and through a gate for each net that waits. */
function split(e: LeadingEntry, owners: Owners, ids: GroupIds) {
  if (owners === NOBODY_WAITS) return { direct: e.out, gates: [] };
  const byOwner = Map.groupBy(e.out, (o) => owners.get(outletKey(o)) ?? null);
  const gates = [...byOwner].flatMap(([waiting, out]) => (waiting === null ? [] : [gate(waiting, e, out, ids)]));
  return { direct: byOwner.get(null) ?? [], gates };
}

/**
 * The first live bucket counts: as long as one of those before is up the packet is dropped there. The last one watches the
 * port that the packet came from: it is up, and a switch may refuse a bucket that watches nothing.
 */
function gate({ armed: { net, chain }, root }: Waiting, e: LeadingEntry, out: readonly Outlet[], ids: GroupIds): GroupEntry {
  const before = chain.slice(
    0,
    chain.findIndex((member) => member.id === root.id),
  );
  return {
    id: ids.of({ way: "standIn", owner: root.id, what: `${net.id} ${root.id} ${e.vlan} ${out.map(outletKey).join(" ")}` }),
    type: "fastFailover",
    buckets: [
      ...before.map((member) => ({ actions: [], watchPort: portOf(member) })),
      { actions: actionsOf(e.vlan, out), watchPort: portOf(root) },
    ],
  };
}

/** An entry for a single known MAC is exact already; every other entry of the data net is for everybody. */
function isForOne(e: LeadingEntry, nets: readonly FabricNet[]): boolean {
  return e.ethDst !== null && nets.some((net) => net.ports.some((p) => p.mac === e.ethDst));
}

const leadsTo = (net: FabricNet, out: readonly Outlet[]) => out.every((o) => net.ports.some((p) => p.switchPort === o.port));

/** Of a member of a chain, which has exactly one port. */
const portOf = (member: FabricNet) => onlyPort(member).switchPort;
const onlyPort = (member: FabricNet) => member.ports[0] as FabricNet["ports"][number];

function outletTo(net: FabricNet, member: FabricNet): Outlet {
  return { vlan: oneTag(net.bindVlan, onlyPort(member).vlan) ?? null, port: portOf(member) };
}
