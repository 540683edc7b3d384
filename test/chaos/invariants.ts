import type { NetId } from "../../src/model/ids.ts";
import type { Guest } from "./fake-host.ts";
import { SERVICE_MAC } from "./service-traffic.ts";
import { type System, VIEWERS, viewerMac } from "./system.ts";
import { traced } from "./trace.ts";

/** What happened this short a time ago may not be known yet to those who act. */
const LATENESS_MS = 3_000;

/** A refused message leaves ways half turned until the next pass has read the switch. */
const HALF_TURNED_MS = 2_000;

const TAKEN_BACK_MS = 100;

interface Ended {
  readonly guest: string;
  readonly atMs: number;
}

/** What must hold at every instant, seen from the world and not from what the daemons believe. */
export class Invariants {
  readonly #system: System;
  /** Who serves each viewer in the switch now, and who did last. */
  readonly #served = new Map<string, Guest | null>();
  /** What the VIM has each traffic net bound to: the decision, which the switch follows when it can. */
  readonly #bound = new Map<NetId, NetId | null>();
  readonly #normal = new Map<string, string>();
  /** Ends of service of members, as the world had them. */
  readonly outages: Ended[] = [];
  /** Binds that left the normal member, and nobody had asked for it. */
  failovers = 0;
  #lookedAt: System["vimLife"] = null;
  readonly #wasServing = new Map<Guest, boolean>();
  readonly #wasCut = new Set<Guest>();
  #traffic: readonly (readonly [NetId, string])[] = [];
  /** An operator has asked for something: traffic may go where it likes. */
  isCommanded = false;

  constructor(system: System) {
    this.#system = system;
    system.fabric.changed = (what, isBetween) => this.#look(what, isBetween);
    system.host.touched = (guest, verb) => this.#touched(guest, verb);
    this.#look(() => "", false);
  }

  servedBy(viewer: string): Guest | null {
    return this.#served.get(viewer) ?? null;
  }

  /** The member a viewer belongs to when nothing is wrong. */
  normalOf(viewer: string): string | undefined {
    return this.#normal.get(viewer);
  }

  setNormal(viewer: string, guestId: string): void {
    this.#normal.set(viewer, guestId);
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
    for (const [netId, viewer] of this.#trafficNets()) {
      const bindNet = nets.get(netId)?.bindNet ?? null;
      const had = this.#bound.get(netId);
      if (had === bindNet) continue;
      this.#bound.set(netId, bindNet);
      if (this.#system.ackedBinds.get(netId) === had && this.#lookedAt !== this.#system.vimLife && had !== undefined)
        this.#violate(
          "9 what was acknowledged survives",
          `the bind of ${viewer} to ${nameOf(this.#system, had)} was answered, and is lost after the restart`,
        );
      const to = this.#guestOn(bindNet);
      if (had === undefined || to === undefined) continue;
      this.#system.note(`${viewer} is bound to ${to.name}`);
      this.#checkTarget(viewer, to);
      const from = this.#guestOn(had);
      if (from === undefined) continue;
      this.#checkLeft(viewer, from, to);
      if (this.#isTakenBack) this.failovers = Math.max(0, this.failovers - 1);
      else if (!this.isCommanded && to.id !== this.normalOf(viewer)) this.failovers++;
    }
    this.#lookedAt = this.#system.vimLife;
  }

  /** A lockout or forced switch that was taken stays until the next command. */
  checkCommand(): void {
    const { ackedLock, guard, manoLife } = this.#system;
    const nfvo = manoLife?.nfvo;
    if (ackedLock === null || guard === null || !nfvo) return;
    const kind = nfvo.commands.inPlace(guard.group.id)?.kind ?? "nothing";
    if (kind !== ackedLock) this.#violate("9 what was acknowledged survives", `${ackedLock} was taken, and ${kind} is in place`);
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
    for (const viewer of VIEWERS) {
      const there = this.#forward(viewer);
      if (there.length > 1)
        this.#violate("2 one server", `packets of ${viewer} reach ${there.map((g) => g.name).join(" and ")} after: ${what()}`);
      const back = [...this.#system.host.guests.values()].filter(
        (g) => this.#system.host.isServing(g) && this.#comesBack(g, viewer),
      );
      if (!isHalfTurned && back.length > 1)
        this.#violate("2 one server", `packets of ${back.map((g) => g.name).join(" and ")} reach ${viewer} after: ${what()}`);
      this.#moved(viewer, there[0] ?? null);
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
    const guest = this.#forward(viewer)[0];
    return guest !== undefined && this.#system.host.isServing(guest) && this.#comesBack(guest, viewer);
  }

  #moved(viewer: string, to: Guest | null): void {
    const was = this.#served.get(viewer) ?? null;
    if (was === to) return;
    this.#served.set(viewer, to);
    this.#system.note(`${viewer}: ${was?.name ?? "nobody"} → ${to?.name ?? "nobody"}`);
  }

  /** The bind returns to what it was: the switch has refused what was asked with it. */
  get #isTakenBack(): boolean {
    return this.#system.sim.now() - this.#system.fabric.refusedAtMs < TAKEN_BACK_MS;
  }

  #checkTarget(viewer: string, to: Guest): void {
    const { sim, host } = this.#system;
    if (to.isHung && !this.#system.variant.isProbed) return; // Nobody can know.
    const knowableAtMs = Math.max(to.failedAtMs, to.isHung ? this.#system.connectedAtMs : 0);
    const isNews = this.#isTakenBack || sim.now() - knowableAtMs < LATENESS_MS;
    if (!host.isServing(to) && !isNews)
      this.#violate("3 only to members known up", `${viewer} is bound to ${to.name}, which is ${to.state} and does not serve`);
  }

  #checkLeft(viewer: string, from: Guest, to: Guest): void {
    const { sim, host } = this.#system;
    if (this.isCommanded || !host.isServing(from) || to.id === this.normalOf(viewer) || this.#isTakenBack) return;
    const isWell = sim.now() - Math.max(from.failedAtMs, from.answersFromMs) > LATENESS_MS;
    if (isWell) this.#violate("1 an unknown never moves traffic", `${viewer} is taken from ${from.name}, which is well`);
  }

  #touched(guest: Guest, verb: string): void {
    const { sim, host } = this.#system;
    const isWell = host.isServing(guest) && sim.now() - Math.max(guest.failedAtMs, guest.answersFromMs) > LATENESS_MS;
    const serves = VIEWERS.filter((v) => this.servedBy(v) === guest);
    if (isWell && serves.length > 0)
      this.#violate("7 the survivor is left alone", `${verb} of ${guest.name}, which is well and serves ${serves.join(", ")}`);
  }

  #violate(invariant: string, what: string): void {
    this.#system.violate(invariant, what);
  }
}

/** Names of what is not as it should be once nothing has gone wrong for a while; empty: all is well. */
export function unsettled(system: System, invariants: Invariants): string[] {
  const { vim, guard, host, fabric, manoLife } = system;
  if (vim === null || guard === null || manoLife?.nfvo === null || !guard.isObserved) return ["4 a daemon is not up"];
  const found: string[] = [];
  const wellNow = [...host.guests.values()].filter((g) => host.isServing(g));
  if (fabric.session === null) found.push("4 the switch is not connected");
  const spares = new Set<string>(guard.members.filter((m) => m.member.standby === "warm").map((m) => m.serverId));
  const rests = (g: Guest) => guard.members.some((m) => m.serverId === g.id && m.rest.rest === "resting") && g.state === "paused";
  for (const g of host.guests.values()) {
    if (spares.has(g.id) && !rests(g)) found.push(`4 redundancy: the spare ${g.name} is ${g.state} and does not rest`);
    if (!spares.has(g.id) && !wellNow.includes(g))
      found.push(`4 redundancy: ${g.name} is ${g.state}${g.isHung ? " and hangs" : ""}`);
  }
  for (const { netId, name } of guard.group.trafficNets) {
    const viewer = `v${name.at(-1)}`;
    if (wellNow.length > 0 && !invariants.isServed(viewer))
      found.push(`4 served: ${viewer} is not served, though ${wellNow[0]!.name} is well`);
    const byMano = guard.servedBy(netId);
    const bindNet = vim.picture.nets.get(netId)?.bindNet ?? null;
    const dataNetOfMano = guard.group.members.find((m) => m.vnfcId === byMano)?.dataNet ?? null;
    if (dataNetOfMano !== bindNet)
      found.push(`4 pictures: the MANO has ${name} at ${nameOf(system, dataNetOfMano)}, the VIM at ${nameOf(system, bindNet)}`);
    const guest = invariants.servedBy(viewer);
    const inSwitch =
      guest === null
        ? null
        : ([...vim.picture.ports.values()].find((p) => guest.taps.includes(p.switchPort ?? ""))?.netId ?? null);
    if (inSwitch !== bindNet)
      found.push(`4 pictures: the VIM has ${name} at ${nameOf(system, bindNet)}, the switch at ${nameOf(system, inSwitch)}`);
    if (system.variant.isRevertive && !invariants.isCommanded && guest !== null && guest.id !== invariants.normalOf(viewer))
      found.push(`4 reverted: ${viewer} is not back on its normal member`);
  }
  return found;
}

const nameOf = (system: System, net: NetId | null): string =>
  net === null ? "nothing" : (system.vim?.picture.nets.get(net)?.name ?? net);
