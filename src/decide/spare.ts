import type { NetId, VnfcId } from "../model/ids.ts";
import type { Member, Move, ProtectionGroup } from "../model/protection.ts";
import { isHot, Load } from "./capacity.ts";
import { type GroupView, healthOf, isUp } from "./view.ts";

/** What is decided for the warm spares of a group. */
export interface SpareVerdict {
  /** To be resumed at once. */
  readonly wake: readonly VnfcId[];
  /** To be put to rest: led around, then paused. */
  readonly rest: readonly VnfcId[];
  readonly because: readonly string[];
  /** Monotonic ms of the moment at which time alone would change this; null: none. */
  readonly againAt: number | null;
}

/** What the nets of the group come to, before its spares are looked at. */
export interface Outcome {
  readonly moves: readonly Move[];
  /** Nets that nobody can serve. */
  readonly unserved: readonly NetId[];
  /** Nets wait for each other to return, and nobody who is up has room for one of them. */
  readonly isRing: boolean;
  /** After the moves. */
  readonly load: Load;
}

/**
 * A group needs as many members up as it has hot ones, and room for every net. When one of them is down a spare is woken (an unknown wakes
 * nobody: traffic would not move to the spare), and when nets wait for each other to return; it is put to rest again when all have been up for the wait-to-restore time, it serves
 * nothing and no other group that it stands in for needs it. It has proved itself by then: only a spare that is up, so has answered
 * in this life, is put to rest. Pure and total.
 */
export function decideSpares(group: ProtectionGroup, view: GroupView, outcome: Outcome, nowMs: number): SpareVerdict {
  const needs = needsOf(group, view, outcome);
  const spares = group.members.filter((m) => !isHot(m) && !m.isLeaving);
  const verdicts = spares.map((m) => decideSpare(group, view, m, needs.get(m.vnfcId) ?? null, nowMs));
  const moments = verdicts.flatMap((v) => v.againAt ?? []);
  return {
    wake: verdicts.flatMap((v) => v.wake),
    rest: verdicts.flatMap((v) => v.rest),
    because: verdicts.flatMap((v) => v.because),
    againAt: moments.length > 0 ? Math.min(...moments) : null,
  };
}

/** Why this group would not have the spare rest; null: it need not be awake. For the other groups that it stands in for. */
export function keptAwakeBy(group: ProtectionGroup, view: GroupView, spare: Member, nowMs: number): string | null {
  const need = needsOf(group, view, { moves: [], unserved: [], isRing: false, load: new Load(group, view) }).get(spare.vnfcId);
  return need ?? notYet(group, view, spare, nowMs)?.because ?? null;
}

function decideSpare(group: ProtectionGroup, view: GroupView, spare: Member, need: string | null, nowMs: number): SpareVerdict {
  const nothing = { wake: [], rest: [], againAt: null };
  const rest = view.rest?.get(spare.vnfcId) ?? "awake";
  if (rest !== "awake") {
    if (need === null) return { ...nothing, because: [`${spare.name} rests`] };
    if (healthOf(view, spare.vnfcId).state === "down") return { ...nothing, because: [`${need}, and ${spare.name} is down`] };
    return { ...nothing, wake: [spare.vnfcId], because: [`${need}: ${spare.name} is woken`] };
  }
  const elsewhere = view.neededElsewhere?.get(spare.vnfcId);
  const why = need ?? elsewhere;
  if (why !== undefined) return { ...nothing, because: [`${spare.name} is awake: ${why}`] };
  const later = notYet(group, view, spare, nowMs);
  if (later !== null) return { ...nothing, because: [`${spare.name} is awake: ${later.because}`], againAt: later.againAt };
  return { ...nothing, rest: [spare.vnfcId], because: [`${spare.name} is put to rest: all others are up`] };
}

/** What keeps a spare that nobody needs from resting yet; null: nothing. */
function notYet(group: ProtectionGroup, view: GroupView, spare: Member, nowMs: number) {
  const others = group.members.filter((m) => isHot(m) && !m.isLeaving);
  const doubtful = [...others, spare].find((m) => !isUp(view, m));
  if (doubtful !== undefined) return { because: `${doubtful.name} is ${healthOf(view, doubtful.vnfcId).state}`, againAt: null };
  const waitMs = group.policy.waitToRestoreMs;
  const dueAt = Math.max(...[...others, spare].map((m) => healthOf(view, m.vnfcId).sinceMs)) + waitMs;
  return nowMs < dueAt ? { because: `all must be up for ${waitMs} ms before it rests`, againAt: dueAt } : null;
}

/** Why each spare must be awake; one that is not named need not. Those that are awake already come first, so that none is woken in vain. */
function needsOf(
  group: ProtectionGroup,
  view: GroupView,
  { moves, unserved, isRing, load }: Outcome,
): ReadonlyMap<VnfcId, string> {
  const ledTo = new Map<NetId, VnfcId>(moves.map((m) => [m.trafficNet, m.to]));
  const servesOf = (m: Member) => group.trafficNets.find((n) => (ledTo.get(n.netId) ?? view.serving.get(n.netId)) === m.vnfcId);
  const spares = group.members.filter((m) => !isHot(m) && !m.isLeaving);
  const serving = spares.filter((m) => servesOf(m) !== undefined);
  const needs = new Map(serving.map((m) => [m.vnfcId, `it serves ${servesOf(m)!.name}`]));
  // Who is to go and serves on after the moves finds nobody awake to give it to.
  const isLost = (m: Member) => (m.isLeaving ? servesOf(m) !== undefined : healthOf(view, m.vnfcId).state === "down");
  const lost = group.members.filter((m) => isHot(m) && isLost(m));
  let [members, nets] = [lost.length - serving.length, lost.length > 0 ? unserved.length : Number(isRing)];
  const rankOf = (m: Member) =>
    healthOf(view, m.vnfcId).state === "down" ? 2 : (view.rest?.get(m.vnfcId) ?? "awake") === "awake" ? 0 : 1;
  for (const spare of spares.filter((m) => !needs.has(m.vnfcId)).sort((a, b) => rankOf(a) - rankOf(b))) {
    if ((members <= 0 && nets <= 0) || !load.hasRoom(spare)) continue;
    needs.set(
      spare.vnfcId,
      lost[0] ? `${lost[0].name} is ${lost[0].isLeaving ? "to go" : "down"}` : "traffic nets wait for each other to return",
    );
    if (rankOf(spare) === 2) continue; // It does not help.
    members -= 1;
    nets -= load.roomOf(spare);
  }
  return needs;
}
