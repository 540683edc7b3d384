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

/** Two writes that are one change: refused when either is. */
export async function bothOf(first: Promise<Applied>, second: Promise<Applied>): Promise<Applied> {
  const [a, b] = await Promise.all([first, second]);
  return { changes: a.changes + b.changes, onWireAt: b.onWireAt, barrierAt: Math.max(a.barrierAt, b.barrierAt) };
}
