import type { DhcpReservation, DhcpServer } from "../model/dhcp.ts";
import { INSIDE } from "./net-cable.ts";

// What dnsmasq reads (dnsmasq(8)) and keeps. Pure.

/** A guest asks again after half of it. */
const LEASE_S = 3_600;
/** A host that hears no announcement asks for one when its link comes up: this is for those that missed the answer. */
const ANNOUNCED_EVERY_S = 60;

export interface DnsmasqFiles {
  readonly pid: string;
  readonly leases: string;
  readonly log: string;
}

/** All that a server is told; two that are the same text do the same. */
export function confOf(server: DhcpServer, files: DnsmasqFiles): string {
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
    "quiet-dhcp6",
    "quiet-ra",
    `dhcp-lease-max=${Math.max(1, server.reservations.length)}`,
    ...(isOf6(server.ip) ? given6(server) : given4(server)),
  ].join("\n")}\n`;
}

const isOf6 = (ip: string): boolean => ip.includes(":");

/**
 * Of IPv6: an address for whom we know and nobody else (RFC 8415). Hosts ask because the link's announcement says so (RFC 4861, 4.2, the M flag),
 * which also says what is on the link; it says of no router, for this is none: lifetime 0.
 */
function given6({ ip, prefix, dns, mtu, reservations }: DhcpServer): string[] {
  const servers = dns.filter(isOf6).map((server) => `[${server}]`);
  return [
    "enable-ra",
    `ra-param=${INSIDE},${mtu === null ? "" : `mtu:${mtu},`}${ANNOUNCED_EVERY_S},0`,
    `dhcp-range=${ip},static,${prefix},${LEASE_S}`,
    ...(servers.length === 0 ? [] : [`dhcp-option=option6:dns-server,${servers.join(",")}`]),
    ...reservations.map(({ mac, ip }) => `dhcp-host=${mac},[${ip}]`),
  ];
}

function given4({ ip, mask, gatewayIp, dns: all, routes, mtu, reservations }: DhcpServer): string[] {
  const dns = all.filter((server) => !isOf6(server));
  const router = routes["default"] ?? gatewayIp;
  const others = Object.entries(routes).filter(([to]) => to !== "default");
  // A client that takes option 121 ignores option 3 (RFC 3442).
  const classless = router === null || others.length === 0 ? others : [...others, ["0.0.0.0/0", router] as const];
  return [
    `dhcp-range=${ip},static,${mask},${LEASE_S}`,
    `dhcp-option=option:router${router === null ? "" : `,${router}`}`, // Without a value it says that there is none.
    ...(dns.length === 0 ? [] : [`dhcp-option=option:dns-server,${dns.join(",")}`]),
    ...(classless.length === 0 ? [] : [`dhcp-option=121,${classless.flat().join(",")}`]),
    ...(mtu === null ? [] : [`dhcp-option=option:mtu,${mtu}`]),
    ...reservations.map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
  ];
}

/**
 * The leases of a file that still hold: each line is `expiry mac ip name client-id`. One of an address that somebody else has now would
 * keep it from its new owner. Of IPv6 they name no MAC address, so none is kept, and who has one is told the same again when it renews; what the server
 * calls itself is (`duid …`), by which clients know it.
 */
export function leasesThatHold(text: string, reservations: readonly DhcpReservation[]): string {
  const held = new Set(reservations.map(({ mac, ip }) => `${mac} ${ip}`));
  const lines = text.split("\n").filter((line) => {
    const [what, mac = "", ip = ""] = line.split(" ");
    return what === "duid" || held.has(`${mac.toLowerCase()} ${ip}`);
  });
  return lines.map((line) => `${line}\n`).join("");
}
