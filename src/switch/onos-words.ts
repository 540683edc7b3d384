import { type Json, objectIn, objectsIn } from "./read-json.ts";
import type { EntryKey, RestBucket, RestGroup, Word } from "./rest-words.ts";

/** Flow rules and groups in the words of ONOS, and back. Pure. Numbers of groups are those that stand in the switch. */

const CVLAN = "0x8100";
/** VlanId.NONE, which it tells as a signed number of 16 bits. */
const VLAN_NONE = 0xffff;
const IN_PORT = "IN_PORT";
/** OFPG_ANY, as the signed number that ONOS keeps. */
const GROUP_ANY = -1;

export function criteriaOf({ inPort, vlan, ethDst }: EntryKey): Json[] {
  const [mac, macMask] = ethDst?.split("/") ?? [];
  return [
    ...(inPort === null ? [] : [{ type: "IN_PORT", port: String(inPort) }]),
    ...(mac === undefined ? [] : [macMask === undefined ? { type: "ETH_DST", mac } : { type: "ETH_DST_MASKED", mac, macMask }]),
    ...(vlan === null ? [] : [{ type: "VLAN_VID", vlanId: vlan === "none" ? VLAN_NONE : vlan }]),
  ];
}

export const treatmentOf = (words: readonly Word[]): Json => ({
  instructions: words.length === 0 ? [{ type: "NOACTION" }] : words.map(instructionOf),
  deferred: [],
});

function instructionOf(w: Word): Json {
  if ("out" in w) return { type: "OUTPUT", port: w.out === "in" ? IN_PORT : String(w.out) };
  if ("group" in w) return { type: "GROUP", groupId: w.group };
  if ("vid" in w) return { type: "L2MODIFICATION", subtype: "VLAN_ID", vlanId: w.vid };
  if (w.tag === "pop") return { type: "L2MODIFICATION", subtype: "VLAN_POP" };
  return { type: "L2MODIFICATION", subtype: "VLAN_PUSH", ethernetType: CVLAN };
}

/** Null for a match that no entry of ours has. */
export function keyIn(flow: Json): EntryKey | null {
  if (Number(flow["tableId"] ?? 0) !== 0) return null;
  let key: EntryKey = { priority: Number(flow["priority"]), inPort: null, vlan: null, ethDst: null };
  for (const c of objectsIn(objectIn(flow["selector"])["criteria"])) {
    const part = criterionIn(c);
    if (part === null) return null;
    key = { ...key, ...part };
  }
  return key;
}

function criterionIn(c: Json): Partial<EntryKey> | null {
  switch (c["type"]) {
    case "IN_PORT":
      return { inPort: portIn(c["port"]) };
    case "ETH_DST":
      return { ethDst: String(c["mac"]).toLowerCase() };
    case "ETH_DST_MASKED":
      return { ethDst: `${c["mac"]}/${c["macMask"]}`.toLowerCase() };
    case "VLAN_VID": {
      const vid = Number(c["vlanId"]) & VLAN_NONE;
      return { vlan: vid === VLAN_NONE ? "none" : vid };
    }
    default:
      return null;
  }
}

/** `2`, and where the port has a name `[p2](2)`. */
const portIn = (port: unknown): number => Number(/^\[.*\]\((\d+)\)$/.exec(String(port))?.[1] ?? port);

/** Null for what the model has no word for. */
export function wordsIn(treatment: unknown): Word[] | null {
  const { instructions, deferred } = objectIn(treatment);
  if (objectsIn(deferred).length > 0) return null;
  const words = objectsIn(instructions)
    .filter((i) => i["type"] !== "NOACTION")
    .map(instructionIn);
  return words.includes(null) ? null : (words as Word[]);
}

function instructionIn(i: Json): Word | null {
  switch (i["type"] === "L2MODIFICATION" ? i["subtype"] : i["type"]) {
    case "OUTPUT": {
      if (i["port"] === IN_PORT) return { out: "in" };
      const out = portIn(i["port"]);
      return Number.isInteger(out) ? { out } : null;
    }
    case "GROUP":
      return { group: Number(i["groupId"]) >>> 0 };
    case "VLAN_ID":
      return { vid: Number(i["vlanId"]) };
    case "VLAN_POP":
      return { tag: "pop" };
    case "VLAN_PUSH":
      return { tag: "push" };
    default:
      return null;
  }
}

const TYPES: readonly (readonly [RestGroup["type"], string])[] = [
  ["all", "ALL"],
  ["indirect", "INDIRECT"],
  ["fastFailover", "FAILOVER"],
];

export const groupOf = ({ id, type, buckets }: RestGroup, appCookie: string): Json => ({
  type: TYPES.find(([t]) => t === type)![1],
  appCookie,
  groupId: String(id),
  buckets: (buckets ?? []).map(({ watchPort, words }) => ({
    treatment: treatmentOf(words),
    ...(watchPort === null ? {} : { watchPort: String(watchPort), watchGroup: GROUP_ANY }),
  })),
});

/** `id`: what the group stands for. */
export function groupIn(row: Json, id: number): RestGroup {
  const type = TYPES.find(([, t]) => t === row["type"])?.[0];
  const buckets = objectsIn(row["buckets"]).map((b) => ({
    watchPort: b["watchPort"] === undefined || type !== "fastFailover" ? null : portIn(b["watchPort"]),
    words: wordsIn(b["treatment"]),
  }));
  const isSayable = type !== undefined && row["state"] === "ADDED" && buckets.every((b) => b.words !== null);
  return { id, type: type ?? "all", buckets: isSayable ? (buckets as RestBucket[]) : null };
}
