import { type FlowTable, isOurs } from "../model/flow.ts";
import { type GroupText, hash32 } from "./group-ids.ts";

/**
 * What the key of a tunnel says, 24 bits (VXLAN's network identifier):
 *
 *   mark, 8 bits | number of a port, 16 bits    leave by that port; with a mark other than 0: or, where it is lost, as the group says
 *                                               that the mark stands for on that bridge. A bridge that does not know the mark goes by the port
 *   16 bits of which the lower 8 are in 0..239, between them 0xff   a question that only a bridge which knows it answers; no port has
 *                                               such a number (OFPP_MAX of Open vSwitch is 0xff00), so else it is dropped
 */
const PORT_BITS = 16;
export const PORT_MASK = 2 ** PORT_BITS - 1;
const MARKS = 255;
const NO_PORTS = 0xff00;
const QUESTIONS_EACH = 240;
const QUESTIONS = 256 * QUESTIONS_EACH;
/** Choices looked at for a key that stands already. */
const STANDING_TRIES = 5;

/** Keys whose meaning is not a port's alone, the same for all bridges of an overlay: who sends and who receives work them out apart. */
export class TunnelKeys {
  /** Of each space (a port, or the questions of all) what is taken, by what for. */
  readonly #spaces = new Map<string, Map<string, { readonly choice: number; readonly owner: string }>>();
  readonly #taken = new Map<string, Set<number>>();
  readonly #standing = new Map<string, ReadonlySet<string>>();

  /** To leave by `port`, whose number is `no`, or else as this group says. Null: so many ways lead there that there are no marks left. */
  aimed(port: string, no: number, use: GroupText): number | null {
    const key = (choice: number) => (choice + 1) * 2 ** PORT_BITS + no;
    const choice = this.#choose(`port ${port}`, MARKS, use, use.text, key);
    return choice === null ? null : key(choice);
  }

  /** To be looked at by this group from its bucket `step` on. Null: there are no numbers left. */
  asked(use: GroupText, step: number): number | null {
    const choice = this.#choose("questions", QUESTIONS, use, `${step} ${use.text}`, questionKey);
    return choice === null ? null : questionKey(choice);
  }

  /** What was read from one of the bridges: keys that stand keep their meaning. */
  found(bridge: string, { entries, groups }: FlowTable): void {
    const standing = new Set<string>();
    const byId = new Map(groups.map((g) => [g.id, g]));
    for (const { cookie, match, actions } of entries) {
      if (!isOurs(cookie)) continue;
      const owner = Number(cookie & 0xffffffffn);
      if (match.tunnelKey !== undefined) standing.add(`${owner} ${match.tunnelKey}`);
      for (const id of groupsIn(actions))
        for (const b of byId.get(id)?.buckets ?? [])
          for (const key of [b.actions, ...groupsIn(b.actions).flatMap((next) => actionsOf(byId.get(next)))].flatMap(keysIn))
            standing.add(`${owner} ${key}`);
    }
    this.#standing.set(bridge, standing);
  }

  /** Keys for nets that are no more are free again. */
  keepOnly(nets: { has(net: string): boolean }): void {
    for (const [space, known] of this.#spaces)
      for (const [what, { choice, owner }] of known) {
        if (nets.has(owner)) continue;
        known.delete(what);
        this.#taken.get(space)?.delete(choice);
      }
  }

  #choose(space: string, size: number, { owner }: GroupText, what: string, keyOf: (choice: number) => number): number | null {
    const known = this.#spaces.get(space) ?? new Map();
    this.#spaces.set(space, known);
    const had = known.get(what);
    if (had !== undefined) return had.choice;
    const taken = this.#taken.get(space) ?? new Set();
    this.#taken.set(space, taken);
    if (taken.size >= size) return null;
    const first = hash32(what) % size;
    const step = 1 + (hash32(`${what} step`) % (size - 1));
    const free: number[] = [];
    const isStanding = (c: number) => [...this.#standing.values()].some((s) => s.has(`${hash32(owner)} ${keyOf(c)}`));
    for (let nth = 0; nth < STANDING_TRIES; nth++) free.push((first + nth * step) % size);
    const choice =
      free.find((c) => !taken.has(c) && isStanding(c)) ?? free.find((c) => !taken.has(c)) ?? firstFree(taken, first, size);
    known.set(what, { choice, owner });
    taken.add(choice);
    return choice;
  }
}

const questionKey = (n: number): number => Math.floor(n / QUESTIONS_EACH) * 2 ** PORT_BITS + NO_PORTS + (n % QUESTIONS_EACH);

function firstFree(taken: ReadonlySet<number>, from: number, size: number): number {
  let choice = from;
  while (taken.has(choice)) choice = (choice + 1) % size;
  return choice;
}

type Actions = FlowTable["entries"][number]["actions"];
const groupsIn = (actions: Actions): number[] => actions.flatMap((a) => (a.do === "group" ? [a.group] : []));
const keysIn = (actions: Actions): number[] => actions.flatMap((a) => (a.do === "setTunnelKey" ? [a.key] : []));
const actionsOf = (group: FlowTable["groups"][number] | undefined): Actions[] => group?.buckets.map((b) => b.actions) ?? [];
