import type { VnfcId } from "../model/ids.ts";
import type { Member, ProtectionGroup } from "../model/protection.ts";

/** What is known of the VNFCs of a group while their VNF is scaled. */
export interface ScaleFacts {
  /** It is to stay. */
  isWanted(member: Member): boolean;
  /** Its machine runs and answers, so that it may become a member. */
  isUp(vnfc: VnfcId): boolean;
  /** It serves nothing, nothing is bound to it, and nothing in the VIM would lead anything to it. */
  isDrained(member: Member): boolean;
}

/**
 * The next step of a group whose VNF is scaled. `whole`: of all its VNFCs, with nets led home to those that stay. Who is new becomes a member
 * when all that are new are up; who is to go is first marked, so that no plan leads anything to it any more, and is a member until it serves nothing. One that
 * has left, and that traffic was led to since, is a member again until it serves nothing. Null: nothing is to be changed. Pure.
 */
export function regrouped(current: ProtectionGroup, whole: ProtectionGroup, facts: ScaleFacts): ProtectionGroup | null {
  const isMember = (m: Member) => current.members.some((c) => c.vnfcId === m.vnfcId);
  const isMarked = (m: Member) => !current.members.some((c) => c.vnfcId === m.vnfcId && !c.isLeaving);
  const isJoinable = whole.members.every((m) => !facts.isWanted(m) || isMember(m) || facts.isUp(m.vnfcId));
  const next = isJoinable
    ? joined(current, whole, isMarked, facts)
    : { ...current, members: current.members.map(reclaimed(facts)) };
  return contentOf(next) === contentOf(current) ? null : next;
}

function joined(
  current: ProtectionGroup,
  whole: ProtectionGroup,
  isMarked: (m: Member) => boolean,
  facts: ScaleFacts,
): ProtectionGroup {
  const members = whole.members.flatMap((m): Member[] => {
    if (facts.isWanted(m)) return [m];
    return isMarked(m) && facts.isDrained(m) ? [] : [{ ...m, isLeaving: true }];
  });
  const trafficNets = whole.trafficNets.map((net) => {
    const had = current.trafficNets.find((n) => n.netId === net.netId);
    const formerly = had === undefined || had.normal === net.normal ? had?.formerly : had.normal;
    return { ...net, ...(formerly !== undefined && { formerly }) };
  });
  const { scheme, policy, enters = current.enters } = whole;
  return { ...current, scheme, policy, members, trafficNets, ...(enters && { enters }) };
}

/** The group with the nets of one member led home to others, as long as that is away. */
export function withoutMember(group: ProtectionGroup, away: VnfcId | null): ProtectionGroup {
  const others = group.members.filter((m) => m.vnfcId !== away && m.standby === "hot");
  const counts = new Map(others.map((m) => [m.vnfcId, group.trafficNets.filter((n) => n.normal === m.vnfcId).length]));
  const trafficNets = group.trafficNets.map((net) => {
    if (net.normal !== away || others.length === 0) return net;
    const [least] = others.toSorted((a, b) => counts.get(a.vnfcId)! - counts.get(b.vnfcId)!);
    counts.set(least!.vnfcId, counts.get(least!.vnfcId)! + 1);
    return { ...net, normal: least!.vnfcId };
  });
  return { ...group, trafficNets };
}

/** Who was to go and is to stay after all. */
const reclaimed =
  (facts: ScaleFacts) =>
  (m: Member): Member => {
    const { isLeaving, ...rest } = m;
    return isLeaving && facts.isWanted(m) ? rest : m;
  };

const contentOf = ({ scheme, policy, members, trafficNets }: ProtectionGroup): string =>
  JSON.stringify([
    [scheme, Object.entries(policy).toSorted(([a], [b]) => (a < b ? -1 : 1))],
    members.map((m) => [m.vnfcId, m.standby, m.dataNet, m.capacity, m.isLeaving ?? false]),
    trafficNets.map((n) => [n.netId, n.normal]),
  ]);
