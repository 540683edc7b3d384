import type { Nsd, NsMember, Vdu, VnfcProfile, Vnfd } from "../model/descriptor.ts";
import type { Counts, FurtherVnfc, ProfileScaling, ScaledVdu } from "../model/scaling.ts";
import { brokenRules } from "./rules.ts";

// A compiled NSD when its VNFs have been scaled: which VNFCs there are, who of them waits, and who serves what. It follows from the numbers
// alone, and not from the way that led to them. Pure.

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

/** All names that VNFCs of a VDU may have, of each VNF, in the order in which they are made. */
export const namesOf = (made: Made, scaling: ProfileScaling, vdu: ScaledVdu): string[][] =>
  firstOf(made, scaling, vdu).map((own, k) => [...own, ...(vdu.further[k] ?? []).map((f) => f.vnfc.id)]);

/** Those of a pool that wait at first are its last ones. */
const waitsAtFirst = (first: readonly string[], { spares }: ScaledVdu): ReadonlySet<string> =>
  new Set(first.slice(first.length - (spares?.[first.length] ?? 0)));

/**
 * Names of the VNFCs of a VDU in each VNF, when they have so many. More are numbered on; fewer are without those that were made last, but for
 * those that a pool needs to wait: it is the last ones that serve that go.
 */
export function namesAt(made: Made, scaling: ProfileScaling, vdu: ScaledVdu, counts: readonly number[]): string[][] {
  const first = firstOf(made, scaling, vdu);
  const names = namesOf(made, scaling, vdu);
  const waits = waitsAtFirst(first.flat(), vdu);
  const needed = vdu.spares?.[counts.reduce((sum, n) => sum + n, 0)] ?? 0;
  let waiting = waits.size;
  return first.map((own, k) => {
    const count = counts[k] ?? own.length;
    const kept = names[k]!.slice(0, Math.max(count, own.length));
    while (kept.length > count) {
      const spare = kept.findLastIndex((id) => waits.has(id));
      const serving = kept.findLastIndex((id) => !waits.has(id));
      const goes = spare >= 0 && (waiting > needed || serving < 0) ? spare : serving;
      if (goes === spare) waiting -= 1;
      kept.splice(goes, 1);
    }
    return kept;
  });
}

/** The largest that aspects and levels lead to, so that what is wrong with it is told when it is written. */
export function atMost(made: Made): Made {
  const all = (made.nsd.scaling ?? []).flatMap((scaling) => scaling.vdus.flatMap((vdu) => namesOf(made, scaling, vdu).flat()));
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
  return {
    vnfd: { ...vnfd, vdus: vnfd.vdus.map((v) => (v.id === vdu.id ? scaledVdu : v)) },
    nsd: { ...nsd, members: at < 0 ? nsd.members : [...others.slice(0, at), ...members, ...others.slice(at)] },
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
