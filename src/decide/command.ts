import type { VnfcId } from "../model/ids.ts";
import type { Decision, ProtectionCommand, ProtectionGroup } from "../model/protection.ts";
import { Load, standIns } from "./capacity.ts";
import { decide } from "./decide.ts";
import { type GroupView, healthOf } from "./view.ts";

/** What an operator is answered: whether the command is taken, why or why not, and what will happen. */
export interface CommandAnswer {
  readonly accepted: boolean;
  readonly because: readonly string[];
  /** What the group decides under the command, were it given now. */
  readonly decision: Decision;
}

/** Higher speaks over lower (ITU-T G.8031, table 11-1). */
const PRECEDENCE = { lockout: 4, force: 3, manual: 2, exercise: 1, clear: 0 } as const;

const NAMES = {
  lockout: "lockout of protection",
  force: "forced switch",
  manual: "manual switch",
  exercise: "exercise",
  clear: "clear",
} as const;

/** Whether a command may be given now. `had`: the one in place. Pure: nothing is changed by asking. */
export function answerCommand(
  group: ProtectionGroup,
  view: GroupView,
  had: ProtectionCommand | null,
  given: ProtectionCommand,
  nowMs: number,
): CommandAnswer {
  const refusals = refusalsOf(group, view, had, given);
  const decision = decide(group, view, refusals.length > 0 || given.kind === "exercise" ? had : given, nowMs);
  if (refusals.length > 0) return { accepted: false, because: refusals, decision };
  if (given.kind === "exercise") return { ...exercise(group, view, nowMs), decision };
  const waits = decision.command?.state === "active" ? [] : [decision.command?.because ?? ""];
  return { accepted: true, because: [...decision.because, ...waits.filter((w) => w !== "")], decision };
}

/** Why a command cannot be given now; empty where it can. */
function refusalsOf(group: ProtectionGroup, view: GroupView, had: ProtectionCommand | null, given: ProtectionCommand): string[] {
  const unknown = given.trafficNets?.filter((n) => !group.trafficNets.some((t) => t.netId === n)) ?? [];
  if (unknown.length > 0) return unknown.map((n) => `${group.name} has no traffic net ${n}`);
  if (given.kind === "clear") return [];
  if (had !== null && PRECEDENCE[had.kind] > PRECEDENCE[given.kind])
    return [`a ${NAMES[had.kind]} is in place, which speaks over a ${NAMES[given.kind]}: clear it first`];
  if (given.kind === "force" || given.kind === "manual") return obstaclesOf(group, view, given);
  return [];
}

function obstaclesOf(group: ProtectionGroup, view: GroupView, { kind, to }: ProtectionCommand): string[] {
  const names = group.members.map((m) => m.name).join(", ");
  if (to === null) return [`a ${NAMES[kind]} needs the member that traffic shall go to: one of ${names}`];
  const member = group.members.find((m) => m.vnfcId === to);
  if (member === undefined) return [`${group.name} has no member ${to}: it has ${names}`];
  const health = healthOf(view, to);
  if (health.state !== "up")
    return [`${member.name} is ${health.state} (${health.why}): traffic goes only to a member known to be up`];
  const failed = group.members.find((m) => healthOf(view, m.vnfcId).state === "down");
  if (kind === "manual" && failed !== undefined)
    return [`${failed.name} is down, and signal fail speaks over a manual switch; a forced switch would be taken`];
  return [];
}

/** What would be done if a member failed now: the plans that are armed, and what an exercise shows. */
export interface FailurePlan {
  readonly failed: VnfcId;
  readonly decision: Decision;
  /** Who else could take its traffic, the best first: where the one that is decided on has failed or is full by then. */
  readonly orElse: readonly VnfcId[];
}

/** For each member that serves something: what is decided when it goes down. Hold-off is left to whoever carries it out. */
export function failurePlans(
  group: ProtectionGroup,
  view: GroupView,
  command: ProtectionCommand | null,
  nowMs: number,
): FailurePlan[] {
  const atOnce = { ...group, policy: { ...group.policy, holdOffMs: 0 } };
  const serving = group.members.filter((m) => group.trafficNets.some((n) => view.serving.get(n.netId) === m.vnfcId));
  return serving.map((m) => {
    const down = { state: "down", sinceMs: nowMs, seenBy: [], why: "as it would be" } as const;
    const after = { ...view, health: new Map(view.health).set(m.vnfcId, down) };
    const orElse = standIns(group, after, new Load(group, after), m).map((s) => s.vnfcId);
    return { failed: m.vnfcId, decision: decide(atOnce, after, command, nowMs), orElse };
  });
}

/** Exercise (G.8031, 11.2): would protection switching work? No traffic is changed. */
function exercise(group: ProtectionGroup, view: GroupView, nowMs: number): Pick<CommandAnswer, "accepted" | "because"> {
  const nameOf = (id: VnfcId) => group.members.find((m) => m.vnfcId === id)?.name ?? id;
  const because = failurePlans(group, view, null, nowMs).flatMap(({ failed, decision }) => {
    const nets = group.trafficNets.filter((n) => view.serving.get(n.netId) === failed);
    return nets.map((net) => {
      const move = decision.moves.find((m) => m.trafficNet === net.netId);
      const outcome = move === undefined ? `nobody could take ${net.name}` : `${net.name} would go to ${nameOf(move.to)}`;
      return `if ${nameOf(failed)} failed now, ${outcome}`;
    });
  });
  return { accepted: true, because: because.length > 0 ? because : [`${group.name} serves no traffic net`] };
}
