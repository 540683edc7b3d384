import { prefixIn, prefixOf, prefixText } from "../lib/ipv4-prefix.ts";
import { ipv6PrefixOf } from "../lib/ipv6.ts";
import { type Action, type FlowEntry, type FlowTable, GROUP_ADDRESSES, type Match } from "../model/flow.ts";

/** A frame as it comes in. */
export interface Frame {
  readonly inPort: string;
  /** Null: without a tag. */
  readonly vlan: number | null;
  readonly ethDst: string;
  /** What the tunnel that it comes in by says; left out: it comes in by none. */
  readonly key?: number;
  /** Left out: from nobody that a table asks for. */
  readonly from?: Sent;
}

/** Who a frame says it is from: in its header, and as an IPv4 or ARP packet. */
export interface Sent {
  readonly mac: string;
  readonly ipv4?: string;
  readonly arp?: { readonly mac: string; readonly ip: string };
  readonly udp?: { readonly src: number; readonly dst: number };
  readonly ipv6?: string;
  /** The type, and of neighbour discovery the address that it speaks of. */
  readonly icmpv6?: { readonly type: number; readonly target?: string };
}

/** Where a copy of it leaves, and with which tag. */
export interface Exit {
  readonly port: string;
  readonly vlan: number | null;
  /** Of a tunnel it leaves by. */
  readonly key?: number;
}

const ANY_PORT = "*";
export const CONTROLLER = "controller";
/** A port that is told by its number, the lower 16 bits of a tunnel's key: `#7`. */
export const NUMBERED = "#";
const PORT_NUMBER = 0xffff;

export function isMatched({ match }: FlowEntry, { inPort, vlan, ethDst, key = 0, from }: Frame): boolean {
  if (match.tunnelKey !== undefined && match.tunnelKey !== key) return false;
  if (!isSentAs(match, from)) return false;
  if (match.inPort !== undefined && match.inPort !== inPort) return false;
  if (match.vlan !== undefined && match.vlan !== (vlan ?? "none")) return false;
  if (match.ethDst === GROUP_ADDRESSES) return (Number.parseInt(ethDst.slice(0, 2), 16) & 1) === 1;
  return match.ethDst === undefined || match.ethDst === ethDst;
}

function isSentAs({ ethSrc, ipv4Src, arpSpa, arpSha, udp, ipv6Src, icmpv6, ndTarget }: Match, from?: Sent): boolean {
  const isUdp = udp === undefined || (from?.udp?.src === udp.src && from.udp.dst === udp.dst);
  return (
    (ethSrc === undefined || from?.mac === ethSrc) &&
    (ipv4Src === undefined || isWithin(from?.ipv4, ipv4Src)) &&
    (arpSpa === undefined || isWithin(from?.arp?.ip, arpSpa)) &&
    (arpSha === undefined || from?.arp?.mac === arpSha) &&
    (ipv6Src === undefined || isWithin6(from?.ipv6, ipv6Src)) &&
    (icmpv6 === undefined || from?.icmpv6?.type === icmpv6) &&
    (ndTarget === undefined || isWithin6(from?.icmpv6?.target, ndTarget)) &&
    isUdp
  );
}

const isWithin = (ip: string | undefined, prefix: string): boolean =>
  ip !== undefined && prefixOf(prefixText(ip, prefixIn(prefix).bits)) === prefix;

const isWithin6 = (ip: string | undefined, prefix: string): boolean =>
  ip !== undefined && ipv6PrefixOf(`${ip}/${prefix.split("/")[1] ?? 128}`) === prefix;

/**
 * Where a frame leaves, by the table alone: a small OpenFlow switch (1.3, 5.1 to 5.6), to read tables with. `dead`: ports whose link is
 * down, which makes buckets that watch them not live. A copy that a group would send back out of the port it came in by is dropped.
 */
export function walk(table: FlowTable, frame: Frame, dead: readonly string[] = []): Exit[] {
  let hit: FlowEntry | null = null;
  for (const e of table.entries) if ((hit === null || e.priority > hit.priority) && isMatched(e, frame)) hit = e;
  return hit === null ? [] : carriedOut(table, frame, hit.actions, new Set(dead), false);
}

function carriedOut(
  table: FlowTable,
  frame: Frame,
  actions: readonly Action[],
  dead: ReadonlySet<string>,
  inGroup: boolean,
): Exit[] {
  let { vlan } = frame;
  let key: number | null = null;
  const exits: Exit[] = [];
  for (const a of actions) {
    if (a.do === "stripVlan") vlan = null;
    else if (a.do === "setVlan") vlan = a.vlan;
    else if (a.do === "toController") exits.push({ port: CONTROLLER, vlan });
    else if (a.do === "group") {
      const copy = { ...frame, vlan };
      for (const b of bucketsOf(table, a.group, dead)) exits.push(...carriedOut(table, copy, b.actions, dead, true));
    } else if (a.do === "setTunnelKey") key = a.key;
    else if (a.do === "outputByTunnelKey") exits.push({ port: `${NUMBERED}${(frame.key ?? 0) & PORT_NUMBER}`, vlan });
    else if (a.do === "turnBack") exits.push({ port: frame.inPort, vlan, ...(key === null ? {} : { key }) });
    else if (!dead.has(a.port) && !(inGroup && a.port === frame.inPort))
      exits.push({ port: a.port, vlan, ...(key === null ? {} : { key }) });
  }
  return exits;
}

function bucketsOf({ groups }: FlowTable, id: number, dead: ReadonlySet<string>) {
  const group = groups.find((g) => g.id === id);
  if (group === undefined) throw new Error(`no group ${id.toString(16)}`);
  if (group.type !== "fastFailover") return group.buckets;
  return group.buckets.filter((b) => !dead.has(b.watchPort ?? ANY_PORT)).slice(0, 1);
}

/** The ports by which an untagged frame leaves, sorted. A port stands twice when a frame would be doubled. */
export const led = (table: FlowTable, inPort: string, ethDst: string, dead: readonly string[] = []): string[] =>
  walk(table, { inPort, vlan: null, ethDst }, dead)
    .map((e) => e.port)
    .sort();
