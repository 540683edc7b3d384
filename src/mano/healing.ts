import type { Clock } from "../lib/clock.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Decision } from "../model/protection.ts";
import { portWith } from "../vimconn/inventory-index.ts";
import { type Guard, isFenced, isWell, UNKNOWN_HEAL_MS, unansweredSince } from "./guard.ts";
import type { Healer } from "./healer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import { isStopped } from "./vnf-plan.ts";

export interface HealingParts {
  readonly clock: Clock;
  readonly healer: Healer;
  readonly lifecycle: Lifecycle;
}

/** Heals the members of one group that are in one VIM, as it was decided. Gives the ms after which to look again; null: when there is news. */
export async function healMembers(parts: HealingParts, guard: Guard, decision: Decision, site: Site): Promise<number | null> {
  const { healer } = parts;
  const stuck = stuckMembers(guard, parts.clock.now());
  let againMs: number | null = null;
  for (const of of guard.members) {
    const { vnfcId } = of.member;
    if (of.member.vimAccountId !== site.vim || !guard.looksAfter(vnfcId)) continue;
    if (isWell(of)) healer.isUp(vnfcId);
    else if (of.member.isLeaving) healer.forget(vnfcId);
    else if (of.rest.rest !== "awake")
      continue; // Only its cable is out: it rests on.
    else if (isMeantToBeStopped(parts.lifecycle, vnfcId)) healer.forget(vnfcId);
    else if (decision.heal.includes(vnfcId) || stuck.includes(vnfcId) || healer.isUnderWay(vnfcId))
      againMs = sooner(againMs, await healMember(parts, guard, vnfcId, site, stuck.includes(vnfcId)));
  }
  return againMs;
}

function isMeantToBeStopped(lifecycle: Lifecycle, id: VnfcId): boolean {
  const found = lifecycle.vnfcOf(id);
  return found !== undefined && isStopped(found.deployment, found.vnfc);
}

async function healMember(
  { healer, lifecycle }: HealingParts,
  guard: Guard,
  vnfcId: VnfcId,
  { seen, connector, signal }: Site,
  isStuck: boolean,
): Promise<number | null> {
  const of = guard.memberOf(vnfcId)!;
  const spec = lifecycle.specOf(vnfcId, seen);
  if (!spec) return null;
  const server = seen.servers.get(spec.id);
  // A spare that somebody else has paused is not trusted.
  const isStrange = of.member.standby === "warm" && server?.status === "PAUSED";
  return healer.heal(
    {
      vnfcId,
      groupId: guard.group.id,
      spec,
      server,
      port: portWith(seen, of.portId),
      health: of.health,
      isFenced: isFenced(of) || isStrange || isStuck,
      connector,
      mayTouch: () => of.health.state !== "up",
    },
    signal,
  );
}

/** Members nobody knows anything of for so long that they do not come by themselves; only such as serve nothing. */
function stuckMembers(guard: Guard, nowMs: number): VnfcId[] {
  const stuck = guard.members.filter((m) => {
    const sinceMs = unansweredSince(m);
    return sinceMs !== null && nowMs - sinceMs >= UNKNOWN_HEAL_MS && guard.carriedBy(m.member.vnfcId) === 0;
  });
  return stuck.map((m) => m.member.vnfcId);
}

const sooner = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.min(a, b));
