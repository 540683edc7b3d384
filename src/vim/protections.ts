import type { Verdict } from "../detect/misses.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ArmedMember, ArmedProtection, KeptProtection, ProtectionView } from "../model/armed.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { GroupId, NetId, ServerId, VimPortId, VnfcId } from "../model/ids.ts";
import type { ServerPort } from "../model/vim-picture.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import { deleteProtection, saveProtection } from "../store/vim-protections.ts";
import {
  hasFired,
  lastObstacle,
  memberOf,
  planOf,
  roundMs,
  type Sight,
  servicePorts,
  unprovenForMs,
  viewOf,
} from "./armed-plans.ts";
import { ArmedStandIns } from "./armed-stand-ins.ts";
import type { BeatTarget } from "./beat-watch.ts";
import type { Capacities } from "./capacities.ts";
import type { Fabrics } from "./fabrics.ts";
import type { FactsListener } from "./facts.ts";
import { Firing, type FiringParts, type Hit, isOpinion, type Membership } from "./firing.ts";
import { HoldOff } from "./hold-off.ts";
import { Opinions } from "./opinions.ts";
import type { Picture } from "./picture.ts";
import type { ProbeTarget } from "./probe-targets.ts";
import { checkArmed, isNews } from "./protection-rules.ts";
import type { TrafficTarget } from "./traffic-watch.ts";
import { REFUSED_AGAIN_MS, Unled } from "./unled.ts";
import { probeTargets, trafficTargets } from "./watched-members.ts";

const AGAINST: ReadonlySet<Evidence["says"]> = new Set(["stopped", "paused", "linkDown", "silent"]);

/**
 * What the MANO has armed here, and carrying it out: evidence against a member fires its plan in the tick in which it is
 * heard. A plan fires once per revision. The decision was the MANO's; here is only looked whether it still fits the picture.
 */
export class Protections implements FactsListener, Disposable {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #firing: Firing;
  readonly #holdOff: HoldOff;
  readonly #standIns: ArmedStandIns;
  readonly #capacities: Capacities;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #asksAnew: (id: ServerId) => void;
  /** Who is a member of what, by its server or, where that is in another VIM, by its data net: so that evidence finds its plans without a search. */
  #byPlace = new Map<ServerId | NetId, { readonly id: GroupId; readonly member: ArmedMember }[]>();
  readonly #opinions = new Opinions();
  readonly #unled = new Unled();

  /** `capacities`: kept as what is armed says. */
  constructor(parts: FiringParts & { readonly capacities: Capacities }) {
    const { picture, fabric, clock, log, asksAnew, capacities } = parts;
    this.#picture = picture;
    this.#fabric = fabric;
    this.#clock = clock;
    this.#log = log;
    this.#asksAnew = asksAnew;
    const refused = (hit: Hit) => this.#refused(hit);
    this.#firing = new Firing(parts, () => this.#sight(), refused);
    this.#holdOff = new HoldOff(clock);
    this.#capacities = capacities;
    this.#index();
    this.#standIns = new ArmedStandIns(picture, capacities, clock, (nets) => fabric.followFor(nets));
    picture.onChange((net) => {
      if (capacities.isEmpty) return this.#firing.ready.netChanged(net);
      this.#firing.ready.allChanged(); // Who has room follows from who is led where.
      this.#standIns.changed();
    });
  }

  /** Ends what waits. */
  [Symbol.dispose](): void {
    this.#holdOff[Symbol.dispose]();
    this.#standIns[Symbol.dispose]();
    this.#firing.ready[Symbol.dispose]();
  }

  /** For `Fabric.useStandIns`: what the switch is to carry out by itself when a port is lost. */
  get standIns(): StandIns {
    return this.#standIns;
  }

  /** Replaces an older revision; its plans may fire once more. Throws INVALID for what refers to nothing, CONFLICT for an old revision. */
  arm(asked: ArmedProtection): Promise<ProtectionView> {
    return this.#picture.change(async () => {
      const { protections } = this.#picture;
      checkArmed(this.#picture, asked);
      if (isNews(protections.get(asked.id), asked)) {
        await saveProtection(this.#picture.db, { ...asked, fired: protections.get(asked.id)?.fired ?? [] });
        // What fired while the row was written stands in the map, and in the store after its own turn.
        protections.set(asked.id, { ...asked, fired: protections.get(asked.id)?.fired ?? [] });
        this.#index();
        this.#standIns.changed();
        this.#firing.ready.armed(asked.id);
      }
      return this.get(asked.id);
    });
  }

  /** A fence that stands stays until its server starts a new life. Throws NOT_FOUND. */
  disarm(id: GroupId): Promise<void> {
    return this.#picture.change(async () => {
      this.#kept(id);
      await deleteProtection(this.#picture.db, id);
      this.#picture.protections.delete(id);
      this.#index();
      this.#standIns.changed();
      this.#firing.ready.armed(id);
    });
  }

  list(): ProtectionView[] {
    return [...this.#picture.protections.values()].map((p) => viewOf(this.#picture, this.#sight(), p));
  }

  /** Throws NOT_FOUND. */
  get(id: GroupId): ProtectionView {
    return viewOf(this.#picture, this.#sight(), this.#kept(id));
  }

  /**
   * Closes a member's port at once and, in the same write, carries out of its plan what can be. Resolves when the switch has
   * confirmed and it is stored. `unlessLast`: not where no other member could take over, as for an opinion. Throws NOT_FOUND, INVALID where
   * the member has no port, CONFLICT where it is the last, SWITCH_REFUSED (then nothing is changed).
   */
  async fence(id: GroupId, memberId: VnfcId, when: "always" | "unlessLast" = "always"): Promise<ProtectionView> {
    const hit = this.#memberIn(id, memberId);
    if (servicePorts(this.#picture, hit.member).length === 0)
      throw new Fault("INVALID", `${hit.member.name} has no port on the switch that could be fenced`);
    const memberships = this.#membershipsOf(placeOf(hit.member)).filter((m) => m.member.dataNet === hit.member.dataNet);
    if (when === "unlessLast") this.#checkNotLast(hit.member, memberships);
    await this.#firing.fence(hit.member, memberships, this.#sight());
    return this.get(id);
  }

  #checkNotLast({ name }: ArmedMember, memberships: readonly Membership[]): void {
    for (const { protection, member } of memberships) {
      const why = lastObstacle(this.#picture, this.#sight(), protection, member.id);
      if (why !== null)
        throw new Fault("CONFLICT", `${name} is not fenced: nobody in '${protection.name}' could take over (${why})`);
    }
  }

  /** Opens a member's port again; it must answer before it is believed. No error where it is not fenced. Throws NOT_FOUND. */
  async lift(id: GroupId, memberId: VnfcId): Promise<ProtectionView> {
    const { member } = this.#memberIn(id, memberId);
    const why = "its port was opened again by command";
    if (member.serverId !== null) await this.#lift(member.serverId, why);
    else await this.#firing.open(fencedOf(servicePorts(this.#picture, member)), why);
    return this.get(id);
  }

  /**
   * False while the switch may still lead packets to a member to which nothing is to be led: by a bind of before, or by what it does
   * alone when a port is lost.
   */
  isLedAround(id: ServerId): boolean {
    const dataNets = new Set(this.#membershipsOf(id).map((m) => m.member.dataNet));
    const isTo = (net: NetId | null) => net !== null && dataNets.has(net);
    if (dataNets.size === 0 || [...this.#picture.nets.values()].some((n) => isTo(n.bindNet) || isTo(n.copyNet))) return true;
    return this.#fabric.isSettled && this.#standIns.isCurrent;
  }

  /** Service ports that are to be asked all the time: of members that run and have answered once. */
  probed(): ProbeTarget[] {
    return probeTargets(this.#picture, (port) => this.#protectionsOf(port));
  }

  /** Service ports whose counters are to be watched: of those that traffic is led to. */
  watched(): TrafficTarget[] {
    return trafficTargets(this.#picture, (port) => this.#protectionsOf(port));
  }

  /** Servers whose guest's agent is to be asked: of members that run. */
  beaten(): BeatTarget[] {
    const { servers } = this.#picture;
    return [...this.#byPlace].flatMap(([place, memberships]): BeatTarget[] => {
      const serverId = place as ServerId;
      const server = servers.get(serverId); // Of a member in another VIM there is none here.
      const policies = memberships.flatMap((m) => this.#kept(m.id).guestHeartbeat ?? []);
      return server?.status === "ACTIVE" && policies[0] ? [{ serverId, hostId: server.hostId, policy: policies[0] }] : [];
    });
  }

  /** Names of the traffic nets that the switch leads on by itself when the port of the member they are on is lost. */
  ledBySwitch(): string[] {
    const { whyNotArmed } = this.#sight();
    return [...this.#picture.nets.values()].flatMap(({ id, name, bindNet }) =>
      bindNet !== null && this.#standIns.of(id, bindNet).length > 0 && whyNotArmed(id) === undefined ? [name] : [],
    );
  }

  /** What opinions say of a service port and of its server in its present life; empty: nothing yet, or nobody is asked for one. */
  opinionsOf(id: VimPortId): ReadonlyMap<Source, Verdict> {
    const serverId = this.#picture.ports.get(id)?.serverId ?? null;
    return new Map([...this.#opinions.of(id), ...(serverId === null ? [] : this.#opinions.of(serverId))]);
  }

  #isSilent(id: VimPortId): boolean {
    return [...this.opinionsOf(id).values()].includes("silent");
  }

  onEvidence(heard: readonly Evidence[]): void {
    this.#fire(heard.flatMap((evidence) => this.#take(evidence)));
  }

  /** Gives those whose plan is to fire for it now. */
  #take(evidence: Evidence): Hit[] {
    const hits = this.#hits(evidence);
    if (hits.length === 0) return [];
    this.#opinions.hear(evidence);
    const isStillSilent = ({ member }: Hit) => servicePorts(this.#picture, member).some((p) => this.#isSilent(p.id));
    if (evidence.says === "answers" && hits.some(isStillSilent)) return []; // Another source still says so.
    if (AGAINST.has(evidence.says)) return this.#due(hits);
    const back = new Set(hits.map((h) => h.member.id));
    this.#holdOff.ended(back, evidence.says);
    this.#unled.ended(back, evidence.says);
    const isOut = ({ member }: Hit) => servicePorts(this.#picture, member).every((p) => p.status !== "ACTIVE");
    // Not in this tick: its port is believed after this.
    for (const hit of this.#unled.besides(back, hits)) if (isOut(hit)) this.#hold(hit, 0);
    if (evidence.says === "answers") for (const mate of hits.flatMap((h) => this.#silentMates(h))) this.#holdAnew(mate);
    return [];
  }

  /** Who of their groups is silent, with a plan that has led nowhere yet: one of these may be whom it waits for. */
  #silentMates({ protection, member: back }: Membership): Hit[] {
    const silenceOf = ({ id, serverId }: ServerPort) => this.#opinions.silenceOf(id) ?? this.#opinions.silenceOf(serverId ?? id);
    return protection.members.flatMap((member): Hit[] => {
      if (member.id === back.id || !planOf(protection, member.id) || hasFired(protection, member.id)) return [];
      const [evidence] = servicePorts(this.#picture, member).flatMap((p) => silenceOf(p) ?? []);
      return evidence === undefined ? [] : [{ protection, member, evidence }];
    });
  }

  /** Holds those back that have to wait; gives the others. */
  #due(hits: readonly Hit[]): Hit[] {
    const due = hits.map((hit) => ({ hit, forMs: this.#heldForMs(hit) }));
    for (const { hit, forMs } of due) if (forMs > 0) this.#hold(hit, forMs);
    return due.flatMap(({ hit, forMs }) => (forMs === 0 ? [hit] : []));
  }

  /** An opinion must last until whoever takes over has proven himself, too. */
  #heldForMs({ protection, member, evidence }: Hit): number {
    const unprovenMs = isOpinion(evidence) ? unprovenForMs(this.#picture, this.#sight(), protection, member.id) : 0;
    if (unprovenMs === 0) return protection.holdOffMs;
    const toldLateMs = this.#clock.now() - evidence.seenAt; // It is held from when it was seen.
    return Math.max(protection.holdOffMs, Math.ceil(unprovenMs + toldLateMs) + 1); // A timer may be a fraction early.
  }

  /** Its fence, if any, was for the life before. */
  onNewLife(id: ServerId): void {
    for (const of of [id, ...this.#picture.portsOf(id).map((p) => p.id)]) this.#opinions.forget(of);
    this.#unled.forget(new Set(this.#membershipsOf(id).map((m) => m.member.id)));
    this.#lift(id, "its server started a new life").catch((err: unknown) =>
      this.#log.warn({ err, server: id }, "the switch did not take the lift of a fence; the next pass reads it"),
    );
  }

  async #lift(serverId: ServerId, why: string): Promise<void> {
    const fenced = fencedOf(this.#picture.portsOf(serverId));
    if (fenced.length === 0) return;
    const done = this.#firing.open(fenced, why);
    this.#asksAnew(serverId);
    await done;
  }

  /** At least until each has been asked anew: where all come back together one is the first, and the others may answer in the next moment. */
  #holdAnew(hit: Hit): void {
    const { protection, evidence } = hit;
    const roundLongerMs = this.#clock.now() - evidence.seenAt + roundMs(protection);
    this.#hold(hit, Math.max(this.#heldForMs(hit), roundLongerMs), true);
  }

  /** Where this process stood still at the end nobody was asked meanwhile: an opinion is held anew then, once (`isAnew`). */
  #hold(hit: Hit, forMs: number, isAnew = false): void {
    const { id } = hit.protection;
    this.#holdOff.begin(hit, hit.evidence, forMs, (lateMs) => {
      const protection = this.#picture.protections.get(id);
      const member = protection && memberOf(protection, hit.member.id);
      if (!member) return;
      if (isOpinion(hit.evidence) && !isAnew && lateMs > roundMs(protection)) this.#holdAnew({ ...hit, protection, member });
      else if (isOpinion(hit.evidence)) this.#opinionLasted(member, hit.evidence);
      else this.#fire([{ protection, member, evidence: hit.evidence }]);
    });
  }

  /**
   * A member of several protections goes as a whole or not at all, so those whose time was over before are looked at with this one. Where who
   * is to take over has begun anew meanwhile, or is another one, it is held on.
   */
  #opinionLasted(member: ArmedMember, evidence: Evidence): void {
    const hits = this.#membershipsOf(placeOf(member))
      .filter((m) => m.member.dataNet === member.dataNet && !this.#holdOff.isHeld(m, evidence.says))
      .map((m): Hit => ({ ...m, evidence }));
    const isProven = ({ protection, member }: Hit) => unprovenForMs(this.#picture, this.#sight(), protection, member.id) === 0;
    const [proven, unproven] = [hits.filter(isProven), hits.filter((h) => !isProven(h))];
    for (const hit of unproven) this.#hold(hit, this.#heldForMs(hit));
    this.#fire(proven);
  }

  /** The first piece of evidence against a member is the one its plan fires for; a fact before an opinion. */
  #fire(hits: readonly Hit[]): void {
    const first = new Map<string, Hit>();
    for (const hit of hits.toSorted((a, b) => Number(isOpinion(a.evidence)) - Number(isOpinion(b.evidence)))) {
      const { protection, member } = hit;
      const key = `${protection.id} ${member.id}`;
      if (!first.has(key) && planOf(protection, member.id) && !hasFired(protection, member.id)) first.set(key, hit);
    }
    if (first.size === 0) return;
    this.#firing.fire([...first.values()], this.#sight());
    for (const hit of first.values())
      if (!isOpinion(hit.evidence) && !hasFired(this.#kept(hit.protection.id), hit.member.id)) this.#unled.note(hit);
  }

  /** A fact holds though the switch has refused what was to be done for it. */
  #refused(hit: Hit): void {
    if (isOpinion(hit.evidence)) return;
    this.#unled.note(hit);
    this.#hold({ ...hit, evidence: { ...hit.evidence, seenAt: this.#clock.now() } }, REFUSED_AGAIN_MS);
  }

  /** Evidence about a port counts where it is the member's service port. */
  #hits(evidence: Evidence): Hit[] {
    const { about } = evidence;
    const port = about.kind === "port" ? this.#picture.ports.get(about.id) : undefined;
    const place = about.kind === "server" ? about.id : (port?.serverId ?? port?.netId ?? null);
    if (place === null) return [];
    const memberships = this.#membershipsOf(place);
    const concerned = port === undefined ? memberships : memberships.filter((m) => m.member.dataNet === port.netId);
    return concerned.map((m) => ({ ...m, evidence }));
  }

  #membershipsOf(place: ServerId | NetId): Membership[] {
    return (this.#byPlace.get(place) ?? []).map(({ id, member }) => ({ protection: this.#kept(id), member }));
  }

  #memberIn(id: GroupId, memberId: VnfcId): Membership {
    const protection = this.#kept(id);
    const member = memberOf(protection, memberId);
    if (!member) throw new Fault("NOT_FOUND", `protection '${protection.name}' has no member '${memberId}'`);
    return { protection, member };
  }

  #kept(id: GroupId): KeptProtection {
    const protection = this.#picture.protections.get(id);
    if (!protection) throw new Fault("NOT_FOUND", `protection '${id}' not found`);
    return protection;
  }

  #sight(): Sight {
    return {
      isSwitchConnected: this.#fabric.session !== null,
      isSilent: (id) => this.#isSilent(id),
      silentForMs: (id) => this.#clock.now() - (this.#opinions.silentSinceMs(id) ?? Number.POSITIVE_INFINITY),
      believedForMs: (id) => this.#clock.now() - this.#opinions.believedSinceMs(id),
      whyNotArmed: (net) => this.#fabric.notArmed.get(net) ?? this.#standIns.whyNot(net),
      capacities: this.#capacities,
    };
  }

  #index(): void {
    this.#byPlace = new Map();
    for (const { id, members } of this.#picture.protections.values()) {
      for (const member of members) {
        const memberships = this.#byPlace.get(placeOf(member)) ?? [];
        this.#byPlace.set(placeOf(member), [...memberships, { id, member }]);
      }
    }
    this.#capacities.follow(this.#picture.protections.values());
    this.#unled.keepOnly((id) => this.#picture.protections.has(id));
    this.#opinions.keepOnly((id, by) => this.#isTold(id, by)); // Nobody would take the others back.
  }

  #isTold(id: VimPortId | ServerId, by: Source): boolean {
    if (by === "guestHeartbeat") return this.#membershipsOf(id as ServerId).some((m) => m.protection.guestHeartbeat !== null);
    const port = this.#picture.ports.get(id as VimPortId);
    const protections = port ? this.#protectionsOf(port) : [];
    return by === "probe" ? protections.some((p) => p.probe !== null) : protections.length > 0;
  }

  /** Those of which it is a member's service port. */
  #protectionsOf({ serverId, netId }: ServerPort): KeptProtection[] {
    const place = serverId ?? netId;
    const memberships = place === null ? [] : (this.#byPlace.get(place) ?? []);
    return memberships.flatMap(({ id, member }) => (member.dataNet === netId ? (this.#picture.protections.get(id) ?? []) : []));
  }
}

const placeOf = ({ serverId, dataNet }: ArmedMember): ServerId | NetId => serverId ?? dataNet;
const fencedOf = (ports: readonly ServerPort[]): ServerPort[] => ports.filter((p) => p.fenced);
