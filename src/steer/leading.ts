import { GROUP_ADDRESSES } from "../model/flow.ts";
import type { Abilities } from "../model/switch.ts";
import type { Attachments } from "./attachments.ts";
import {
  ACROSS,
  ANY_BELOW,
  BROADCAST,
  distinct,
  type FabricEntry,
  type FabricNet,
  INSIDE,
  type Outlet,
  portCountOf,
  sameOut,
  type Way,
  ways,
} from "./fabric.ts";
import { advertisedBy, allSenders, barredFrom, type SentBy, sentBy } from "./port-security.ts";

/**
 * What stands in the switch for one bind group. The ways are OpenVIM's (`fabric.ts`), and so are the entries wherever its own lead
 * right. Where they do not, these differ (decision 0058):
 *
 *   - all entries of one port and tag have one base priority, so that none hides another that knows more;
 *   - an untagged port takes packets with any tag only where no tag can lead them out of their net;
 *   - across a bind, what no port has declared goes to every net that is bound here: the dissertation's viewers are declared by nobody;
 *   - multicast goes where broadcast goes.
 */
export interface LeadingEntry extends FabricEntry {
  /** With `vlan` null: takes packets with any tag too, and leaves the tag on them. */
  readonly takesTags: boolean;
  /** What it asks of who sent the packet. */
  readonly from: SentBy;
}

/**
 * What a port says of its own IPv6 addresses is led above the bar for what is said of any, and that stands above all that is led otherwise:
 * the lowest of the first is above it, the highest of the last below.
 */
const [BARRED_ABOVE, ADVERTISED_ABOVE] = [50, 200] as const;

type OfAnybody = Omit<LeadingEntry, "from">;
/** Nothing is asked of the sender. */
export const ANYBODY: SentBy = {};

export function leadingEntries(
  group: readonly FabricNet[],
  attachments: Attachments,
  { masks, arpSha }: Pick<Abilities, "masks" | "arpSha">,
): LeadingEntry[] {
  const portCount = portCountOf(group);
  const takesTags = isTransparent(group, attachments);
  const toAll = masks ? GROUP_ADDRESSES : BROADCAST;
  const open = hasTags(group)
    ? ways(group).filter((w) => takenFor(w.direction, w.source.switchPort, attachments) === null)
    : ways(group);
  const bySource = Map.groupBy(open, (w) => `${w.source.switchPort}|${w.vlanIn}`);
  return [...bySource.values()].flatMap((list) => {
    const source = list[0] as Way;
    const entry = (priority: number, ethDst: string | null, out: readonly Outlet[]) => ({
      netId: source.direction.from.id,
      priority,
      inPort: source.source.switchPort,
      vlan: source.vlanIn,
      ethDst,
      out,
      takesTags,
    });
    if (list.every((w) => w.source.senders === null))
      return entriesFrom(list, portCount, toAll, (...of) => ({ ...entry(...of), from: ANYBODY }));
    const senders = allSenders([...new Set(list.map((w) => w.source.senders))]);
    const asking = (e: OfAnybody, from: readonly SentBy[]) => from.map((sender) => ({ ...e, from: sender }));
    return [
      ...entriesFrom(list, portCount, toAll, entry).flatMap((e) => [
        ...asking(e, sentBy(senders, arpSha)),
        ...asking({ ...e, priority: e.priority + ADVERTISED_ABOVE }, advertisedBy(senders)),
      ]),
      ...asking(entry(ACROSS + BARRED_ABOVE, null, []), barredFrom(senders)),
    ];
  });
}

function entriesFrom<E extends OfAnybody>(
  list: readonly Way[],
  portCount: number,
  toAll: string,
  entry: (priority: number, ethDst: string | null, out: readonly Outlet[]) => E,
): E[] {
  const top = list.some(isAcross) ? ACROSS : INSIDE;
  const everybody = outletsOf(list);
  if (portCount === 2) return [entry(top - ANY_BELOW, null, everybody)];
  const byMac = Map.groupBy(list, (w) => w.mac);
  const undeclared = outletsOf(list.filter((w) => w.mac === null || isAcross(w)));
  const entries = [...byMac].flatMap(([mac, to]) => (mac === null ? [] : [entry(top, mac, outletsOf(to))]));
  if (undeclared.length > 0) entries.push(entry(top - ANY_BELOW, null, undeclared));
  entries.push(entry(top, toAll, everybody));
  const isOneWay = entries.every((e) => sameOut(e.out, everybody));
  return isOneWay ? [entry(top - ANY_BELOW, null, everybody)] : entries;
}

const isAcross = (w: Way) => w.direction.priority === ACROSS;
const outletsOf = (list: readonly Way[]): Outlet[] => distinct(list.map((w) => w.outlet));

/**
 * Nothing in the group looks at tags or writes them, and no switch port of it carries tagged ports of others: then tags are the business
 * of those who send them, as on a card that is passed through to a guest.
 */
function isTransparent(group: readonly FabricNet[], attachments: Attachments): boolean {
  return group.every((n) => n.bindVlan === null && n.ports.every((p) => p.vlan === null && !attachments.isTrunk(p.switchPort)));
}

/** A bind of the group has a tag: without one no way begins where another net may be. */
const hasTags = (group: readonly FabricNet[]): boolean => group.some((n) => n.bindVlan !== null);

/** The net that has a port at the place where packets with a bind's tag would come in; null: that place is free for them. */
function takenFor({ from, vlanIn }: Way["direction"], switchPort: string, attachments: Attachments): string | null {
  const holder = vlanIn === null ? null : attachments.holderOf(switchPort, vlanIn);
  return holder === from.id ? null : holder;
}

/** Ways by the tag of a bind that start where another net is: none is led, or its packets would go there too. By the net that is bound. */
export function takenTags(group: readonly FabricNet[], attachments: Attachments): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!hasTags(group)) return found;
  for (const { direction, source } of ways(group)) {
    const holder = takenFor(direction, source.switchPort, attachments);
    const place = `switch port ${source.switchPort}, VLAN ${direction.vlanIn} of the bind`;
    if (holder !== null) found.set(direction.to.id, `${place}, is taken by network ${holder}: nothing is led from there`);
  }
  return found;
}

/** Ways that would need two tags at once (QinQ), which the fabric does not carry: by the net that is bound, in words. */
export function twoTagged(group: readonly FabricNet[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const net of group) {
    if (net.bindVlan === null) continue;
    const roots = group.filter((to) => to.id === net.bindNet || to.id === net.copyNet);
    const port = roots.flatMap((r) => r.ports).find((p) => p.vlan !== null);
    if (port === undefined) continue;
    const why = `VLAN ${net.bindVlan} of the bind and VLAN ${port.vlan} of switch port ${port.switchPort} would both be needed on one packet`;
    found.set(net.id, `${why}: no way leads there`);
  }
  return found;
}
