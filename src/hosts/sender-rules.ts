import { ipv6Number } from "../lib/ipv6.ts";
import type { Match } from "../model/flow.ts";
import type { HeldTap } from "../model/held-tap.ts";

// What nft(8) reads: what guests on Linux bridges may send. Pure.

/**
 * A table in the place of the one that was there, in one go; without taps none. Looked at before a bridge learns who is where. What is for the bridge itself (LLDP) it never
 * sees: by that ours learn nothing (`host-bridges.ts`).
 */
export function senderTable(name: string, taps: readonly HeldTap[]): string {
  const none = `table bridge ${name}\ndelete table bridge ${name}\n`;
  if (taps.length === 0) return none;
  const byTap = `iifname vmap { ${taps.map(({ tap }) => `"${tap}" : goto ${tap}`).join(", ")} }`;
  const comes = chainOf("comes", ["type filter hook prerouting priority -300; policy accept;", byTap]);
  return [none, `table bridge ${name} {\n`, ...taps.map(tapChain), comes, "}\n"].join("");
}

function tapChain({ tap, advertised, barred, allowed }: HeldTap): string {
  const accept = (m: Match) => `${wordsOf(m)} accept`;
  return chainOf(tap, [
    "ether type { 8021q, 8021ad } drop", // A guest's port has one network.
    ...advertised.map(accept),
    ...barred.map((m) => `${wordsOf(m)} drop`),
    ...allowed.map(accept),
    "drop",
  ]);
}

const chainOf = (name: string, lines: readonly string[]): string =>
  `  chain ${name} {\n${lines.map((line) => `    ${line}\n`).join("")}  }\n`;

/** A match of the switch's as one of the kernel's. */
function wordsOf({ ethSrc, ipv4Src, udp, arpSpa, arpSha, ipv6Src, icmpv6, ndTarget }: Match): string {
  return [
    ethSrc && `ether saddr ${ethSrc}`,
    ipv4Src && `ip saddr ${ipv4Src}`,
    udp && `udp sport ${udp.src} udp dport ${udp.dst}`,
    arpSpa && `arp saddr ip ${arpSpa}`,
    arpSha && `arp saddr ether ${arpSha}`,
    ipv6Src && `ip6 saddr ${ipv6Src}`,
    icmpv6 !== undefined && `icmpv6 type ${icmpv6}`,
    ndTarget && targetWords(ndTarget),
  ]
    .filter(Boolean)
    .join(" ");
}

/** Bits of an ICMPv6 header before the target of neighbour discovery (RFC 4861, 4.3), and of an address. Older nft have no word for it. */
const [TARGET_AT, ADDRESS_BITS] = [64, 128] as const;

function targetWords(target: string): string {
  const [ip, prefix = ADDRESS_BITS] = target.split("/");
  const bits = Number(prefix);
  return `@th,${TARGET_AT},${bits} 0x${(ipv6Number(ip!) >> BigInt(ADDRESS_BITS - bits)).toString(16)}`;
}
