import type { Action, Bucket, FlowEntry, FlowTable, GroupEntry } from "../model/flow.ts";
import type { GroupIds, GroupText } from "./group-ids.ts";
import type { Bridges } from "./overlay.ts";
import { ARRIVAL_PRIORITY, entryOf } from "./wanted.ts";

/**
 * A fast-failover group whose ports are on several bridges. A switch sees its own ports alone, so the look goes from bridge to bridge: one
 * looks at the buckets that watch ports of its own, in order, and hands the packet on to the bridge of the next; that one goes on with the
 * bucket which the tunnel's key tells. No bucket is looked at twice, so no packet goes in a circle
 * (docs/decisions/0071-a-look-goes-on-where-the-port-is.md).
 */
export interface Look<B> {
  readonly group: GroupEntry;
  readonly use: GroupText;
  /** The bridges where packets come in that are led through it. */
  readonly origins: ReadonlySet<B>;
  /** The tag with which they come; undefined: any or none, and then nothing here writes tags. */
  readonly tag: number | null | undefined;
}

/** The groups of a table that lead on where a port is lost. */
export function looksOf<B>(table: FlowTable, bridges: Bridges<B>, ids: GroupIds): Look<B>[] {
  const groups = new Map(table.groups.map((g) => [g.id, g]));
  const through = new Map<number, { readonly origins: Set<B>; tag: number | null | undefined }>();
  for (const { match, actions } of table.entries) {
    const at = match.inPort === undefined ? null : bridges.bridgeOf(match.inPort);
    const tag = match.vlan === "none" ? null : match.vlan;
    const led = groupsIn(actions);
    for (const id of [...led, ...led.flatMap((id) => groups.get(id)?.buckets.flatMap((b) => groupsIn(b.actions)) ?? [])]) {
      // Where entries with several tags share a group each of its buckets writes the tag, so which of them comes first is one.
      const known = through.get(id) ?? { origins: new Set<B>(), tag };
      if (at !== null) known.origins.add(at);
      through.set(id, known);
    }
  }
  return table.groups.flatMap((group): Look<B>[] => {
    const [use, led] = [ids.useOf(group.id), through.get(group.id)];
    const isOne = group.type === "fastFailover" && group.buckets.length > 1;
    return isOne && use !== undefined && led !== undefined ? [{ group, use, ...led }] : [];
  });
}

const groupsIn = (actions: readonly Action[]): number[] => actions.flatMap((a) => (a.do === "group" ? [a.group] : []));

/** A bucket as one bridge looks at it; `to`: the bridge that goes on with it, and null where it is looked at here. */
interface Step<B> {
  readonly nth: number;
  readonly to: B | null;
}

/** What a bridge looks at from a bucket on. One bridge is handed to once: it goes on with all that is behind. */
function stepsFrom<B>({ buckets }: GroupEntry, start: number, here: B, bridges: Pick<Bridges<B>, "bridgeOf">): Step<B>[] {
  const met = new Set<B>();
  const steps: Step<B>[] = [];
  for (let nth = start; nth < buckets.length; nth++) {
    const port = buckets[nth]!.watchPort;
    const at = port === null ? null : bridges.bridgeOf(port);
    if (at === null || at === here) steps.push({ nth, to: null });
    else if (!met.has(at)) {
      met.add(at);
      steps.push({ nth, to: at });
    }
  }
  return steps;
}

/** The last bucket is nobody's to look at: where it leads to is right, whatever the port does. */
const isLast = ({ buckets }: GroupEntry, nth: number): boolean => nth === buckets.length - 1;

/** With which buckets a bridge is asked to go on. */
function askedOf<B>({ group, origins }: Look<B>, bridge: B, bridges: Pick<Bridges<B>, "bridgeOf">): number[] {
  const asked = new Map<B, Set<number>>();
  const ways = [...origins].map((at) => ({ at, start: 0 }));
  for (const { at, start } of ways) {
    for (const { nth, to } of stepsFrom(group, start, at, bridges)) {
      if (to === null || isLast(group, nth) || asked.get(to)?.has(nth)) continue;
      asked.set(to, (asked.get(to) ?? new Set()).add(nth));
      ways.push({ at: to, start: nth });
    }
  }
  return [...(asked.get(bridge) ?? [])];
}

/** How packets are led from one bridge; `from`: the tunnel they came by, into which they are to be turned back; null: none. */
export interface Here<B> {
  readonly bridge: B;
  readonly bridges: Bridges<B>;
  readonly from: string | null;
}

/** Output as it is done here. One that is nowhere, or where no tunnel leads, is left out: the switch would refuse the whole entry. */
export function outputsAt<B>(actions: readonly Action[], here: Here<B>): Action[] {
  const { bridge, bridges } = here;
  return actions.flatMap((a): readonly Action[] => {
    const at = a.do === "output" ? bridges.bridgeOf(a.port) : bridge;
    if (a.do !== "output" || at === bridge) return [a];
    const key = bridges.numberOf(a.port);
    return at === null || key === null ? [] : into(at, key, here);
  });
}

function into<B>(to: B, key: number, { bridge, bridges, from }: Here<B>): Action[] {
  const tunnel = bridges.tunnel(bridge, to);
  if (tunnel === null) return [];
  return [{ do: "setTunnelKey", key }, tunnel === from ? { do: "turnBack" } : { do: "output", port: tunnel }];
}

/** The buckets that a bridge looks at from `start` on; `isBlind`: one that it hands to leads on without a look, since there are no keys left. */
export function bucketsFrom<B>(
  look: Look<B>,
  start: number,
  here: Here<B>,
): { readonly buckets: Bucket[]; readonly isBlind: boolean } {
  const { bridge, bridges } = here;
  let isBlind = false;
  const buckets = stepsFrom(look.group, start, bridge, bridges).flatMap(({ nth, to }): Bucket[] => {
    const { actions, watchPort } = look.group.buckets[nth]!;
    if (to === null) return [{ actions: outputsAt(actions, here), watchPort }];
    const tunnel = bridges.tunnel(bridge, to);
    if (tunnel === null) return [];
    const handed = isLast(look.group, nth) ? null : handedOn(look, nth, bridges);
    if (handed === null && !isLast(look.group, nth)) isBlind = true;
    if (handed === null) return [{ actions: outputsAt(actions, here), watchPort: tunnel }];
    return [{ actions: [...handed.tags, ...into(to, handed.key, here)], watchPort: tunnel }];
  });
  return { buckets, isBlind };
}

/**
 * How a packet is handed to the bridge of a bucket: one that is to leave there as it is to leave, so that a bridge which does not know the
 * question does what it would without; else as it came. Null: there are no keys left.
 */
function handedOn<B>({ group, use }: Look<B>, nth: number, bridges: Bridges<B>) {
  const { actions, watchPort } = group.buckets[nth]!;
  const out = actions.at(-1);
  const isAimed = out?.do === "output" && out.port === watchPort;
  const no = isAimed ? bridges.numberOf(out.port) : null;
  const key = isAimed && no !== null ? bridges.keys.aimed(out.port, no, use) : bridges.keys.asked(use, nth);
  return key === null ? null : { key, tags: isAimed && no !== null ? actions.slice(0, -1) : [] };
}

/** What a bridge has for packets that others hand it to go on with. */
export function continued<B>(
  look: Look<B>,
  bridge: B,
  bridges: Bridges<B>,
  ids: GroupIds,
): FlowTable & { readonly isBlind: boolean } {
  const entries: FlowEntry[] = [];
  const groups: GroupEntry[] = [];
  let isBlind = false;
  for (const nth of askedOf(look, bridge, bridges)) {
    const handed = handedOn(look, nth, bridges);
    if (handed === null) continue; // Then nobody asks.
    const { use, tag } = look;
    const group = (from: string | null) => {
      const what = `look ${nth} of ${use.text}${from === null ? "" : ` from ${from}`}`;
      const seen = bucketsFrom(look, nth, { bridge, bridges, from });
      isBlind ||= seen.isBlind;
      groups.push({ id: ids.of({ way: "standIn", owner: use.owner, what }), type: "fastFailover", buckets: seen.buckets });
      return groups.at(-1)!;
    };
    const entry = (inPort: string | null, { id }: GroupEntry) => {
      const came = tagAfter(handed.tags, tag);
      const vlan = came === undefined ? {} : { vlan: came ?? ("none" as const) };
      entries.push({
        ...entryOf(ARRIVAL_PRIORITY + (inPort === null ? 1 : 2), use.owner),
        match: { ...(inPort === null ? {} : { inPort }), tunnelKey: handed.key, ...vlan },
        actions: [...retagged(came, tag), { do: "group", group: id }],
      });
    };
    const anywhere = group(null);
    entry(null, anywhere);
    // A group does not send a packet back into the tunnel that it came by, unless it is told so.
    for (const tunnel of new Set(anywhere.buckets.flatMap(tunnelsOf))) entry(tunnel, group(tunnel));
  }
  return { entries, groups, isBlind };
}

const tunnelsOf = ({ actions }: Bucket): string[] =>
  actions.flatMap((a, i) => (a.do === "output" && actions[i - 1]?.do === "setTunnelKey" ? [a.port] : []));

function tagAfter(actions: readonly Action[], tag: number | null | undefined): number | null | undefined {
  return actions.reduce((now, a) => (a.do === "setVlan" ? a.vlan : a.do === "stripVlan" ? null : now), tag);
}

function retagged(came: number | null | undefined, tag: number | null | undefined): Action[] {
  if (came === tag || tag === undefined) return [];
  return tag === null ? [{ do: "stripVlan" }] : [{ do: "setVlan", vlan: tag, push: came === null }];
}
