import { LASTING_MS, PROVEN_MS } from "../decide/opinion.ts";
import { Fault } from "../lib/fault.ts";
import type { ArmedMember, ArmedMove, ArmedPlan, KeptProtection, PlanView, ProtectionView } from "../model/armed.ts";
import type { NetId, VimPortId, VnfcId } from "../model/ids.ts";
import type { ServerPort, ServerTask, VimPicture } from "../model/vim-picture.ts";
import { checkBind } from "./binds.ts";
import type { Capacities } from "./capacities.ts";

// What an armed plan comes to, now. Pure: reads the picture, changes nothing.

/** Requests are that much further apart than their interval, at most (vim/prober.ts). */
const JITTERED = 1.1;

/** What is known beside the picture. */
export interface Sight {
  readonly isSwitchConnected: boolean;
  /** An opinion calls this service port silent now. */
  isSilent(port: VimPortId): boolean;
  /** For how long one has without an answer, ms; 0: none does. */
  silentForMs(port: VimPortId): number;
  /** How long this service port has been believed, ms; Infinity: since before this run. */
  believedForMs(port: VimPortId): number;
  /** Why the switch does not protect this traffic net by itself, though it was asked to; undefined: it does. */
  whyNotArmed(net: NetId): string | undefined;
  readonly capacities: Capacities;
}

/** A move as it is made. */
export type Made = Pick<ArmedMove, "trafficNet" | "to">;

/** A move of a plan: which bind it changes, or what stands in its way. */
export type Reckoned =
  | { readonly move: Made; readonly target: NetId; readonly was: NetId; readonly obstacle: null }
  | { readonly move: Made; readonly obstacle: string };

/** What leaves in one write: no net is moved twice, and no member gets more than it may carry, whatever fails at once. */
export class Tick {
  readonly moved = new Set<NetId>();
  /** Traffic nets that are led to each data net. */
  readonly coming = new Map<NetId, number>();

  take(trafficNet: NetId, target: NetId): void {
    this.moved.add(trafficNet);
    this.coming.set(target, (this.coming.get(target) ?? 0) + 1);
  }

  /** It was tried only. */
  giveBack(trafficNet: NetId, target: NetId): void {
    this.moved.delete(trafficNet);
    this.coming.set(target, (this.coming.get(target) ?? 0) - 1);
  }
}

export const memberOf = (p: KeptProtection, id: VnfcId): ArmedMember | undefined => p.members.find((m) => m.id === id);
export const planOf = (p: KeptProtection, id: VnfcId): ArmedPlan | undefined => p.plans.find((plan) => plan.failed === id);
export const hasFired = (p: KeptProtection, id: VnfcId): boolean =>
  p.fired.some((f) => f.failed === id && f.revision === p.revision);

/** The ports of a member on its data net that stand on the switch: what a fence closes. Commonly one. */
export function servicePorts(picture: VimPicture, { serverId, dataNet }: ArmedMember): ServerPort[] {
  return picture.portsIn(dataNet).filter((p) => p.serverId === serverId && p.switchPort !== null);
}

/** What a plan fires for: an opinion may be wrong, so it leads only to members that have proven themselves. What has lasted counts as a fact. */
export type Speaks = "fact" | "opinion";

/** Each move of the plan against a member, as it would go now; those that can be made are taken down in `tick`. */
export function reckon(
  picture: VimPicture,
  sight: Sight,
  protection: KeptProtection,
  failed: VnfcId,
  tick: Tick = new Tick(),
  speaks: Speaks = "fact",
): Reckoned[] {
  const moves = planOf(protection, failed)?.moves ?? [];
  return moves.map((move) => {
    const reckoned = firstOf([move.to, ...move.orElse], (to) =>
      reckonMove(picture, sight, protection, failed, { trafficNet: move.trafficNet, to }, tick, speaks),
    );
    if (reckoned.obstacle === null) tick.take(move.trafficNet, reckoned.target);
    return reckoned;
  });
}

/** The first choice without an obstacle; where each has one, the first with its own. */
function firstOf(choices: readonly VnfcId[], reckoned: (to: VnfcId) => Reckoned): Reckoned {
  const obstructed: Reckoned[] = [];
  for (const to of choices) {
    const found = reckoned(to);
    if (found.obstacle === null) return found;
    obstructed.push(found);
  }
  return obstructed[0] as Reckoned;
}

function reckonMove(
  picture: VimPicture,
  sight: Sight,
  p: KeptProtection,
  failed: VnfcId,
  move: Made,
  { moved, coming }: Tick,
  speaks: Speaks,
): Reckoned {
  const from = memberOf(p, failed);
  const to = memberOf(p, move.to);
  if (!sight.isSwitchConnected) return { move, obstacle: "no switch is connected" };
  if (!from || !to) return { move, obstacle: "the plan names no member" };
  if (moved.has(move.trafficNet)) return { move, obstacle: "another plan moves it" };
  const obstacle =
    bindObstacle(picture, move.trafficNet, from, to) ??
    memberObstacle(picture, sight, to, speaks) ??
    sight.capacities.obstacle(to.dataNet, move.trafficNet, coming);
  return obstacle === null ? { move, target: to.dataNet, was: from.dataNet, obstacle } : { move, obstacle };
}

function bindObstacle(picture: VimPicture, netId: NetId, from: ArmedMember, to: ArmedMember): string | null {
  const net = picture.nets.get(netId);
  if (!net) return `network '${netId}' is gone`;
  if (net.bindNet !== from.dataNet) {
    const nameOf = (id: NetId) => `'${picture.nets.get(id)?.name ?? id}'`;
    return `'${net.name}' is bound to ${net.bindNet === null ? "nothing" : nameOf(net.bindNet)}, not to ${nameOf(from.dataNet)} of ${from.name}`;
  }
  try {
    checkBind(picture, netId, to.dataNet);
    return null;
  } catch (e) {
    if (e instanceof Fault) return e.message;
    throw e;
  }
}

const isGone = (picture: VimPicture, { serverId }: ArmedMember): boolean => serverId !== null && !picture.servers.has(serverId);

/** What a server was asked for that ends what it serves. */
const ENDING: ReadonlySet<ServerTask> = new Set(["pause", "shutdown", "forceOff", "rebuild", "reboot", "powerCycle"]);

/** Why no opinion should rely on a member that may still be up: it is about to go, as it was asked to. */
function leavingObstacle(picture: VimPicture, { name, serverId }: ArmedMember): string | null {
  const task = serverId === null ? null : (picture.servers.get(serverId)?.task ?? null);
  return task !== null && ENDING.has(task) ? `${name} was asked for this and has not done it yet: ${task}` : null;
}

/** Why a member cannot take traffic; null where it can. */
function memberObstacle(picture: VimPicture, { isSilent, believedForMs }: Sight, to: ArmedMember, speaks: Speaks): string | null {
  if (isGone(picture, to)) return `the server of ${to.name} is gone`;
  const ports = servicePorts(picture, to);
  if (ports.length === 0) return `${to.name} has no port on the switch in its data network`;
  if (ports.some((p) => p.fenced)) return `the port of ${to.name} is fenced`;
  if (ports.some((p) => isSilent(p.id))) return `${to.name} is silent`;
  const active = ports.find((p) => p.status === "ACTIVE");
  if (!active) return `the port of ${to.name} is ${ports[0]!.status}`;
  const leaving = speaks === "opinion" ? leavingObstacle(picture, to) : null;
  if (leaving !== null) return leaving;
  const forMs = speaks === "fact" ? Number.POSITIVE_INFINITY : believedForMs(active.id);
  return forMs >= PROVEN_MS
    ? null
    : `${to.name} has answered for ${Math.round(forMs)} ms, and an opinion leads only to one that has for ${PROVEN_MS}`;
}

/**
 * Who keeps an opinion from fencing a member as the last one, by name and obstacle; null: somebody could take over. When it has lasted, he need
 * not have proven himself.
 */
export function lastObstacle(picture: VimPicture, sight: Sight, protection: KeptProtection, member: VnfcId): string | null {
  const { name, members } = protection;
  const others = members.filter((m) => m.id !== member);
  const own = memberOf(protection, member);
  const speaks = own === undefined ? "opinion" : silenceSpeaks(picture, sight, own);
  const obstacles = others.flatMap((m) => memberObstacle(picture, sight, m, speaks) ?? leavingObstacle(picture, m) ?? []);
  return obstacles.length < others.length ? null : obstacles.join("; ") || `'${name}' has no other member`;
}

/** As what the silence of a member speaks: what has lasted counts like a fact. */
export const silenceSpeaks = (picture: VimPicture, sight: Sight, member: ArmedMember): Speaks =>
  silentForMs(picture, sight, member) >= LASTING_MS ? "fact" : "opinion";

const silentForMs = (picture: VimPicture, sight: Sight, member: ArmedMember): number =>
  Math.max(Number.NEGATIVE_INFINITY, ...servicePorts(picture, member).map((p) => sight.silentForMs(p.id)));

/**
 * How long an opinion against a member waits until those that its plan leads to have proven themselves, or until it has lasted (decision 0068),
 * ms; 0: not at all.
 */
export function unprovenForMs(picture: VimPicture, sight: Sight, protection: KeptProtection, failed: VnfcId): number {
  const targets = (planOf(protection, failed)?.moves ?? []).flatMap((m) => memberOf(protection, m.to) ?? []);
  const ports = targets.flatMap((to) => servicePorts(picture, to));
  const unprovenMs = Math.max(0, ...ports.map((p) => PROVEN_MS - sight.believedForMs(p.id)));
  const own = memberOf(protection, failed);
  const restMs = own === undefined ? Number.POSITIVE_INFINITY : LASTING_MS - silentForMs(picture, sight, own);
  return Math.max(0, Math.min(unprovenMs, restMs));
}

/** In this time, ms, its probe finds out of each member anew whether it answers; without a probe it is what a member proves himself in. */
export const roundMs = ({ probe }: KeptProtection): number =>
  probe === null ? PROVEN_MS : (probe.misses + 1) * probe.intervalMs * JITTERED;

/** Each traffic net that is led to a member is moved away from it. */
export const isWholly = (picture: VimPicture, { dataNet }: ArmedMember, moved: ReadonlySet<NetId>): boolean =>
  picture.boundTo(dataNet).every((n) => n.bindNet !== dataNet || moved.has(n.id));

/** The protection with the state of its plans. */
export function viewOf(picture: VimPicture, sight: Sight, protection: KeptProtection): ProtectionView {
  const { fired: _, ...armed } = protection;
  const isFenced = (m: ArmedMember) => servicePorts(picture, m).some((p) => p.fenced);
  return {
    ...armed,
    members: protection.members.map((m) => ({ ...m, fenced: isFenced(m) })),
    plans: protection.plans.map((plan) => planView(picture, sight, protection, plan)),
  };
}

function planView(picture: VimPicture, sight: Sight, protection: KeptProtection, plan: ArmedPlan): PlanView {
  const lastFired = protection.fired.find((f) => f.failed === plan.failed) ?? null;
  const failed = memberOf(protection, plan.failed);
  if (hasFired(protection, plan.failed)) {
    const readiness = `fired at ${lastFired?.at}; it can fire again in a revision after ${protection.revision}`;
    return { ...plan, state: "fired", ready: "none", readiness, lastFired };
  }
  if (failed && isGone(picture, failed))
    return { ...plan, state: "armed", ready: "none", readiness: `cannot fire: the server of ${failed.name} is gone`, lastFired };
  return {
    ...plan,
    state: "armed",
    ...readinessOf(picture, sight, protection, reckon(picture, sight, protection, plan.failed)),
    lastFired,
  };
}

function readinessOf(picture: VimPicture, sight: Sight, protection: KeptProtection, moves: readonly Reckoned[]) {
  const obstacles = [...new Set(moves.flatMap((m) => m.obstacle ?? []))];
  const netName = (id: NetId) => picture.nets.get(id)?.name ?? id;
  const can = moves
    .filter((m) => m.obstacle === null)
    .map(({ move }) => `${netName(move.trafficNet)} goes to ${memberOf(protection, move.to)?.name}`);
  if (can.length === 0)
    return { ready: "none", readiness: `cannot fire: ${obstacles.join("; ") || "nothing is to be moved"}` } as const;
  const byVimAlone = moves.flatMap(({ move }) => sight.whyNotArmed(move.trafficNet) ?? []);
  const note = byVimAlone.length === 0 ? "" : ` (not by the switch alone: ${[...new Set(byVimAlone)].join("; ")})`;
  if (obstacles.length === 0) return { ready: "all", readiness: `can fire: ${can.join(", ")}${note}` } as const;
  return { ready: "part", readiness: `can fire in part: ${can.join(", ")}; but ${obstacles.join("; ")}` } as const;
}
