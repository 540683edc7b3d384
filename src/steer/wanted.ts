import {
  type Action,
  COOKIE_MARK,
  type FlowEntry,
  type FlowTable,
  GROUP_ID_BASE,
  type GroupEntry,
  PROBE_MAC,
} from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Net, VimPort } from "../model/net.ts";
import { actionsOf, bindGroups, type FabricEntry, type FabricNet, fabricEntries, fabricNet, type Outlet } from "./fabric.ts";

export type OpenFlowVersion = "1.0" | "1.3";

export interface Wanted {
  readonly table: FlowTable;
  /** Nets that cannot be carried, with the reason in the words of the original's `last_error`. */
  readonly problems: ReadonlyMap<NetId, string>;
}

/** Above every entry of a net: an answer to our own probe is never led anywhere else. */
const PROBE_PRIORITY = 60_000;

/** Everything that should stand in the switch, from the state alone. */
export function wantedTable(nets: readonly Net[], ports: readonly VimPort[], version: OpenFlowVersion): Wanted {
  const fabric = nets.filter((n) => n.kind === "data" || n.kind === "ptp").map((n) => ({ net: n, fabric: fabricNet(n, ports) }));
  const problems = new Map<NetId, string>();
  for (const { net, fabric: f } of fabric) {
    if (net.kind === "ptp" && f.ports.length > 2)
      problems.set(net.id, `a ptp network has two ends, '${net.name}' has ${f.ports.length} ports`);
  }
  const carried = fabric.filter(({ net }) => !problems.has(net.id)).map((f) => f.fabric);
  const parts = bindGroups(carried).map((group) => (version === "1.3" ? withGroups(group) : plain(group)));
  return {
    table: {
      entries: [...housekeeping(version), ...parts.flatMap((p) => p.entries)],
      groups: parts.flatMap((p) => p.groups),
    },
    problems,
  };
}

/** Answers to our probes go to the controller; in OpenFlow 1.0 a packet without an entry would go there too, so it is dropped by an entry. */
function housekeeping(version: OpenFlowVersion): FlowEntry[] {
  const probe: FlowEntry = {
    ...entryOf(PROBE_PRIORITY, "probe"),
    match: { ethDst: PROBE_MAC },
    actions: [{ do: "toController" }],
  };
  return version === "1.3" ? [probe] : [probe, entryOf(0, "miss")];
}

function entryOf(priority: number, owner: string): FlowEntry {
  return { table: 0, priority, cookie: (COOKIE_MARK << 32n) | BigInt(hash32(owner)), match: {}, actions: [] };
}

function flowEntry(e: FabricEntry, actions: readonly Action[]): FlowEntry {
  const match = {
    inPort: e.inPort,
    ...(e.vlan === null ? {} : { vlan: e.vlan }),
    ...(e.ethDst === null ? {} : { ethDst: e.ethDst }),
  };
  return { ...entryOf(e.priority, e.netId), match, actions };
}

const plain = (group: readonly FabricNet[]): FlowTable => ({
  entries: fabricEntries(group).map((e) => flowEntry(e, actionsOf(e.vlan, e.out))),
  groups: [],
});

/**
 * OpenFlow 1.3: what changes when a bind moves stands in groups, so that a switch-over is one GROUP_MOD each way, however many
 * entries lead there: `forward` of a traffic net (one bucket: the member that serves it) and `back` of a data net (one bucket
 * for each traffic net bound to it, for what has no entry of its own).
 */
function withGroups(group: readonly FabricNet[]): FlowTable {
  const root = group[0] as FabricNet;
  if (group.length === 1) return plain(group);
  const groups = new Map<number, GroupEntry>();
  const entries = fabricEntries(group).map((e) => {
    const wanted = e.netId === root.id ? backGroup(root, e, group) : forwardGroup(root, e);
    if (wanted === null || conflicts(groups, wanted)) return flowEntry(e, actionsOf(e.vlan, e.out));
    groups.set(wanted.id, wanted);
    return flowEntry(e, [{ do: "group", group: wanted.id }]);
  });
  return { entries, groups: [...groups.values()] };
}

/** Entries of one net that arrive with different tags need different buckets; the later ones then stand without a group. */
function conflicts(groups: ReadonlyMap<number, GroupEntry>, wanted: GroupEntry): boolean {
  const had = groups.get(wanted.id);
  return had !== undefined && groupText(had) !== groupText(wanted);
}

function forwardGroup(root: FabricNet, e: FabricEntry): GroupEntry | null {
  if (root.ports.length !== 1 || e.out.length !== 1 || !leadsTo(root, e.out)) return null;
  return { id: groupId(e.netId, 0), type: "indirect", buckets: [actionsOf(e.vlan, e.out)] };
}

function backGroup(root: FabricNet, e: FabricEntry, group: readonly FabricNet[]): GroupEntry | null {
  if (root.ports.length !== 1 || isForOne(e, group)) return null;
  return { id: groupId(root.id, 1), type: "all", buckets: e.out.map((o) => actionsOf(e.vlan, [o])) };
}

/** An entry for a single known MAC is exact already; every other entry of the data net is for everybody. */
function isForOne(e: FabricEntry, group: readonly FabricNet[]): boolean {
  return e.ethDst !== null && group.some((net) => net.ports.some((p) => p.mac === e.ethDst));
}

const leadsTo = (net: FabricNet, out: readonly Outlet[]) => out.every((o) => net.ports.some((p) => p.switchPort === o.port));

/** Two groups a net: even its way forward, odd its way back. Ids come from the net's id alone, so that a restart finds them again. */
const groupId = (netId: string, way: 0 | 1) => GROUP_ID_BASE + ((hash32(netId) & 0x7fffff) << 1) + way;

export const groupText = (g: GroupEntry): string => `${g.type} ${g.buckets.map((b) => JSON.stringify(b)).join(" ")}`;

/** FNV-1a, 32 bits. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
