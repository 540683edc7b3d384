import ipaddr from "ipaddr.js";

// IPv6 addresses and prefixes as text: always as RFC 5952 writes them, so that two that are the same are the same text. Pure.

const BITS = 128;
const BYTES = 16;

/** Without a zone, which only means something on one machine. */
export const isIpv6 = (text: string): boolean => !text.includes("%") && ipaddr.IPv6.isValid(text);

export const ipv6Text = (text: string): string => ipaddr.IPv6.parse(text).toRFC5952String();

export const ipv6Bytes = (text: string): Uint8Array => Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
export const ipv6OfBytes = (bytes: Uint8Array): string => new ipaddr.IPv6([...bytes]).toRFC5952String();

export const ipv6Number = (text: string): bigint => ipv6Bytes(text).reduce((n, byte) => n * 256n + BigInt(byte), 0n);
export const ipv6OfNumber = (n: bigint): string =>
  ipv6OfBytes(Uint8Array.from({ length: BYTES }, (_, i) => Number((n >> BigInt(8 * (BYTES - 1 - i))) & 0xffn)));

/** The prefix itself, without what an address in it has beyond: `fd00::/64` of `fd00::7/64`; of all 128 bits the address alone. */
export function ipv6PrefixOf(text: string): string {
  const [ip, bits = String(BITS)] = text.split("/") as [string, string?];
  if (Number(bits) === BITS) return ipv6Text(ip);
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${bits}`).toRFC5952String()}/${bits}`;
}

/** Of an address or a prefix; the mask is null where all bits count. */
export function ipv6Masked(text: string): { readonly value: Uint8Array; readonly mask: Uint8Array | null } {
  const [ip, bits] = text.split("/") as [string, string?];
  const mask = bits === undefined ? null : Uint8Array.from(ipaddr.IPv6.subnetMaskFromPrefixLength(Number(bits)).toByteArray());
  return { value: ipv6Bytes(ip), mask };
}

/** Undefined for a mask with holes, which no prefix has. */
export function ipv6OfMasked(value: Uint8Array, mask: Uint8Array): string | undefined {
  const bits = new ipaddr.IPv6([...mask]).prefixLengthFromSubnetMask();
  return bits === null ? undefined : bits === BITS ? ipv6OfBytes(value) : `${ipv6OfBytes(value)}/${bits}`;
}
