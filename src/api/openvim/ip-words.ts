import { Type } from "typebox";
import { prefixOf } from "../../lib/ipv4-prefix.ts";
import { ipv6PrefixOf, ipv6Text, isIpv6 } from "../../lib/ipv6.ts";
import { WireError } from "../wire-error.ts";

// Addresses in request bodies, and the ways out of a network.

const OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})";
const IP4 = `${OCTET}(\\.${OCTET}){3}`;
/** Loose: what it lets through and is none is refused where it is read. */
const IP6 = "[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){2,7}";
const [BITS_4, BITS_6] = ["(3[0-2]|[12]?[0-9])", "(12[0-8]|1[01][0-9]|[1-9]?[0-9])"];
const CIDR4 = `${IP4}/${BITS_4}`;
const CIDR = `(${CIDR4}|${IP6}/${BITS_6})`;
/** Of IPv4 alone. */
export const ip4 = Type.String({ pattern: `^${IP4}$` });
const cidr4 = Type.String({ pattern: `^${CIDR4}$` });
export const ip = Type.String({ pattern: `^(${IP4}|${IP6})$` });
export const cidr = Type.String({ pattern: `^${CIDR}$` });
/** An address, or a prefix. */
export const prefix = Type.String({ pattern: `^(${IP4}(/${BITS_4})?|${IP6}(/${BITS_6})?)$` });
export const routes = Type.Record(Type.String({ pattern: `^(default|${CIDR})$` }), ip, { additionalProperties: false });

const checked6 = (text: string): string => {
  if (!isIpv6(text.split("/")[0]!)) throw new WireError(400, `'${text}': want an address of IPv4 or IPv6`);
  return text;
};
/** An address as it is kept: one of IPv6 is written in one way only. */
export const ipIn = (text: string): string => (text.includes(":") ? ipv6Text(checked6(text)) : text);
/** The same of an address with the length of its net's prefix. */
export function cidrIn(text: string): string {
  const [address, bits] = text.split("/") as [string, string];
  return `${ipIn(address)}/${bits}`;
}
/** The prefix itself, without what an address in it has beyond. */
export const prefixIn = (text: string): string => (text.includes(":") ? ipv6PrefixOf(checked6(text)) : prefixOf(text));

const maybe = Type.Optional;
/** `nat` as in OpenVIM: the router's address on that bridge. Ours: `ip` says it, and `nat` whether the network is hidden behind it. */
const netLink = Type.Object(
  {
    iface: Type.String({ minLength: 1, maxLength: 15, pattern: "^[^,;()'\"/\\s]+$" }),
    nat: maybe(Type.Union([cidr4, Type.Boolean()])),
    ip: maybe(cidr4),
    vlan: maybe(Type.Integer({ minimum: 1, maximum: 4094 })),
  },
  { additionalProperties: false },
);
export const netLinks = Type.Array(netLink, { maxItems: 8 });
