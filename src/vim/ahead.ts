import type { FlowChange, FlowPhases } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Draft } from "./draft.ts";
import type { Work } from "./wish.ts";

/** A change that was worked out before it is asked for, with all that it follows from; made and judged by the `Fabric` alone. */
export interface Ahead extends Work {
  readonly session: FlowSwitch;
  readonly portsVersion: number;
  readonly generation: number;
  /** `FlowVersions.now` when it was worked out. */
  readonly at: number;
}

/** A change, and where it was worked out ahead the work. */
export interface Part {
  readonly draft: Draft;
  readonly ahead: Ahead | null;
}

/** Where each was worked out ahead, is still good, and follows from nothing that another of them changes; else null. */
export function allApart(parts: readonly Part[], isGood: (ahead: Ahead) => boolean): Ahead[] | null {
  const aheads: Ahead[] = [];
  const tied = new Set<NetId>();
  for (const { ahead } of parts) {
    if (ahead === null || !isGood(ahead)) return null;
    for (const id of ahead.tied) {
      if (tied.has(id)) return null;
      tied.add(id);
    }
    aheads.push(ahead);
  }
  return aheads;
}

/**
 * So many changes of one tick leave in one write. A switch does nothing for a bundle before it has all of it, and works all its ports out
 * anew after each: with two thousand ports that is some 8 ms, so there are few.
 */
const AHEADS_IN_A_WRITE = 512;

type Phases = [FlowChange[], FlowChange[], FlowChange[]];
export const noChanges = (): Phases => [[], [], []];

export function addPhases(to: Phases, more: FlowPhases): void {
  more.forEach((phase, i) => {
    for (const change of phase) to[i]?.push(change);
  });
}

interface Moves {
  readonly phases: FlowPhases;
}

/** What several pieces of work write, as one. */
export function joined(works: readonly Moves[]): FlowPhases {
  if (works.length === 1) return works[0]!.phases;
  const all = noChanges();
  for (const { phases } of works) addPhases(all, phases);
  return all;
}

/** What leaves for many changes at once, each of the lists in a write: what moves and stops traffic, and after it what only clears up. */
export function writesOf(works: readonly Work[]): {
  readonly moves: readonly (readonly Moves[])[];
  readonly rests: readonly FlowPhases[];
} {
  const { moves, rests } = works.length < AHEADS_IN_A_WRITE ? { moves: works, rests: [] } : restsApart(works);
  const writes: (readonly Moves[])[] = [];
  for (let i = 0; i < moves.length; i += AHEADS_IN_A_WRITE) writes.push(moves.slice(i, i + AHEADS_IN_A_WRITE));
  return { moves: writes, rests };
}

/**
 * Groups that nothing leads to any more, and stand-ins that those who serve have lost: where many fail at once these are more than half of all messages,
 * and can wait for what moves traffic to whom is alive, and for the entries whose end keeps the failed from sending.
 */
function restsApart(works: readonly Work[]): { readonly moves: readonly Moves[]; readonly rests: readonly FlowPhases[] } {
  const isRest = ({ op }: FlowChange) => op !== "deleteEntry";
  const moves = works.map(({ phases: [prepare, turn, clear] }) => ({ phases: [prepare, turn, clear.filter((c) => !isRest(c))] }));
  return { moves, rests: [[works.flatMap(({ phases: [, , clear] }) => clear.filter(isRest))]] };
}

/** Writes that are one change: refused when any is. */
export async function allOf(writes: readonly Promise<Applied>[]): Promise<Applied> {
  const all = await Promise.all(writes);
  return {
    changes: all.reduce((sum, a) => sum + a.changes, 0),
    onWireAt: Math.max(...all.map((a) => a.onWireAt)),
    barrierAt: Math.max(...all.map((a) => a.barrierAt)),
  };
}

export const bothOf = (first: Promise<Applied>, second: Promise<Applied>): Promise<Applied> => allOf([first, second]);
