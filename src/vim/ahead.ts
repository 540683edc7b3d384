import type { FlowChange, FlowPhases } from "../model/flow.ts";
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

type Phases = [FlowChange[], FlowChange[], FlowChange[]];
export const noChanges = (): Phases => [[], [], []];

export function addPhases(to: Phases, more: FlowPhases): void {
  more.forEach((phase, i) => {
    for (const change of phase) to[i]?.push(change);
  });
}

type Moves = Pick<Work, "phases">;

/** What several pieces of work write, as one. */
export function joined(works: readonly Moves[]): FlowPhases {
  if (works.length === 1) return works[0]!.phases;
  const all = noChanges();
  for (const { phases } of works) addPhases(all, phases);
  return all;
}

/** Groups that nothing leads to any more, apart from all that moves traffic: where many fail at once, these can wait for them. */
export function restsApart(works: readonly Work[]): { readonly moves: readonly Moves[]; readonly rests: readonly FlowPhases[] } {
  const isRest = ({ op }: FlowChange) => op === "deleteGroup";
  const moves = works.map(({ phases }) => ({ phases: phases.map((phase) => phase.filter((c) => !isRest(c))) }));
  return { moves, rests: [[works.flatMap(({ phases }) => phases.flat().filter(isRest))]] };
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
