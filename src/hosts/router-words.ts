import type { Router, RouterWay } from "../model/router.ts";
import { INSIDE } from "./net-cable.ts";

// What nft(8) reads. Pure.

/** The bridge in a router's namespace that joins a net and what is one Ethernet with it. */
export const LAN = "lan";

export const isJoined = ({ ways }: Router): boolean => ways.some((way) => way.address === null);
/** The device that has the router's address in the net. */
export const lanOf = (router: Router): string => (isJoined(router) ? LAN : INSIDE);

/** The device of a way in the namespace, and with a tag that which carries it. */
export const cableOf = (index: number): string => `out${index}`;
export const wayDevice = ({ vlan }: RouterWay, index: number): string =>
  vlan === null ? cableOf(index) : `${cableOf(index)}.${vlan}`;

/**
 * All that passes, put in the place of what was there in one go: out, what is from an address of the net; in, what answers it, and to a net
 * that is not hidden all that is for an address of it. To the router itself: pings.
 */
export function rulesOf(router: Router): string {
  const { inside, ways } = router;
  const lan = lanOf(router);
  const routed = ways.flatMap((way, i) => (way.address === null ? [] : [{ ...way, device: wayDevice(way, i) }]));
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
