import type { Action, FlowEntry, FlowTable, GroupEntry } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Net, VimPort } from "../model/net.ts";
import { outsideOf } from "./fabric.ts";
import type { StandIns } from "./stand-ins.ts";

/**
 * The bridges of several hosts as one switch. What a packet does is decided where it enters, by the entries of the whole: one that is to
 * leave elsewhere goes there through a tunnel, with the number of its port there as the tunnel's key, and leaves by that port without
 * another look (docs/decisions/0079-bridges-of-several-hosts-are-one-switch.md). So a change of where packets go is a change where they enter, and
 * nothing has to be right at two places at once.
 */
export interface Bridges<B> {
  /** Null: no bridge has this port. */
  bridgeOf(port: string): B | null;
  /** Its number there. */
  numberOf(port: string): number | null;
  /** The port of `from` behind which `to` is; null: none. */
  tunnel(from: B, to: B): string | null;
}

/** What of a table for the whole stands in one of its bridges. */
export function onBridge<B>(table: FlowTable, bridge: B, bridges: Bridges<B>): FlowTable {
  const actions = (all: readonly Action[]): Action[] =>
    all.flatMap((a) => (a.do === "output" ? outputs(a, bridge, bridges) : [a]));
  const enters = ({ match }: FlowEntry) => match.inPort === undefined || bridges.bridgeOf(match.inPort) === bridge;
  const entries = table.entries.filter(enters).map((e) => ({ ...e, actions: actions(e.actions) }));
  const groups = usedBy(entries, table.groups).map((g) => ({
    ...g,
    buckets: g.buckets.map((b) => ({ actions: actions(b.actions), watchPort: watched(b.watchPort, bridge, bridges) })),
  }));
  return { entries, groups };
}

/** One that is nowhere, or where no tunnel leads, is left out: the switch would refuse the whole entry. */
function outputs<B>(action: Action & { do: "output" }, bridge: B, bridges: Bridges<B>): Action[] {
  const at = bridges.bridgeOf(action.port);
  if (at === bridge) return [action];
  const tunnel = at === null ? null : bridges.tunnel(bridge, at);
  const key = bridges.numberOf(action.port);
  return tunnel === null || key === null
    ? []
    : [
        { do: "setTunnelKey", key },
        { do: "output", port: tunnel },
      ];
}

/** Of a port elsewhere a bridge sees no more than whether the way there is open (BFD in the tunnel). */
function watched<B>(port: string | null, bridge: B, bridges: Bridges<B>): string | null {
  if (port === null) return null;
  const at = bridges.bridgeOf(port);
  return at === null || at === bridge ? port : (bridges.tunnel(bridge, at) ?? port);
}

const groupsIn = (actions: readonly Action[]): number[] => actions.flatMap((a) => (a.do === "group" ? [a.group] : []));

/** The groups that entries lead through, and those that these lead through. */
function usedBy(entries: readonly FlowEntry[], groups: readonly GroupEntry[]): GroupEntry[] {
  const byId = new Map(groups.map((g) => [g.id, g]));
  const used = new Set(entries.flatMap((e) => groupsIn(e.actions)));
  // A set's walk comes to what is added meanwhile.
  for (const id of used) for (const b of byId.get(id)?.buckets ?? []) for (const next of groupsIn(b.actions)) used.add(next);
  return groups.filter((g) => used.has(g.id));
}

const BY_HOST_ALONE =
  "it and its members are on bridges of several hosts: by itself the switch notices that a host is cut off, not that a port there is lost";

/** Traffic nets with stand-ins that are spread over bridges, and what is missing of their protection then. */
export function armedByHostAlone<B>(
  nets: readonly Net[],
  ports: readonly VimPort[],
  standIns: StandIns,
  { bridgeOf }: Pick<Bridges<B>, "bridgeOf">,
): Map<NetId, string> {
  const byId = new Map(nets.map((n) => [n.id, n]));
  const portsOf = Map.groupBy(ports, (p) => p.netId);
  const bridgesOf = (id: NetId) => {
    const net = byId.get(id);
    const outside = net === undefined ? null : outsideOf(net);
    const names = [...(portsOf.get(id) ?? []).map((p) => p.switchPort), outside?.switchPort ?? null];
    return names.flatMap((name) => (name === null ? [] : (bridgeOf(name) ?? [])));
  };
  const armed = nets.flatMap(({ id, bindNet }) => {
    const chain = bindNet === null ? [] : standIns.of(id, bindNet);
    return bindNet === null || chain.length === 0 ? [] : [{ id, tied: [id, bindNet, ...chain] }];
  });
  const spread = armed.filter(({ tied }) => new Set(tied.flatMap(bridgesOf)).size > 1);
  return new Map(spread.map(({ id }) => [id, BY_HOST_ALONE]));
}
