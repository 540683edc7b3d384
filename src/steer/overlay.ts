import type { FlowEntry, FlowTable, GroupEntry } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Net } from "../model/net.ts";
import type { GroupIds } from "./group-ids.ts";
import { bucketsFrom, continued, type Here, looksOf, outputsAt } from "./looks.ts";
import type { StandIns } from "./stand-ins.ts";
import type { TunnelKeys } from "./tunnel-keys.ts";

/**
 * The bridges of several hosts as one switch. What a packet does is decided where it enters, by the entries of the whole: one that is to
 * leave elsewhere goes there through a tunnel, with the number of its port there as the tunnel's key, and leaves by that port without
 * another look (docs/decisions/0079-bridges-of-several-hosts-are-one-switch.md). So a change of where packets go is a change where they enter, and
 * nothing has to be right at two places at once. One thing is looked at elsewhere: whether a port that another stands in for is up (`looks.ts`).
 */
export interface Bridges<B> {
  /** Null: no bridge has this port. */
  bridgeOf(port: string): B | null;
  /** Its number there. */
  numberOf(port: string): number | null;
  /** The port of `from` behind which `to` is; null: none. */
  tunnel(from: B, to: B): string | null;
  readonly keys: TunnelKeys;
}

/** `isBlind`: there were no keys left to ask another bridge by, so that of some port there its loss is not noticed. */
export type OnBridge = FlowTable & { readonly isBlind: boolean };

/** What of a table for the whole stands in one of its bridges. `ids`: those that the table has its numbers of groups from. */
export function onBridge<B>(table: FlowTable, bridge: B, bridges: Bridges<B>, ids: GroupIds): OnBridge {
  const here: Here<B> = { bridge, bridges, from: null };
  const looks = looksOf(table, bridges, ids);
  const byId = new Map(looks.map((l) => [l.group.id, l]));
  let isBlind = false;
  const asHere = (group: GroupEntry): GroupEntry => {
    const look = byId.get(group.id);
    if (look === undefined)
      return { ...group, buckets: group.buckets.map((b) => ({ ...b, actions: outputsAt(b.actions, here) })) };
    const seen = bucketsFrom(look, 0, here);
    isBlind ||= seen.isBlind;
    return { ...group, buckets: seen.buckets };
  };
  const enters = ({ match }: FlowEntry) => match.inPort === undefined || bridges.bridgeOf(match.inPort) === bridge;
  const entries: FlowEntry[] = table.entries.filter(enters).map((e) => ({ ...e, actions: outputsAt(e.actions, here) }));
  const groups = usedBy(entries, table.groups).map(asHere);
  for (const look of looks) {
    const more = continued(look, bridge, bridges, ids);
    entries.push(...more.entries);
    groups.push(...more.groups);
    isBlind ||= more.isBlind;
  }
  return { entries, groups, isBlind };
}

const groupsIn = (actions: FlowEntry["actions"]): number[] => actions.flatMap((a) => (a.do === "group" ? [a.group] : []));

/** The groups that entries lead through, and those that these lead through. */
function usedBy(entries: readonly FlowEntry[], groups: readonly GroupEntry[]): GroupEntry[] {
  const byId = new Map(groups.map((g) => [g.id, g]));
  const used = new Set(entries.flatMap((e) => groupsIn(e.actions)));
  // A set's walk comes to what is added meanwhile.
  for (const id of used) for (const b of byId.get(id)?.buckets ?? []) for (const next of groupsIn(b.actions)) used.add(next);
  return groups.filter((g) => used.has(g.id));
}

const BY_HOST_ALONE =
  "so many networks lead to a port on another host that there are no tunnel keys left: by itself the switch notices that the host is cut off, not that the port is lost";

/** Traffic nets with stand-ins of which one is among the blind, and what is missing of their protection then. */
export function armedByHostAlone(nets: readonly Net[], standIns: StandIns, blind: ReadonlySet<NetId>): Map<NetId, string> {
  const tied = ({ id, bindNet }: Net) => {
    const chain = bindNet === null ? [] : standIns.of(id, bindNet);
    return bindNet === null || chain.length === 0 ? [] : [id, bindNet, ...chain];
  };
  return new Map(nets.filter((n) => tied(n).some((id) => blind.has(id))).map(({ id }) => [id, BY_HOST_ALONE]));
}
