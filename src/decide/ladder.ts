import type { HealTry, Rung } from "../model/heal.ts";

/** Tries until a person must look. They count until the VNFC was up for a while. */
export const TRIES_MAX = 5;
/** A second restart of a server that stopped again may find its cause gone; a third one will not. */
const RESTARTS_MAX = 2;
const REBUILDS_MAX = 1;

export interface HealCase {
  /** `lost`: its compute host cannot be asked, or is gone. */
  readonly host: "up" | "lost";
  /** Its VIM says where it is, and so can be asked to make it elsewhere. */
  readonly canMove: boolean;
  /** What its VIM has of it; `error` is left by nothing but a rebuild. */
  readonly server: "gone" | "error" | "there";
  /** Tries that have ended, the oldest first. */
  readonly tried: readonly Pick<HealTry, "rung" | "failure">[];
}

export type HealChoice =
  | { readonly rung: Rung; readonly because: string }
  /** Nothing is tried any more. */
  | { readonly rung: null; readonly because: string };

/**
 * The next rung of the ladder: restart in place, rebuild (same host, fresh disk), other host; then rebuild again, until the tries are
 * used up. What cannot help is left out: nothing is asked of a host that does not answer, and no rung that was refused is tried twice
 * in a row. Pure and total.
 */
export function nextRung({ host, canMove, server, tried }: HealCase): HealChoice {
  if (tried.length >= TRIES_MAX)
    return { rung: null, because: `it did not come back after ${TRIES_MAX} tries: ${tried.map((t) => t.rung).join(", ")}` };
  if (host === "lost" && canMove) return { rung: "otherHost", because: "its compute host does not answer" };
  if (server === "gone") return { rung: "restart", because: "its VIM has it no more: it is made again" };
  const times = (rung: Rung) => tried.filter((t) => t.rung === rung).length;
  const last = tried.at(-1);
  const isRefused = (rung: Rung) => last?.rung === rung && last.failure === "refused";
  if (server === "there" && times("restart") < RESTARTS_MAX && times("rebuild") === 0 && !isRefused("restart"))
    return { rung: "restart", because: times("restart") === 0 ? "it is down" : "it is down again after a restart" };
  if (times("rebuild") < REBUILDS_MAX)
    return { rung: "rebuild", because: server === "error" ? "its VIM has it in ERROR" : "restarts did not help" };
  if (canMove && !tried.some((t) => t.rung === "otherHost" && t.failure === "refused"))
    return { rung: "otherHost", because: "it does not come up on this host" };
  return { rung: "rebuild", because: "no other host takes it" };
}
