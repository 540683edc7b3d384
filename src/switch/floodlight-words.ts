import { plainWildcards, WILD } from "../wire/openflow/of10.ts";
import { VID_PRESENT } from "../wire/openflow/of13.ts";
import { type Json, objectIn, objectsIn } from "./read-json.ts";
import {
  type EntryKey,
  type RestBucket,
  type RestEntry,
  type RestGroup,
  type Word,
  withoutPush,
  withPush,
} from "./rest-words.ts";

/** Entries in the words of Floodlight, and back from its flow statistics. Pure. */
export interface Wording {
  readonly match: (key: EntryKey) => Json;
  /** Empty: drop. */
  readonly actions: (words: readonly Word[]) => string;
  /** Of one row of the switch's flow statistics; null for a match that no entry of ours has. */
  readonly entry: (row: Json) => RestEntry | null;
}

const VLAN_NONE = 0xffff;
const NO_VID = "0x0";
const CVLAN = 0x8100;
/** OFPP_IN_PORT as a signed number, and how 0.9 wants it said. */
const IN_PORT = -8;
const IN_PORT_09 = "ingress-port";
const isInPort = (port: unknown): boolean =>
  ["in_port", IN_PORT_09].includes(String(port)) || (Number(port) << 16) >> 16 === IN_PORT;

const OF10_WORDS = (popped: string, vidOf: (vid: number) => string, inPort: string) => (words: readonly Word[]) =>
  withoutPush(words)
    .map((w) => {
      if ("out" in w) return `output=${w.out === "in" ? inPort : w.out}`;
      if ("vid" in w) return vidOf(w.vid);
      if ("tag" in w) return popped;
      throw new Error("OpenFlow 1.0 has no groups");
    })
    .join(",");

export const WORDING_09: Wording = {
  match: ({ inPort, vlan, ethDst }) => ({
    ...(inPort === null ? {} : { "ingress-port": String(inPort) }),
    ...(vlan === null ? {} : { "vlan-id": String(vlan === "none" ? VLAN_NONE : vlan) }),
    ...(ethDst === null ? {} : { "dst-mac": ethDst }),
  }),
  actions: OF10_WORDS("strip-vlan", (vid) => `set-vlan-id=${vid}`, IN_PORT_09),
  entry(row) {
    const key = key09(row);
    return key && { key, words: words09(objectsIn(row["actions"]), key) };
  },
};

/** Priorities come as signed numbers of 16 bits. */
const unsigned16 = (value: unknown): number => Number(value) & 0xffff;

function key09(row: Json): EntryKey | null {
  const match = objectIn(row["match"]);
  const isUntagged = unsigned16(match["dataLayerVirtualLan"]) === VLAN_NONE;
  const wild = plainWildcards(Number(match["wildcards"]));
  // Without a tag there is no priority in it: a switch may say that it looks at both.
  const looksAt = WILD.all & ~wild & ~(isUntagged && (wild & WILD.dlVlan) === 0 ? WILD.dlVlanPcp : 0);
  if (!Number.isInteger(match["wildcards"]) || (looksAt & ~(WILD.inPort | WILD.dlVlan | WILD.dlDst)) !== 0) return null;
  return {
    priority: unsigned16(row["priority"]),
    inPort: looksAt & WILD.inPort ? unsigned16(match["inputPort"]) : null,
    vlan: looksAt & WILD.dlVlan ? (isUntagged ? "none" : unsigned16(match["dataLayerVirtualLan"])) : null,
    ethDst: looksAt & WILD.dlDst ? String(match["dataLayerDestination"]).toLowerCase() : null,
  };
}

function words09(actions: readonly Json[], { vlan }: EntryKey): Word[] | null {
  const words = actions.map((a): Word | null => {
    switch (a["type"]) {
      case "OUTPUT":
        return { out: isInPort(a["port"]) ? "in" : unsigned16(a["port"]) };
      case "SET_VLAN_ID":
      case "SET_VLAN_VID":
        return { vid: unsigned16(a["virtualLanIdentifier"]) };
      case "STRIP_VLAN":
        return { tag: "pop" };
      default:
        return null;
    }
  });
  return words.includes(null) ? null : withPush(words as Word[], typeof vlan === "number");
}

const match1x =
  (vidOf: (vid: number) => string) =>
  ({ inPort, vlan, ethDst }: EntryKey): Json => ({
    ...(inPort === null ? {} : { in_port: String(inPort) }),
    ...(vlan === null ? {} : { eth_vlan_vid: vlan === "none" ? NO_VID : vidOf(vlan) }),
    ...(ethDst === null ? {} : { eth_dst: ethDst }),
  });

/** For a switch of OpenFlow 1.0: the words that OpenVIM has for every switch. */
export const WORDING_1X_OF10: Wording = {
  match: match1x(String),
  actions: OF10_WORDS("strip_vlan", (vid) => `set_vlan_vid=${vid}`, String(IN_PORT)),
  entry(row) {
    const key = key1x(row);
    const { actions } = objectIn(row["actions"]);
    const words = key && words1x(actions);
    return key && { key, words: words && withPush(words, typeof key.vlan === "number") };
  },
};

/**
 * For a switch of OpenFlow 1.3. Of `strip_vlan` and `set_vlan_vid` nothing is left in its flow-mod then, and a VLAN number without the bit that
 * says "there is a tag" matches nothing.
 */
export const WORDING_1X_OF13: Wording = {
  match: match1x((vid) => `0x${(vid | VID_PRESENT).toString(16)}`),
  actions: (words) => words.map(word13).join(","),
  entry(row) {
    const key = key1x(row);
    if (key === null) return null;
    const instructions = objectIn(row["instructions"]);
    const [only, ...more] = Object.keys(instructions).filter((k) => k !== "none");
    if (only === undefined) return { key, words: [] };
    if (only !== "instruction_apply_actions" || more.length > 0) return { key, words: null };
    return { key, words: words1x(objectIn(instructions[only])["actions"]) };
  },
};

function word13(w: Word): string {
  if ("out" in w) return `output=${w.out === "in" ? IN_PORT : w.out}`;
  if ("group" in w) return `group=${signed32(w.group)}`;
  if ("vid" in w) return `set_field=eth_vlan_vid->${w.vid}`;
  return w.tag === "push" ? `push_vlan=0x${CVLAN.toString(16)}` : "pop_vlan";
}

/** Numbers of groups are read as signed ones; the greater half would be refused, and nobody told. */
export const signed32 = (id: number): number => id | 0;
const unsigned32 = (value: unknown): number => Number(value) >>> 0;

function key1x(row: Json): EntryKey | null {
  const { in_port: inPort, eth_vlan_vid: vid, eth_dst: ethDst, ...rest } = objectIn(row["match"]);
  const table = row["table_id"] ?? row["tableId"];
  if (Object.keys(rest).length > 0 || (table !== undefined && Number(table) !== 0 && row["version"] !== "OF_10")) return null;
  return {
    priority: Number(row["priority"]),
    inPort: inPort === undefined ? null : Number(inPort),
    vlan: vid === undefined ? null : vlanIn(Number(vid)),
    ethDst: ethDst === undefined ? null : String(ethDst).toLowerCase(),
  };
}

const vlanIn = (vid: number): number | "none" => (vid === 0 || vid === VLAN_NONE ? "none" : vid & ~VID_PRESENT);

/** Null for what the model has no word for. No text: drop. */
export function words1x(text: unknown): Word[] | null {
  if (typeof text !== "string" || text === "") return [];
  const words = text.split(",").map(wordIn1x);
  return words.includes(null) ? null : (words as Word[]);
}

function wordIn1x(text: string): Word | null {
  const [name, value = ""] = text.split("=");
  switch (name) {
    case "output":
      return isInPort(value) ? { out: "in" } : Number.isInteger(Number(value)) ? { out: Number(value) } : null;
    case "group":
      return { group: unsigned32(value) };
    case "set_vlan_vid":
      return { vid: Number(value) };
    case "set_field":
      return value.startsWith("eth_vlan_vid->") ? { vid: Number(value.slice("eth_vlan_vid->".length)) & ~VID_PRESENT } : null;
    case "push_vlan":
      return Number(value) === CVLAN ? { tag: "push" } : null;
    case "pop_vlan":
    case "strip_vlan":
      return { tag: "pop" };
    default:
      return null;
  }
}

/** `any` is said because the default of both is a group and a port that are there for nothing, which a switch refuses. */
export const bucketsOut = (buckets: readonly RestBucket[]): Json[] =>
  buckets.map(({ watchPort, words }, i) => ({
    bucket_id: String(i + 1),
    bucket_watch_group: "any",
    bucket_watch_port: watchPort === null ? "any" : String(watchPort),
    bucket_actions: words.map(word13).join(","),
  }));

const TYPES: Readonly<Record<string, RestGroup["type"]>> = {
  all: "all",
  indirect: "indirect",
  ff: "fastFailover",
  fast_failover: "fastFailover",
};
const PORT_ANY = 0xffffffff;

/** Of one row of the switch's group descriptions. */
export function groupIn(row: Json): RestGroup {
  const id = unsigned32(row["group_number"] ?? row["groupNumber"]);
  const type = TYPES[String(row["group_type"] ?? row["groupType"]).toLowerCase()];
  const buckets = objectsIn(row["buckets"]).map((b) => {
    const watch = b["watch_port"] ?? b["watchPort"];
    const watchPort = String(watch).toLowerCase() === "any" || unsigned32(watch) === PORT_ANY ? null : unsigned32(watch);
    return { watchPort, words: words1x(b["actions"]) };
  });
  const isSayable = type !== undefined && buckets.every((b) => b.words !== null);
  return { id, type: type ?? "all", buckets: isSayable ? (buckets as RestBucket[]) : null };
}

/** Number of the static entry pusher among Floodlight's applications, in the upper 12 bits of its cookies. */
const PUSHER = 10n << 52n;

/**
 * The pusher overwrites cookies by its number and a hash of the name, which some releases let run into the number by its sign. Some tell the 64 bits as a
 * JSON number, so they are compared as what is left of one.
 */
export function isCookieOf(name: string, cookie: unknown): boolean {
  let hash = 2311;
  for (const c of name) hash = (Math.imul(hash, 211) + c.charCodeAt(0)) | 0;
  const made = [PUSHER | BigInt.asUintN(32, BigInt(hash)), BigInt.asUintN(64, PUSHER | BigInt(hash))];
  return made.some((m) => Number(cookie) === Number(m) || Number(cookie) === Number(BigInt.asIntN(64, m)));
}
