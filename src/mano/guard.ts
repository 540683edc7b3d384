import { keptAwakeBy } from "../decide/spare.ts";
import type { GroupView } from "../decide/view.ts";
import {
  hearOf,
  hostSilenceOf,
  liftFence,
  type MemberWords,
  NOTHING_SAID,
  silencesOf,
  speakersAgainst,
} from "../detect/judge.ts";
import { AWAKE, judgeSpare, type RestState, restAfter } from "../detect/rest.ts";
import { type Away, againstWay, hearOfWay, judgeAway, lifeEnded, NOTHING_KNOWN, sightOf, silencesOfWay } from "../detect/way.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { NetId, ServerId, VimAccountId, VimPortId, VnfcId } from "../model/ids.ts";
import type { Path } from "../model/path.ts";
import type { Health, Member, ProtectionCommand, ProtectionGroup, Rest } from "../model/protection.ts";
import type { Inventory, VimLinkPort } from "../vimconn/connector.ts";
import { portsOfServer } from "../vimconn/inventory-index.ts";
import { awayAfter } from "./away-words.ts";
import { wordsOf } from "./seen-words.ts";
import { slowLinks } from "./slow-links.ts";

/** A member of a protection group with what is known of it. */
export interface GuardedMember {
  member: Member;
  readonly serverId: ServerId;
  portId: VimPortId | null;
  /** Its VIM has not heard of its link since it was started, or has no switch to ask it through: that it is unknown says nothing of the member. */
  isStale: boolean;
  /** Since when it is not stale any more, monotonic ms; 0: it never was. */
  askedSinceMs: number;
  /** Its server runs, and its VIM asks it and has no answer yet. */
  isAwaited: boolean;
  words: MemberWords;
  /** Of the way to it, if it is in another VIM than the one its traffic enters; null: it is in that one. */
  away: Away | null;
  health: Health;
  /** What its disk is on for which it was paused in its present outage, whatever became of it since; null: that was not told. */
  storageLost: string | null;
  /** When the first word against it, in its present outage, arrived here. Null while nobody speaks against it. */
  toldAt: number | null;
  /** Where it is between awake and resting, if it is a warm spare. */
  rest: RestState;
  /** It is on the disk that it is meant to rest. */
  isMarked: boolean;
  /** Since when it has been unknown to this run; null while it is not, or while it rests. */
  unknownAt: number | null;
}

export interface HealthChange {
  readonly of: GuardedMember;
  readonly from: Health;
  readonly to: Health;
}

const UNSEEN: Health = { state: "unknown", sinceMs: 0, why: "it was never seen" };

const guarded = (member: Member, serverId: ServerId): GuardedMember => ({
  member,
  serverId,
  portId: null,
  isStale: false,
  askedSinceMs: 0,
  isAwaited: false,
  words: NOTHING_SAID,
  away: member.away === undefined ? null : NOTHING_KNOWN,
  health: UNSEEN,
  storageLost: null,
  toldAt: null,
  rest: AWAKE,
  isMarked: false,
  unknownAt: null,
});

function membersOf(group: ProtectionGroup, servers: ReadonlyMap<VnfcId, ServerId>, made: Map<VnfcId, GuardedMember>) {
  return group.members.map((member) => {
    const serverId = servers.get(member.vnfcId);
    if (serverId === undefined) throw new Error(`group ${group.id}: member ${member.vnfcId} has no server`);
    const of = made.get(member.vnfcId) ?? guarded(member, serverId);
    made.set(member.vnfcId, of);
    return of;
  });
}

/** The running side of a protection group: what its members are heard to be, and who serves each traffic net. Does nothing itself. */
export class Guard {
  group: ProtectionGroup;
  members: readonly GuardedMember[];
  /** Everything is deployed: from here on the group is protected. */
  isWatched = false;
  /** An inventory of this run was seen: before that nobody knows who serves what. */
  isObserved = false;
  readonly #serving = new Map<NetId, VnfcId | null>();
  readonly #health = new Map<VnfcId, Health>();
  readonly #rest = new Map<VnfcId, Rest>();
  /** When each bind was last changed or told; an inventory begun before that is older news. Infinity: a change is on its way. */
  readonly #touchedAt = new Map<NetId, number>();
  readonly #since = new Map<NetId, string>();
  /** Whether packets were seen where each bind leads, as the VIM told last; null: it does not look. */
  #paths: Map<NetId, Path> | null = null;
  readonly #slowLinks = new Map<VimAccountId, readonly string[]>();
  /** What an operator asks of the group; null: nothing. */
  command: ProtectionCommand | null = null;
  /** The groups that have a member in common with this one: a spare of theirs too. */
  sharers: readonly Guard[] = [];

  /** `made`: members of other groups by now, and of this one afterwards; a spare of several groups is one and the same thing in all of them. */
  constructor(
    group: ProtectionGroup,
    servers: ReadonlyMap<VnfcId, ServerId>,
    made: Map<VnfcId, GuardedMember> = new Map<VnfcId, GuardedMember>(),
  ) {
    this.group = group;
    this.members = membersOf(group, servers, made);
  }

  /** It has other members from now on (its VNF was scaled), or leads its nets home elsewhere. What is known of those that stay is kept. */
  regroup(group: ProtectionGroup, servers: ReadonlyMap<VnfcId, ServerId>): void {
    const had = new Map(this.members.map((of) => [of.member.vnfcId, of]));
    this.group = group;
    this.members = membersOf(group, servers, had);
    for (const of of this.members) of.member = group.members.find((m) => m.vnfcId === of.member.vnfcId) ?? of.member;
    for (const gone of [...this.#health.keys()].filter((id) => this.memberOf(id) === undefined)) {
      this.#health.delete(gone);
      this.#rest.delete(gone);
    }
  }

  /** The VIM whose switch its traffic enters: binds are made there. */
  get vim(): VimAccountId {
    return this.group.enters ?? this.group.members[0]!.vimAccountId;
  }

  /** All VIMs that have something of it. */
  get vims(): readonly VimAccountId[] {
    return [...new Set([this.vim, ...this.group.members.map((m) => m.vimAccountId)])];
  }

  isIn(vim: VimAccountId): boolean {
    return this.vim === vim || this.group.members.some((m) => m.vimAccountId === vim);
  }

  get view(): GroupView {
    const own = { health: this.#health, serving: this.#serving, rest: this.#rest };
    if (this.sharers.length === 0) return own;
    const carried = this.group.members.map((m) => [m.vnfcId, this.#carriedElsewhere(m.vnfcId)] as const);
    return { ...own, carriedElsewhere: new Map(carried) };
  }

  /** The same, with what the groups that share its warm spares need them for. */
  viewAt(nowMs: number): GroupView {
    if (this.sharers.length === 0) return this.view;
    const spares = this.group.members.filter((m) => m.standby === "warm");
    const needed = spares.flatMap((spare) => {
      const why = this.#othersWith(spare.vnfcId).map((g) => keptAwakeBy(g.group, g.view, spare, nowMs));
      const first = why.find((w) => w !== null);
      return first === undefined ? [] : [[spare.vnfcId, first] as const];
    });
    return { ...this.view, neededElsewhere: new Map(needed) };
  }

  /** This group, and those that this member stands in for too. */
  groupsWith(vnfcId: VnfcId): readonly Guard[] {
    return [this, ...this.#othersWith(vnfcId)];
  }

  /** Of the groups that a member stands in for one looks after it: heals it, puts it to rest. */
  looksAfter(vnfcId: VnfcId): boolean {
    return this.#othersWith(vnfcId).every((other) => this.group.id < other.group.id);
  }

  /** How many traffic nets a member serves, those of other groups too. */
  carriedBy(vnfcId: VnfcId): number {
    return this.#served(vnfcId) + this.#carriedElsewhere(vnfcId);
  }

  #carriedElsewhere(vnfcId: VnfcId): number {
    return this.#othersWith(vnfcId).reduce((sum, other) => sum + other.#served(vnfcId), 0);
  }

  #served(vnfcId: VnfcId): number {
    return this.group.trafficNets.filter((n) => this.#serving.get(n.netId) === vnfcId).length;
  }

  #othersWith(vnfcId: VnfcId): Guard[] {
    return this.sharers.filter((other) => other.isWatched && other.memberOf(vnfcId) !== undefined);
  }

  /** An earlier run meant it to rest: that it is paused is our doing. */
  restsSinceBefore(vnfcId: VnfcId): void {
    const of = this.memberOf(vnfcId);
    if (of) Object.assign(of, { isMarked: true, rest: { rest: "goingToRest", sinceMs: 0 } });
  }

  memberOf(vnfcId: VnfcId): GuardedMember | undefined {
    return this.members.find((m) => m.member.vnfcId === vnfcId);
  }

  servedBy(net: NetId): VnfcId | null {
    return this.#serving.get(net) ?? null;
  }

  sinceOf(net: NetId): string | null {
    return this.#since.get(net) ?? null;
  }

  /** True while a change of this bind is on its way to the VIM. */
  isMoving(net: NetId): boolean {
    return this.#touchedAt.get(net) === Number.POSITIVE_INFINITY;
  }

  hear(of: GuardedMember, evidence: Evidence): void {
    if (of.away !== null && of.member.away?.ports.includes(evidence.about.id as VimPortId)) {
      const away = hearOfWay(of.away, evidence);
      of.away = speakersAgainst(of.words).some((w) => w.evidence.says === "stopped") ? lifeEnded(away, evidence.seenAt) : away;
      return;
    }
    if (of.away !== null && evidence.says === "stopped") of.away = lifeEnded(of.away, evidence.seenAt);
    of.words = hearOf(of.words, evidence);
    of.storageLost = evidence.storage ?? of.storageLost;
    of.rest = restAfter(of.rest, evidence);
  }

  /** A VIM answers (null), or why not: its members that are not where traffic enters are out of sight then. */
  see(vim: VimAccountId, why: string | null, nowMs: number): void {
    for (const of of this.members) if (of.away !== null && of.member.vimAccountId === vim) of.away = sightOf(of.away, why, nowMs);
  }

  /** Judges each member anew; gives those whose state has changed. */
  judgeAll(toldAt: number): HealthChange[] {
    return this.members.flatMap((of) => {
      const from = of.health;
      const atHome = judgeSpare(of.words, of.rest);
      const to = of.away === null ? atHome : judgeAway(atHome, of.away);
      of.health = to;
      if (to.state === "up") of.storageLost = null;
      this.#rest.set(of.member.vnfcId, of.rest.rest);
      this.#health.set(of.member.vnfcId, to);
      if (to.state !== "down") of.toldAt = null;
      else of.toldAt ??= toldAt;
      if (to.state !== "unknown" || of.rest.rest !== "awake") of.unknownAt = null;
      else of.unknownAt ??= toldAt;
      return from.state === to.state ? [] : [{ of, from, to }];
    });
  }

  /** Takes a whole inventory of one of its VIMs in: words of the source `poll`, and who serves what unless we know better by now. */
  observe(seen: Inventory, vim: VimAccountId = this.vim): void {
    for (const of of this.members) {
      if (of.away !== null) of.away = awayAfter(of.away, of.member.away!, seen, vim === this.vim);
      if (of.member.vimAccountId === vim) this.#observeMember(of, seen);
    }
    this.#slowLinks.set(vim, slowLinks(this.group, seen, vim, this.vim));
    if (vim !== this.vim) return;
    for (const { netId } of this.group.trafficNets) this.bindSeen(netId, seen.nets.get(netId)?.bindNet ?? null, seen.startedAt);
    this.#observePaths(seen);
    this.isObserved = true;
  }

  #observeMember(of: GuardedMember, seen: Inventory): void {
    const home = of.member.away?.homeNet ?? of.member.dataNet;
    const port = portsOfServer(seen, of.serverId).find((p) => p.netId === home);
    of.portId = port?.id ?? of.portId;
    const server = seen.servers.get(of.serverId);
    if (of.isStale && !port?.stale) of.askedSinceMs = seen.startedAt;
    of.isStale = port?.stale ?? false;
    of.isAwaited = server?.status === "ACTIVE" && port?.status === "BUILD" && !of.isStale;
    for (const evidence of wordsOf(of.serverId, server, port, seen.startedAt)) this.hear(of, evidence);
    if (port) for (const evidence of opinionsOf(of, port, seen.startedAt)) this.hear(of, evidence);
    if (port?.fenced === false) of.words = liftFence(of.words, seen.startedAt);
  }

  /** Links on its way whose loss BFD would not find in time, and why, as each of its VIMs said last. */
  get slowLinks(): readonly string[] {
    return this.vims.flatMap((vim) => this.#slowLinks.get(vim) ?? []);
  }

  /** False where its VIM does not look whether packets pass, as the original. */
  get isTellingPaths(): boolean {
    return this.#paths !== null;
  }

  /** Of the bind that counts now; null: nothing is known of it yet. */
  pathOf(net: NetId): Path | null {
    const path = this.#paths?.get(net);
    const member = this.memberOf(this.servedBy(net) ?? ("" as VnfcId));
    return path && path.bindNet === member?.member.dataNet ? path : null;
  }

  /** The VIM says whether packets pass where a bind leads. */
  pathSeen(path: Path): void {
    this.#paths ??= new Map();
    this.#paths.set(path.netId, path);
  }

  /** The VIM says what a traffic net is bound to. */
  bindSeen(net: NetId, bindNet: NetId | null, at: number): void {
    if ((this.#touchedAt.get(net) ?? -1) > at) return;
    this.#serve(net, this.group.members.find((m) => m.dataNet === bindNet)?.vnfcId ?? null);
  }

  /** A change of the bind is on its way: from here on it counts as done, so that nobody does it twice. */
  moveStarted(net: NetId, to: VnfcId): void {
    this.#touchedAt.set(net, Number.POSITIVE_INFINITY);
    this.#serve(net, to);
  }

  /** It arrived, or failed; a failed one gives the net back to whom it had, until an inventory says what has become of it. */
  moveEnded(net: NetId, at: number, backTo?: { readonly vnfc: VnfcId | null }): void {
    this.#touchedAt.set(net, at);
    if (backTo) this.#serve(net, backTo.vnfc);
  }

  /** Since when, from the records of an earlier run. */
  setSince(net: NetId, since: string): void {
    this.#since.set(net, since);
  }

  #observePaths({ paths, startedAt }: Inventory): void {
    if (paths === null) {
      this.#paths = null;
      return;
    }
    this.#paths ??= new Map();
    for (const { netId } of this.group.trafficNets) {
      if ((this.#touchedAt.get(netId) ?? -1) > startedAt) continue;
      const path = paths.get(netId);
      if (path) this.#paths.set(netId, path);
      else this.#paths.delete(netId);
    }
  }

  #serve(net: NetId, vnfc: VnfcId | null): void {
    if (this.#serving.has(net) && this.#serving.get(net) !== vnfc) {
      this.#since.delete(net);
      this.#paths?.delete(net);
    }
    this.#serving.set(net, vnfc);
  }
}

/** A member that a guest's boot does not explain any more: the operator is told. */
export const UNKNOWN_ALARM_MS = 60_000;
/** A member that is given a new life, if it serves nothing. No guest boots that long. */
export const UNKNOWN_HEAL_MS = 300_000;

export const isUnknownFor = ({ unknownAt }: GuardedMember, ms: number, nowMs: number): boolean =>
  unknownAt !== null && nowMs - unknownAt >= ms;

/** Since when it is unknown though it could be asked, monotonic ms; null: it is not unknown, or cannot be asked. */
export function unansweredSince(of: GuardedMember): number | null {
  if (of.unknownAt === null || of.isStale || isOutOfSight(of)) return null;
  return Math.max(of.unknownAt, of.askedSinceMs, of.away?.backSinceMs ?? 0);
}

/** It is up, or a spare that rests: nothing is to be done about it. */
export const isWell = ({ health, rest }: GuardedMember): boolean =>
  health.state === "up" || (rest.rest !== "awake" && health.state !== "down");

/** Its port is closed in the switch, or the way to it is. */
export const isFenced = ({ words, away }: GuardedMember): boolean => words.fence.isUp || isCut(away);
const isCut = (away: Away | null): boolean => away !== null && away.cut !== null;

/** Its VIM does not answer: that nothing is heard of it says nothing of it. */
export const isOutOfSight = ({ away }: GuardedMember): boolean => away !== null && away.outOfSight !== null;

/** Who calls it silent, and since when, monotonic ms. */
export const silentBy = ({ words, away }: GuardedMember): { readonly source: Source; readonly sinceMs: number }[] =>
  [...silencesOf(words), ...(away === null ? [] : silencesOfWay(away))].map((w) => ({
    source: w.evidence.source,
    sinceMs: w.sinceMs,
  }));

/** What each source that speaks against a member now saw first, and when; those that call it silent are among them. */
export function seenOf({ words, away }: GuardedMember): Partial<Record<Source, number>> {
  const host = hostSilenceOf(words);
  const ofWay = away === null ? [] : [...againstWay(away), ...silencesOfWay(away)];
  const against = [...speakersAgainst(words), ...silencesOf(words), ...ofWay, ...(host === null ? [] : [host])];
  // A state read from the VIM is news only where nobody told.
  const told = against.filter((w) => w.evidence.source !== "poll");
  return Object.fromEntries((told.length > 0 ? told : against).map((w) => [w.evidence.source, w.sinceMs]).reverse());
}

/** What opinions the VIM has formed, for a run that was not told: words that it is silent, and such that end a silence. */
function opinionsOf(of: GuardedMember, { id, status, opinions }: VimLinkPort, seenAt: number): Evidence[] {
  if (status !== "ACTIVE") return [];
  const standing = new Set(silentBy(of).map((s) => s.source));
  const news = (Object.entries(opinions) as [Source, "answers" | "silent"][]).filter(
    ([source, says]) => standing.has(source) !== (says === "silent"),
  );
  return news.map(([source, says]) => ({ about: { kind: "port", id }, says, source, seenAt, detail: "so says the VIM" }));
}
