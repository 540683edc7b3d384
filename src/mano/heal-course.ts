import type { HealPlan } from "../act/heal-steps.ts";
import type { Progress } from "../act/saga.ts";
import { TRIES_MAX } from "../decide/ladder.ts";
import type { HealTry, HealView } from "../model/heal.ts";
import type { VnfcId } from "../model/ids.ts";
import type { VimConnector } from "../vimconn/connector.ts";

/** A heal that is under way, as it lies on the disk. */
export interface KeptHeal {
  readonly plan: HealPlan;
  readonly progress: Progress;
}

/** What was tried for one VNFC since it was last up, as it lies on the disk. The last try is under way where it has no end. */
export interface KeptCourse {
  readonly tries: readonly HealTry[];
  /** Its compute host did not answer at the last look. */
  readonly isHostLost: boolean;
}

/** The course of a heal in this run. */
export interface Course extends KeptCourse {
  tries: readonly HealTry[];
  isHostLost: boolean;
  /** When the next try is due, monotonic ms. */
  nextAtMs: number;
  /** Null: nothing is tried any more. */
  gaveUp: string | null;
  /** What is under way: its step and what that waits for. */
  doing: { readonly step: string; readonly why: string; readonly leftToDo: string | null } | null;
  kept: KeptHeal | null;
  /** The VIM it was asked for through at the last look; null: not looked at in this run yet. */
  through: VimConnector | null;
  /** It is time for its next try, and as many others of its VIM as may be are being healed. */
  waitsItsTurn: boolean;
}

/**
 * How many heals of one VIM are under way at once. Each starts a machine, which reads an image and takes a core while it boots; with a
 * whole host's members starting at once the survivors would be the ones that suffer.
 */
export const HEALS_AT_ONCE = 4;

/** Pure. One that is stuck waits for a person, and holds nobody up. */
export function isItsTurn(courses: Iterable<Course>, through: VimConnector): boolean {
  const isRunning = (c: Course) => c.kept !== null && c.through === through && (c.doing?.leftToDo ?? null) === null;
  return [...courses].filter(isRunning).length < HEALS_AT_ONCE;
}

export const newCourse = (nextAtMs: number): Course => ({
  tries: [],
  isHostLost: false,
  nextAtMs,
  gaveUp: null,
  doing: null,
  kept: null,
  through: null,
  waitsItsTurn: false,
});

export const endedTries = ({ tries }: KeptCourse): HealTry[] => tries.filter((t) => t.endedAt !== null);

/** Pure. */
export function healView(vnfcId: VnfcId, name: string, course: Course, nowMs: number): HealView {
  const { tries, doing, gaveUp, nextAtMs } = course;
  const shown = { vnfcId, name, tries, triesMax: TRIES_MAX };
  if (doing !== null && doing.leftToDo !== null)
    return {
      ...shown,
      state: "stuck",
      nextInMs: null,
      words: `${doing.step}: ${doing.why}; left to do by a person: ${doing.leftToDo}`,
    };
  if (course.kept !== null)
    return { ...shown, state: "underWay", nextInMs: null, words: doing === null ? "begun" : `${doing.step}: ${doing.why}` };
  if (gaveUp !== null) return { ...shown, state: "gaveUp", nextInMs: null, words: gaveUp };
  if (course.waitsItsTurn)
    return {
      ...shown,
      state: "waiting",
      nextInMs: null,
      words: `in its turn: ${HEALS_AT_ONCE} others of its VIM are being healed`,
    };
  const nextInMs = Math.max(0, Math.round(nextAtMs - nowMs));
  return {
    ...shown,
    state: "waiting",
    nextInMs,
    words: `try ${endedTries(course).length + 1} of ${TRIES_MAX} in ${(nextInMs / 1000).toFixed(1)} s`,
  };
}
