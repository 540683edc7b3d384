import { Beats } from "../detect/beats.ts";
import { type Answerer, isMassOver, mayBeOurs } from "../detect/mass.ts";
import type { Verdict } from "../detect/misses.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { GuestHeartbeatPolicy } from "../model/armed.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { VimEvents } from "./events.ts";
import type { Facts } from "./facts.ts";
import { Suspension } from "./suspension.ts";

/** A server whose guest's agent is asked all the time. */
export interface BeatTarget {
  readonly serverId: ServerId;
  readonly hostId: HostId;
  readonly policy: GuestHeartbeatPolicy;
}

/** What an agent answered (`hosts/guest-channel.ts`). */
export interface BeatAnswer {
  readonly id: ServerId;
  readonly life: number;
  readonly answer: { readonly request: number } | { readonly refuses: string };
  readonly seenAt: number;
}

/** Asks the agent in a server's guest; gives the life of the channel it goes by, null where there is none to ask by now. */
export type AskGuest = (target: BeatTarget, request: number) => number | null;

/** How often it is looked who is to be asked at all. */
const REFRESH_MS = 250;
/** Requests are spread by so much of the interval, so that they fall into step with nothing. */
const JITTER_SHARE = 0.1;
/** Who is due within so long is asked in one turn. */
const STEP_MS = 5;

interface WatchedGuest {
  readonly target: BeatTarget;
  readonly beats: Beats;
  request: number;
  dueAtMs: number;
  told: Verdict | null;
}

/**
 * Asks the agents in the guests of members over the hypervisor's own channel, and tells when one is silent and when it answers again: an opinion.
 * Between the questions of a turn and their verdicts everything that has come is read, and a turn that comes late takes back what waited:
 * a standstill of ours is no silence of theirs. Where most are silent at once nobody is blamed.
 */
export class BeatWatch {
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #targets: () => readonly BeatTarget[];
  readonly #ask: AskGuest;
  readonly #suspension: Suspension;
  readonly #guests = new Map<ServerId, WatchedGuest>();
  #refreshAtMs = Number.NEGATIVE_INFINITY;
  #turnedAtMs: number;

  constructor(
    parts: { facts: Facts; events: VimEvents; clock: Clock; log: Log },
    targets: () => readonly BeatTarget[],
    ask: AskGuest,
  ) {
    this.#facts = parts.facts;
    this.#clock = parts.clock;
    this.#targets = targets;
    this.#ask = ask;
    this.#suspension = new Suspension("guestHeartbeat", parts);
    this.#turnedAtMs = parts.clock.now();
    // Whatever it answered, the next one boots first.
    parts.events.subscribe((e) => e.type === "server.status" && e.status !== "ACTIVE" && this.#guests.delete(e.serverId));
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#clock.now();
      const asked = this.#turn(now);
      if (asked.length > 0) {
        await new Promise(setImmediate); // After the sockets were read.
        for (const guest of asked) this.#judge(guest, now);
      }
      const next = Math.min(...[...this.#guests.values()].map((g) => g.dueAtMs), this.#refreshAtMs);
      await this.#clock.sleep(Math.max(STEP_MS, next - this.#clock.now()), signal).catch(() => {});
    }
  }

  heard({ id, life, answer, seenAt }: BeatAnswer): void {
    const guest = this.#guests.get(id);
    if (guest === undefined) return;
    if ("refuses" in answer) guest.beats.refused(answer.refuses, life, seenAt);
    else guest.beats.answered(answer.request, life, seenAt);
    if (guest.beats.says === "answers" && guest.told !== "answers") this.#tell(guest, "answers", seenAt);
  }

  /** Asks those that are due. */
  #turn(nowMs: number): WatchedGuest[] {
    if (nowMs >= this.#refreshAtMs) this.#refresh(nowMs);
    const due = [...this.#guests.values()].filter((g) => g.dueAtMs <= nowMs);
    for (const guest of due) {
      const { beats, target } = guest;
      if (nowMs - guest.dueAtMs > beats.lateMs) beats.stalled(this.#turnedAtMs, nowMs);
      beats.asked(++guest.request, this.#ask(target, guest.request), nowMs);
      const jitter = 1 + JITTER_SHARE * (2 * Math.random() - 1);
      guest.dueAtMs =
        Math.max(guest.dueAtMs, nowMs - JITTER_SHARE * target.policy.intervalMs) + target.policy.intervalMs * jitter;
    }
    this.#turnedAtMs = nowMs;
    if (this.#suspension.now !== null) this.#lookAgain(this.#suspension.now.sinceMs, nowMs);
    return due;
  }

  /** All that came until `turnMs` has been heard. */
  #judge(guest: WatchedGuest, turnMs: number): void {
    guest.beats.judge(turnMs);
    if (guest.beats.says !== "silent" || guest.told === "silent" || this.#guests.get(guest.target.serverId) !== guest) return;
    if (this.#isItself(guest)) this.#tell(guest, "silent", this.#clock.now());
  }

  #isItself({ beats }: WatchedGuest): boolean {
    const { missedAtMs } = beats.answerer;
    if (missedAtMs === null) return true; // It says itself that it is not well.
    if (this.#suspension.now !== null) return false;
    const untold = this.#untold();
    if (!mayBeOurs(missedAtMs, untold.map(answererOf), this.#guests.size)) return true;
    const silent = this.#guests.size - untold.length + untold.filter((g) => answererOf(g).missedAtMs !== null).length;
    const why = `the agents of ${silent} of ${this.#guests.size} guests miss requests at the same time: the fault may be on our side`;
    this.#suspension.begin(why, this.#clock.now());
    return false;
  }

  #untold(): WatchedGuest[] {
    return [...this.#guests.values()].filter((g) => g.told !== "silent");
  }

  #lookAgain(sinceMs: number, nowMs: number): void {
    const untold = this.#untold();
    if (!isMassOver(sinceMs, untold.map(answererOf))) return;
    this.#suspension.end(nowMs);
    for (const { beats } of untold) beats.doubt();
  }

  #tell(guest: WatchedGuest, says: Verdict, seenAt: number): void {
    guest.told = says;
    const about = { kind: "server", id: guest.target.serverId } as const;
    this.#facts.opinion({ about, says, source: "guestHeartbeat", seenAt, ...(says === "silent" && { detail: guest.beats.why }) });
  }

  /** One whose target is as it was goes on where it is; a new one is asked first at a moment of its own within its interval. */
  #refresh(nowMs: number): void {
    this.#refreshAtMs = nowMs + REFRESH_MS;
    const wanted = new Map(this.#targets().map((t) => [t.serverId, t]));
    for (const [id, { target }] of this.#guests) if (!isSame(target, wanted.get(id))) this.#guests.delete(id);
    for (const [id, target] of wanted) {
      if (this.#guests.has(id)) continue;
      const dueAtMs = nowMs + Math.random() * target.policy.intervalMs;
      this.#guests.set(id, { target, beats: new Beats(target.policy), request: 0, dueAtMs, told: null });
    }
  }
}

const answererOf = ({ beats, target: { hostId } }: WatchedGuest): Answerer => ({ ...beats.answerer, hostId });

function isSame(a: BeatTarget, b: BeatTarget | undefined): boolean {
  const [p, q] = [a.policy, b?.policy];
  return a.hostId === b?.hostId && p.intervalMs === q?.intervalMs && p.misses === q.misses && p.of === q.of;
}
