import type { VnfcId } from "./ids.ts";

/** What is tried to bring a VNFC back, the gentlest first. `restart`: in place, whatever its server needs (start, resume, reboot, make again). */
export type Rung = "restart" | "rebuild" | "otherHost";

/** What is asked of a VIM for it. */
export type HealVerb = "create" | "start" | "resume" | "reboot" | "rebuild" | "evacuate";

/** One try to heal a VNFC. Times are ISO 8601 of the wall clock, for people. */
export interface HealTry {
  readonly rung: Rung;
  /** Why this rung. */
  readonly because: string;
  readonly startedAt: string;
  /** Null: it is under way. */
  readonly endedAt: string | null;
  /** `refused`: the VIM said no. `failed`: it did not come up. Null: under way. */
  readonly failure: "refused" | "failed" | null;
  /** What became of it, in words. */
  readonly outcome: string | null;
}

/** The course of a heal as an operator sees it. */
export interface HealView {
  readonly vnfcId: VnfcId;
  readonly name: string;
  /** `waiting`: for its time, or for its turn among others of its VIM; `gaveUp`: nothing is tried any more; `stuck`: a person must do something first. */
  readonly state: "waiting" | "underWay" | "gaveUp" | "stuck";
  readonly tries: readonly HealTry[];
  readonly triesMax: number;
  /** ms until the next try; null: none is planned, or one is under way. */
  readonly nextInMs: number | null;
  /** What happens now, or what a person has to do. */
  readonly words: string;
}
