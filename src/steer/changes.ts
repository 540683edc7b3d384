import {
  type Bucket,
  type FlowChange,
  type FlowEntry,
  type FlowPhases,
  type FlowTable,
  type GroupEntry,
  type Match,
  NO_OWNER,
} from "../model/flow.ts";
import { doSame, sameActions, sameGroup } from "./same.ts";

/** What makes two entries the same entry in a switch: table, priority and match (OpenFlow 1.3, 6.4). */
const keyOf = (e: FlowEntry) =>
  `${e.table}/${e.priority}/${e.match.inPort ?? "*"}/${e.match.vlan ?? "*"}/${e.match.ethDst ?? "*"}${keyText(e.match)}${senderText(e.match)}`;
const keyText = ({ tunnelKey }: Match) => (tunnelKey === undefined ? "" : `/key ${tunnelKey}`);
const senderText = (match: Match) => {
  const { ethSrc, ipv4Src, arpSpa, arpSha, udp } = match;
  if (ethSrc === undefined) return ipv6Text(match);
  return `/${ethSrc}/${ipv4Src ?? "*"}/${arpSpa ?? "*"}/${arpSha ?? "*"}/${udp?.src ?? "*"}>${udp?.dst ?? "*"}${ipv6Text(match)}`;
};
const ipv6Text = ({ ipv6Src, icmpv6, ndTarget }: Match) =>
  ipv6Src === undefined && icmpv6 === undefined ? "" : `/${ipv6Src ?? "*"}/icmp6 ${icmpv6 ?? "*"} ${ndTarget ?? "*"}`;
/**
 * The way from `have` to `want`, in the order in which a packet never meets an empty table and is never doubled for longer than a
 * message takes:
 *
 *   prepare  groups and entries that are not there yet, groups before those that lead to them
 *   turn     groups and entries that are there and do something else; ways that lose a bucket before ways that gain one
 *   clear    what is not wanted any more: stand-ins behind a way that stays, then entries before the groups they lead through, and these
 *            before the groups they lead to
 *
 * Nothing is written for what is right already. Empty when nothing differs.
 */
export function flowChanges(want: FlowTable, have: FlowTable): FlowPhases {
  return allPhases(want, have).filter((phase) => phase.length > 0);
}

/** Prepare, turn and clear, empty ones too. */
export type AllPhases = readonly [readonly FlowChange[], readonly FlowChange[], readonly FlowChange[]];

/** As `flowChanges`, with the phases that are empty. */
export function allPhases(want: FlowTable, have: FlowTable): AllPhases {
  const entries = compared(want.entries, have.entries, keyOf, isSame);
  const groups = compared(want.groups, have.groups, idOf, sameGroup);
  const loses = ({ is, was }: Turned<GroupEntry>) => openWays(is) < openWays(was);
  const { shed = [], turning = [] } = Object.groupBy(groups.turned, (g) => (onlyShedsStandIns(g) ? "shed" : "turning"));
  const turned = [...turning.filter(loses), ...turning.filter((g) => !loses(g))];

  const prepare: FlowChange[] = [
    ...ledToFirst(groups.added).map((group): FlowChange => ({ op: "addGroup", group })),
    ...entries.added.map(addEntry),
  ];
  const turn: FlowChange[] = [...turned.map(modifyGroup), ...entries.turned.map(({ is }) => addEntry(is))];
  const clear: FlowChange[] = [
    ...shed.map(modifyGroup),
    ...entries.gone.map((entry): FlowChange => ({ op: "deleteEntry", entry })),
    ...ledToFirst(groups.gone)
      .reverse()
      .map((g): FlowChange => ({ op: "deleteGroup", groupId: g.id })),
  ];
  return [prepare, turn, clear];
}

interface Turned<T> {
  readonly is: T;
  readonly was: T;
}

/** What differs of two lists in which each has its key, each part in the order of its list. A key is worked out once: tables are long. */
function compared<T, K>(want: readonly T[], have: readonly T[], keyOf: (t: T) => K, same: (was: T, is: T) => boolean) {
  const had = new Map(have.map((t) => [keyOf(t), t]));
  const wanted = new Set<K>();
  const [added, turned]: [T[], Turned<T>[]] = [[], []];
  for (const is of want) {
    const key = keyOf(is);
    const was = had.get(key);
    wanted.add(key);
    if (was === undefined) added.push(is);
    else if (!same(was, is)) turned.push({ is, was });
  }
  return { added, turned, gone: [...had].flatMap(([key, t]) => (wanted.has(key) ? [] : [t])) };
}

/** Buckets that lead out by themselves; one that leads to another group opens nothing by itself. */
const openWays = (g: GroupEntry) => g.buckets.filter((b) => !leadsOn(b)).length;
const leadsOn = (b: Bucket) => b.actions.some((a) => a.do === "group");

/** A switch refuses a way to a group that it does not have. Groups are chained once at most. */
function ledToFirst(groups: readonly GroupEntry[]): GroupEntry[] {
  const isChained = (g: GroupEntry) => g.buckets.some(leadsOn);
  return [...groups.filter((g) => !isChained(g)), ...groups.filter(isChained)];
}

/** Its first way stays; what stood behind that is not wanted any more. No packet that finds the first way alive is led elsewhere by it. */
const onlyShedsStandIns = ({ is, was }: Turned<GroupEntry>): boolean =>
  was.type === "fastFailover" &&
  is.buckets.length > 0 &&
  is.buckets.length < was.buckets.length &&
  (is.type === "fastFailover" || is.type === "indirect") &&
  is.buckets.every((b, i) => sameActions(b.actions, was.buckets[i]!.actions));

const modifyGroup = ({ is }: Turned<GroupEntry>): FlowChange => ({ op: "modifyGroup", group: is });
const addEntry = (entry: FlowEntry): FlowChange => ({ op: "addEntry", entry });
const idOf = (g: GroupEntry) => g.id;
const isSame = (had: FlowEntry, e: FlowEntry) => (had.cookie === e.cookie || had.cookie === NO_OWNER) && doSame(had, e);

/** The table after the changes: what we believe is in the switch once the barrier is answered. */
export function afterChanges(have: FlowTable, phases: FlowPhases): FlowTable {
  const entries = new Map(have.entries.map((e) => [keyOf(e), e]));
  const groups = new Map(have.groups.map((g) => [g.id, g]));
  for (const change of phases.flat()) {
    switch (change.op) {
      case "addEntry":
        entries.set(keyOf(change.entry), change.entry);
        break;
      case "deleteEntry":
        entries.delete(keyOf(change.entry));
        break;
      case "deleteGroup":
        groups.delete(change.groupId);
        break;
      case "addGroup":
      case "modifyGroup":
        groups.set(change.group.id, change.group);
        break;
    }
  }
  return { entries: [...entries.values()], groups: [...groups.values()] };
}
