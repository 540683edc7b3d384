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
  /** IPv4 address or prefix; null: none is known, and any is let through. */
  readonly ip: string | null;
}

/** Who it may send as; null: as anybody. An outside port is many people's cable: only its own word counts there, not its net's. */
export function sendersOf(net: Pick<Net, "portSecurity">, port: VimPort): readonly Sender[] | null {
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

export type SentBy = Pick<Match, "ethSrc" | "ipv4Src" | "arpSpa" | "arpSha" | "udp">;

/** Nobody's yet: who asks for an address by DHCP (RFC 2131), or whether somebody has it by ARP (RFC 5227). */
const NO_ADDRESS = "0.0.0.0";
const DHCP = { src: 68, dst: 67 } as const;

/**
 * What is to be asked of a packet, in one way or another, that these senders may send. With an address that is IPv4 and ARP; IPv6 and
 * all else is nobody's. `arpSha`: the switch can ask for the MAC address in an ARP packet.
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
    const arp = (arpSpa: string) => add({ ethSrc: mac, arpSpa, ...(arpSha ? { arpSha: mac } : {}) });
    add({ ethSrc: mac, ipv4Src: ip });
    add({ ethSrc: mac, ipv4Src: NO_ADDRESS, udp: DHCP });
    arp(ip);
    arp(NO_ADDRESS);
  }
  return [...known.values()];
}
