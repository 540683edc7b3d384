import { type Evidence, SOURCES, type Source } from "../model/evidence.ts";
import type { Health } from "../model/protection.ts";
import { endsSilence } from "./silence.ts";

/** What one source says about one thing: since when it says so, and when it last did. Monotonic ms. */
export interface Word {
  readonly evidence: Evidence;
  readonly sinceMs: number;
  readonly lastMs: number;
  /** It spoke against a member, and another has said since that all is well: said again it is of a new failure. */
  readonly isPast?: true;
}

/** The current word of each source about one thing: a server, or a link port of it. */
export type Words = ReadonlyMap<Source, Word>;

/** What is known of one member: its server and its service link port. It is up only when both are, and when it is not fenced. */
export interface MemberWords {
  readonly server: Words;
  readonly port: Words;
  readonly fence: Fence;
  /** Of its host's heartbeat: an opinion about another thing, which takes nobody down and brings nobody back. Null: nothing was said. */
  readonly host: Word | null;
  /** Of the agent in its guest: an opinion about the whole of its present life. Null: nothing was heard in it. */
  readonly guest: Word | null;
}

/**
 * Whether its port is closed in the switch. Only a new life of its server ends that: a VM that is resumed still believes what it
 * believed before. `lifeEnded`: its server has stopped since, or had when it was fenced. `isForSilence`: an opinion called it silent then and
 * nothing else spoke against it.
 */
export type Fence =
  | { readonly isUp: true; readonly word: Word; readonly lifeEnded: boolean; readonly isForSilence: boolean }
  | { readonly isUp: false; readonly endedMs: number };

export const NOTHING_SAID: MemberWords = {
  server: new Map(),
  port: new Map(),
  fence: { isUp: false, endedMs: -1 },
  host: null,
  guest: null,
};

/** Takes one more piece of evidence about a member in. */
export function hearOf(member: MemberWords, evidence: Evidence): MemberWords {
  const { server, port } = member;
  if (evidence.source === "hostHeartbeat") return { ...member, host: hearOne(member.host, evidence) };
  if (evidence.source === "guestHeartbeat") return { ...member, guest: hearOne(member.guest, evidence) };
  if (evidence.says === "fenced") return { ...member, fence: fenceOf(member, evidence) };
  if (evidence.about.kind === "port") {
    const heard = { ...member, port: hear(port, evidence) };
    return evidence.source === "fence" ? liftFence(heard, evidence.seenAt) : heard; // It takes its own word back.
  }
  const heard = { ...member, server: hear(server, evidence) };
  const fence = fenceAfter(heard, evidence);
  if (evidence.says !== "stopped") return { ...heard, fence };
  const { seenAt } = evidence;
  const isPast = member.guest !== null && member.guest.lastMs < seenAt;
  return { ...heard, fence, port: endedLife(port, seenAt), guest: isPast ? null : member.guest };
}

function hearOne(had: Word | null, evidence: Evidence): Word {
  const { says, seenAt } = evidence;
  if (had !== null && had.lastMs > seenAt) return had;
  return { evidence, sinceMs: had?.evidence.says === says ? had.sinceMs : seenAt, lastMs: seenAt };
}

/** What a life answered, or did not, says nothing of the next one. */
function endedLife(port: Words, endedMs: number): Words {
  const isPast = (w: Word) => (w.evidence.says === "answers" || isSilence(w)) && w.lastMs < endedMs;
  return new Map([...port].filter(([, w]) => !isPast(w)));
}

/** Its port was open at `atMs`, says who closed it. */
export function liftFence(member: MemberWords, atMs: number): MemberWords {
  const { fence } = member;
  return fence.isUp && atMs > fence.word.lastMs ? { ...member, fence: { isUp: false, endedMs: atMs } } : member;
}

function fenceOf(member: MemberWords, evidence: Evidence): Fence {
  const { server, fence } = member;
  const { seenAt } = evidence;
  const hasStopped = latestOf(server)?.evidence.says === "stopped";
  if (!fence.isUp) {
    if (seenAt <= fence.endedMs) return fence; // Read before the new life began.
    const isForSilence = speakersAgainst(member).length === 0 && silencesOf(member).length > 0;
    return { isUp: true, word: { evidence, sinceMs: seenAt, lastMs: seenAt }, lifeEnded: hasStopped, isForSilence };
  }
  const word = { ...fence.word, lastMs: Math.max(fence.word.lastMs, seenAt) };
  return { ...fence, word, lifeEnded: fence.lifeEnded || hasStopped };
}

function fenceAfter({ server, fence }: MemberWords, { says, seenAt }: Evidence): Fence {
  if (!fence.isUp || seenAt < fence.word.sinceMs) return fence;
  if (says === "stopped") return { ...fence, lifeEnded: true };
  const isNewLife = says === "running" && fence.lifeEnded && againstNow(server).length === 0;
  return isNewLife ? { isUp: false, endedMs: seenAt } : fence;
}

/**
 * Takes one more piece of evidence in. What was seen before the source's current word is ignored: it arrived late. A source that
 * repeats itself has said so since the first time, unless another said the opposite in between: then it speaks of something new.
 */
export function hear(words: Words, evidence: Evidence): Words {
  const had = words.get(evidence.source);
  if (had !== undefined && had.lastMs > evidence.seenAt) return words;
  const repeats = had?.evidence.says === evidence.says && !had.isPast && !isContradicted(words, had);
  const word: Word = { evidence, sinceMs: repeats ? had.sinceMs : evidence.seenAt, lastMs: evidence.seenAt };
  return new Map(word.evidence.says === "running" || word.evidence.says === "linkUp" ? whatIsPast(words, word) : words).set(
    evidence.source,
    word,
  );
}

/**
 * Whoever says next that it failed may take the place of the word in favour, and with it all that told two failures apart. An answer ends
 * nothing so: it may have been read late, and a link that is up again is told to be.
 */
const whatIsPast = (words: Words, inFavour: Word): [Source, Word][] =>
  [...words].map(([source, w]) => [source, isAgainst(w) && w.lastMs < inFavour.lastMs ? { ...w, isPast: true } : w]);

const AGAINST: ReadonlySet<Evidence["says"]> = new Set(["paused", "stopped", "linkDown", "fenced"]);
const isAgainst = (w: Word) => AGAINST.has(w.evidence.says);
const isSilence = (w: Word) => w.evidence.says === "silent";
/** Silence is neither: it speaks against nothing that was seen, and nothing that was seen once ends it. */
const isInFavour = (w: Word) => !isAgainst(w) && !isSilence(w);
const isContradicted = (words: Words, said: Word) =>
  [...words.values()].some((w) => isOpposite(w, said) && w.lastMs > said.lastMs);
const isOpposite = (a: Word, b: Word) => (isAgainst(a) && isInFavour(b)) || (isInFavour(a) && isAgainst(b));

/**
 * Evidence → health. One fact against a thing takes it down at once. The latest word wins, whoever says it: sources see the same
 * end of a VM up to 2 s apart, but none sees an end that has not happened. A member of which too little was heard is unknown,
 * and so is one whose service address has not answered since its server started, or that an opinion calls silent.
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
  const isOfNow = ({ evidence: { source }, lastMs }: Word) => lastMs >= (source === "guestHeartbeat" ? runningSince : linkSince); // An agent is not asked by way of the link.
  const silence = silencesOf(member).find(isOfNow);
  if (silence !== undefined) return unknown(silence.sinceMs, wordsOf(silence));
  const asked = [...answers, ...(member.guest?.evidence.says === "answers" ? [member.guest] : [])]
    .filter((w) => w.evidence.source in SILENCE_TEXT)
    .map((w) => w.sinceMs);
  const answeredSince = Math.max(Math.min(...answers.map((w) => w.sinceMs)), ...asked);
  // An answer of before an outage that somebody saw is not one since: else a stale state read would end its wait-to-restore at once.
  return { state: "up", sinceMs: Math.max(linkSince, answeredSince, lastAgainstMs(member.server), lastAgainstMs(member.port)) };
}

/** The words that speak against a member now, the earliest first. */
export function speakersAgainst({ server, port, fence }: MemberWords): Word[] {
  const fenced = fence.isUp ? [fence.word] : [];
  return [...againstNow(server), ...againstNow(port), ...fenced].sort((a, b) => a.sinceMs - b.sinceMs);
}

/** Its port was closed for its silence alone, and that is over: it has not ended, answers again, and nothing else speaks against it. */
export const isBackBehindFence = (member: MemberWords): boolean =>
  member.fence.isUp &&
  member.fence.isForSilence &&
  !member.fence.lifeEnded &&
  againstNow(member.server).length + againstNow(member.port).length === 0 &&
  silencesOf(member).length === 0;

/** What the sources of a silence say, in words of an operator. */
const SILENCE_TEXT: Partial<Record<Source, string>> = {
  probe: "it does not answer its probe",
  traffic: "packets go to it and none comes from it",
  guestHeartbeat: "the agent in its guest does not answer as it should",
};

/** An agent may say itself what ails its guest. */
function wordsOf({ evidence: { source, detail } }: Word): string {
  const text = SILENCE_TEXT[source] ?? "it is silent";
  return source === "guestHeartbeat" && detail !== undefined ? `${text}: ${detail}` : text;
}

/** Words that it is silent and that nothing has ended yet, the earliest first. */
export function silencesOf({ port, guest }: MemberWords): Word[] {
  const words = [...port.values()];
  const isEnded = (silence: Word) =>
    words.some(
      (w) =>
        w.evidence.says === "answers" && endsSilence(w.evidence.source, silence.evidence.source) && w.lastMs > silence.lastMs,
    );
  const ofGuest = guest !== null && isSilence(guest) ? [guest] : [];
  return [...words.filter((w) => isSilence(w) && !isEnded(w)), ...ofGuest].sort((a, b) => a.sinceMs - b.sinceMs);
}

/** The word that its host cannot be asked now; null: it can, or nobody said. */
export const hostSilenceOf = ({ host }: MemberWords): Word | null => (host?.evidence.says === "silent" ? host : null);

/** Down by these words, of which the first says why. */
export function down(against: readonly Word[], first: Word): Health {
  const { about, says, source, detail } = first.evidence;
  const seenBy = against.map((w) => w.evidence.source);
  const how = says === "fenced" && detail !== undefined ? `: ${detail}` : "";
  return { state: "down", sinceMs: first.sinceMs, seenBy, why: `${about.kind} ${says} (${SOURCES[source].text}${how})` };
}

const unknown = (sinceMs: number, why: string): Health => ({ state: "unknown", sinceMs, why });

/** Who speaks against it now: words younger than the last one in favour. At the same moment the one against wins: the safer belief. */
export function againstNow(words: Words): Word[] {
  const inFavourMs = Math.max(-1, ...[...words.values()].filter(isInFavour).map((w) => w.lastMs));
  return [...words.values()].filter((w) => isAgainst(w) && !w.isPast && w.lastMs >= inFavourMs);
}

const latestOf = (words: Words): Word | undefined => [...words.values()].sort((a, b) => b.lastMs - a.lastMs)[0];

const lastAgainstMs = (words: Words): number => Math.max(0, ...[...words.values()].filter(isAgainst).map((w) => w.lastMs));

/** Since when nobody says otherwise: the first word in favour after the last one against. Null when there is none. */
function inFavourSince(words: Words): number | null {
  const floor = lastAgainstMs(words);
  const inFavour = [...words.values()].filter((w) => isInFavour(w) && w.lastMs > floor);
  return inFavour.length === 0 ? null : Math.max(floor, Math.min(...inFavour.map((w) => w.sinceMs)));
}
