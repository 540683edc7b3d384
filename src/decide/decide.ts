import type { NetId, VnfcId } from "../model/ids.ts";
import type { Decision, Health, Member, Move, ProtectionGroup, TrafficNet } from "../model/protection.ts";

/** What is seen of a group: the health of its members and who serves each traffic net (null: nobody). */
export interface GroupView {
  readonly health: ReadonlyMap<VnfcId, Health>;
  readonly serving: ReadonlyMap<NetId, VnfcId | null>;
}

/** What is decided for one traffic net. */
interface Verdict {
  readonly move?: Move;
  readonly unprotected?: NetId;
  readonly because: string;
  readonly againAt?: number;
}

const NEVER_SEEN: Health = { state: "unknown", sinceMs: 0, why: "it was never seen" };

/**
 * Which member should serve which traffic net, and why. Pure and total: same arguments, same answer. It never learns which event
 * led to the call, so the first decision after a restart is the one that would have been made before it.
 * Order of what speaks (ITU-T G.8031, table 11-2, without the operator's commands): signal fail, wait-to-restore, no request.
 */
export function decide(group: ProtectionGroup, view: GroupView, nowMs: number): Decision {
  const verdicts = group.trafficNets.map((net) => decideNet(group, view, net, nowMs));
  const moments = verdicts.flatMap((v) => v.againAt ?? []);
  return {
    moves: verdicts.flatMap((v) => v.move ?? []),
    heal: group.members.filter((m) => healthOf(view, m.vnfcId).state === "down").map((m) => m.vnfcId),
    unprotected: verdicts.flatMap((v) => v.unprotected ?? []),
    because: verdicts.length > 0 ? verdicts.map((v) => v.because) : [`${group.name} has no traffic net`],
    againAt: moments.length > 0 ? Math.min(...moments) : null,
  };
}

function decideNet(group: ProtectionGroup, view: GroupView, net: TrafficNet, nowMs: number): Verdict {
  const current = group.members.find((m) => m.vnfcId === view.serving.get(net.netId));
  const normal = group.members.find((m) => m.vnfcId === net.normal);
  if (current === undefined) return assign(group, view, net, normal);
  const health = healthOf(view, current.vnfcId);
  if (health.state === "down") return failOver(group, view, net, current, health, nowMs);
  if (health.state === "unknown") return hold(net, current, health);
  if (normal === undefined || current === normal) return { because: `${net.name} stays on ${current.name}, which is up` };
  return revert(group, view, net, current, normal, nowMs);
}

/** Nobody serves it: the normal member if it is up, else any that is. */
function assign(group: ProtectionGroup, view: GroupView, net: TrafficNet, normal: Member | undefined): Verdict {
  const to = normal !== undefined && isUp(view, normal) ? normal : standIn(group, view, undefined);
  if (to === undefined)
    return { unprotected: net.netId, because: `${net.name} is served by nobody, and no member is known to be up` };
  return move(net, null, to, "failover", `${net.name} was served by nobody: ${to.name} is up`);
}

function failOver(
  group: ProtectionGroup,
  view: GroupView,
  net: TrafficNet,
  current: Member,
  health: Health & { state: "down" },
  nowMs: number,
): Verdict {
  const dueAt = health.sinceMs + group.policy.holdOffMs;
  if (nowMs < dueAt)
    return { because: `${current.name} is down (${health.why}): held off for ${group.policy.holdOffMs} ms`, againAt: dueAt };
  const to = standIn(group, view, current);
  if (to === undefined) {
    return {
      unprotected: net.netId,
      because: `${current.name} is down (${health.why}), and no other member is known to be up: ${net.name} is not served`,
    };
  }
  return move(
    net,
    current,
    to,
    "failover",
    `${current.name} is down (${health.why}): ${net.name} goes to ${to.name}, which is up`,
  );
}

const hold = (net: TrafficNet, current: Member, health: Health & { state: "unknown" }): Verdict => ({
  because: `${net.name} stays on ${current.name}: ${health.why}, and an unknown never moves traffic`,
});

function revert(
  group: ProtectionGroup,
  view: GroupView,
  net: TrafficNet,
  current: Member,
  normal: Member,
  nowMs: number,
): Verdict {
  const { revertive, waitToRestoreMs } = group.policy;
  const health = healthOf(view, normal.vnfcId);
  if (health.state !== "up")
    return { because: `${net.name} stays on ${current.name}: ${normal.name} is ${health.state} (${health.why})` };
  if (!revertive) return { because: `${net.name} stays on ${current.name}: the group does not revert by itself` };
  const dueAt = health.sinceMs + waitToRestoreMs;
  if (nowMs < dueAt) {
    return {
      because: `${net.name} stays on ${current.name}: ${normal.name} must be up for ${waitToRestoreMs} ms first`,
      againAt: dueAt,
    };
  }
  return move(
    net,
    current,
    normal,
    "failback",
    `${normal.name} has been up for ${waitToRestoreMs} ms: ${net.name} returns to it`,
  );
}

function move(net: TrafficNet, from: Member | null, to: Member, kind: Move["kind"], because: string): Verdict {
  return { move: { trafficNet: net.netId, from: from?.vnfcId ?? null, to: to.vnfcId, kind }, because };
}

/** The first member, in the order of the descriptor, that is known to be up and is not the one that failed. */
function standIn(group: ProtectionGroup, view: GroupView, failed: Member | undefined): Member | undefined {
  return group.members.find((m) => m !== failed && isUp(view, m));
}

const healthOf = (view: GroupView, vnfc: VnfcId): Health => view.health.get(vnfc) ?? NEVER_SEEN;
const isUp = (view: GroupView, m: Member): boolean => healthOf(view, m.vnfcId).state === "up";
