import { Fault } from "../lib/fault.ts";
import type { NetLink } from "../model/router.ts";
import type { NetAddressing, VimNet } from "../model/vim-picture.ts";
import { blockOf, isHostIn, isOf6, isRouted } from "./addresses.ts";
import { bridgeOf } from "./bridges.ts";

// The ways out of a net that its `links` ask for. Pure.

/** With an address the router has it there; without one the net and the bridge are one Ethernet. */
export interface Way {
  readonly iface: string;
  readonly vlan: number | null;
  /** a.b.c.d/n */
  readonly address: string | null;
  readonly isHidden: boolean;
}

/** Throws INVALID where `nat` and `ip` do not go together. */
export function wayOf({ iface, vlan, nat, ip }: NetLink): Way {
  const said = `links: '${iface}'`;
  if (typeof nat === "string" && ip !== undefined)
    throw new Fault("INVALID", `${said}: nat is an address and so is ip: want nat true or false beside ip, or nat alone`);
  if (typeof nat === "boolean" && ip === undefined)
    throw new Fault("INVALID", `${said}: nat ${nat}: want ip too, the router's address there, such as 192.0.2.2/24; or neither`);
  const address = typeof nat === "string" ? nat : (ip ?? null);
  if (address !== null) checkAddress(said, address);
  return { iface, vlan: vlan ?? null, address, isHidden: typeof nat === "string" || nat === true };
}

function checkAddress(said: string, address: string): void {
  if (!isHostIn(blockOf(address, PREFIX_MAX, said), address.split("/")[0]!))
    throw new Fault("INVALID", `${said}: ${address}: want the address of a host and its net's prefix, such as 192.0.2.2/24`);
}

export const waysOf = ({ links }: Pick<NetAddressing, "links">): Way[] => (links ?? []).map(wayOf);

/** Two hosts: the router, and who it leads to. */
const PREFIX_MAX = 30;

const placeOf = ({ iface, vlan }: Way): string => (vlan === null ? iface : `${iface} with tag ${vlan}`);

/**
 * Throws INVALID for links that no router can have, CONFLICT where another net (`others`) has an address already. `net`: as it is to be, with its
 * gateway.
 */
export function checkLinks(net: VimNet, others: Iterable<VimNet>): void {
  const ways = waysOf(net);
  if (ways.length === 0) return;
  checkKind(net, ways);
  const places = ways.map(placeOf);
  const twice = places.find((place, i) => places.indexOf(place) < i);
  if (twice !== undefined) throw new Fault("INVALID", `links: '${twice}' is there twice: packets would go round`);
  const addressed = ways.filter((w) => w.address !== null);
  if (addressed.length > 0 && net.cidr !== null && isOf6(net.cidr))
    throw new Fault("INVALID", "links: nat and ip lead networks of IPv4 out: want an IPv4 cidr, or a link with iface alone");
  if (addressed.length > 0 && net.cidr === null)
    throw new Fault("INVALID", "links: nat or ip: want cidr of the network too: its router has the first address of it");
  const nets = [...(net.cidr === null ? [] : [net.cidr]), ...addressed.map((w) => w.address!)];
  for (const [i, one] of nets.entries())
    for (const other of nets.slice(0, i))
      if (areOneAnother(one, other))
        throw new Fault("INVALID", `links: ${one} and ${other} lie in one another: a router cannot tell them apart`);
  checkRoutes(net, ways);
  for (const other of others) if (other.id !== net.id) checkAddressFree(ways, other);
}

function checkKind(net: VimNet, ways: readonly Way[]): void {
  if (net.kind === "ptp")
    throw new Fault(
      "INVALID",
      "links: a network of type ptp has two ends, and a router would be a third: want type data or bridge_man",
    );
  const provider = net.provider ?? "";
  if (provider === "default" || provider.startsWith("macvtap:"))
    throw new Fault(
      "INVALID",
      `links: a network of ${provider} leads out by itself: want another provider:physical, or no links`,
    );
  const own = net.kind === "data" ? null : bridgeOf(net).name;
  if (ways.some((w) => w.iface === own)) throw new Fault("INVALID", `links: '${own}' is the network's own bridge`);
}

function areOneAnother(a: string, b: string): boolean {
  const [x, y] = [blockOf(a, PREFIX_MAX), blockOf(b, PREFIX_MAX)];
  return x.first <= y.last && y.first <= x.last;
}

/** Each next hop is in the net, and a guest's, or beside the router. */
function checkRoutes(net: VimNet, ways: readonly Way[]): void {
  const near = [...(net.cidr === null ? [] : [net.cidr]), ...ways.flatMap((w) => w.address ?? [])];
  for (const [to, hop] of Object.entries(net.routes ?? {}))
    if (isRouted(net) && !near.some((block) => isIn(block, hop)))
      throw new Fault("INVALID", `routes: ${to}: ${hop} is reached by nobody: want an address in ${near.join(" or ")}`);
}

const isIn = (cidr: string, ip: string): boolean => isHostIn(blockOf(cidr, PREFIX_MAX), ip);

function checkAddressFree(ways: readonly Way[], other: VimNet): void {
  for (const theirs of waysThatHold(other))
    for (const ours of ways)
      if (theirs.address !== null && placeOf(ours) === placeOf(theirs) && hostOf(ours) === hostOf(theirs))
        throw new Fault(
          "CONFLICT",
          `links: ${ours.address} on '${placeOf(ours)}' is that of the router of network '${other.name}'`,
        );
}

const hostOf = ({ address }: Way) => address?.split("/")[0];

/** Of a network of an older version, whose links nobody has checked, none. */
function waysThatHold(net: VimNet): Way[] {
  try {
    return waysOf(net);
  } catch {
    return [];
  }
}

/** Which of a net's routes are told to its guests, and which its router takes itself: those whose next hop is out there. */
export function routesOf(net: Pick<VimNet, "cidr" | "links" | "routes">): Record<"guests" | "router", Record<string, string>> {
  const all = Object.entries(net.routes ?? {});
  const isOut = ([, hop]: [string, string]) => isRouted(net) && net.cidr !== null && !isIn(net.cidr, hop);
  return {
    guests: Object.fromEntries(all.filter((r) => !isOut(r))),
    router: Object.fromEntries(all.filter(isOut)),
  };
}
