import type { Nsd, NsMember, Vdu, VnfcProfile, Vnfd } from "../model/descriptor.ts";
import { type Counts, countIn, type FurtherVnfc, type ProfileScaling, type ScaledVdu } from "../model/scaling.ts";
import { brokenRules } from "./rules.ts";

// A compiled NSD when it and its VNFs have been scaled: who of its VNFCs waits, and who serves what. It follows from which VNFCs there are alone,
// and not from the way that led to them. Pure.

export interface Made {
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
}

/** The VNFCs of a VDU in each VNF of its profile, as they are at first. */
function firstOf({ nsd, vnfd }: Made, { profile }: ProfileScaling, { vdu }: ScaledVdu): string[][] {
  const own = vnfd.vdus.find((v) => v.id === vdu)?.vnfcs ?? [];
  const vnfs = (nsd.vnfs ?? []).filter((v) => v.profile === profile);
  return vnfs.map((v) => v.vnfcs.filter((id) => own.some((c) => c.id === id)));
}

/** All names that VNFCs of a VDU may have, of each VNF that there is at first or may be later, in the order in which they are made. */
export function namesOf(made: Made, scaling: ProfileScaling, vdu: ScaledVdu): string[][] {
  const first = firstOf(made, scaling, vdu);
  const count = Math.max(first.length, vdu.further.length);
  return Array.from({ length: count }, (_, k) => [...(first[k] ?? []), ...(vdu.further[k] ?? []).map((f) => f.vnfc.id)]);
}

/** How many VNFs of a profile there are at first. */
export const vnfsAtFirst = ({ nsd }: Pick<Made, "nsd">, profile: string): number =>
  (nsd.vnfs ?? []).filter((v) => v.profile === profile).length;

/** Names of the VNFCs that a VNF of a profile has when it is made: as many as the first ones. */
export const namesWhenMade = (made: Made, scaling: ProfileScaling, vnf: number): string[] =>
  scaling.vdus.flatMap((vdu) => (namesOf(made, scaling, vdu)[vnf] ?? []).slice(0, firstOf(made, scaling, vdu)[0]?.length ?? 0));

/** Those of a pool that wait at first are its last ones. */
const waitsAtFirst = (first: readonly string[], { spares }: ScaledVdu): ReadonlySet<string> =>
  new Set(first.slice(first.length - (spares?.[first.length] ?? 0)));

/** How dear a VNFC is to those that are there with it: of several it is the cheapest that goes. */
export type Cost = (vnfc: string, there: readonly string[]) => number;

/**
 * Names of the VNFCs of a VDU in each VNF, when they have so many and had `now` (left out: those of the first size). More are those that are
 * missing, in their order. Fewer are without the cheapest, and of these without the last made, but for those that a pool needs to wait.
 */
export function namesAt(
  made: Made,
  scaling: ProfileScaling,
  vdu: ScaledVdu,
  counts: readonly number[],
  now: readonly (readonly string[])[] = firstOf(made, scaling, vdu),
  cost: Cost = () => 0,
): string[][] {
  const waits = waitsAtFirst(firstOf(made, scaling, vdu).flat(), vdu);
  const needed = vdu.spares?.[counts.reduce((sum, n) => sum + n, 0)] ?? 0;
  let waiting = now.flat().filter((id) => waits.has(id)).length;
  return namesOf(made, scaling, vdu).map((all, k) => {
    const had = all.filter((id) => now[k]?.includes(id));
    const count = counts[k] ?? had.length;
    const added = all.filter((id) => !had.includes(id)).slice(0, Math.max(0, count - had.length));
    const kept = all.filter((id) => had.includes(id) || added.includes(id));
    const others = now.filter((_, other) => other !== k).flat();
    while (kept.length > count) {
      const costNow = (id: string) => cost(id, [...kept, ...others]);
      const spare = cheapest(kept, (id) => waits.has(id), costNow);
      const serving = cheapest(kept, (id) => !waits.has(id), costNow);
      const goes = spare >= 0 && (waiting > needed || serving < 0) ? spare : serving;
      if (goes === spare) waiting -= 1;
      kept.splice(goes, 1);
    }
    return kept;
  });
}

/** The place of the one of these that goes first; -1: there is none. */
function cheapest(names: readonly string[], isMeant: (id: string) => boolean, cost: (id: string) => number): number {
  let found = -1;
  for (const [i, id] of names.entries()) if (isMeant(id) && (found < 0 || cost(id) <= cost(names[found]!))) found = i;
  return found;
}

/** The largest that aspects and levels lead to, so that what is wrong with it is told when it is written. */
export function atMost(made: Made): Made {
  const { aspects = [], levels = [] } = made.nsd.nsScaling ?? {};
  const sizes = [...levels, ...aspects.flatMap((a) => a.levels)];
  const all = (made.nsd.scaling ?? []).flatMap((scaling) => {
    const counts = sizes.flatMap((l) => countIn(l.vnfs, scaling.profile) ?? []);
    const vnfs = Math.max(vnfsAtFirst(made, scaling.profile), ...counts);
    return scaling.vdus.flatMap((vdu) => namesOf(made, scaling, vdu).slice(0, vnfs).flat());
  });
  const others = made.vnfd.vdus.flatMap((v) => v.vnfcs.map((c) => c.id));
  const names = new Set([...all, ...others]);
  return sized(made, names, names);
}

/** What is wrong with it when it has exactly these VNFCs; none: nothing. */
export function whyNotOf(made: Made, wanted: ReadonlySet<string>): string[] {
  const { nsd, vnfd } = sized(made, wanted, wanted);
  return brokenRules({ vnfds: [{ ...vnfd, id: nsd.vnfd }], nsds: [nsd] });
}

/** With these VNFCs: `present` are there, or being made; of them `wanted` are to stay. Those that are not serve nothing. */
export function sized(made: Made, present: ReadonlySet<string>, wanted: ReadonlySet<string>): Made {
  let result = made;
  for (const scaling of made.nsd.scaling ?? [])
    for (const vdu of scaling.vdus) result = withVdu(result, made, scaling, vdu, present, wanted);
  return result;
}

function withVdu(
  { nsd, vnfd }: Made,
  made: Made,
  scaling: ProfileScaling,
  of: ScaledVdu,
  present: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): Made {
  const vdu = vnfd.vdus.find((v) => v.id === of.vdu);
  if (vdu === undefined || of.fixed !== null) return { nsd, vnfd };
  const first = firstOf(made, scaling, of);
  const order = namesOf(made, scaling, of).flat();
  const further = new Map(of.further.flat().map((f) => [f.vnfc.id, f]));
  const target = order.filter((id) => wanted.has(id));
  const waits = waitingOf(of, first.flat(), target);
  const profileOf = (id: string): VnfcProfile => {
    const profile = vdu.vnfcs.find((v) => v.id === id) ?? further.get(id)!.vnfc;
    if (of.spares === null || !wanted.has(id)) return profile;
    if (!waits.has(id)) return { ...profile, standby: "hot" };
    return further.has(id) || !waitsAtFirst(first.flat(), of).has(id) ? { ...profile, standby: of.standby } : profile;
  };
  const there = order.filter((id) => present.has(id));
  const scaledVdu: Vdu = { ...vdu, vnfcs: there.map(profileOf) };
  const firstMembers = made.nsd.members.filter((m) => order.includes(m.vnfc));
  const members = membersOf(firstMembers, further, there, dealt(firstMembers, further, target, waits));
  const at = nsd.members.findIndex((m) => order.includes(m.vnfc));
  const others = nsd.members.filter((m) => !order.includes(m.vnfc));
  const own = there.flatMap((id) => (further.get(id)?.ownNet ? (further.get(id)?.member?.dataNet ?? []) : []));
  return {
    vnfd: { ...vnfd, vdus: vnfd.vdus.map((v) => (v.id === vdu.id ? scaledVdu : v)) },
    nsd: {
      ...nsd,
      members: at < 0 ? nsd.members : [...others.slice(0, at), ...members, ...others.slice(at)],
      ...(own.length > 0 && { ownNets: [...(nsd.ownNets ?? []), ...own] }),
    },
  };
}

/** Who waits: who waited at first, then who was made last. */
function waitingOf(of: ScaledVdu, first: readonly string[], target: readonly string[]): ReadonlySet<string> {
  const needed = of.spares?.[target.length] ?? 0;
  const before = waitsAtFirst(first, of);
  const kept = target.filter((id) => before.has(id));
  const later = target.filter((id) => !first.includes(id)).toReversed();
  const served = target.filter((id) => first.includes(id) && !before.has(id)).toReversed();
  return new Set([...kept, ...[...later, ...served].slice(0, Math.max(0, needed - kept.length))]);
}

type Further = ReadonlyMap<string, FurtherVnfc>;

/** Who serves what: as little as possible changes hands against what it is at first. */
function dealt(
  first: readonly NsMember[],
  further: Further,
  target: readonly string[],
  waits: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const serving = target.filter((id) => !waits.has(id));
  const writtenOf = (id: string) => further.get(id)?.member?.trafficNets ?? [];
  const written = new Set(serving.flatMap(writtenOf));
  const nets = new Map<string, string[]>(serving.map((id) => [id, [...writtenOf(id)]]));
  const byLoad = () => serving.toSorted((a, b) => nets.get(a)!.length - nets.get(b)!.length);
  const orphans: string[] = [];
  for (const { vnfc, trafficNets } of first) (nets.get(vnfc) ?? orphans).push(...trafficNets.filter((net) => !written.has(net)));
  for (const net of orphans) nets.get(byLoad()[0] ?? "")?.push(net);
  for (const id of serving.filter((s) => further.has(s) && writtenOf(s).length === 0))
    for (;;) {
      const most = nets.get(byLoad().findLast((s) => writtenOf(s).length === 0)!)!;
      if (most.length - nets.get(id)!.length < 2) break;
      nets.get(id)!.push(most.pop()!);
    }
  return nets;
}

function membersOf(
  first: readonly NsMember[],
  further: Further,
  there: readonly string[],
  nets: ReadonlyMap<string, readonly string[]>,
): NsMember[] {
  return there.flatMap((id) => {
    const member = first.find((m) => m.vnfc === id) ?? further.get(id)?.member ?? null;
    return member === null ? [] : [{ ...member, trafficNets: nets.get(id) ?? [] }];
  });
}

/** How many VNFCs of each VDU steps of an aspect add, from one level to a higher one. */
export function added({ aspects }: Pick<ProfileScaling, "aspects">, aspect: string, from: number, to: number): Counts {
  const steps = aspects.find((a) => a.id === aspect)?.steps.slice(from, to) ?? [];
  const sums = new Map<string, number>();
  for (const step of steps) for (const [vdu, n] of Object.entries(step)) sums.set(vdu, (sums.get(vdu) ?? 0) + n);
  return Object.fromEntries(sums);
}
