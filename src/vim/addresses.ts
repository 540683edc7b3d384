import { Fault } from "../lib/fault.ts";

// IPv4 ranges of nets. Pure.

const toNumber = (ip: string): number => ip.split(".").reduce((n, part) => n * 256 + Number(part), 0);
const toText = (n: number): string => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
export const isIpv4 = (text: string): boolean => IPV4.test(text);

export interface DhcpRange {
  readonly firstIp: string;
  readonly lastIp: string;
  readonly gatewayIp: string;
}

/** The smallest net OpenVIM gives addresses in: fewer than eight leave nothing to give. */
const PREFIX_MAX = 29;

/** OpenVIM's range: the gateway is the first address, two more are kept, the last but the broadcast ends it. */
export function dhcpRange(cidr: string): DhcpRange {
  const [address, bits] = cidr.split("/");
  const prefix = Number(bits);
  if (!address || !isIpv4(address) || !Number.isInteger(prefix) || prefix < 1 || prefix > PREFIX_MAX) {
    throw new Fault("INVALID", `cidr '${cidr}': want an IPv4 net with a prefix of 1..${PREFIX_MAX}, such as 10.0.0.0/24`);
  }
  const size = 2 ** (32 - prefix);
  const net = Math.floor(toNumber(address) / size) * size;
  return { firstIp: toText(net + 3), lastIp: toText(net + size - 2), gatewayIp: toText(net + 1) };
}

/** The lowest free address after the first of the range, which the DHCP server itself has. */
export function freeIp(firstIp: string, lastIp: string, taken: ReadonlySet<string>): string {
  for (let n = toNumber(firstIp) + 1; n <= toNumber(lastIp); n++) {
    const ip = toText(n);
    if (!taken.has(ip)) return ip;
  }
  throw new Fault("CONFLICT", `no address is free between ${firstIp} and ${lastIp}`);
}
