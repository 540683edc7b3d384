import type { ProtectionGroupView } from "../model/group-view.ts";
import type { Path } from "../model/path.ts";

type GroupFacts = Omit<ProtectionGroupView, "isReady" | "readyBecause">;

/** What is known of a group beside its view. */
export interface FireWorld {
  /** Of each of its traffic nets, in their order; null: nothing yet. Left out where its VIM does not look whether packets pass. */
  readonly paths?: readonly (Path | null)[];
  /** Its plans are laid into its VIM: false where it is led by polling, or its VIM takes none. */
  readonly isToBeArmed: boolean;
  /** Links on its way that BFD does not protect as it is asked to, in words. */
  readonly slowLinks?: readonly string[];
}

/**
 * Can this failover fire? Every reason why not, in words for an operator; none: whichever member that serves fails now, its traffic goes to
 * another one at once. Members are up, spares are warm, ways were seen to be right, a link that BFD watches would be found lost in time, plans are
 * armed, and who takes over has room. Pure.
 */
export function whyItCannotFire(group: GroupFacts, { paths, isToBeArmed, slowLinks = [] }: FireWorld): string[] {
  if (!group.isProtected) return ["its members have not been seen yet"];
  return [
    ...notUp(group),
    ...notWarm(group),
    ...notServed(group),
    ...notSeen(group, paths),
    ...slowLinks,
    ...notArmed(group, isToBeArmed),
  ];
}

const notUp = ({ members, spares }: GroupFacts): string[] =>
  members
    .filter((m) => m.health.state !== "up" && !spares.some((s) => s.vnfcId === m.vnfcId && s.isWarm))
    .map((m) => `${m.name} is ${m.health.state}${m.health.state === "up" ? "" : `: ${m.health.why}`}`);

const notWarm = ({ spares }: GroupFacts): string[] =>
  spares.filter((s) => !s.isWarm).map((s) => `spare ${s.name} is not warm: ${s.words}`);

const notServed = ({ trafficNets }: GroupFacts): string[] =>
  trafficNets.filter((n) => n.servedBy === null).map((n) => `nobody serves ${n.name}`);

function notSeen({ trafficNets }: GroupFacts, paths: FireWorld["paths"]): string[] {
  if (paths === undefined) return [];
  return trafficNets.flatMap(({ name }, i) => {
    const path = paths[i] ?? null;
    if (path === null) return [`the way of ${name} was not looked at yet`];
    if (path.state === "pending") return [`the way of ${name} was not seen to lead yet: ${path.why}`];
    return path.state === "unverified" ? [`the way of ${name} leads nowhere: ${path.why}`] : [];
  });
}

function notArmed({ readiness, armed }: GroupFacts, isToBeArmed: boolean): string[] {
  const without = readiness.filter((r) => !r.canFailOver && !r.wakes).flatMap((r) => r.words.slice(0, 1));
  if (!isToBeArmed) return without;
  const unarmed = readiness
    .filter((r) => r.canFailOver && !r.isArmed)
    .map((r) => `the failover of ${r.name} is not armed in the VIM`);
  return [...without, ...unarmed, ...(armed.isCurrent ? [] : [armed.why ?? "the VIM has an older plan"])];
}
