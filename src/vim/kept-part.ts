import { type Action, type FlowEntry, type GroupEntry, type Match, NO_OWNER } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { WantedPart } from "../steer/wanted.ts";

/**
 * What a switch was asked for of one bind group, kept until the group is asked for something else. Of a large table its entries are kept as
 * one text: a fourth of the memory of the values, and nothing that the collector has to go through. Values are made of it when somebody looks.
 */
export class KeptPart {
  readonly nets: readonly NetId[];
  readonly groups: readonly GroupEntry[];
  /** How many entries. */
  readonly size: number;
  #entries: readonly FlowEntry[] | string;

  constructor({ nets, table }: WantedPart) {
    this.nets = nets;
    this.groups = table.groups;
    this.size = table.entries.length;
    this.#entries = table.entries;
  }

  get entries(): readonly FlowEntry[] {
    return typeof this.#entries === "string" ? unpacked(this.#entries) : this.#entries;
  }

  /** From now on as a text. */
  pack(): void {
    if (typeof this.#entries !== "string") this.#entries = packed(this.#entries);
  }
}

/** Owners and actions that stand in several entries of a group stand once: entries have their places in these lists. */
interface Packed {
  /** The lowest 32 bits of cookies: those above say that an entry is ours (`model/flow.ts`), and all of these are. */
  readonly owners: number[];
  readonly actions: Action[];
  readonly entries: PackedEntry[];
}
type PackedEntry = [table: number, priority: number, owner: number, actions: number[], ...PackedMatch];
/** What nearly all match alone, null for what is not asked for; of the others the whole besides. */
type PackedMatch = [inPort: string | null, vlan: number | "none" | null, ethDst: string | null, more?: Match];

export function packed(entries: readonly FlowEntry[]): string {
  const [owners, does]: [number[], Action[]] = [[], []];
  const all: Packed = {
    owners,
    actions: does,
    entries: entries.map(({ table, priority, cookie, actions, match }) => [
      table,
      priority,
      placeIn(owners, Number(BigInt.asUintN(32, cookie))),
      actions.map((action) => placeIn(does, action)),
      ...packedMatch(match),
    ]),
  };
  return JSON.stringify(all);
}

const COMMON: ReadonlySet<string> = new Set(["inPort", "vlan", "ethDst"]);

function packedMatch(match: Match): PackedMatch {
  const common = [match.inPort ?? null, match.vlan ?? null, match.ethDst ?? null] as const;
  for (const name in match) if (!COMMON.has(name)) return [...common, match];
  return [...common];
}

export function unpacked(text: string): FlowEntry[] {
  const { owners, actions, entries } = JSON.parse(text) as Packed;
  const cookies = owners.map((owner) => NO_OWNER | BigInt(owner));
  return entries.map(([table, priority, owner, does, ...match]) => ({
    table,
    priority,
    cookie: cookies[owner]!,
    match: unpackedMatch(match),
    actions: does.map((n) => actions[n]!),
  }));
}

const unpackedMatch = ([inPort, vlan, ethDst, more]: PackedMatch): Match => ({
  ...(inPort === null ? {} : { inPort }),
  ...(vlan === null ? {} : { vlan }),
  ...(ethDst === null ? {} : { ethDst }),
  ...more,
});

/** There are few, and the one that is looked for is mostly among the last. */
function placeIn<T>(list: T[], one: T): number {
  const at = list.lastIndexOf(one);
  return at >= 0 ? at : list.push(one) - 1;
}
