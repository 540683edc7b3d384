import { Fault } from "../lib/fault.ts";
import { ipv6Number, ipv6OfNumber, isIpv6 } from "../lib/ipv6.ts";
import type { NetAddressing, VimNet } from "../model/vim-picture.ts";

// Ranges of nets, of IPv4 or of IPv6, and the addresses given from them. Pure.

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
export const isIpv4 = (text: string): boolean => IPV4.test(text);
export const isOf6 = (text: string): boolean => text.includes(":");
const isIp = (text: string): boolean => (isOf6(text) ? isIpv6(text) : isIpv4(text));

/** Only of what `isIp`. */
const toNumber = (ip: string): bigint =>
  isOf6(ip) ? ipv6Number(ip) : ip.split(".").reduce((n, part) => n * 256n + BigInt(part), 0n);
const toText = (n: bigint, of6: boolean): string =>
  of6 ? ipv6OfNumber(n) : [24, 16, 8, 0].map((shift) => (Number(n) >>> shift) & 255).join(".");

export interface DhcpRange {
  readonly firstIp: string;
  readonly lastIp: string;
  readonly gatewayIp: string;
}

/** The smallest net OpenVIM gives addresses in: fewer than eight leave nothing to give. */
const PREFIX_MAX = 29;
/** As many addresses; and the largest that a DHCP server of IPv6 announces: hosts read the first 64 bits as the link's (RFC 4291, 2.5.4). */
const [PREFIX_MIN_6, PREFIX_MAX_6] = [64, 125];

export interface Block {
  readonly prefix: number;
  readonly of6: boolean;
  /** Its first address, that of the net itself, and its last, which IPv4 broadcasts to. */
  readonly first: bigint;
  readonly last: bigint;
}

/** `what`: it is, for people; `prefixMax`: of IPv4. Throws INVALID. */
export function blockOf(cidr: string, prefixMax = PREFIX_MAX, what = "cidr"): Block {
  const [address = "", bits] = cidr.split("/");
  const prefix = Number(bits);
  const of6 = isOf6(address);
  const [min, max] = of6 ? [PREFIX_MIN_6, PREFIX_MAX_6] : [1, prefixMax];
  if (!isIp(address) || !Number.isInteger(prefix) || prefix < min || prefix > max) {
    const wanted = of6
      ? `an IPv6 net with a prefix of ${min}..${max}, such as fd00:0:0:1::/64`
      : `an IPv4 net with a prefix of 1..${prefixMax}, such as 10.0.0.0/24`;
    throw new Fault("INVALID", `${what} '${cidr}': want ${wanted}`);
  }
  const rest = BigInt((of6 ? 128 : 32) - prefix);
  const first = (toNumber(address) >> rest) << rest;
  return { prefix, of6, first, last: first + (1n << rest) - 1n };
}

export function isHostIn({ first, last, of6 }: Block, ip: string): boolean {
  if (isOf6(ip) !== of6 || !isIp(ip)) return false;
  const n = toNumber(ip);
  return first < n && n < last;
}

/** OpenVIM's range: the gateway is the first address, two more are kept, the last but the broadcast ends it. */
export function dhcpRange(cidr: string): DhcpRange {
  const { first, last, of6 } = blockOf(cidr);
  return { firstIp: toText(first + 3n, of6), lastIp: toText(last - 1n, of6), gatewayIp: toText(first + 1n, of6) };
}

/** The length of a net's prefix, and of an IPv4 net its mask. Throws INVALID. */
export function maskOf(cidr: string): { readonly prefix: number; readonly mask: string | null } {
  const { prefix, of6 } = blockOf(cidr);
  return { prefix, mask: of6 ? null : toText(2n ** 32n - 2n ** BigInt(32 - prefix), false) };
}

/** The lowest free address after the first of the range, which the DHCP server itself has. */
export function freeIp(firstIp: string, lastIp: string, taken: ReadonlySet<string>): string {
  for (let n = toNumber(firstIp) + 1n; n <= toNumber(lastIp); n++) {
    const ip = toText(n, isOf6(firstIp));
    if (!taken.has(ip)) return ip;
  }
  throw new Fault("CONFLICT", `no address is free between ${firstIp} and ${lastIp}`);
}

type Addressing = NetAddressing & Pick<VimNet, "name">;

/** A net in which a DHCP server runs: all that it must know is known. */
export type Served<N extends NetAddressing = VimNet> = N & {
  readonly enableDhcp: true;
  readonly cidr: string;
  readonly dhcpFirstIp: string;
  readonly dhcpLastIp: string;
};

export const isServed = <N extends NetAddressing>(net: N): net is Served<N> =>
  net.enableDhcp && net.cidr !== null && net.dhcpFirstIp !== null && net.dhcpLastIp !== null;

/** Whether its links ask for a router with an address in the net: it is its gateway. */
export const isRouted = ({ links }: Pick<NetAddressing, "links">): boolean =>
  (links ?? []).some(({ nat, ip }) => nat !== undefined || ip !== undefined);

/** What of a net's range nobody gave, by OpenVIM's rule; of a net that was there, where its `cidr` is another. Throws INVALID. */
export function withRange<N extends Addressing>(net: N, had: NetAddressing | null = null): N {
  if ((!net.enableDhcp && !isRouted(net)) || net.cidr === null) return net;
  const { firstIp, lastIp, gatewayIp } = dhcpRange(net.cidr);
  const isNew = had !== null && had.cidr !== net.cidr;
  const kept = (member: "dhcpFirstIp" | "dhcpLastIp" | "gatewayIp") =>
    isNew && net[member] === had[member] ? null : net[member];
  if (!net.enableDhcp) return { ...net, gatewayIp: kept("gatewayIp") ?? gatewayIp };
  const ranged = {
    ...net,
    dhcpFirstIp: kept("dhcpFirstIp") ?? firstIp,
    dhcpLastIp: kept("dhcpLastIp") ?? lastIp,
    gatewayIp: kept("gatewayIp") ?? gatewayIp,
  };
  checkRange(ranged);
  return ranged;
}

/** Throws INVALID for a range that a DHCP server could not give from. */
function checkRange({ cidr, dhcpFirstIp, dhcpLastIp, gatewayIp, links }: Addressing): void {
  const block = blockOf(cidr!);
  for (const [member, ip] of [
    ["dhcp_first_ip", dhcpFirstIp!],
    ["dhcp_last_ip", dhcpLastIp!],
  ] as const)
    if (!isHostIn(block, ip)) throw new Fault("INVALID", `${member} ${ip}: want an address of a host in cidr ${cidr}`);
  if (isRouted({ links }) && dhcpFirstIp === gatewayIp)
    throw new Fault(
      "INVALID",
      `dhcp_first_ip ${dhcpFirstIp}: the router has it (gateway_ip), and the DHCP server wants one of its own`,
    );
  if (toNumber(dhcpFirstIp!) >= toNumber(dhcpLastIp!))
    throw new Fault(
      "INVALID",
      `dhcp_last_ip ${dhcpLastIp}: want an address after dhcp_first_ip ${dhcpFirstIp}, which the DHCP server itself has`,
    );
}

/**
 * The address of one more port: what somebody fixed is kept, else the lowest free one where the net gives addresses, else null. `taken`:
 * of the other ports. Throws INVALID for a fixed one that the DHCP server cannot give, CONFLICT where it is taken or none is free.
 */
export function addressIn(net: Addressing, fixed: string | null, taken: ReadonlySet<string>): string | null {
  if (fixed !== null) {
    if (!isIp(fixed)) throw new Fault("INVALID", `ip_address '${fixed}': want an address of IPv4 or IPv6`);
    if (isServed(net)) checkFixed(net, fixed, taken);
    if (isRouted(net) && fixed === net.gatewayIp)
      throw new Fault("CONFLICT", `ip_address ${fixed}: the router of network '${net.name}' has it (gateway_ip): choose another`);
    return fixed;
  }
  const { enableDhcp, dhcpFirstIp, dhcpLastIp, gatewayIp, name } = net;
  if (!enableDhcp || dhcpFirstIp === null || dhcpLastIp === null) return null;
  try {
    return freeIp(dhcpFirstIp, dhcpLastIp, gatewayIp === null ? taken : new Set([...taken, gatewayIp]));
  } catch (cause) {
    const { detail } = cause as Fault;
    const todo = "delete ports, widen dhcp_first_ip..dhcp_last_ip, or fix an ip_address outside of it";
    throw new Fault("CONFLICT", `network '${name}': ${detail}: ${todo}`, {}, { cause });
  }
}

function checkFixed({ name, cidr, dhcpFirstIp }: Served<Addressing>, ip: string, taken: ReadonlySet<string>): void {
  if (!isHostIn(blockOf(cidr), ip))
    throw new Fault("INVALID", `ip_address ${ip}: want an address of a host in cidr ${cidr} of network '${name}'`);
  if (ip === dhcpFirstIp)
    throw new Fault("CONFLICT", `ip_address ${ip}: the DHCP server of network '${name}' has it (dhcp_first_ip): choose another`);
  if (taken.has(ip)) throw new Fault("CONFLICT", `Value  '${ip}'  already in use for  'ip_address' in network '${name}'`);
}

/** Whether a port may keep its address when its net is as `net`. */
export const fits = (net: NetAddressing, ip: string): boolean => net.cidr === null || isHostIn(blockOf(net.cidr), ip);
