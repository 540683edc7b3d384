import ipaddr from "ipaddr.js";
import type { LinkAddresses } from "../model/link-addresses.ts";
import type { Spot } from "./spot.ts";

/** SOL006 writes names with dashes, TOSCA with underscores. */
export type Naming = (name: string) => string;
export const DASHES: Naming = (name) => name;
export const UNDERSCORES: Naming = (name) => name.replaceAll("-", "_");

/** Prefixes of nets in which a DHCP server has addresses to give, as the VIM has it. */
const LENGTHS = { ipv4: [1, 29], ipv6: [64, 125] } as const;
const SUCH_AS = { ipv4: "10.0.0.0/24", ipv6: "fd00:0:0:1::/64" } as const;

/**
 * Of the protocol data of a virtual link's profile what it says of layer 3; null: nothing, or no addresses. A net here has addresses of one kind,
 * and a DHCP server gives all of them: another wish is refused, since it would not be carried out.
 */
export function linkAddresses(data: Spot, name: Naming): LinkAddresses | null {
  const all = data
    .items("protocol data")
    .map((d) => d.get(name("l3-protocol-data")))
    .filter((l3) => l3.get("cidr").isThere);
  const [l3, second] = all;
  if (l3 === undefined) return null;
  second?.get("cidr").refuse("the link has addresses already", "leave one of the two: a net has those of one kind, IPv4 or IPv6");
  const cidr = l3.get("cidr").text("a prefix such as 10.0.0.0/24 or fd00:0:0:1::/64");
  if (cidr === "") return null;
  if (!ipaddr.isValidCIDR(cidr)) {
    l3.get("cidr").refuse(`${l3.get("cidr").said} is no prefix`, `write one such as ${SUCH_AS.ipv4} or ${SUCH_AS.ipv6}`);
    return null;
  }
  const kind = ipaddr.parseCIDR(cidr)[0].kind();
  const isGiven = l3.get(name("dhcp-enabled")).flag("whether a DHCP server gives its addresses") ?? true;
  refuseUnfit(l3, name, kind);
  if (isGiven) refuseUngiven(l3, name, cidr, kind);
  return {
    cidr,
    gateway: within(l3.get(name("gateway-ip")), cidr, "the address of a gateway"),
    isGiven,
    pool: poolOf(l3.get(name("ip-allocation-pools")), name, cidr),
  };
}

type Kind = keyof typeof LENGTHS;

function refuseUnfit(l3: Spot, name: Naming, kind: Kind): void {
  const version = l3.get(name("ip-version"));
  const said = version.word({ ipv4: "ipv4", ipv6: "ipv6" } as const, "the version of IP");
  if (said !== null && said !== kind)
    version.refuse(`${version.said} is not that of its cidr`, `write ${kind}, or a cidr of ${said}`);
}

function refuseUngiven(l3: Spot, name: Naming, cidr: string, kind: Kind): void {
  const [min, max] = LENGTHS[kind];
  const length = ipaddr.parseCIDR(cidr)[1];
  if (length < min || length > max)
    l3.get("cidr").refuse(
      `a DHCP server cannot give addresses in a prefix of ${length} bits`,
      `write one of ${min} to ${max}, such as ${SUCH_AS[kind]}`,
    );
  const mode = l3.get(name("ipv6-address-mode"));
  const how = mode.word(
    { slaac: "made up", "dhcpv6-stateful": "given", "dhcpv6-stateless": "made up" },
    "how addresses of IPv6 are given",
  );
  if (how === "made up")
    mode.refuse(
      `${mode.said} is not possible: who is on a net has the address that the VIM knows`,
      "write dhcpv6-stateful, or leave it out",
    );
}

/** An address of the link; null where there is none. */
function within(spot: Spot, cidr: string, what: string): string | null {
  if (!spot.isThere) return null;
  const text = spot.text(what);
  const isIn = ipaddr.isValid(text) && isOf(text, cidr);
  if (text !== "" && !isIn) spot.refuse(`${spot.said} is no address in ${cidr}`, "write one that is");
  return isIn ? text : null;
}

function isOf(ip: string, cidr: string): boolean {
  const [address, [prefix, bits]] = [ipaddr.parse(ip), ipaddr.parseCIDR(cidr)];
  return address.kind() === prefix.kind() && address.match(prefix, bits);
}

function poolOf(spot: Spot, name: Naming, cidr: string): LinkAddresses["pool"] {
  const [pool, ...more] = spot.items("ranges of addresses");
  if (more.length > 0) spot.refuse(`there are ${more.length + 1} of them`, "write one: addresses are given from one range");
  if (pool === undefined) return null;
  const [first, last] = [name("start-ip-address"), name("end-ip-address")].map((key) => {
    if (!pool.get(key).isThere) pool.get(key).text("the first and the last address of the range");
    return within(pool.get(key), cidr, "an address of the range");
  });
  return first && last ? [first, last] : null;
}

/** Of a node of TOSCA (SOL001 6.8.9, 7.8.4). */
export const toscaAddresses = (link: Spot): LinkAddresses | null =>
  linkAddresses(link.get("properties").get("vl_profile").get("virtual_link_protocol_data"), UNDERSCORES);
