import type { DhcpReservation, DhcpServer } from "../model/dhcp.ts";
import { INSIDE } from "./net-cable.ts";

// What dnsmasq reads (dnsmasq(8)) and keeps. Pure.

/** A guest asks again after half of it. */
const LEASE_S = 3_600;

export interface DnsmasqFiles {
  readonly pid: string;
  readonly leases: string;
  readonly log: string;
}

/** All that a server is told; two that are the same text do the same. */
export function confOf(server: DhcpServer, files: DnsmasqFiles): string {
  const { ip, mask, gatewayIp, dns, routes, mtu, reservations } = server;
  const router = routes["default"] ?? gatewayIp;
  const others = Object.entries(routes).filter(([to]) => to !== "default");
  // A client that takes option 121 ignores option 3 (RFC 3442).
  const classless = router === null || others.length === 0 ? others : [...others, ["0.0.0.0/0", router] as const];
  return `${[
    "port=0", // No DNS.
    `interface=${INSIDE}`,
    "except-interface=lo",
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "dhcp-authoritative",
    `pid-file=${files.pid}`,
    `dhcp-leasefile=${files.leases}`,
    `log-facility=${files.log}`,
    "quiet-dhcp",
    `dhcp-lease-max=${Math.max(1, reservations.length)}`,
    `dhcp-range=${ip},static,${mask},${LEASE_S}`,
    `dhcp-option=option:router${router === null ? "" : `,${router}`}`, // Without a value it says that there is none.
    ...(dns.length === 0 ? [] : [`dhcp-option=option:dns-server,${dns.join(",")}`]),
    ...(classless.length === 0 ? [] : [`dhcp-option=121,${classless.flat().join(",")}`]),
    ...(mtu === null ? [] : [`dhcp-option=option:mtu,${mtu}`]),
    ...reservations.map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
  ].join("\n")}\n`;
}

/**
 * The leases of a file that still hold: each line is `expiry mac ip name client-id`. One of an address that somebody else has now would
 * keep it from its new owner.
 */
export function leasesThatHold(text: string, reservations: readonly DhcpReservation[]): string {
  const held = new Set(reservations.map(({ mac, ip }) => `${mac} ${ip}`));
  const lines = text.split("\n").filter((line) => {
    const [, mac = "", ip = ""] = line.split(" ");
    return held.has(`${mac.toLowerCase()} ${ip}`);
  });
  return lines.map((line) => `${line}\n`).join("");
}
