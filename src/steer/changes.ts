import {
  type Action,
  type Bucket,
  type FlowChange,
  type FlowEntry,
  type FlowPhases,
  type FlowTable,
  type GroupEntry,
  type Match,
  NO_OWNER,
} from "../model/flow.ts";
import { groupText } from "./groups.ts";

/** What makes two entries the same entry in a switch: table, priority and match (OpenFlow 1.3, 6.4). */
const keyOf = (e: FlowEntry) =>
  `${e.table}/${e.priority}/${e.match.inPort ?? "*"}/${e.match.vlan ?? "*"}/${e.match.ethDst ?? "*"}${keyText(e.match)}${senderText(e.match)}`;
const keyText = ({ tunnelKey }: Match) => (tunnelKey === undefined ? "" : `/key ${tunnelKey}`);
const senderText = ({ ethSrc, ipv4Src, arpSpa, arpSha, udp }: Match) =>
  ethSrc === undefined
    ? ""
    : `/${ethSrc}/${ipv4Src ?? "*"}/${arpSpa ?? "*"}/${arpSha ?? "*"}/${udp?.src ?? "*"}>${udp?.dst ?? "*"}`;
const actionText = (a: Action): string => {
  switch (a.do) {
    case "output":
      return `out:${a.port}`;
    case "group":
      return `group:${a.group}`;
    case "setVlan":
      return `vlan:${a.vlan}${a.push ? "+" : ""}`;
    case "setTunnelKey":
      return `key:${a.key}`;
    case "stripVlan":
    case "turnBack":
    case "outputByTunnelKey":
    case "toController":
      return a.do;
  }
};
const doesText = (e: FlowEntry) => e.actions.map(actionText).join(",");

/**
 * The way from `have` to `want`, in the order in which a packet never meets an empty table and is never doubled for longer than a
 * message takes:
 *
 *   prepare  groups and entries that are not there yet, groups before those that lead to them
 *   turn     groups and entries that are there and do something else; ways that lose a bucket before ways that gain one
 *   clear    what is not wanted any more, entries before the groups they lead through, and these before the groups they lead to
 *
 * Nothing is written for what is right already. Empty when nothing differs.
 */
export function flowChanges(want: FlowTable, have: FlowTable): FlowPhases {
  return allPhases(want, have).filter((phase) => phase.length > 0);
}

/** As `flowChanges`, with the phases that are empty. */
export function allPhases(want: FlowTable, have: FlowTable): [FlowChange[], FlowChange[], FlowChange[]] {
  const hadEntries = new Map(have.entries.map((e) => [keyOf(e), e]));
  const hadGroups = new Map(have.groups.map((g) => [g.id, g]));
  const wantedEntries = new Set(want.entries.map(keyOf));
  const wantedGroups = new Set(want.groups.map((g) => g.id));

  const entries = want.entries.filter((e) => !isSame(hadEntries.get(keyOf(e)), e));
  const isNew = (e: FlowEntry) => !hadEntries.has(keyOf(e));
  const turned = want.groups.filter((g) => differs(hadGroups.get(g.id), g));
  const loses = (g: GroupEntry) => openWays(g) < openWays(hadGroups.get(g.id));

  const prepare: FlowChange[] = [
    ...ledToFirst(want.groups.filter((g) => !hadGroups.has(g.id))).map((group): FlowChange => ({ op: "addGroup", group })),
    ...entries.filter(isNew).map(addEntry),
  ];
  const turn: FlowChange[] = [
    ...[...turned.filter(loses), ...turned.filter((g) => !loses(g))].map((group): FlowChange => ({ op: "modifyGroup", group })),
    ...entries.filter((e) => !isNew(e)).map(addEntry),
  ];
  const clear: FlowChange[] = [
    ...have.entries.filter((e) => !wantedEntries.has(keyOf(e))).map((entry): FlowChange => ({ op: "deleteEntry", entry })),
    ...ledToFirst(have.groups.filter((g) => !wantedGroups.has(g.id)))
      .reverse()
      .map((g): FlowChange => ({ op: "deleteGroup", groupId: g.id })),
  ];
  return [prepare, turn, clear];
}

/** Buckets that lead out by themselves; one that leads to another group opens nothing by itself. */
const openWays = (g: GroupEntry | undefined) => g?.buckets.filter((b) => !leadsOn(b)).length ?? 0;
const leadsOn = (b: Bucket) => b.actions.some((a) => a.do === "group");

/** A switch refuses a way to a group that it does not have. Groups are chained once at most. */
function ledToFirst(groups: readonly GroupEntry[]): GroupEntry[] {
  const isChained = (g: GroupEntry) => g.buckets.some(leadsOn);
  return [...groups.filter((g) => !isChained(g)), ...groups.filter(isChained)];
}

const addEntry = (entry: FlowEntry): FlowChange => ({ op: "addEntry", entry });
const isSame = (had: FlowEntry | undefined, e: FlowEntry) =>
  had !== undefined && (had.cookie === e.cookie || had.cookie === NO_OWNER) && doesText(had) === doesText(e);
const differs = (had: GroupEntry | undefined, g: GroupEntry) => had !== undefined && groupText(had) !== groupText(g);

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
