import type { Answerer } from "../detect/mass.ts";
import { Course, type Verdict } from "../detect/misses.ts";
import { isBelieved, type Missed, STARVED_MS_MAX, Starvation, starvedWhy } from "../detect/starvation.ts";
import type { ThreadTimes } from "../model/thread-times.ts";
import { type ProbeAnswer, type ProbeFrames, type ProbeTarget, REQUEST_BITS } from "./probe-targets.ts";

/** Sends a frame out of the port's own switch port. */
export type Send = (frame: Uint8Array) => void;
type ProbeReply = Exclude<ProbeAnswer, { kind: "whoHas" }>;

/** An answer must come within this share of the interval: two requests are never closer to each other than that. */
export const WAIT_SHARE = 0.8;
const REQUEST_MASK = (1 << REQUEST_BITS) - 1;
const TEXTS = { arp: "ARP requests", icmp: "ICMP echo requests", udp: "UDP datagrams", tcp: "TCP connections" } as const;

type Kind = keyof typeof TEXTS;

const isOfPort = (answer: ProbeReply, { udpPort, tcpPort }: ProbeTarget["policy"]): boolean =>
  answer.kind === "udp" ? answer.udpPort === udpPort : answer.kind !== "tcp" || answer.tcpPort === tcpPort;

/** Requests of one kind to one port. */
interface Asked {
  readonly kind: Kind;
  readonly course: Course;
  /** Its silence means something: ARP was answered when the port became ACTIVE, an application only from its first answer on. */
  counts: boolean;
  /** What it waited for a core since the first request that it missed after its last answer; null: it has missed none, or nobody can tell. */
  starvation: Starvation | null;
  /** When its misses added up to a silence; null: they do not. */
  silentAtMs: number | null;
}

/** One port that is asked all the time: what was asked, what came back, and what that says. */
export class ProbedPort implements Answerer {
  readonly target: ProbeTarget;
  readonly #frames: ProbeFrames;
  readonly #asked: readonly Asked[];
  readonly #arpFrame: Uint8Array;
  /** What it answered ARP with last: a guest may have set another MAC than the VIM gave it. */
  #mac: string | null = null;
  #request = 0;
  /** The verdict that was told last. */
  told: Verdict | null = null;
  /** When it is asked next, monotonic ms. */
  dueAtMs: number;
  /** Until when what asks it stood still last, monotonic ms. */
  #stalledUntilMs = Number.NEGATIVE_INFINITY;
  isGone = false;
  answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(target: ProbeTarget, frames: ProbeFrames, dueAtMs: number) {
    const { intervalMs, misses, of, icmp, udpPort, tcpPort, sourceIp } = target.policy;
    const rule = { misses, of, waitMs: intervalMs * WAIT_SHARE };
    const kinds: Kind[] = ["arp"];
    if (icmp && sourceIp !== null) kinds.push("icmp");
    if (udpPort !== null && sourceIp !== null) kinds.push("udp");
    if (tcpPort !== null && sourceIp !== null) kinds.push("tcp");
    this.target = target;
    this.dueAtMs = dueAtMs;
    this.#frames = frames;
    this.#asked = kinds.map((kind) => ({
      kind,
      course: new Course(rule),
      counts: kind === "arp",
      starvation: null,
      silentAtMs: null,
    }));
    this.#arpFrame = frames.ask(target.ip, sourceIp ?? undefined);
  }

  /** Our own lateness of more than this takes opinions back, ms. */
  get lateMs(): number {
    return this.target.policy.intervalMs / 2 + 5;
  }

  /** Silent when one kind of requests is; null where too little is known. */
  get says(): Verdict | null {
    if (this.#asked.some((a) => a.course.says === "silent")) return "silent";
    return this.#asked[0]!.course.says;
  }

  /** When its youngest missed request was sent; null when anything came from it since. */
  get missedAtMs(): number | null {
    const missedAtMs = this.#asked[0]!.course.missedAtMs;
    return missedAtMs !== null && missedAtMs > this.answeredAtMs ? missedAtMs : null;
  }

  get hostId(): ProbeTarget["hostId"] {
    return this.target.hostId;
  }

  /** It misses requests that it should answer, whether that is a silence yet or not. */
  get isMissing(): boolean {
    return this.#asked.some((a) => a.course.missedAtMs !== null);
  }

  /** Its guest's threads were looked at since it missed its first request. */
  get isLookedAt(): boolean {
    return this.#asked.some((a) => a.starvation !== null);
  }

  /** `says` silent, and for longer than its host had no core for it; and of what it was asked since we last stood still it missed something. */
  isSilent(nowMs: number): boolean {
    return this.#asked.some((asked) => {
      const missed = this.#missedBy(asked);
      return missed !== null && isBelieved(missed, nowMs) && (asked.course.missedAtMs ?? 0) >= this.#stalledUntilMs;
    });
  }

  /**
   * It could have answered since it is looked at: what its host had a core for it in suffices for as many requests as make a silence. For one that may not
   * have been looked at from its first missed request on. Nobody is waited for longer than `STARVED_MS_MAX`; of whom nobody can tell it is true.
   */
  hadItsTurn(nowMs: number): boolean {
    const { misses, intervalMs } = this.target.policy;
    return this.#asked.some(({ course, starvation, silentAtMs }) => {
      if (course.says !== "silent" || silentAtMs === null) return false;
      return starvation === null || nowMs - silentAtMs >= STARVED_MS_MAX || starvation.leftMs >= (misses - 1) * intervalMs;
    });
  }

  #missedBy({ starvation, silentAtMs }: Asked): Missed | null {
    const { intervalMs } = this.target.policy;
    return silentAtMs === null ? null : { silentAtMs, intervalMs, waitedMs: starvation?.waitedMs ?? 0 };
  }

  /** "3 of the last 3 ARP requests, one every 10 ms, were not answered". */
  get why(): string {
    const silent = this.#asked.find((a) => a.course.says === "silent");
    if (silent === undefined) return "all requests are answered";
    const missed = this.#missedBy(silent);
    const starved = missed && starvedWhy(missed);
    return starved === null ? this.#missesOf(silent) : `${this.#missesOf(silent)}; ${starved}`;
  }

  #missesOf(silent: Asked): string {
    const { misses, of } = silent.course.missed;
    const { intervalMs } = this.target.policy;
    return `${misses} of the last ${of} ${TEXTS[silent.kind]}, one every ${intervalMs} ms, were not ${silent.kind === "tcp" ? "accepted" : "answered"}`;
  }

  /** Asks once by every kind. */
  ask(nowMs: number, send: Send): void {
    this.#request++;
    for (const { kind, course, counts } of this.#asked) {
      const frame = this.#frameOf(kind);
      if (frame === null) continue;
      send(frame);
      if (counts) course.sent(this.#request, nowMs);
    }
  }

  /** True when this answers it. */
  heard(answer: ProbeReply, atMs: number): boolean {
    const { ip, policy } = this.target;
    if (answer.ip !== ip || !isOfPort(answer, policy)) return false;
    for (const asked of this.#asked) {
      if (asked.kind !== answer.kind) continue;
      if (answer.kind === "arp") this.#mac = answer.mac;
      forget(asked);
      this.answeredAtMs = atMs;
      if (answer.kind === "tcp" && !answer.accepts) {
        asked.course.refused(this.#requestOf(answer));
        return true;
      }
      asked.counts = true;
      asked.course.answered(this.#requestOf(answer), atMs);
      return true;
    }
    return false;
  }

  /** Counts what was missed. All answers that came until `atMs` must have been told before. */
  judge(atMs: number, nowMs: number): void {
    for (const asked of this.#asked) {
      asked.course.tick(atMs);
      asked.silentAtMs = asked.course.says === "silent" ? (asked.silentAtMs ?? nowMs) : null;
    }
  }

  /** How the threads of its guest have fared until now, from the first request it missed on; null: nobody can tell. */
  lookAtThreads(threads: readonly ThreadTimes[] | null, nowMs: number): void {
    if (threads === null) return;
    for (const asked of this.#asked) {
      if (asked.course.missedAtMs === null) continue;
      asked.starvation ??= new Starvation();
      asked.starvation.look(threads, nowMs);
    }
  }

  /** What asks it stood still then: requests and waits of that time count neither way, and a silence did not last meanwhile. */
  stalled(fromMs: number, toMs: number): void {
    const newFromMs = Math.max(fromMs, this.#stalledUntilMs);
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, toMs);
    for (const asked of this.#asked) {
      asked.course.stalled(fromMs, toMs);
      asked.starvation?.stalled();
      if (asked.silentAtMs !== null) asked.silentAtMs += Math.max(0, toMs - Math.max(newFromMs, asked.silentAtMs));
    }
  }

  /** It must miss one more request, and what it waited before that says nothing of the silence that this may be. */
  doubt(): void {
    for (const asked of this.#asked) {
      asked.course.doubt();
      forget(asked);
    }
  }

  reset(): void {
    for (const asked of this.#asked) {
      asked.course.reset();
      forget(asked);
    }
  }

  #frameOf(kind: Kind): Uint8Array | null {
    if (kind === "arp") return this.#arpFrame;
    const { ip, policy } = this.target;
    if (this.#mac === null || policy.sourceIp === null) return null;
    const to = { mac: this.#mac, ip };
    if (kind === "icmp") return this.#frames.echo(policy.sourceIp, to, this.#request);
    if (kind === "tcp")
      return policy.tcpPort === null ? null : this.#frames.connection(policy.sourceIp, to, policy.tcpPort, this.#request);
    return policy.udpPort === null ? null : this.#frames.datagram(policy.sourceIp, to, policy.udpPort, this.#request);
  }

  /** ARP carries no number: its answer is taken for the youngest request's. Else the youngest request with these lower bits. */
  #requestOf(answer: ProbeReply): number {
    if (answer.kind === "arp") return this.#request;
    return this.#request - ((this.#request - answer.request) & REQUEST_MASK);
  }
}

function forget(asked: Asked): void {
  asked.starvation = null;
  asked.silentAtMs = null;
}
