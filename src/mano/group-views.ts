import { failurePlans } from "../decide/command.ts";
import { decide } from "../decide/decide.ts";
import { type ExposedNet, exposuresOf } from "../decide/exposure.ts";
import type { ExposureView, ProtectionGroupView, Readiness } from "../model/group-view.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Decision, GivenCommand } from "../model/protection.ts";
import type { ArmedState } from "./arming.ts";
import { whyItCannotFire } from "./can-fire.ts";
import { type Guard, isFenced } from "./guard.ts";

/** A group as it is shown: what is, what is decided, and whether its failovers can fire. Pure. */
export function groupView(
  guard: Guard,
  given: GivenCommand | null,
  armed: ArmedState & { readonly takesPlans: boolean },
  more: Pick<ProtectionGroupView, "heals" | "spares">,
  nowMs: number,
): ProtectionGroupView {
  const { id, nsId, name, scheme, policy, trafficNets } = guard.group;
  const decision = decide(guard.group, guard.viewAt(nowMs), guard.command, nowMs);
  const servedBy = (vnfc: VnfcId) => trafficNets.filter((n) => guard.servedBy(n.netId) === vnfc).map((n) => n.netId);
  const view = {
    id,
    nsId,
    name,
    scheme,
    policy,
    isProtected: guard.isWatched && guard.isObserved,
    members: guard.members.map((of) => ({
      ...of.member,
      health: of.health,
      isFenced: isFenced(of),
      serves: servedBy(of.member.vnfcId),
    })),
    trafficNets: trafficNets.map((n) => ({ ...n, servedBy: guard.servedBy(n.netId), since: guard.sinceOf(n.netId) })),
    command: given && { ...given, ...(decision.command ?? { state: "active", because: "it was just given" }) },
    because: decision.because,
    armed: { revision: armed.revision, isCurrent: armed.isCurrent, why: armed.why },
    readiness: readinessOf(guard, armed, nowMs),
    exposure: exposureOf(guard, nowMs),
    ...more,
  };
  const paths = guard.isTellingPaths ? { paths: trafficNets.map((n) => guard.pathOf(n.netId)) } : {};
  const readyBecause = whyItCannotFire(view, { ...paths, slowLinks: guard.slowLinks, isToBeArmed: armed.takesPlans });
  return { ...view, isReady: readyBecause.length === 0, readyBecause };
}

function readinessOf(guard: Guard, armed: ArmedState, nowMs: number): Readiness[] {
  const { group, view, command } = guard;
  return failurePlans(group, view, command, nowMs).map(({ failed, decision }) => {
    const serves = group.trafficNets.filter((n) => view.serving.get(n.netId) === failed);
    const targets = serves.map((n) => decision.moves.find((m) => m.trafficNet === n.netId && m.from === failed)?.to);
    const inVim = armed.plans.find((p) => p.failed === failed)?.moves ?? [];
    const isArmed = serves.every((n, i) => inVim.some((m) => m.trafficNet === n.netId && m.to === targets[i]));
    return {
      vnfcId: failed,
      name: nameOf(guard, failed),
      canFailOver: targets.every((to) => to !== undefined),
      isArmed,
      wakes: decision.wake.length > 0,
      words: [
        ...serves.map((n, i) => outcome(guard, failed, n.name, targets[i], decision)),
        armedWords(armed, isArmed),
        ...(isAway(guard, failed)
          ? [
              `${nameOf(guard, failed)} is in another VIM: armed is what is done when the way to it is lost; what that VIM tells of it is moved by command`,
            ]
          : []),
      ],
    };
  });
}

/** A pair needs no telling: when one has failed the other is alone. */
const PAIR = 2;

function exposureOf(guard: Guard, nowMs: number): ExposureView[] {
  if (guard.members.length <= PAIR && guard.sharers.length === 0) return [];
  const groups = [guard, ...guard.sharers];
  const members = new Map(groups.flatMap((g) => g.group.members.map((m) => [m.vnfcId, m.name] as const)));
  const pooled = groups.map(({ group, view, command }) => ({ group, view, command }));
  const concerned = exposuresOf(pooled, nowMs).filter(
    (e) => guard.memberOf(e.failed) !== undefined || [...e.unserved, ...e.unprotected].some((n) => n.groupId === guard.group.id),
  );
  return concerned.map(({ failed, unserved, unprotected }) => {
    const name = members.get(failed) ?? failed;
    const text = (nets: readonly ExposedNet[]) =>
      nets.map((n) => `${n.name} (${members.get(n.servedBy) ?? n.servedBy})`).join(", ");
    const costs = [
      ...(unserved.length > 0 ? [`nobody could take ${unserved.map((n) => n.name).join(", ")}`] : []),
      ...(unprotected.length > 0 ? [`nobody would be left for ${text(unprotected)}`] : []),
    ];
    return {
      vnfcId: failed,
      name,
      unserved: unserved.map((n) => n.netId),
      unprotected: unprotected.map((n) => n.netId),
      words: `if ${name} failed now, ${costs.join(", and ")}`,
    };
  });
}

function outcome(guard: Guard, failed: VnfcId, net: string, to: VnfcId | undefined, decision: Decision): string {
  if (to !== undefined) return `if ${nameOf(guard, failed)} failed now, ${net} would go to ${nameOf(guard, to)}`;
  const at = guard.group.trafficNets.findIndex((n) => n.name === net);
  const woken = decision.wake.map((id) => nameOf(guard, id)).join(", ");
  if (woken !== "") return `if ${nameOf(guard, failed)} failed now, ${net} would wait for ${woken}, which would be woken`;
  return `if ${nameOf(guard, failed)} failed now, ${net} would not be moved: ${decision.because[at] ?? "no reason given"}`;
}

function armedWords(armed: ArmedState, isArmed: boolean): string {
  if (isArmed) return `armed in the VIM, revision ${armed.revision}`;
  return (
    armed.why ??
    (armed.revision === null ? "not armed in the VIM" : `the VIM has revision ${armed.revision}, which does not say so`)
  );
}

const isAway = ({ group }: Guard, id: VnfcId): boolean => group.members.some((m) => m.vnfcId === id && m.away !== undefined);

const nameOf = ({ group }: Guard, id: VnfcId): string => group.members.find((m) => m.vnfcId === id)?.name ?? id;
