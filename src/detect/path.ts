import type { Path } from "../model/path.ts";
import { IN_MIN } from "./traffic.ts";

/** The counters on a path at one moment, over all ports of its two nets. Our own packets are taken off. Packets since the ports exist. */
export interface PathReading {
  readonly atMs: number;
  /** Came from the users into the switch, and left it towards the member. */
  readonly entered: number;
  readonly reached: number;
  /** Came from the member, and left the switch towards the users. */
  readonly left: number;
  readonly returned: number;
}

/** ARP requests out of the member's own port since the first reading; null: there is no address to ask. */
export interface Asking {
  readonly requests: number;
  readonly isAnswered: boolean;
}

/** What was read since the bind stands in the switch: the first time, some `QUIET_MS` ago (or first, if younger), and last. */
export interface PathSeen {
  readonly first: PathReading;
  readonly recent: PathReading;
  readonly last: PathReading;
  readonly asking: Asking | null;
}

export type PathVerdict = Pick<Path, "how" | "why"> & {
  readonly state: Exclude<Path["state"], "pending">;
  /** It is the member that packets reached and that sent none. */
  readonly isSilent: boolean;
};

/** A path that carries nothing by then is unverified: a guest that learns the way to its users anew (ARP) asks each second, and gives up after three. */
export const PATH_LIMIT_MS = 3_000;
/** Nobody uses the net when in so long no more than so few packets enter: hosts say some things that nobody answers. */
export const QUIET_MS = 500;
export const QUIET_MAX = 3;
/** Fewer unanswered requests say nothing. */
const REQUESTS_MIN = 3;
/** A service answers at least one packet in so many; what its kernel says for a dead application is less. */
const ANSWERED_OF = 10;

/** Whether packets were seen to reach the member and to leave it; null: not yet, and it is too early to say no. Pure. */
export function pathVerdict(seen: PathSeen): PathVerdict | null {
  const { first, recent, last, asking } = seen;
  const since = passedOn(first, last);
  if (isAnswered(since.reached, since.left) && isAnswered(since.entered, since.returned))
    return { state: "verified", how: "traffic", why: wordsOf(since), isSilent: false };
  const isQuiet = last.atMs - recent.atMs >= QUIET_MS && last.entered - recent.entered <= QUIET_MAX;
  if (isQuiet && asking?.isAnswered)
    return { state: "verified", how: "probe", why: "no user sends, and the member answers ARP", isSilent: false };
  if (last.atMs - first.atMs < PATH_LIMIT_MS) return null;
  return isQuiet ? unanswered(since, asking) : lost(first, since, asking);
}

type Passed = Omit<PathReading, "atMs">;

/** What is taken off for an answer of ours may have been read before the answer itself: that makes nothing pass less than nothing. */
const passedOn = (a: PathReading, b: PathReading): Passed => {
  const passed = (of: keyof Passed) => Math.max(0, b[of] - a[of]);
  return { entered: passed("entered"), reached: passed("reached"), left: passed("left"), returned: passed("returned") };
};

const isAnswered = (sent: number, answered: number): boolean => sent > 0 && answered > 0 && answered * ANSWERED_OF >= sent;

const wordsOf = ({ entered, reached, left, returned }: Passed): string =>
  `of its users' packets ${entered} entered, ${reached} reached the member, ${left} left it, ${returned} came back`;

/** Nobody sends, and nobody answered. */
function unanswered(since: Passed, asking: Asking | null): PathVerdict {
  if (asking === null) return unseen("no user sends, and the member has no address to ask");
  if (asking.requests < REQUESTS_MIN || since.left > 0) return unseen("no user sends, and the member sends but answers no ARP");
  return {
    state: "unverified",
    how: null,
    why: `no user sends, and none of ${asking.requests} ARP requests was answered`,
    isSilent: true,
  };
}

/** Users send, and too few packets come back; null: too few were sent to tell. */
function lost(first: PathReading, since: Passed, asking: Asking | null): PathVerdict | null {
  const why = wordsOf(since);
  const isDeaf = asking !== null && asking.requests >= REQUESTS_MIN && !asking.isAnswered && since.left <= 0;
  if (since.reached > 0 && isDeaf) return { state: "unverified", how: null, why, isSilent: true };
  if (since.entered < IN_MIN) return null;
  const wasAnswered = first.entered >= IN_MIN && isAnswered(first.entered, first.returned);
  if (!wasAnswered) return unseen(`${why}; nor did they before`);
  return { state: "unverified", how: null, why, isSilent: since.reached >= IN_MIN && !isAnswered(since.reached, since.left) };
}

const unseen = (why: string): PathVerdict => ({ state: "unseen", how: null, why, isSilent: false });
