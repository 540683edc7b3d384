import { isDeepStrictEqual } from "node:util";
import { bitsOf, maskOf, prefixIn, prefixText } from "../lib/ipv4-prefix.ts";
import { ipv6Masked, ipv6OfBytes, ipv6OfMasked } from "../lib/ipv6.ts";
import {
  type Action,
  type Bucket,
  type FlowChange,
  type FlowEntry,
  GROUP_ADDRESSES,
  GROUP_ID_BASE,
  type GroupEntry,
  isOurs,
  type Match,
} from "../model/flow.ts";
import type { Writer } from "../wire/kit.ts";
import type { Unsent } from "../wire/openflow/codec.ts";
import {
  type Action13,
  type FlowEntry13,
  flowEntry,
  GROUP,
  type GroupDesc13,
  groupDesc,
  type Instruction13,
  type Message13,
  NO_BUFFER,
  PORT,
  VID_PRESENT,
  WHOLE_PACKET,
} from "../wire/openflow/of13.ts";
import type { Masked, OxmMatch } from "../wire/openflow/oxm.ts";
import { turnsBack, vlanId } from "./dialect.ts";
import { IMPOSSIBLE_PORT, type PortBook } from "./ports.ts";

/** The model's flow entries and groups in the words of OpenFlow 1.3, and back. Pure. */

const CVLAN = 0x8100;
const EXACT_COOKIE = 0xffffffffffffffffn;
const UNCOUNTED = {
  ...{ durationSec: 0, durationNsec: 0, idleTimeoutSec: 0, hardTimeoutSec: 0, flags: 0 },
  ...{ packets: 0n, bytes: 0n },
} as const;
const FLOW_MOD = { kind: "flowMod", idleTimeoutSec: 0, hardTimeoutSec: 0, buffer: NO_BUFFER, flags: 0 } as const;

export function change13(change: FlowChange, ports: PortBook): Unsent<Message13> {
  switch (change.op) {
    case "addGroup":
      return groupMod("add", change.group, ports);
    case "modifyGroup":
      return groupMod("modify", change.group, ports);
    case "deleteGroup":
      return { kind: "groupMod", command: "delete", type: "all", group: change.groupId, buckets: [] };
    case "addEntry":
      return flowMod("add", change.entry, ports, applied(change.entry, ports));
    case "deleteEntry":
      return flowMod("deleteStrict", change.entry, ports, []);
  }
}

/** What a switch tells of this entry, but for counters and times. Throws Fault SWITCH_REFUSED for a port that it does not have. */
export function writeRow13(w: Writer, entry: FlowEntry, ports: PortBook): void {
  const { table, priority, cookie } = entry;
  const match = match13(entry.match, ports);
  flowEntry.write(w, { ...UNCOUNTED, table, priority, cookie, match, instructions: applied(entry, ports) });
}

/** The same of a group. */
export function writeGroupRow13(w: Writer, { id, type, buckets }: GroupEntry, ports: PortBook): void {
  groupDesc.write(w, { id, type, buckets: buckets13(buckets, ports) });
}

/** A delete names the cookie too, so that an entry that somebody else put in its place stays. */
function flowMod(
  command: "add" | "deleteStrict",
  entry: FlowEntry,
  ports: PortBook,
  instructions: readonly Instruction13[],
): Unsent<Message13> {
  const { table, priority, cookie } = entry;
  const cookieMask = command === "add" ? 0n : EXACT_COOKIE;
  const match = match13(entry.match, ports);
  return {
    ...FLOW_MOD,
    command,
    table,
    priority,
    cookie,
    cookieMask,
    outPort: PORT.any,
    outGroup: GROUP.any,
    match,
    instructions,
  };
}

const groupMod = (command: "add" | "modify", { id, type, buckets }: GroupEntry, ports: PortBook): Unsent<Message13> => ({
  kind: "groupMod",
  command,
  type,
  group: id,
  buckets: buckets13(buckets, ports),
});

const buckets13 = (buckets: readonly Bucket[], ports: PortBook): GroupDesc13["buckets"] =>
  buckets.map(({ actions, watchPort }) => ({
    weight: 0,
    watchPort: watchPort === null ? PORT.any : ports.noOf(watchPort),
    watchGroup: GROUP.any,
    actions: actions.flatMap((a) => action13(a, ports)),
  }));

/** There are a hundred thousand of them: no values are made that are not in it. */
function match13(match: Match, ports: PortBook): OxmMatch {
  const { inPort, ethDst, vlan, tunnelKey } = match;
  const said: { -readonly [K in keyof OxmMatch]: OxmMatch[K] } = {};
  if (inPort !== undefined) said.inPort = ports.noOf(inPort);
  if (ethDst !== undefined) said.ethDst = ethDst === GROUP_ADDRESSES ? GROUP_BIT : ethDst;
  if (vlan !== undefined) said.vlanVid = vlan === "none" ? VID_NONE : vlanId(vlan) | VID_PRESENT;
  if (tunnelKey !== undefined) said.tunnelId = BigInt(tunnelKey);
  const sender = sender13(match);
  return sender === ANYBODY ? said : Object.assign(said, sender);
}

const ANYBODY: OxmMatch = {};

const [IPV4, ARP, IPV6, UDP, ICMPV6] = [0x0800, 0x0806, 0x86dd, 17, 58];

/** What is asked of the sender, each field with those that it needs before it (7.2.3.8). */
function sender13(match: Match): OxmMatch {
  const { ethSrc, ipv4Src, arpSpa, arpSha, udp } = match;
  const asksMore = arpSha !== undefined || udp !== undefined;
  if (ethSrc === undefined && ipv4Src === undefined && arpSpa === undefined && !asksMore) return ipv613(match);
  return {
    ...(ethSrc === undefined ? {} : { ethSrc }),
    ...(ipv4Src === undefined ? {} : { ethType: IPV4, ipv4Src: address13(ipv4Src) }),
    ...(udp === undefined ? {} : { ipProto: UDP, udpSrc: udp.src, udpDst: udp.dst }),
    ...(arpSpa === undefined ? {} : { ethType: ARP, arpSpa: address13(arpSpa) }),
    ...(arpSha === undefined ? {} : { arpSha }),
    ...ipv613(match),
  };
}

/** A prefix of `ndTarget` is Open vSwitch's: the standard knows whole addresses only (7.2.3.7), and a switch that does refuses it. */
function ipv613({ ipv6Src, icmpv6, ndTarget }: Match): OxmMatch {
  if (ipv6Src === undefined && icmpv6 === undefined) return ANYBODY;
  return {
    ethType: IPV6,
    ...(ipv6Src === undefined ? {} : { ipv6Src: address6(ipv6Src) }),
    ...(icmpv6 === undefined ? {} : { ipProto: ICMPV6, icmpv6Type: icmpv6 }),
    ...(ndTarget === undefined ? {} : { ipv6NdTarget: address6(ndTarget) }),
  };
}

function address6(text: string): Uint8Array | Masked<Uint8Array> {
  const { value, mask } = ipv6Masked(text);
  return mask === null ? value : { value, mask };
}

function address13(text: string): string | Masked<string> {
  const { ip, bits } = prefixIn(text);
  return text.includes("/") ? { value: ip, mask: maskOf(bits) } : ip;
}

/** OFPVID_NONE: "has no tag" (7.2.3.7). */
const VID_NONE = 0;
const [GROUP_ADDRESS, GROUP_MASK] = GROUP_ADDRESSES.split("/") as [string, string];
const GROUP_BIT = { value: GROUP_ADDRESS, mask: GROUP_MASK };
const isGroupBit = ({ value, mask }: { readonly value: string; readonly mask: string }) =>
  value === GROUP_ADDRESS && mask === GROUP_MASK;

/** No instruction at all drops the packet (1.3, 5.4). */
function applied({ actions, match }: FlowEntry, ports: PortBook): Instruction13[] {
  if (actions.length === 0) return [];
  const said: Action13[] = [];
  for (const a of actions) said.push(...(turnsBack(a, match) ? TURN_BACK : action13(a, ports)));
  return [{ kind: "applyActions", actions: said }];
}

/**
 * Nicira's NXAST_OUTPUT_REG (ovs-actions(7), "output:field"): subtype 15; of the field NXM_NX_TUN_ID the bits 0 to 15; nothing to the controller
 * beyond that; padding.
 */
const NICIRA = 0x2320;
const OUTPUT_BY_TUNNEL_KEY: Action13 = {
  kind: "experimenter",
  experimenter: NICIRA,
  data: new Uint8Array(Buffer.from(`000f${"000f"}00012008${"0000"}000000000000`, "hex")),
};
const isOutputByTunnelKey = (experimenter: number, data: Uint8Array): boolean =>
  experimenter === NICIRA && Buffer.from(data).equals((OUTPUT_BY_TUNNEL_KEY as { data: Uint8Array }).data);

/** A switch does not send a packet out of the port it came in by, unless it is told so in these words (5.1.4). */
const TURN_BACK: readonly Action13[] = [{ kind: "output", port: PORT.inPort, maxLen: 0 }];

function action13(action: Action, ports: PortBook): Action13[] {
  switch (action.do) {
    case "output":
      return [{ kind: "output", port: ports.noOf(action.port), maxLen: 0 }];
    case "group":
      return [{ kind: "group", group: action.group }];
    case "setVlan": {
      const set: Action13 = { kind: "setField", field: { vlanVid: vlanId(action.vlan) | VID_PRESENT } };
      return action.push ? [{ kind: "pushVlan", ethType: CVLAN }, set] : [set];
    }
    case "stripVlan":
      return [{ kind: "popVlan" }];
    case "turnBack":
      return [...TURN_BACK];
    case "setTunnelKey":
      return [{ kind: "setField", field: { tunnelId: BigInt(action.key) } }];
    case "outputByTunnelKey":
      return [OUTPUT_BY_TUNNEL_KEY];
    case "toController":
      return [{ kind: "output", port: PORT.controller, maxLen: WHOLE_PACKET }];
  }
}

/** The entry as the model has it; null when it is not ours; undefined when it is, but matches in a way the model has no words for. */
export function entryFrom13(row: FlowEntry13, ports: PortBook): FlowEntry | null | undefined {
  if (!isOurs(row.cookie)) return null;
  const match = matchFrom13(row.match, ports);
  if (match === undefined) return undefined;
  const { table, priority, cookie } = row;
  return { table, priority, cookie, match, actions: instructionsFrom13(row.instructions, ports, match.inPort) };
}

/** Null when it is not ours. A type or bucket that the model has no words for reads as a bucket to a port that cannot exist. */
export function groupFrom13(row: GroupDesc13, ports: PortBook): GroupEntry | null {
  if (row.id < GROUP_ID_BASE) return null;
  if (row.type === "select") return { id: row.id, type: "all", buckets: [{ actions: UNSAYABLE, watchPort: null }] };
  return { id: row.id, type: row.type, buckets: row.buckets.map((b) => bucketFrom13(b, ports)) };
}

function bucketFrom13({ watchPort, watchGroup, actions }: GroupDesc13["buckets"][number], ports: PortBook): Bucket {
  return {
    actions: watchGroup === GROUP.any ? actionsFrom13(actions, ports) : UNSAYABLE,
    watchPort: watchPort === PORT.any ? null : ports.nameOf(watchPort),
  };
}

const UNSAYABLE: readonly Action[] = [{ do: "output", port: IMPOSSIBLE_PORT }];

function matchFrom13(match: OxmMatch, ports: PortBook): Match | undefined {
  const { inPort, ethDst, vlanVid, tunnelId, ...rest } = match;
  const sender = senderFrom13(rest);
  if (sender === undefined || typeof inPort === "object" || typeof vlanVid === "object") return undefined;
  if (typeof tunnelId === "object") return undefined;
  if (typeof ethDst === "object" && !isGroupBit(ethDst)) return undefined;
  if (vlanVid !== undefined && vlanVid !== VID_NONE && (vlanVid & VID_PRESENT) === 0) return undefined;
  return {
    ...(inPort === undefined ? {} : { inPort: ports.nameOf(inPort) }),
    ...(vlanVid === undefined ? {} : { vlan: vlanVid === VID_NONE ? ("none" as const) : vlanVid & ~VID_PRESENT }),
    ...(ethDst === undefined ? {} : { ethDst: typeof ethDst === "object" ? GROUP_ADDRESSES : ethDst }),
    ...(tunnelId === undefined ? {} : { tunnelKey: Number(tunnelId) }),
    ...sender,
  };
}

/** What is asked of the sender; undefined where the model has no words for it, or there is more. */
function senderFrom13(match: OxmMatch): Match | undefined {
  const sender: { -readonly [K in keyof Match]: Match[K] } = {};
  const [ipv4Src, arpSpa] = [addressFrom13(match.ipv4Src), addressFrom13(match.arpSpa)];
  if (typeof match.ethSrc === "string") sender.ethSrc = match.ethSrc;
  if (ipv4Src !== undefined) sender.ipv4Src = ipv4Src;
  if (arpSpa !== undefined) sender.arpSpa = arpSpa;
  if (typeof match.arpSha === "string") sender.arpSha = match.arpSha;
  const [ipv6Src, ndTarget] = [addressFrom6(match.ipv6Src), addressFrom6(match.ipv6NdTarget)];
  if (ipv6Src !== undefined) sender.ipv6Src = ipv6Src;
  if (ndTarget !== undefined) sender.ndTarget = ndTarget;
  if (typeof match.icmpv6Type === "number") sender.icmpv6 = match.icmpv6Type;
  if (typeof match.udpSrc === "number" && typeof match.udpDst === "number") sender.udp = { src: match.udpSrc, dst: match.udpDst };
  return isSame(sender13(sender), match) ? sender : undefined;
}

function addressFrom6(address: OxmMatch["ipv6Src"]): string | undefined {
  if (address === undefined) return undefined;
  return "mask" in address ? ipv6OfMasked(address.value, address.mask) : ipv6OfBytes(address);
}

function addressFrom13(address: OxmMatch["ipv4Src"]): string | undefined {
  if (typeof address !== "object") return address;
  const bits = bitsOf(address.mask);
  return bits === undefined ? undefined : prefixText(address.value, bits);
}

const isSame = (one: OxmMatch, other: OxmMatch): boolean => isDeepStrictEqual({ ...one }, { ...other });

function instructionsFrom13(instructions: readonly Instruction13[], ports: PortBook, inPort?: string): readonly Action[] {
  const [first, ...more] = instructions;
  if (first === undefined) return [];
  return first.kind === "applyActions" && more.length === 0
    ? actionsFrom13((first as Applied).actions, ports, inPort)
    : UNSAYABLE;
}
type Applied = Extract<Instruction13, { readonly kind: "applyActions" }>;

function actionsFrom13(wire: readonly Action13[], ports: PortBook, inPort?: string): readonly Action[] {
  const actions: Action[] = [];
  let pushed = false;
  for (const one of wire) {
    const isPush = one.kind === "pushVlan" && one.ethType === CVLAN;
    const action = isPush ? undefined : actionFrom13(one, pushed, ports, inPort);
    if (action === null || (pushed && action?.do !== "setVlan")) return UNSAYABLE;
    if (action !== undefined) actions.push(action);
    pushed = isPush;
  }
  return pushed ? UNSAYABLE : actions;
}

/** Null for what the model has no word for. */
function actionFrom13(action: Action13, pushed: boolean, ports: PortBook, inPort?: string): Action | null {
  switch (action.kind) {
    case "output":
      if (action.port === PORT.inPort) return inPort === undefined ? { do: "turnBack" } : { do: "output", port: inPort };
      return action.port === PORT.controller ? { do: "toController" } : { do: "output", port: ports.nameOf(action.port) };
    case "group":
      return { do: "group", group: action.group };
    case "popVlan":
      return { do: "stripVlan" };
    case "setField": {
      const { vlanVid, tunnelId } = action.field;
      if (typeof tunnelId === "bigint") return { do: "setTunnelKey", key: Number(tunnelId) };
      return typeof vlanVid === "number" ? { do: "setVlan", vlan: vlanVid & ~VID_PRESENT, push: pushed } : null;
    }
    case "experimenter":
      return isOutputByTunnelKey(action.experimenter, action.data) ? { do: "outputByTunnelKey" } : null;
    default:
      return null;
  }
}
