import type { Guard } from "../../src/mano/guard.ts";
import type { Action } from "../../src/model/flow.ts";
import type { NetId } from "../../src/model/ids.ts";
import type { TrafficNet } from "../../src/model/protection.ts";
import type { Vim } from "../../src/vim/vim.ts";
import type { Guest } from "./fake-host.ts";
import { SERVICE_MAC } from "./service-traffic.ts";
import { type System, viewerMac } from "./system.ts";
import { traced } from "./trace.ts";

/** What happened this short a time ago may not be known yet to those who act. */
const LATENESS_MS = 3_000;

/** A refused message leaves ways half turned until the next pass has read the switch. */
const HALF_TURNED_MS = 2_000;

const TAKEN_BACK_MS = 100;

/** Where nobody could take over, a silence is borne for so long before one is given a new life (decision 0028), less what a probe needs. */
const BORNE_MS = 4_500;

interface Ended {
  readonly guest: string;
  readonly atMs: number;
}

/** What must hold at every instant, seen from the world and not from what the daemons believe. Numbers are those of ARCHITECTURE.md. */
export class Invariants {
  readonly #system: System;
  /** Whom the packets of each viewer reach in the switch now. */
  readonly #served = new Map<string, readonly Guest[]>();
  /** What the VIM has each traffic net bound to: the decision, which the switch follows when it can. */
  readonly #bound = new Map<NetId, NetId | null>();
  readonly #normal = new Map<string, string>();
  /** By data net, of members that have a limit. */
  readonly #capacities = new Map<NetId, number>();
  /** Ends of service of members, as the world had them. */
  readonly outages: Ended[] = [];
  /** Binds that left the normal member, and nobody had asked for it. */
  failovers = 0;
  #lookedAt: System["vimLife"] = null;
  readonly #wasServing = new Map<Guest, boolean>();
  readonly #wasCut = new Set<Guest>();
  /** Whose port was closed at the last look. */
  #wasFenced: ReadonlySet<Guest> = new Set();
  #traffic: readonly (readonly [NetId, string])[] = [];
  /** An operator has asked for something: traffic may go where it likes. */
  isCommanded = false;

  constructor(system: System) {
    this.#system = system;
    system.fabric.changed = (what, isBetween) => this.#look(what, isBetween);
    system.host.touched = (guest, verb) => this.#touched(guest, verb);
    this.#look(() => "", false);
  }

  servedBy(viewer: string): readonly Guest[] {
    return this.#served.get(viewer) ?? [];
  }

  /** The member a viewer belongs to when nothing is wrong. */
  normalOf(viewer: string): string | undefined {
    return this.#normal.get(viewer);
  }

  setNormal(viewer: string, guestId: string): void {
    this.#normal.set(viewer, guestId);
  }

  /** Each member may be taken for one that failed, once. */
  mayBeMistaken(): void {
    const { sim, host } = this.#system;
    for (const { id } of host.guests.values()) this.outages.push({ guest: id, atMs: sim.now() });
  }

  /** Follows who serves at all; called with every step of time. */
  follow(): void {
    const { sim, host } = this.#system;
    for (const guest of host.guests.values()) {
      const isServing = host.isServing(guest);
      const had = this.#wasServing.get(guest);
      if ((had === true && !isServing) || this.#isBackHung(guest)) this.outages.push({ guest: guest.id, atMs: sim.now() });
      this.#wasServing.set(guest, isServing);
    }
    this.#followBinds();
    this.#followFences();
  }

  /** An opinion alone fences nobody who is the last that could serve; what the daemons may not know yet is left out. */
  #followFences(): void {
    const { vim, host, guards } = this.#system;
    if (!vim) return;
    const ports = [...vim.picture.ports.values()];
    const fenced = new Set(ports.flatMap((p) => (p.fenced && p.switchPort !== null ? (host.guestOf(p.switchPort) ?? []) : [])));
    const isRestarted = this.#lookedAt !== this.#system.vimLife;
    for (const guest of fenced) {
      if (this.#wasFenced.has(guest) || isRestarted || !this.#isOpinion(guest)) continue;
      const groups = guards.filter((g) => g.members.some((m) => (m.serverId as string) === guest.id));
      const mates = groups.map((g) => g.members.flatMap((m) => host.guests.get(m.serverId) ?? []).filter((m) => m !== guest));
      if (mates.length > 0 && mates.every((all) => all.every((m) => this.#isLongOut(m, fenced))))
        this.#violate("13 no opinion fences the last", `${guest.name} is fenced, and nobody else could serve`);
    }
    this.#wasFenced = fenced;
  }

  /** Nothing but an opinion can speak against it: it is well, or hangs, and not for so long that it was given up. */
  #isOpinion(guest: Guest): boolean {
    if (!guest.isHung) return this.#isWell(guest);
    const { sim, fabric } = this.#system;
    const isHeard = sim.now() - fabric.lossyAtMs > BORNE_MS + LATENESS_MS; // Else it may have been called silent before it hung.
    return guest.state === "running" && !guest.isCut && isHeard && sim.now() - guest.failedAtMs < BORNE_MS;
  }

  /** It cannot serve, and that is known: it boots, is called silent and hangs, or has failed a while ago. */
  #isLongOut(guest: Guest, fenced: ReadonlySet<Guest>): boolean {
    const { host, sim, vim, variant } = this.#system;
    if (guest.state === "running" && sim.now() < guest.answersFromMs) return true;
    const isSilent = vim!.picture
      .portsOf(guest.id)
      .some((p) => [...vim!.protections.opinionsOf(p.id).values()].includes("silent"));
    if (guest.isHung && (isSilent || !variant.isProbed)) return isSilent; // Where nobody asks it, nobody else can know.
    const isOut = !host.isServing(guest) || fenced.has(guest);
    return isOut && sim.now() - guest.failedAtMs > LATENESS_MS;
  }

  /**
   * Its cable is back and it hangs: the fault that was its cable has ended, and the one that it hangs is seen by itself. A VIM that
   * was away meanwhile has it up for a moment, since it answered when it was last asked.
   */
  #isBackHung(guest: Guest): boolean {
    if (!guest.isCut) return this.#wasCut.delete(guest) && guest.isHung;
    this.#wasCut.add(guest);
    return false;
  }

  #followBinds(): void {
    const nets = this.#system.vim?.picture.nets;
    if (!nets) return;
    const isRestarted = this.#lookedAt !== this.#system.vimLife;
    for (const [netId, viewer] of this.#trafficNets()) {
      const bindNet = nets.get(netId)?.bindNet ?? null;
      const had = this.#bound.get(netId);
      if (had === bindNet) continue;
      this.#bound.set(netId, bindNet);
      if (this.#system.acked.binds.get(netId) === had && isRestarted && had !== undefined)
        this.#violate(
          "6 what was acknowledged survives",
          `the bind of ${viewer} to ${nameOf(this.#system, had)} was answered, and is lost after the restart`,
        );
      const to = this.#guestOn(bindNet);
      if (had === undefined || to === undefined) continue;
      this.#system.note(`${viewer} is bound to ${to.name}`);
      const from = this.#guestOn(had);
      if (from !== undefined) this.#count(viewer, from, to, isRestarted);
      if (isRestarted) continue; // Nobody has decided that: it is what the disk has.
      this.#checkTarget(viewer, to);
      if (from !== undefined) this.#checkLeft(viewer, from, to);
    }
    this.#checkRoom();
    if (isRestarted) this.#checkAcked();
    this.#lookedAt = this.#system.vimLife;
  }

  /** A move that the VIM could not write before it was killed is gone, and so is the word of it. */
  #count(viewer: string, from: Guest, to: Guest, isRestarted: boolean): void {
    const isNormal = to.id === this.normalOf(viewer);
    if (this.#isTakenBack || (isRestarted && isNormal)) this.failovers = Math.max(0, this.failovers - 1);
    else if (!this.isCommanded && !isNormal && !this.#isMakingRoom(from)) this.failovers++;
  }

  /** Nobody carries more than it may, as the MANO's descriptors have it. */
  #checkRoom(): void {
    for (const { member } of this.#system.members)
      if (member.capacity !== null && !this.#capacities.has(member.dataNet))
        this.#capacities.set(member.dataNet, member.capacity);
    for (const [dataNet, capacity] of this.#capacities) {
      const carried = [...this.#bound.values()].filter((b) => b === dataNet).length;
      if (carried > capacity)
        this.#violate(
          "11 nobody carries more than it may",
          `${carried} nets lead to ${nameOf(this.#system, dataNet)}, of ${capacity}`,
        );
    }
  }

  /** What was armed and who was fenced, as the VIM has it after its restart. */
  #checkAcked(): void {
    const { acked, host, vim } = this.#system;
    for (const [id, revision] of acked.armed) {
      const kept = vim!.picture.protections.get(id)?.revision ?? 0;
      if (kept < revision)
        this.#violate("6 what was acknowledged survives", `revision ${revision} was armed, and ${kept} is there`);
    }
    for (const [id, life] of acked.fences) {
      const guest = host.guests.get(id);
      if (guest?.life === life && !vim!.picture.portsOf(id).some((p) => p.fenced))
        this.#violate("6 what was acknowledged survives", `${guest.name} was fenced, and is not after the restart`);
    }
  }

  /** A lockout or forced switch that was taken stays until the next command. */
  checkCommand(): void {
    const { ackedLock, guards, manoLife } = this.#system;
    const nfvo = manoLife?.nfvo;
    if (ackedLock === null || guards.length === 0 || !nfvo) return;
    const kind = nfvo.commands.inPlace(ackedLock.groupId)?.kind ?? "nothing";
    if (kind !== ackedLock.kind)
      this.#violate("6 what was acknowledged survives", `${ackedLock.kind} was taken, and ${kind} is in place`);
  }

  #trafficNets(): readonly (readonly [NetId, string])[] {
    const nets = this.#system.vim!.picture.nets;
    if (this.#traffic.length === 0)
      this.#traffic = [...nets.values()]
        .filter((n) => n.name.startsWith("traffic_net"))
        .map((n) => [n.id, `v${n.name.at(-1)}`] as const);
    return this.#traffic;
  }

  #guestOn(net: NetId | null): Guest | undefined {
    const port = [...this.#system.vim!.picture.ports.values()].find(
      (p) => p.netId === net && p.serverId !== null && p.switchPort !== null,
    );
    return port ? this.#system.host.guestOf(port.switchPort!) : undefined;
  }

  #look(what: () => string, isBetween: boolean): void {
    const { fabric, sim } = this.#system;
    this.follow();
    const isHalfTurned = isBetween || sim.now() - fabric.refusedAtMs < HALF_TURNED_MS;
    for (const viewer of this.#system.viewers) {
      const there = this.#forward(viewer);
      if (there.length > this.#system.variant.owners)
        this.#violate("2 one server", `packets of ${viewer} reach ${there.map((g) => g.name).join(" and ")} after: ${what()}`);
      const back = [...this.#system.host.guests.values()].filter(
        (g) => this.#system.host.isServing(g) && this.#comesBack(g, viewer),
      );
      if (!isHalfTurned && back.length > this.#system.variant.owners)
        this.#violate("2 one server", `packets of ${back.map((g) => g.name).join(" and ")} reach ${viewer} after: ${what()}`);
      this.#moved(viewer, there);
    }
  }

  #forward(viewer: string): Guest[] {
    const { fabric, host } = this.#system;
    if (!fabric.isLive(viewer)) return [];
    const left = traced(fabric.table, { inPort: viewer, vlan: null, ethDst: SERVICE_MAC }, fabric.isLive);
    return [...new Set(left.flatMap((l) => (fabric.isLive(l.port) ? (host.guestOf(l.port) ?? []) : [])))];
  }

  #comesBack(guest: Guest, viewer: string): boolean {
    const { fabric } = this.#system;
    return guest.taps.some(
      (tap) =>
        fabric.isLive(tap) &&
        traced(fabric.table, { inPort: tap, vlan: null, ethDst: viewerMac(viewer) }, fabric.isLive).some(
          (l) => l.port === viewer,
        ),
    );
  }

  /** Both ways. */
  isServed(viewer: string): boolean {
    return this.#forward(viewer).some((g) => this.#system.host.isServing(g) && this.#comesBack(g, viewer));
  }

  #moved(viewer: string, to: readonly Guest[]): void {
    const was = this.servedBy(viewer);
    if (was.length === to.length && to.every((g) => was.includes(g))) return;
    this.#served.set(viewer, to);
    this.#system.note(`${viewer}: ${namesOf(was)} → ${namesOf(to)}`);
  }

  /** The bind returns to what it was: the switch has refused what was asked with it. */
  get #isTakenBack(): boolean {
    return this.#system.sim.now() - this.#system.fabric.refusedAtMs < TAKEN_BACK_MS;
  }

  #checkTarget(viewer: string, to: Guest): void {
    const { sim, host } = this.#system;
    const isOnlyAsked = to.isHung || (to.state === "paused" && host.isAway); // Nobody tells.
    if (isOnlyAsked && !this.#system.variant.isProbed) return; // Nobody can know.
    const { vimLife, manoLife, connectedAtMs } = this.#system;
    const goOnMs = [vimLife, manoLife].map((d) => d?.life.goesOnMs ?? 0); // One that stood hears late.
    // While frames are lost, who hangs and who is not heard look alike; where it is left hangs for certain.
    const askableAtMs = isOnlyAsked ? Math.max(connectedAtMs, this.#system.fabric.lossyAtMs) : 0;
    const knowableAtMs = Math.max(to.failedAtMs, askableAtMs, ...goOnMs);
    const isNews = this.#isTakenBack || sim.now() - knowableAtMs < LATENESS_MS;
    if (!host.isServing(to) && !isNews)
      this.#violate("1 only to members known up", `${viewer} is bound to ${to.name}, which is ${to.state} and does not serve`);
  }

  #checkLeft(viewer: string, from: Guest, to: Guest): void {
    if (this.isCommanded || to.id === this.normalOf(viewer) || this.#isTakenBack) return;
    if (this.#isWell(from) && !this.#isMakingRoom(from))
      this.#violate("1 an unknown never moves traffic", `${viewer} is taken from ${from.name}, which is well`);
  }

  /** Of a pool: what belongs to it waits to return until there is room on it. */
  #isMakingRoom(from: Guest): boolean {
    return this.#trafficNets().some(
      ([netId, viewer]) => this.normalOf(viewer) === from.id && this.#guestOn(this.#bound.get(netId) ?? null)?.id !== from.id,
    );
  }

  /** It serves, and nothing has been the matter with it or with the way to it for so long that everybody knows. */
  #isWell(guest: Guest): boolean {
    const { sim, host, fabric, vimLife, manoLife } = this.#system;
    const heardAtMs = [vimLife, manoLife].map((d) => d?.life.reachedAtMs(guest.failedAtMs) ?? guest.failedAtMs);
    const troubledAtMs = Math.max(guest.failedAtMs, guest.answersFromMs, fabric.lossyAtMs, ...heardAtMs);
    return host.isServing(guest) && sim.now() - troubledAtMs > LATENESS_MS;
  }

  #touched(guest: Guest, verb: string): void {
    const serves = this.#system.viewers.filter((v) => this.servedBy(v).includes(guest));
    if (verb === "pause" && this.#leadsTo(guest))
      this.#violate(
        "12 a spare is paused where nothing leads to it",
        `${guest.name} is paused, and an entry of the switch leads to it`,
      );
    if (this.#isWell(guest) && serves.length > 0)
      this.#violate("12 the survivor is left alone", `${verb} of ${guest.name}, which is well and serves ${serves.join(", ")}`);
  }

  /** Any way on which packets of users would reach it, now or when a port is lost. */
  #leadsTo({ taps }: Guest): boolean {
    const { entries, groups } = this.#system.fabric.table;
    const isUser = (port: string | undefined) => port !== undefined && this.#system.viewers.includes(port);
    const isTo = (a: Action) => a.do === "output" && taps.includes(a.port);
    return entries.some(
      (e) =>
        isUser(e.match.inPort) &&
        e.actions.some(
          (a) =>
            isTo(a) || (a.do === "group" && groups.some((g) => g.id === a.group && g.buckets.some((b) => b.actions.some(isTo)))),
        ),
    );
  }

  #violate(invariant: string, what: string): void {
    this.#system.violate(invariant, what);
  }
}

/** Names of what is not as it should be once nothing has gone wrong for a while; empty: all is well. */
export function unsettled(system: System, invariants: Invariants): string[] {
  const { vim, guards, members, host, fabric } = system;
  if (vim === null || guards.length === 0 || !guards.every((g) => g.isObserved)) return ["a daemon is not up"];
  const found: string[] = [];
  const wellNow = [...host.guests.values()].filter((g) => host.isServing(g));
  if (fabric.session === null) found.push("the switch is not connected");
  const spares = new Set<string>(members.filter((m) => m.member.standby === "warm").map((m) => m.serverId));
  const rests = (g: Guest) => members.some((m) => m.serverId === g.id && m.rest.rest === "resting") && g.state === "paused";
  for (const g of host.guests.values()) {
    if (spares.has(g.id) && !rests(g)) found.push(`redundancy: the spare ${g.name} is ${g.state} and does not rest`);
    if (!spares.has(g.id) && !wellNow.includes(g))
      found.push(`redundancy: ${g.name} is ${g.state}${g.isHung ? " and hangs" : ""}`);
  }
  for (const guard of guards)
    found.push(...guard.group.trafficNets.flatMap((net) => netAmiss(system, invariants, vim, guard, net)));
  return found;
}

function netAmiss(system: System, invariants: Invariants, vim: Vim, guard: Guard, { netId, name }: TrafficNet): string[] {
  const found: string[] = [];
  const { host } = system;
  const viewer = `v${name.at(-1)}`;
  const wellNow = [...host.guests.values()].filter((g) => host.isServing(g));
  if (wellNow.length > 0 && !invariants.isServed(viewer))
    found.push(`served: ${viewer} is not served, though ${wellNow[0]!.name} is well`);
  const byMano = guard.servedBy(netId);
  const bindNet = vim.picture.nets.get(netId)?.bindNet ?? null;
  const dataNetOfMano = guard.group.members.find((m) => m.vnfcId === byMano)?.dataNet ?? null;
  if (dataNetOfMano !== bindNet)
    found.push(`pictures: the MANO has ${name} at ${nameOf(system, dataNetOfMano)}, the VIM at ${nameOf(system, bindNet)}`);
  const served = invariants.servedBy(viewer);
  const netOf = (g: Guest) =>
    [...vim.picture.ports.values()].find((p) => g.taps.includes(p.switchPort ?? "") && p.switchPort !== null)?.netId ?? null;
  const nets = served.map(netOf);
  const inSwitch = nets.includes(bindNet) ? bindNet : (nets[0] ?? null);
  if (inSwitch !== bindNet)
    found.push(`pictures: the VIM has ${name} at ${nameOf(system, bindNet)}, the switch at ${nameOf(system, inSwitch)}`);
  if (system.variant.owners === 2 && served.length < 2) found.push(`owners: ${viewer} is served by ${namesOf(served)} only`);
  const bound = served[nets.indexOf(bindNet)];
  const normal = invariants.normalOf(viewer) ?? bound?.id;
  if (system.variant.isRevertive && !invariants.isCommanded && bound !== undefined && bound.id !== normal)
    found.push(`reverted: ${viewer} is not back on its normal member`);
  return found;
}

const namesOf = (guests: readonly Guest[]): string => guests.map((g) => g.name).join(" and ") || "nobody";

const nameOf = (system: System, net: NetId | null): string =>
  net === null ? "nothing" : (system.vim?.picture.nets.get(net)?.name ?? net);
