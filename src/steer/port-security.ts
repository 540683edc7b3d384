import type { Match } from "../model/flow.ts";
import type { Net, VimPort } from "../model/net.ts";

/**
 * Port security: what comes in by a port is led on only where the port may have sent it. Pure.
 *
 * A switch looks at one entry for a packet, so nothing can be let through to the next one: instead each entry of such a port stands
 * there once for everything that it may send. What no sender of its own sent finds no entry, and is dropped as any such packet is.
 */
export interface Sender {
  readonly mac: string;
  /** An address or prefix of IPv4 or IPv6; null: none is known, and any is let through. */
  readonly ip: string | null;
}

/** Who it may send as; null: as anybody. An outside port is many people's cable: only its own word counts there, not its net's. */
export function sendersOf(net: Pick<Net, "portSecurity">, port: Omit<VimPort, "id">): readonly Sender[] | null {
  const isAsked = port.portSecurity ?? (net.portSecurity && port.kind !== "external");
  if (!isAsked) return null;
  const pairs = port.allowedPairs.flatMap(({ mac, ip }) => from(mac ?? port.mac, ip));
  if (port.ip !== null) pairs.unshift(...from(port.mac, port.ip));
  return pairs.length > 0 ? pairs : from(port.mac, null);
}

const from = (mac: string | null, ip: string | null): Sender[] => (mac === null ? [] : [{ mac, ip }]);

/** All of them; null where one port of several at a place may send as anybody. */
export function allSenders(each: readonly (readonly Sender[] | null)[]): readonly Sender[] | null {
  const all = each.flatMap((senders) => senders ?? []);
  return each.includes(null) ? null : all;
}

export type SentBy = Pick<Match, "ethSrc" | "ipv4Src" | "arpSpa" | "arpSha" | "udp" | "ipv6Src" | "icmpv6" | "ndTarget">;

/** Nobody's yet: who asks for an address by DHCP (RFC 2131), or whether somebody has it by ARP (RFC 5227). */
const NO_ADDRESS = "0.0.0.0";
const DHCP = { src: 68, dst: 67 } as const;

/**
 * What is to be asked of a packet, in one way or another, that these senders may send: with an IPv4 address IPv4 and ARP, with one of IPv6
 * IPv6; all else is nobody's. `arpSha`: the switch can ask for the MAC address in an ARP packet.
 */
export function sentBy(senders: readonly Sender[] | null, arpSha: boolean): readonly SentBy[] {
  if (senders === null) return [{}];
  const known = new Map<string, SentBy>();
  const add = (one: SentBy) => known.set(JSON.stringify(one), one);
  for (const { mac, ip } of senders) {
    if (ip === null) {
      add({ ethSrc: mac });
      continue;
    }
    if (isIpv6(ip)) {
      for (const one of sentBy6(mac, ip)) add(one);
      continue;
    }
    const arp = (arpSpa: string) => add({ ethSrc: mac, arpSpa, ...(arpSha ? { arpSha: mac } : {}) });
    add({ ethSrc: mac, ipv4Src: ip });
    add({ ethSrc: mac, ipv4Src: NO_ADDRESS, udp: DHCP });
    arp(ip);
    arp(NO_ADDRESS);
  }
  return [...known.values()];
}

const isIpv6 = (ip: string): boolean => ip.includes(":");

// ICMPv6 types of neighbour discovery (RFC 4861, 4) and of multicast listener reports (RFC 3810, 5.2).
const [ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT, REDIRECT, LISTENER_REPORT] = [134, 135, 136, 137, 143] as const;
const NO_ADDRESS_6 = "::";

/** The address that a host has by itself on every link (RFC 4291, 2.5.6 and appendix A). */
function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac.split(":").map((part) => Number.parseInt(part, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups
    .slice(groups[0] === 0 ? 1 : 0)
    .map((g) => g.toString(16))
    .join(":")}`;
}

/** From the address and that of the link; without one only the question whether somebody has it (RFC 4862, 5.4), and what listens there. */
function sentBy6(ethSrc: string, ip: string): SentBy[] {
  const own = [ip, linkLocal(ethSrc)];
  return [
    ...own.map((ipv6Src) => ({ ethSrc, ipv6Src })),
    ...own.map((ndTarget) => ({ ethSrc, ipv6Src: NO_ADDRESS_6, icmpv6: SOLICITATION, ndTarget })),
    { ethSrc, ipv6Src: NO_ADDRESS_6, icmpv6: LISTENER_REPORT },
  ];
}

const of6 = (senders: readonly Sender[] | null) => (senders ?? []).filter(({ ip }) => ip !== null && isIpv6(ip));

/**
 * Of neighbour discovery: what is said to be where. From an own address a port could say so of another's, so this counts before `sentBy`: a
 * port speaks of its own addresses only.
 */
export function advertisedBy(senders: readonly Sender[] | null): readonly SentBy[] {
  const own = of6(senders).flatMap(({ mac, ip }) => [ip!, linkLocal(mac)].map((ndTarget) => `${mac} ${ndTarget}`));
  return [...new Set(own)].map((one) => {
    const [ethSrc, ndTarget] = one.split(" ") as [string, string];
    return { ethSrc, icmpv6: ADVERTISEMENT, ndTarget };
  });
}

/** What it may not send from any address, `advertisedBy` aside: to say where others are, or that it is a router. */
export const barredFrom = (senders: readonly Sender[] | null): readonly SentBy[] =>
  of6(senders).length === 0 ? [] : [ROUTER_ADVERTISEMENT, ADVERTISEMENT, REDIRECT].map((icmpv6) => ({ icmpv6 }));
