import { Fault } from "../lib/fault.ts";
import type { FlowChange } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import { vlanId } from "./dialect.ts";
import type { PortBook } from "./ports.ts";
import type { Standing } from "./rest-dialect.ts";
import {
  doesText,
  type EntryKey,
  groupText,
  keyOf,
  nameOfEntry,
  type RestGroup,
  restGroupOf,
  type Word,
  wordsOf,
} from "./rest-words.ts";

/** One change in the words of REST. `id`: of the entry or group, the same for all steps that are about it. */
export type Step = { readonly id: string; readonly change: FlowChange } & (
  | { readonly entry: { readonly key: EntryKey; readonly words: readonly Word[] } }
  | { readonly key: EntryKey }
  | { readonly group: RestGroup }
  | { readonly groupId: number }
);

export const isPut = (step: Step): boolean => "entry" in step || "group" in step;
export const isGroup = (step: Step): boolean => "group" in step || "groupId" in step;

const PRIORITY_MAX = 0xffff;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}(\/[0-9a-f]{2}(:[0-9a-f]{2}){5})?$/;

/**
 * Validates as it translates: controllers say yes to what they then install wrongly or not at all. Throws Fault SWITCH_REFUSED for a port that
 * the switch does not have, and RangeError, a bug of whoever made the entry, for what no switch can carry.
 */
export function stepOf(change: FlowChange, ports: PortBook, datapath: DatapathId): Step {
  switch (change.op) {
    case "addGroup":
    case "modifyGroup":
      return { id: groupStepId(change.group.id), change, group: checkedGroup(restGroupOf(change.group, ports)) };
    case "deleteGroup":
      return { id: groupStepId(change.groupId), change, groupId: change.groupId };
    case "addEntry":
    case "deleteEntry": {
      const { table, actions } = change.entry;
      if (table !== 0) throw new Fault("SWITCH_REFUSED", `a controller is asked for entries of table 0 only, not of ${table}`);
      const key = checkedKey(keyOf(change.entry, ports));
      const id = nameOfEntry(datapath, key);
      if (change.op === "deleteEntry") return { id, change, key };
      return { id, change, entry: { key, words: checkedWords(wordsOf(actions, key.inPort, ports)) } };
    }
  }
}

const groupStepId = (id: number) => `group ${id}`;

function checkedKey(key: EntryKey): EntryKey {
  const { priority, vlan, ethDst } = key;
  if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX) throw new RangeError(`not a priority: ${priority}`);
  if (typeof vlan === "number") vlanId(vlan);
  if (ethDst !== null && !MAC.test(ethDst)) throw new RangeError(`not a MAC address: ${ethDst}`);
  return key;
}

function checkedWords(words: readonly Word[]): readonly Word[] {
  for (const word of words) if ("vid" in word) vlanId(word.vid);
  return words;
}

function checkedGroup(group: RestGroup): RestGroup {
  for (const { words } of group.buckets ?? []) checkedWords(words);
  return group;
}

/** It shows in the switch as it was asked for. */
export function isDone(step: Step, { entries, groups }: Standing): boolean {
  if ("entry" in step) {
    const stands = entries.get(step.id);
    return stands !== undefined && doesText(stands.words) === doesText(step.entry.words);
  }
  if ("key" in step) return !entries.has(step.id);
  if ("groupId" in step) return !groups.has(step.groupId);
  const stands = groups.get(step.group.id);
  return stands !== undefined && groupText(stands) === groupText(step.group);
}
