import { type Evidence, SOURCES, type Source } from "../model/evidence.ts";
import type { Health } from "../model/protection.ts";

/** What one source says about one thing: since when it says so, and when it last did. Monotonic ms. */
export interface Word {
  readonly evidence: Evidence;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** The current word of each source about one thing: a server, or a link port of it. */
export type Words = ReadonlyMap<Source, Word>;

/** What is known of one member: its server and its service link port. It is up only when both are. */
export interface MemberWords {
  readonly server: Words;
  readonly port: Words;
}

export const NOTHING_SAID: MemberWords = { server: new Map(), port: new Map() };

/**
 * Takes one more piece of evidence in. What was seen before the source's current word is ignored: it arrived late. A source that
 * repeats itself has said so since the first time, unless another said the opposite in between: then it speaks of something new.
 */
export function hear(words: Words, evidence: Evidence): Words {
  const had = words.get(evidence.source);
  if (had !== undefined && had.lastMs > evidence.seenAt) return words;
  const repeats = had?.evidence.says === evidence.says && !isContradicted(words, had);
  return new Map(words).set(evidence.source, {
    evidence,
    sinceMs: repeats ? had.sinceMs : evidence.seenAt,
    lastMs: evidence.seenAt,
  });
}

const AGAINST: ReadonlySet<Evidence["says"]> = new Set(["paused", "stopped", "linkDown"]);
const isAgainst = (w: Word) => AGAINST.has(w.evidence.says);
const isContradicted = (words: Words, said: Word) =>
  [...words.values()].some((w) => isAgainst(w) !== isAgainst(said) && w.lastMs > said.lastMs);

/**
 * Evidence → health. One fact against a thing takes it down at once. The latest word wins, whoever says it: sources see the same
 * end of a VM up to 2 s apart, but none sees an end that has not happened. A member of which too little was heard is unknown,
 * and so is one whose service address has not answered since its server started.
 */
export function judge(member: MemberWords): Health {
  const against = speakersAgainst(member);
  if (against[0] !== undefined) return down(against, against[0]);
  const runningSince = inFavourSince(member.server);
  if (runningSince === null) return unknown(0, "nothing is known of its server yet");
  const linkSince = Math.max(
    runningSince,
    ...[...member.port.values()].filter((w) => w.evidence.says === "linkUp").map((w) => w.sinceMs),
  );
  const answers = [...member.port.values()].filter((w) => w.evidence.says === "answers" && w.lastMs >= linkSince);
  if (answers.length === 0) return unknown(linkSince, "its service address has not answered since it started");
  return { state: "up", sinceMs: Math.max(linkSince, Math.min(...answers.map((w) => w.sinceMs))) };
}

/** The words that speak against a member now, the earliest first. */
export function speakersAgainst(member: MemberWords): Word[] {
  return [...againstNow(member.server), ...againstNow(member.port)].sort((a, b) => a.sinceMs - b.sinceMs);
}

function down(against: readonly Word[], first: Word): Health {
  const { about, says, source } = first.evidence;
  const seenBy = against.map((w) => w.evidence.source);
  return { state: "down", sinceMs: first.sinceMs, seenBy, why: `${about.kind} ${says} (${SOURCES[source].text})` };
}

const unknown = (sinceMs: number, why: string): Health => ({ state: "unknown", sinceMs, why });

/** Who speaks against it now: words younger than the last one in favour. At the same moment the one against wins: the safer belief. */
function againstNow(words: Words): Word[] {
  const inFavourMs = Math.max(-1, ...[...words.values()].filter((w) => !isAgainst(w)).map((w) => w.lastMs));
  return [...words.values()].filter((w) => isAgainst(w) && w.lastMs >= inFavourMs);
}

const lastAgainstMs = (words: Words): number => Math.max(0, ...[...words.values()].filter(isAgainst).map((w) => w.lastMs));

/** Since when nobody says otherwise: the first word in favour after the last one against. Null when there is none. */
function inFavourSince(words: Words): number | null {
  const floor = lastAgainstMs(words);
  const inFavour = [...words.values()].filter((w) => !isAgainst(w) && w.lastMs > floor);
  return inFavour.length === 0 ? null : Math.max(floor, Math.min(...inFavour.map((w) => w.sinceMs)));
}
