import type { Evidence } from "../model/evidence.ts";
import type { VimPortId } from "../model/ids.ts";
import type { Health } from "../model/protection.ts";
import { againstNow, down, hear, type Word, type Words } from "./judge.ts";

/** What is known of a member that is in another VIM than the one its traffic enters, beside what is known of the member itself. */
export interface Away {
  /** Of each outside port that the link between the two VIMs is entered by, here and there. */
  readonly ports: ReadonlyMap<VimPortId, Words>;
  /** Its way was closed in the switch that traffic enters: by whom and when. `lifeEnded`: its server has stopped since. Null: it is open. */
  readonly cut: (Word & { readonly lifeEnded: boolean }) | null;
  /** Its VIM does not answer, and since when (monotonic ms): what was last heard of it may be past. Null: it answers. */
  readonly outOfSight: { readonly sinceMs: number; readonly why: string } | null;
  /** When a loss of its way or of its sight was last over: what must last counts from here. */
  readonly backSinceMs: number;
}

export const NOTHING_KNOWN: Away = { ports: new Map(), cut: null, outOfSight: null, backSinceMs: 0 };

/** Takes one more piece of evidence about one of the ports of the way in. A fence takes its own word back, as any source of a link. */
export function hearOfWay(away: Away, evidence: Evidence): Away {
  const { about, says, source, seenAt } = evidence;
  if (about.kind !== "port") return away;
  if (says === "fenced") {
    const { sinceMs = seenAt, lastMs = seenAt, lifeEnded = false } = away.cut ?? {};
    return { ...away, cut: { evidence, sinceMs, lastMs: Math.max(seenAt, lastMs), lifeEnded } };
  }
  if (source === "fence") return openedAt(away, seenAt);
  const had = away.ports.get(about.id) ?? new Map();
  const now = hear(had, evidence);
  const isBack = againstNow(had).length > 0 && againstNow(now).length === 0;
  return { ...away, ports: new Map(away.ports).set(about.id, now), ...(isBack && { backSinceMs: seenAt }) };
}

/** Its way was open at `atMs`, says who closed it. */
export const openedAt = (away: Away, atMs: number): Away =>
  away.cut !== null && atMs > away.cut.lastMs ? { ...away, cut: null, backSinceMs: atMs } : away;

/** A server of which the way is closed has stopped: what it believed when it was replaced is gone. */
export const lifeEnded = (away: Away, seenAt: number): Away =>
  away.cut === null || seenAt < away.cut.sinceMs ? away : { ...away, cut: { ...away.cut, lifeEnded: true } };

/** `why` null: its VIM answers. */
export function sightOf(away: Away, why: string | null, nowMs: number): Away {
  if (why === null) return away.outOfSight === null ? away : { ...away, outOfSight: null, backSinceMs: nowMs };
  return { ...away, outOfSight: away.outOfSight ?? { sinceMs: nowMs, why } };
}

/** The words that speak against the way now, the earliest first. */
export function againstWay({ ports, cut }: Away): Word[] {
  const lost = [...ports.values()].flatMap(againstNow);
  return [...lost, ...(cut === null ? [] : [cut])].sort((a, b) => a.sinceMs - b.sinceMs);
}

/** Words that packets go in and none comes back, the earliest first. */
export function silencesOfWay({ ports }: Away): Word[] {
  const latest = (words: Words) => [...words.values()].filter((w) => w.evidence.source === "traffic");
  return [...ports.values()]
    .flatMap(latest)
    .filter((w) => w.evidence.says === "silent")
    .sort((a, b) => a.sinceMs - b.sinceMs);
}

/**
 * What the member is to those who enter here. A way that is lost or closed takes it down at once, whatever it is at home: nothing of it comes
 * here. A VIM that does not answer makes what was up unknown, and never down: nothing is led to it, and nothing is taken from it. Pure.
 */
export function judgeAway(atHome: Health, away: Away): Health {
  const against = againstWay(away);
  if (atHome.state === "down") return atHome;
  if (against[0] !== undefined) {
    const lost = down(against, against[0]);
    return lost.state === "down" ? { ...lost, why: `the way to it in another VIM: ${lost.why}` } : lost;
  }
  if (atHome.state === "unknown") return atHome;
  if (away.outOfSight !== null) return { state: "unknown", ...away.outOfSight };
  const [silence] = silencesOfWay(away);
  if (silence !== undefined)
    return { state: "unknown", sinceMs: silence.sinceMs, why: "packets go the way to it in another VIM and none comes back" };
  return { state: "up", sinceMs: Math.max(atHome.sinceMs, away.backSinceMs) };
}
