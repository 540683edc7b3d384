import type { Evidence } from "../model/evidence.ts";
import type { Health, Rest } from "../model/protection.ts";
import { down, judge, type MemberWords, speakersAgainst, type Word } from "./judge.ts";

/** Since when a spare is where it is between awake and resting, monotonic ms; what was seen before says nothing of it. */
export interface RestState {
  readonly rest: Rest;
  readonly sinceMs: number;
}

export const AWAKE: RestState = { rest: "awake", sinceMs: 0 };

/**
 * A spare rests when it is seen paused after we set about to pause it, and is awake with whatever else is seen of it. So one that
 * somebody else has paused is not trusted: it is a member that failed.
 */
export function restAfter(had: RestState, { about, says, seenAt }: Evidence): RestState {
  if (had.rest === "awake" || seenAt <= had.sinceMs) return had;
  if (says === "stopped" || says === "fenced") return { rest: "awake", sinceMs: seenAt };
  if (about.kind !== "server") return had;
  if (had.rest === "goingToRest" && says === "paused") return { rest: "resting", sinceMs: seenAt };
  if (had.rest === "resting" && says === "running") return { rest: "awake", sinceMs: seenAt };
  return had;
}

/** A spare that rests, or is about to, is neither up nor down: it must get no traffic, and nothing ails it, unless somebody says so. */
export function judgeSpare(words: MemberWords, { rest, sinceMs }: RestState): Health {
  if (rest === "awake") return judge(words);
  // A source that only ever tells of ends says nothing of a pause: its last word is about a life before this one.
  const isNews = (w: Word) => w.evidence.says !== "paused" && w.lastMs > sinceMs;
  const against = speakersAgainst(words).filter(isNews);
  if (against[0] !== undefined) return down(against, against[0]);
  const why = rest === "resting" ? "it rests: a warm spare, paused on purpose" : "it is being put to rest: a warm spare";
  return { state: "unknown", sinceMs, why };
}
