import type { Router, RouterWay } from "../model/router.ts";
import { INSIDE } from "./net-cable.ts";

// What nft(8) reads. Pure.

/** The bridge in a router's namespace that joins a net and what is one Ethernet with it. */
export const LAN = "lan";

export const isJoined = ({ ways }: Router): boolean => ways.some((way) => way.address === null);
/** The device that has the router's address in the net. */
export const lanOf = (router: Router): string => (isJoined(router) ? LAN : INSIDE);

/** Of a device's name. With a tag behind it a name has room for fifteen characters. */
const [OUTSIDE_PREFIX, DIGITS] = ["lnk".length, 7];
/** The device of a way in the namespace, and with a tag that which carries it: by the way itself, so that others may come and go beside it. */
export const cableOf = ({ device }: RouterWay): string => `out${device.slice(OUTSIDE_PREFIX, OUTSIDE_PREFIX + DIGITS)}`;
export const wayDevice = (way: RouterWay): string => (way.vlan === null ? cableOf(way) : `${cableOf(way)}.${way.vlan}`);

/** Whether what is there of a way will do for another: only addresses and rules are others. */
export const isSameWay = (a: RouterWay, b: RouterWay): boolean =>
  a.device === b.device && a.iface === b.iface && a.vlan === b.vlan;

/** Whether one that is told otherwise need not be made anew. */
export function canChange(had: Router, router: Router): boolean {
  const fixed = ({ netns, device, bridge, mtu, ways }: Router) =>
    JSON.stringify([netns, device, bridge, mtu, ways.filter((w) => w.address === null)]);
  return fixed(had) === fixed(router);
}

/**
 * All that passes, put in the place of what was there in one go: out, what is from an address of the net; in, what answers it, and to a net
 * that is not hidden all that is for an address of it. To the router itself: pings.
 */
export function rulesOf(router: Router): string {
  const { inside, ways } = router;
  const lan = lanOf(router);
  const routed = ways.flatMap((way) => (way.address === null ? [] : [{ ...way, device: wayDevice(way) }]));
  const named = (some: readonly { readonly device: string }[]) => `{ ${some.map((w) => `"${w.device}"`).join(", ")} }`;
  const [hidden, open] = [routed.filter((w) => w.isHidden), routed.filter((w) => !w.isHidden)];
  const out =
    inside === null || routed.length === 0 ? [] : [`iifname "${lan}" ip saddr ${inside.cidr} oifname ${named(routed)} accept`];
  const back =
    inside === null || open.length === 0 ? [] : [`iifname ${named(open)} ip daddr ${inside.cidr} oifname "${lan}" accept`];
  const nat = inside === null || hidden.length === 0 ? [] : [`oifname ${named(hidden)} ip saddr ${inside.cidr} masquerade`];
  const chain = (name: string, head: string, rules: readonly string[]) =>
    `  chain ${name} {\n${[`type ${head};`, ...rules].map((r) => `    ${r}\n`).join("")}  }\n`;
  return [
    "table inet sempre\ndelete table inet sempre\ntable inet sempre {\n",
    chain("forward", "filter hook forward priority filter; policy drop", [
      ...(isJoined(router) ? [`iifname "${LAN}" oifname "${LAN}" accept`] : []), // Asked where bridged packets are filtered too.
      "tcp flags syn tcp option maxseg size set rt mtu",
      "ct state established,related accept",
      "ct state invalid drop",
      ...out,
      ...back,
    ]),
    chain("input", "filter hook input priority filter; policy drop", [
      "ct state established,related accept",
      "icmp type echo-request accept",
    ]),
    chain("postrouting", "nat hook postrouting priority srcnat; policy accept", nat),
    "}\n",
  ].join("");
}
