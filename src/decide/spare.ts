import type { NetId, VnfcId } from "../model/ids.ts";
import type { Member, Move, ProtectionGroup } from "../model/protection.ts";
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

export const isHot = (m: Member): boolean => m.standby === "hot";

/**
 * A group needs as many members up as it has hot ones. When one of them is down its spare is woken (an unknown wakes nobody: traffic
 * would not move to the spare); it is put to rest again when all have been up for the wait-to-restore time and it serves nothing. It
 * has proved itself by then: only a spare that is up, so has answered in this life, is put to rest. Pure and total.
 */
export function decideSpares(group: ProtectionGroup, view: GroupView, moves: readonly Move[], nowMs: number): SpareVerdict {
  const verdicts = group.members.filter((m) => !isHot(m)).map((m) => decideSpare(group, view, moves, m, nowMs));
  const moments = verdicts.flatMap((v) => v.againAt ?? []);
  return {
    wake: verdicts.flatMap((v) => v.wake),
    rest: verdicts.flatMap((v) => v.rest),
    because: verdicts.flatMap((v) => v.because),
    againAt: moments.length > 0 ? Math.min(...moments) : null,
  };
}

function decideSpare(
  group: ProtectionGroup,
  view: GroupView,
  moves: readonly Move[],
  spare: Member,
  nowMs: number,
): SpareVerdict {
  const nothing = { wake: [], rest: [], againAt: null };
  const need = needFor(group, view, moves, spare);
  const rest = view.rest?.get(spare.vnfcId) ?? "awake";
  if (rest !== "awake") {
    if (need === null) return { ...nothing, because: [`${spare.name} rests`] };
    if (healthOf(view, spare.vnfcId).state === "down") return { ...nothing, because: [`${need}, and ${spare.name} is down`] };
    return { ...nothing, wake: [spare.vnfcId], because: [`${need}: ${spare.name} is woken`] };
  }
  if (need !== null) return { ...nothing, because: [`${spare.name} is awake: ${need}`] };
  const doubtful = [...group.members.filter(isHot), spare].find((m) => !isUp(view, m));
  if (doubtful !== undefined)
    return { ...nothing, because: [`${spare.name} is awake: ${doubtful.name} is ${healthOf(view, doubtful.vnfcId).state}`] };
  const dueAt = Math.max(...group.members.map((m) => healthOf(view, m.vnfcId).sinceMs)) + group.policy.waitToRestoreMs;
  if (nowMs < dueAt) {
    const because = [`${spare.name} is awake: all must be up for ${group.policy.waitToRestoreMs} ms before it rests`];
    return { ...nothing, because, againAt: dueAt };
  }
  return { ...nothing, rest: [spare.vnfcId], because: [`${spare.name} is put to rest: all others are up`] };
}

/** Why the spare must be awake; null: it need not. */
function needFor(group: ProtectionGroup, view: GroupView, moves: readonly Move[], spare: Member): string | null {
  const ledTo = new Map<NetId, VnfcId>(moves.map((m) => [m.trafficNet, m.to]));
  const serves = group.trafficNets.find((n) => (ledTo.get(n.netId) ?? view.serving.get(n.netId)) === spare.vnfcId);
  if (serves !== undefined) return `it serves ${serves.name}`;
  const lost = group.members.find((m) => isHot(m) && healthOf(view, m.vnfcId).state === "down");
  return lost === undefined ? null : `${lost.name} is down`;
}
