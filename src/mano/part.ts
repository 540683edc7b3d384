import type { NetIds } from "./plan.ts";

/** What is of an NS in one VIM, in this run. */
export interface Part {
  /** Ids of its nets there, once that VIM has all of them. */
  nets?: NetIds;
  /** What it waits for there; null: nothing. Undefined: that was not looked at yet. */
  waiting?: string | null;
  isDisarmed?: boolean;
  /** What it needs there is there. */
  isProvided?: boolean;
  /** When its guests were first asked to end by themselves, monotonic ms. */
  askedToEndMs?: number;
  /** Nothing of it is there any more. */
  isGone?: boolean;
}
