import { type Action, type FlowEntry, type GroupEntry, type Match, NO_OWNER } from "../model/flow.ts";
import { type DatapathId, type PortNo, portNo } from "../model/ids.ts";
import { IMPOSSIBLE_PORT, type PortBook } from "./ports.ts";

/**
 * Flow entries and groups in the words that the REST interfaces of SDN controllers have in common: ports are numbers, and what makes two
 * entries the same entry is a name, so that it can be asked for twice and be there once. Pure.
 */

/** What makes two entries the same entry in a switch (OpenFlow 1.3, 6.4); they all stand in table 0. */
export interface EntryKey {
  readonly priority: number;
  readonly inPort: number | null;
  readonly vlan: number | "none" | null;
  /** An address, or an address and a mask with a slash between them. */
  readonly ethDst: string | null;
}

/** One action. `in`: out of the port that the packet came in by. */
export type Word =
  | { readonly out: number | "in" }
  | { readonly group: number }
  | { readonly vid: number }
  | { readonly tag: "push" | "pop" };

export interface RestEntry {
  readonly key: EntryKey;
  /** Null: it is on its way in or out, or does what the model has no word for. */
  readonly words: readonly Word[] | null;
}

export interface RestBucket {
  readonly watchPort: number | null;
  readonly words: readonly Word[];
}

export interface RestGroup {
  readonly id: number;
  readonly type: GroupEntry["type"];
  /** Null: as `RestEntry.words`. */
  readonly buckets: readonly RestBucket[] | null;
}

const PREFIX = "sempre";
const ANY = "-";

/** Names of one controller are for all its switches, so the datapath is in it. Fit for a path as they are. */
export const nameOfEntry = (datapath: DatapathId, k: EntryKey): string =>
  [PREFIX, datapath, k.priority, k.inPort ?? ANY, k.vlan ?? ANY, (k.ethDst ?? ANY).replaceAll(":", "").replace("/", "_")].join(
    ".",
  );
export const nameOfGroup = (datapath: DatapathId, id: number): string => [PREFIX, datapath, "group", id].join(".");

const ENTRY = /^sempre\.([0-9a-f]{16})\.(\d+)\.(-|\d+)\.(-|none|\d+)\.(-|[0-9a-f]{12}(?:_[0-9a-f]{12})?)$/;
const GROUP = /^sempre\.([0-9a-f]{16})\.group\.(\d+)$/;
const mac = (digits: string) => digits.match(/../g)!.join(":");

/** Null where it is no name of ours for this datapath. */
export function keyInName(datapath: DatapathId, name: string): EntryKey | null {
  const [, of, priority, inPort = ANY, vlan = ANY, ethDst = ANY] = ENTRY.exec(name) ?? [];
  if (of !== datapath) return null;
  return {
    priority: Number(priority),
    inPort: inPort === ANY ? null : Number(inPort),
    vlan: vlan === ANY ? null : vlan === "none" ? vlan : Number(vlan),
    ethDst: ethDst === ANY ? null : ethDst.split("_").map(mac).join("/"),
  };
}

export function groupInName(datapath: DatapathId, name: string): number | null {
  const [, of, id] = GROUP.exec(name) ?? [];
  return of === datapath ? Number(id) : null;
}

/**
 * Throws Fault SWITCH_REFUSED for a port that the switch does not have, and Error for an entry that asks who sent a packet, which no one
 * may ask for here (`Abilities.senders`).
 */
export function keyOf({ priority, match }: FlowEntry, ports: PortBook): EntryKey {
  if (match.ethSrc !== undefined) throw new Error("through a controller of others no sender can be asked for");
  return {
    priority,
    inPort: match.inPort === undefined ? null : ports.noOf(match.inPort),
    vlan: match.vlan ?? null,
    ethDst: match.ethDst?.toLowerCase() ?? null,
  };
}

export function matchOf({ inPort, vlan, ethDst }: EntryKey, ports: PortBook): Match {
  return {
    ...(inPort === null ? {} : { inPort: ports.nameOf(inPort) }),
    ...(vlan === null ? {} : { vlan }),
    ...(ethDst === null ? {} : { ethDst }),
  };
}

/** `inPort`: the port that packets come in by, where there is only one. Throws SWITCH_REFUSED as `keyOf`. */
export function wordsOf(actions: readonly Action[], inPort: number | null, ports: PortBook): Word[] {
  return actions.flatMap((a) => wordsOfOne(a, inPort, ports));
}

function wordsOfOne(action: Action, inPort: number | null, ports: PortBook): Word[] {
  switch (action.do) {
    case "output": {
      const out = ports.noOf(action.port);
      return [{ out: out === inPort ? "in" : out }];
    }
    case "group":
      return [{ group: action.group }];
    case "setVlan":
      return [...(action.push ? [{ tag: "push" } as const] : []), { vid: action.vlan }];
    case "stripVlan":
      return [{ tag: "pop" }];
    case "turnBack":
      return [{ out: "in" }];
    case "setTunnelKey":
    case "outputByTunnelKey":
      throw new Error("switches behind controllers of others are in no overlay");
    case "toController":
      throw new Error("nothing is handed to us through a controller of others");
  }
}

const UNSAYABLE: readonly Action[] = [{ do: "output", port: IMPOSSIBLE_PORT }];

/** What cannot be said reads as a way to a port that cannot exist, so that it differs from anything wanted. */
export function actionsOf(words: readonly Word[] | null, inPort: number | null, ports: PortBook): readonly Action[] {
  if (words === null) return UNSAYABLE;
  const actions: Action[] = [];
  let isPushed = false;
  for (const word of words) {
    if (isPushed && !("vid" in word)) return UNSAYABLE;
    if ("tag" in word && word.tag === "push") isPushed = true;
    else {
      const action = actionOf(word, isPushed, inPort, ports);
      if (action === null) return UNSAYABLE;
      actions.push(action);
      isPushed = false;
    }
  }
  return isPushed ? UNSAYABLE : actions;
}

function actionOf(word: Word, push: boolean, inPort: number | null, ports: PortBook): Action | null {
  if ("group" in word) return { do: "group", group: word.group };
  if ("vid" in word) return { do: "setVlan", vlan: word.vid, push };
  if ("tag" in word) return { do: "stripVlan" };
  const out = word.out === "in" ? inPort : word.out;
  return out === null ? null : { do: "output", port: ports.nameOf(out) };
}

/**
 * Of OpenFlow 1.0, where setting a tag also puts one on (5.2.4): as they are said there, and as they are meant where the packet comes with
 * a tag (`isTagged`) or without.
 */
export const withoutPush = (words: readonly Word[]): Word[] => words.filter((w) => !("tag" in w && w.tag === "push"));
export function withPush(words: readonly Word[], isTagged: boolean): Word[] {
  let hasTag = isTagged;
  return words.flatMap((word): Word[] => {
    const isNew = "vid" in word && !hasTag;
    if ("vid" in word) hasTag = true;
    if ("tag" in word) hasTag = false;
    return isNew ? [{ tag: "push" }, word] : [word];
  });
}

export const entryOf = ({ key, words }: RestEntry, ports: PortBook): FlowEntry => ({
  table: 0,
  priority: key.priority,
  cookie: NO_OWNER,
  match: matchOf(key, ports),
  actions: actionsOf(words, key.inPort, ports),
});

export const restGroupOf = ({ id, type, buckets }: GroupEntry, ports: PortBook): RestGroup => ({
  id,
  type,
  buckets: buckets.map((b) => ({
    watchPort: b.watchPort === null ? null : ports.noOf(b.watchPort),
    words: wordsOf(b.actions, null, ports),
  })),
});

export const groupOf = ({ id, type, buckets }: RestGroup, ports: PortBook): GroupEntry => ({
  id,
  type,
  buckets: (buckets ?? [{ watchPort: null, words: null }]).map((b) => ({
    watchPort: b.watchPort === null ? null : ports.nameOf(b.watchPort),
    actions: actionsOf(b.words, null, ports),
  })),
});

/** What it does, to compare it with another of the same key or number. */
export const doesText = (words: readonly Word[] | null): string => JSON.stringify(words);
export const groupText = ({ type, buckets }: RestGroup): string => JSON.stringify([type, buckets]);

/** OFPP_MAX of OpenFlow 1.0 is 0xff00, of 1.3 0xffffff00; controllers tell the reserved ones above it as words or negative numbers. */
export function realPort(no: unknown): PortNo | null {
  const n = Number(no);
  if (!Number.isInteger(n) || n >= 0xff00) return null;
  try {
    return portNo(n);
  } catch {
    return null;
  }
}
