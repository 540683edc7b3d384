import type { VnfcId } from "../model/ids.ts";
import type { ProtectionCommand, ProtectionGroup } from "../model/protection.ts";
import { failurePlans } from "./command.ts";
import { type GroupView, healthOf, isUp } from "./view.ts";

/**
 * So long a member must have been up, ms, before an opinion about another is reason enough to rely on it. One that has answered just now may be
 * in the last of its boot, and what makes it slow makes its twin slow too.
 */
export const PROVEN_MS = 2_000;
/**
 * So long an opinion must have lasted, ms, with no answer at all in between, to outweigh that nobody has proven himself: a place that has served
 * nobody for that long is worse than one that answers now, and whoever comes and goes would keep it for ever.
 */
export const LASTING_MS = 10_000;

/**
 * From when on an opinion alone may have this member fenced, monotonic ms; Infinity: not as things are. An opinion that cannot lead to a
 * better place must not destroy the one there is: each traffic net that it serves goes to somebody, who has been up for `PROVEN_MS` by then, and
 * where it serves nothing somebody such is left. One that has lasted for `LASTING_MS` needs somebody who is up, for however short. A fact
 * needs none of this, since what it tells of serves nobody any more. `silentSinceMs`: null where no opinion calls it silent. Pure and total.
 */
export function fenceableFrom(
  group: ProtectionGroup,
  view: GroupView,
  command: ProtectionCommand | null,
  member: VnfcId,
  nowMs: number,
  silentSinceMs: number | null,
): number {
  const lastsAtMs = silentSinceMs === null ? Number.POSITIVE_INFINITY : silentSinceMs + LASTING_MS;
  const provenAtMs = (id: VnfcId): number => {
    const health = healthOf(view, id);
    return health.state === "up" ? Math.min(health.sinceMs + PROVEN_MS, lastsAtMs) : Number.POSITIVE_INFINITY;
  };
  const others = group.members.filter((m) => m.vnfcId !== member && !m.isLeaving && isUp(view, m));
  const serves = group.trafficNets.filter((n) => view.serving.get(n.netId) === member);
  if (serves.length === 0 || others.length === 0) return Math.min(...others.map((m) => provenAtMs(m.vnfcId)));
  const plan = failurePlans(group, view, command, nowMs).find((p) => p.failed === member);
  const moves = plan?.decision.moves.filter((m) => m.from === member) ?? [];
  if (!serves.every((n) => moves.some((m) => m.trafficNet === n.netId))) return Number.POSITIVE_INFINITY;
  return Math.max(...moves.map((m) => provenAtMs(m.to)));
}
