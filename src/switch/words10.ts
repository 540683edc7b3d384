import { Fault } from "../lib/fault.ts";
import { prefixIn, prefixText } from "../lib/ipv4-prefix.ts";
import { type Action, type FlowChange, type FlowEntry, isOurs, type Match } from "../model/flow.ts";
import type { Unsent } from "../wire/openflow/codec.ts";
import {
  type Action10,
  type FlowEntry10,
  type Match10,
  type Message10,
  NO_BUFFER,
  nwSrcBits,
  nwSrcWild,
  PORT,
  plainWildcards,
  WHOLE_PACKET,
  WILD,
} from "../wire/openflow/of10.ts";
import { turnsBack, vlanId } from "./dialect.ts";
import { IMPOSSIBLE_PORT, type PortBook } from "./ports.ts";

/** The model's flow entries in the words of OpenFlow 1.0, and back. Pure. 1.0 has no groups and one table to write to. */

const NO_MAC = "00:00:00:00:00:00";
const NO_IP = "0.0.0.0";
const FLOW_MOD = {
  kind: "flowMod",
  idleTimeoutSec: 0,
  hardTimeoutSec: 0,
  buffer: NO_BUFFER,
  outPort: PORT.none,
  flags: 0,
} as const;

/** Matches every packet. */
export const ANY_PACKET: Match10 = {
  ...{ wildcards: WILD.all, inPort: 0, dlSrc: NO_MAC, dlDst: NO_MAC, dlVlan: 0, dlVlanPcp: 0, dlType: 0 },
  ...{ nwTos: 0, nwProto: 0, nwSrc: NO_IP, nwDst: NO_IP, tpSrc: 0, tpDst: 0 },
};

/** Throws Error for a group, which no one may steer into on 1.0, and Fault SWITCH_REFUSED for a table other than 0. */
export function change10(change: FlowChange, ports: PortBook): Unsent<Message10> {
  if (change.op !== "addEntry" && change.op !== "deleteEntry") throw new Error("OpenFlow 1.0 has no groups");
  const { table, cookie, priority, match, actions } = change.entry;
  if (table !== 0) throw new Fault("SWITCH_REFUSED", `OpenFlow 1.0 can write to table 0 only, not to ${table}`, { table });
  const isAdd = change.op === "addEntry";
  const command = isAdd ? "add" : "deleteStrict";
  return {
    ...FLOW_MOD,
    command,
    cookie,
    priority,
    match: match10(match, ports),
    actions: isAdd ? actions.map((a) => (turnsBack(a, match) ? TURN_BACK : action10(a, ports))) : [],
  };
}

/** A switch does not send a packet out of the port it came in by, unless it is told so in these words (3.3). */
const TURN_BACK: Action10 = { kind: "output", port: PORT.inPort, maxLen: 0 };

function match10(match: Match, ports: PortBook): Match10 {
  let wildcards: number = WILD.all;
  if (match.inPort !== undefined) wildcards &= ~WILD.inPort;
  if (match.vlan !== undefined) wildcards &= ~WILD.dlVlan;
  if (match.ethDst !== undefined) wildcards &= ~WILD.dlDst;
  const sender = sender10(match);
  return {
    ...ANY_PACKET,
    ...sender.fields,
    wildcards: (wildcards & ~sender.looksAt) | sender.nwSrc,
    inPort: match.inPort === undefined ? 0 : ports.noOf(match.inPort),
    dlDst: match.ethDst ?? NO_MAC,
    dlVlan: match.vlan === undefined ? 0 : match.vlan === "none" ? VLAN_NONE : vlanId(match.vlan),
  };
}

const [IPV4, ARP, UDP] = [0x0800, 0x0806, 17];

/** What is asked of the sender; of an ARP packet nwSrc is the address that it says it has (5.2.3). */
function sender10({ ethSrc, ipv4Src, arpSpa, udp }: Match) {
  const address = ipv4Src ?? arpSpa;
  const { ip, bits } = prefixIn(address ?? `${NO_IP}/0`);
  const looksAt =
    (ethSrc === undefined ? 0 : WILD.dlSrc) |
    (address === undefined ? 0 : WILD.dlType | WILD.nwSrc) |
    (udp === undefined ? 0 : WILD.nwProto | WILD.tpSrc | WILD.tpDst);
  const type = address === undefined ? 0 : ipv4Src === undefined ? ARP : IPV4;
  return {
    looksAt,
    nwSrc: address === undefined ? 0 : nwSrcWild(bits),
    fields: {
      ...{ dlSrc: ethSrc ?? NO_MAC, dlType: type, nwSrc: ip },
      ...{ nwProto: udp === undefined ? 0 : UDP, tpSrc: udp?.src ?? 0, tpDst: udp?.dst ?? 0 },
    },
  };
}

/** SET_VLAN_VID adds the tag where there is none (1.0, 5.2.4), so `push` needs no word of its own. */
function action10(action: Action, ports: PortBook): Action10 {
  switch (action.do) {
    case "output":
      return { kind: "output", port: ports.noOf(action.port), maxLen: 0 };
    case "setVlan":
      return { kind: "setVlanVid", vlan: vlanId(action.vlan) };
    case "stripVlan":
      return { kind: "stripVlan" };
    case "toController":
      return { kind: "output", port: PORT.controller, maxLen: WHOLE_PACKET };
    case "group":
      throw new Error("OpenFlow 1.0 has no groups");
    case "turnBack":
      return TURN_BACK;
    case "setTunnelKey":
    case "outputByTunnelKey":
      throw new Error("OpenFlow 1.0 has no tunnels");
  }
}

/** The entry as the model has it; null when it is not ours; undefined when it is, but matches in a way the model has no words for. */
export function entryFrom10(row: FlowEntry10, ports: PortBook): FlowEntry | null | undefined {
  if (!isOurs(row.cookie)) return null;
  const match = matchFrom10(row.match, ports);
  if (match === undefined) return undefined;
  const { table, priority, cookie } = row;
  return { table, priority, cookie, match, actions: actionsFrom10(row.actions, match, ports) };
}

/** OFP_VLAN_NONE: "has no tag". */
const VLAN_NONE = 0xffff;

function matchFrom10(match: Match10, ports: PortBook): Match | undefined {
  const isUntagged = (match.wildcards & WILD.dlVlan) === 0 && match.dlVlan === VLAN_NONE;
  // Without a tag there is no priority in it: a switch may say that it looks at both.
  const looksAt = WILD.all & ~plainWildcards(match.wildcards) & ~(isUntagged ? WILD.dlVlanPcp : 0);
  const sender = senderFrom10(match, looksAt);
  if (sender === undefined || (looksAt & ~(WILD.inPort | WILD.dlVlan | WILD.dlDst | sender.looksAt)) !== 0) return undefined;
  return {
    ...sender.match,
    ...(looksAt & WILD.inPort ? { inPort: ports.nameOf(match.inPort) } : {}),
    ...(looksAt & WILD.dlVlan ? { vlan: isUntagged ? ("none" as const) : match.dlVlan } : {}),
    ...(looksAt & WILD.dlDst ? { ethDst: match.dlDst } : {}),
  };
}

/** What `match` asks of the sender, and by which bits; undefined where the model has no words for it. */
function senderFrom10(match: Match10, looksAt: number): { readonly match: Match; readonly looksAt: number } | undefined {
  const ethSrc = looksAt & WILD.dlSrc ? { ethSrc: match.dlSrc } : {};
  const bits = nwSrcBits(match.wildcards);
  if (bits === 0) return { match: ethSrc, looksAt: WILD.dlSrc };
  const isArp = match.dlType === ARP;
  if ((looksAt & WILD.dlType) === 0 || (!isArp && match.dlType !== IPV4)) return undefined;
  const address = prefixText(match.nwSrc, bits);
  const known = WILD.dlSrc | WILD.dlType | WILD.nwSrc;
  if (isArp) return { match: { ...ethSrc, arpSpa: address }, looksAt: known };
  const ports = WILD.nwProto | WILD.tpSrc | WILD.tpDst;
  if ((looksAt & ports) === 0) return { match: { ...ethSrc, ipv4Src: address }, looksAt: known };
  if ((looksAt & ports) !== ports || match.nwProto !== UDP) return undefined;
  return { match: { ...ethSrc, ipv4Src: address, udp: { src: match.tpSrc, dst: match.tpDst } }, looksAt: known | ports };
}

/** The wire does not say whether a tag was there; the match and the actions before do. */
function actionsFrom10(wire: readonly Action10[], { vlan, inPort }: Match, ports: PortBook): readonly Action[] {
  const actions: Action[] = [];
  let hasTag = typeof vlan === "number";
  for (const one of wire) {
    const action = actionFrom10(one, hasTag, ports, inPort);
    if (action === null) return [{ do: "output", port: IMPOSSIBLE_PORT }];
    actions.push(action);
    if (action.do === "setVlan") hasTag = true;
    if (action.do === "stripVlan") hasTag = false;
  }
  return actions;
}

/** Null for what the model has no word for. */
function actionFrom10(action: Action10, hasTag: boolean, ports: PortBook, inPort?: string): Action | null {
  switch (action.kind) {
    case "output":
      if (action.port === PORT.inPort && inPort !== undefined) return { do: "output", port: inPort };
      return action.port === PORT.controller ? { do: "toController" } : { do: "output", port: ports.nameOf(action.port) };
    case "setVlanVid":
      return { do: "setVlan", vlan: action.vlan, push: !hasTag };
    case "stripVlan":
      return { do: "stripVlan" };
    default:
      return null;
  }
}
