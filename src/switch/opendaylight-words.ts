import { type Json, memberOf as member, objectIn, objectsIn } from "./read-json.ts";
import { type EntryKey, type RestBucket, type RestEntry, type RestGroup, type Word, withPush } from "./rest-words.ts";

/** Flow entries and groups in the words of OpenDaylight's models flow-node-inventory and opendaylight-group-types, and back. Pure. */

const CVLAN = 0x8100;
/** "SMPR": which entries are ours, where they stand under a name that is not. Of 32 bits, so that every JSON reader has it whole. */
export const OUR_COOKIE = 0x534d5052;
const IN_PORT = "INPORT";
/** OFPP_ANY and OFPG_ANY. */
const ANY = 0xffffffff;

const vlanId = (vid: number | "none"): Json =>
  vid === "none" ? { "vlan-id-present": false, "vlan-id": 0 } : { "vlan-id-present": true, "vlan-id": vid };

/** `node`: such as `openflow:1`. */
export function flowOf(node: string, id: string, key: EntryKey, words: readonly Word[]): Json {
  const action = actionsOut(node, words);
  return {
    id,
    "flow-name": id,
    cookie: OUR_COOKIE,
    "idle-timeout": 0,
    "hard-timeout": 0,
    table_id: 0,
    priority: key.priority,
    match: matchOf(node, key),
    ...(action.length === 0 ? {} : { instructions: { instruction: [{ order: 1, "apply-actions": { action } }] } }),
  };
}

function matchOf(node: string, { inPort, vlan, ethDst }: EntryKey): Json {
  const [address, mask] = ethDst?.split("/") ?? [];
  return {
    ...(inPort === null ? {} : { "in-port": `${node}:${inPort}` }),
    ...(address === undefined
      ? {}
      : { "ethernet-match": { "ethernet-destination": { address, ...(mask === undefined ? {} : { mask }) } } }),
    ...(vlan === null ? {} : { "vlan-match": { "vlan-id": vlanId(vlan) } }),
  };
}

const actionsOut = (node: string, words: readonly Word[]): Json[] =>
  words.map((word, order) => ({ order, ...actionOut(node, word) }));

/** `pop-vlan-action` and not the original's `strip-vlan-action`: that sets the tag to "none" in OpenFlow 1.3, and takes none off. */
function actionOut(node: string, w: Word): Json {
  if ("out" in w) return { "output-action": { "output-node-connector": w.out === "in" ? IN_PORT : `${node}:${w.out}` } };
  if ("group" in w) return { "group-action": { "group-id": w.group } };
  if ("vid" in w) return { "set-field": { "vlan-match": { "vlan-id": vlanId(w.vid) } } };
  return w.tag === "push" ? { "push-vlan-action": { "ethernet-type": CVLAN } } : { "pop-vlan-action": {} };
}

/** Null for a match that no entry of ours has. */
export function entryIn(flow: Json): RestEntry | null {
  const key = keyIn(flow);
  return key && { key, words: wordsIn(flow, key) };
}

function keyIn(flow: Json): EntryKey | null {
  if (Number(member(flow, "table_id") ?? 0) !== 0) return null;
  const { "in-port": inPort, "ethernet-match": ethernet, "vlan-match": vlanMatch, ...rest } = objectIn(member(flow, "match"));
  const { "ethernet-destination": destination, ...otherEthernet } = objectIn(ethernet);
  const { "vlan-id": vid, ...otherVlan } = objectIn(vlanMatch);
  if ([rest, otherEthernet, otherVlan].some((o) => Object.keys(o).length > 0)) return null;
  const { address, mask } = objectIn(destination);
  const { "vlan-id": number, "vlan-id-present": isPresent } = objectIn(vid);
  return {
    priority: Number(member(flow, "priority")),
    inPort: inPort === undefined ? null : Number(lastPart(inPort)),
    vlan: vid === undefined ? null : isPresent === true ? Number(number) : "none",
    ethDst:
      address === undefined
        ? null
        : [address, mask]
            .filter((t) => t !== undefined)
            .join("/")
            .toLowerCase(),
  };
}

/** Connectors are told as `openflow:1:2` and as `2`. */
const lastPart = (connector: unknown): string => String(connector).split(":").at(-1)!;

function wordsIn(flow: Json, { vlan }: EntryKey): Word[] | null {
  const instructions = objectsIn(objectIn(member(flow, "instructions"))["instruction"]);
  if (instructions.length === 0) return [];
  const apply = instructions[0]?.["apply-actions"];
  if (instructions.length > 1 || apply === undefined) return null;
  return actionsIn(objectIn(apply)["action"], typeof vlan === "number");
}

const byOrder = (a: Json, b: Json) => Number(a["order"]) - Number(b["order"]);

function actionsIn(actions: unknown, isTagged: boolean): Word[] | null {
  const rows = objectsIn(actions).sort(byOrder);
  const words = rows.map(actionIn);
  if (words.includes(null)) return null;
  // Only a switch of OpenFlow 1.0 tells these, and there a tag is put on by setting it.
  const is10 = rows.some((r) => "set-vlan-id-action" in r || "strip-vlan-action" in r);
  return is10 ? withPush(words as Word[], isTagged) : (words as Word[]);
}

/** Null for what the model has no word for. */
function actionIn(action: Json): Word | null {
  const [kind] = Object.keys(action).filter((k) => k !== "order");
  const what = objectIn(action[kind ?? ""]);
  switch (kind) {
    case "output-action": {
      const out = lastPart(what["output-node-connector"]);
      return out === IN_PORT ? { out: "in" } : Number.isInteger(Number(out)) ? { out: Number(out) } : null;
    }
    case "group-action":
      return { group: Number(what["group-id"]) };
    case "set-field": {
      const { "vlan-id": vid } = objectIn(objectIn(what["vlan-match"])["vlan-id"]);
      return vid === undefined ? null : { vid: Number(vid) };
    }
    case "set-vlan-id-action":
      return { vid: Number(what["vlan-id"]) };
    case "push-vlan-action":
      return Number(what["ethernet-type"]) === CVLAN ? { tag: "push" } : null;
    case "pop-vlan-action":
    case "strip-vlan-action":
      return { tag: "pop" };
    default:
      return null;
  }
}

const TYPES: readonly (readonly [RestGroup["type"], string])[] = [
  ["all", "group-all"],
  ["indirect", "group-indirect"],
  ["fastFailover", "group-ff"],
];

export function groupOf(node: string, name: string, { id, type, buckets }: RestGroup): Json {
  return {
    "group-id": id,
    "group-name": name,
    barrier: false,
    "group-type": TYPES.find(([t]) => t === type)![1],
    buckets: {
      bucket: (buckets ?? []).map((b, i) => ({
        "bucket-id": i,
        watch_port: b.watchPort ?? ANY,
        watch_group: ANY,
        action: actionsOut(node, b.words),
      })),
    },
  };
}

/** Of a group as it was asked for, or of the switch's own description of one. */
export function groupIn(group: Json): RestGroup {
  const id = Number(member(group, "group-id"));
  const type = TYPES.find(([, t]) => t === member(group, "group-type"))?.[0];
  const rows = objectsIn(objectIn(member(group, "buckets"))["bucket"]).sort(
    (a, b) => Number(a["bucket-id"]) - Number(b["bucket-id"]),
  );
  const buckets = rows.map((b) => {
    const watch = Number(b["watch_port"] ?? ANY);
    return { watchPort: watch === ANY ? null : watch, words: actionsIn(b["action"], false) };
  });
  const isSayable = type !== undefined && buckets.every((b) => b.words !== null);
  return { id, type: type ?? "all", buckets: isSayable ? (buckets as RestBucket[]) : null };
}
