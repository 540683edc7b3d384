import { type Cost, namesAt, namesOf, namesWhenMade } from "../descriptor/sized.ts";
import { Fault } from "../lib/fault.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import {
  type Counts,
  countIn,
  type NsScaling,
  type NsScalingAspect,
  type ProfileScaling,
  type VnfSize,
} from "../model/scaling.ts";
import type { Graces } from "./farewell.ts";
import type { Deployment } from "./plan.ts";
import { checkVdu, checkWhole, sizeOf, wantedOf } from "./size.ts";
import { someOf } from "./some-of.ts";
import { ordinalOf, type PlannedVnf, placed, planVnfs, type VnfGround, vnfsIn } from "./vnf-plan.ts";

// How many VNFs an NS has of each profile, and is asked to have (IFA 014 6.3.4 NsScalingAspect, 6.3.8 NsLevel). Pure.

/** A further VNF: of a profile, or of the only one with this VNFD. */
export interface FurtherVnf {
  readonly profile?: string | undefined;
  readonly vnfd?: string | undefined;
  /** The deployment flavour of its VNFD that is meant. */
  readonly flavour?: string | undefined;
  /** An instantiation level of its VNFD. */
  readonly level?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly metadata?: VnfInstance["metadata"] | undefined;
}

/** Steps of an aspect of the NSD (in: less than 0), a level of it, levels of its aspects, VNFs that are to go, or further ones. */
export type NsScaleWish =
  | { readonly aspect: string; readonly steps: number }
  | { readonly level: string }
  | { readonly levels: Readonly<Record<string, string>> }
  | { readonly without: readonly string[]; readonly graces?: Graces }
  | { readonly more: readonly FurtherVnf[] };

/** What is to become of VNFs: those that are made, and those that go. */
export interface NsTurn {
  readonly made: readonly VnfInstance[];
  readonly gone: readonly VnfInstance[];
}

type Nsds = Pick<Deployment, "ns" | "nsd" | "vnfd" | "asWritten">;

const writtenOf = (d: Nsds) => d.asWritten ?? d;

const scalingIn = (d: Nsds): NsScaling => {
  const found = writtenOf(d).nsd.nsScaling;
  if (found) return found;
  const words = "its VNFs are scaled by SCALE_VNF, where their VNFDs have scaling aspects";
  throw new Fault("NOT_SUPPORTED", `the NSD of NS ${d.ns.name} has neither scaling aspects nor levels of the NS; ${words}`, {
    id: d.ns.id,
  });
};

const staying = ({ vnfs }: Pick<Deployment, "vnfs">, profile: string): VnfInstance[] =>
  vnfs.filter((v) => v.profile === profile && !v.isGoing);

/** The place in an aspect of the level that an NS is at: the one with exactly its numbers of VNFs; -1: it is between levels. */
const placeIn = (d: Pick<Deployment, "vnfs">, { levels }: NsScalingAspect): number =>
  levels.findIndex((l) => Object.entries(l.vnfs).every(([profile, n]) => staying(d, profile).length === n));

/** The level that each aspect is at; one that is between levels is not told. */
export const nsScaleStatus = (d: Deployment): { readonly aspect: string; readonly level: string }[] =>
  (writtenOf(d).nsd.nsScaling?.aspects ?? []).flatMap((aspect) => {
    const level = aspect.levels[placeIn(d, aspect)];
    return level ? [{ aspect: aspect.id, level: level.id }] : [];
  });

/** Which VNFs an NS is to have more, and which no more. Throws INVALID, CONFLICT or NOT_SUPPORTED with the reason. */
export function nsTurnFor(d: Deployment, wish: NsScaleWish, cost: Cost, ground: VnfGround): NsTurn {
  const turn = turnFor(d, wish, cost, ground);
  if (turn.made.length + turn.gone.length === 0)
    throw new Fault("CONFLICT", `NS ${d.ns.name} has exactly the VNFs that are asked for`, { id: d.ns.id });
  const goes = new Set(turn.gone.map((v) => v.id));
  checkWhole(d, new Set([...d.vnfs.filter((v) => !goes.has(v.id)).flatMap(wantedOf), ...turn.made.flatMap((v) => v.vnfcs)]));
  return turn;
}

function turnFor(d: Deployment, wish: NsScaleWish, cost: Cost, ground: VnfGround): NsTurn {
  if ("without" in wish) return { made: [], gone: withoutThese(d, wish.without) };
  if ("more" in wish) return { made: withMore(d, wish.more, ground), gone: [] };
  const turns = Object.entries(countsAsked(d, wish)).map(([profile, count]) => {
    const there = staying(d, profile);
    if (count >= there.length) return { made: further(d, profile, count - there.length, ground), gone: [] };
    checkCount(d, profile, count);
    return { made: [], gone: cheapest(d, there, there.length - count, cost) };
  });
  return { made: turns.flatMap((t) => t.made), gone: turns.flatMap((t) => t.gone) };
}

function countsAsked(d: Deployment, wish: Exclude<NsScaleWish, { without: unknown } | { more: unknown }>): Counts {
  const { aspects, levels } = scalingIn(d);
  const { id, name } = d.ns;
  if ("level" in wish) return named(d, "level", wish.level, levels).vnfs;
  if ("levels" in wish) {
    const asked = Object.entries(wish.levels).map(([aspect, level]) => {
      const of = named(d, "scaling aspect", aspect, aspects);
      return named(d, `level of aspect ${aspect}`, level, of.levels).vnfs;
    });
    return Object.assign({}, ...asked);
  }
  const aspect = named(d, "scaling aspect", wish.aspect, aspects);
  const at = placeIn(d, aspect);
  const all = aspect.levels.map((l) => l.id).join(", ");
  if (at < 0)
    throw new Fault("CONFLICT", `NS ${name} is at no level of aspect ${aspect.id}; ask for one by scaleNsToLevelData: ${all}`, {
      id,
    });
  const to = aspect.levels[at + wish.steps];
  if (to) return to.vnfs;
  const words = `aspect ${aspect.id} is at level ${aspect.levels[at]!.id} of ${all}`;
  throw new Fault(
    "CONFLICT",
    `NS ${name}: ${words}; ${Math.abs(wish.steps)} steps ${wish.steps < 0 ? "down" : "up"} are outside`,
    { id },
  );
}

function named<T extends { readonly id: string }>(d: Nsds, what: string, id: string, there: readonly T[]): T {
  const found = there.find((t) => t.id === id);
  if (found) return found;
  const words = there.map((t) => t.id).join(", ") || "none";
  throw new Fault("INVALID", `NS ${d.ns.name} has no ${what} ${id}; it has ${words}`, { id: d.ns.id });
}

/** Those that serve nobody go first, and of these those that are down, and of these the last ones. */
export function cheapest(d: Deployment, there: readonly VnfInstance[], count: number, cost: Cost): VnfInstance[] {
  const staying = there.toSorted((a, b) => ordinalOf(d, b) - ordinalOf(d, a));
  return Array.from({ length: count }, () => {
    const names = staying.flatMap(wantedOf);
    const costs = staying.map((v) => Math.max(0, ...wantedOf(v).map((name) => cost(name, names))));
    return staying.splice(costs.indexOf(Math.min(...costs)), 1)[0]!;
  });
}

function withoutThese(d: Deployment, ids: readonly string[]): VnfInstance[] {
  const gone = [...new Set(ids)].map((id) => {
    const vnf = d.vnfs.find((v) => v.id === id && !v.isGoing);
    if (vnf) return vnf;
    const there = someOf(d.vnfs.filter((v) => !v.isGoing).map((v) => `${v.id} (${v.name})`));
    throw new Fault("NOT_SUPPORTED", `NS ${d.ns.name} has no VNF ${id}; it has: ${there}`, { id });
  });
  for (const [profile, of] of Map.groupBy(gone, (v) => v.profile)) checkCount(d, profile, staying(d, profile).length - of.length);
  return gone;
}

function withMore(d: Deployment, wishes: readonly FurtherVnf[], ground: VnfGround): VnfInstance[] {
  const made: VnfInstance[] = [];
  for (const wish of wishes) {
    const profile = profileOf(d, wish);
    const [vnf] = further({ ...d, vnfs: [...d.vnfs, ...made] }, profile, 1, ground);
    if (!vnf) continue;
    const there = vnf.product.flavourId ?? "default";
    if (wish.flavour !== undefined && wish.flavour !== there)
      throw new Fault(
        "NOT_SUPPORTED",
        `VNF profile ${vnf.profile} has no deployment flavour ${wish.flavour} here; it has ${there}, as all its VNFs have`,
      );
    const { name = vnf.name, description = vnf.description, metadata = {} } = wish;
    made.push({ ...vnf, ...sizeAt(d, vnf, wish.level), name, description, metadata });
  }
  return made;
}

/** The VNF profile that is meant. Throws INVALID where it is not one. */
export function profileOf(d: Deployment, { profile, vnfd }: FurtherVnf): string {
  const all = [...new Map(vnfsIn(writtenOf(d).nsd, writtenOf(d).vnfd).map((v) => [v.profile, v])).values()];
  const found = all.filter((v) => (profile === undefined || v.profile === profile) && (vnfd === undefined || v.vnfd === vnfd));
  if (found.length === 1) return found[0]!.profile;
  const words = all.map((v) => `${v.profile} (VNFD ${v.vnfd})`).join(", ");
  const asked = [profile === undefined ? [] : `vnfProfileId ${profile}`, vnfd === undefined ? [] : `vnfdId ${vnfd}`].flat();
  throw new Fault(
    "INVALID",
    `NS ${d.ns.name} has ${found.length} VNF profiles by ${asked.join(" and ") || "no name"}; want the vnfProfileId of one: ${words}`,
    { id: d.ns.id },
  );
}

/** Another level than the one that the profile has it made at. */
function sizeAt(d: Deployment, vnf: VnfInstance, level: string | undefined): Partial<VnfSize> {
  const made = d.asWritten;
  const scaling = made?.nsd.scaling?.find((s) => s.profile === vnf.profile);
  if (level === undefined || made === undefined || scaling === undefined) return {};
  const { vdus, aspects } = named(d, `instantiation level of VNF profile ${vnf.profile}`, level, scaling.levels);
  const at = ordinalOf(d, vnf);
  const now = Array.from({ length: at + 1 }, (_, k) => (k === at ? vnf.vnfcs : []));
  const names = scaling.vdus.flatMap((vdu) => {
    const had = (namesOf(made, scaling, vdu)[at] ?? []).filter((n) => vnf.vnfcs.includes(n));
    const count = countIn(vdus, vdu.id) ?? had.length;
    if (count !== had.length) checkVdu(vnf, vdu, count);
    const counts = now.map((_, k) => (k === at ? count : 0));
    return namesAt(made, scaling, vdu, counts, now)[at] ?? [];
  });
  return { vnfcs: names, scale: Object.fromEntries(scaling.aspects.map((a) => [a.id, countIn(aspects, a.id) ?? 0])) };
}

/** At places that no VNF of the profile has. */
function further(d: Deployment, profile: string, count: number, ground: VnfGround): VnfInstance[] {
  if (count === 0) return [];
  const { made, scaling } = checkCount(d, profile, staying(d, profile).length + count);
  const taken = new Set(d.vnfs.filter((v) => v.profile === profile).map((v) => ordinalOf(d, v)));
  const free = Array.from({ length: scaling.vnfs!.max }, (_, k) => k).filter((k) => !taken.has(k));
  if (free.length < count)
    throw new Fault(
      "CONFLICT",
      `NS ${d.ns.name}: a VNF of profile ${profile} is still being taken away; ask again when it is gone`,
    );
  const { vnfd, vnfFlavour } = vnfsIn(made.nsd, made.vnfd).find((v) => v.profile === profile)!;
  const planned = free.slice(0, count).map(
    (k): PlannedVnf => ({
      ...{ profile, vnfd, vnfcs: namesWhenMade(made, scaling, k), ordinal: k },
      ...(vnfFlavour !== undefined && { vnfFlavour }),
    }),
  );
  return planVnfs({ ...made, ns: d.ns }, planned, ground);
}

/** The next VNF of a profile, as it would be made, with what it is made of. Throws as for one that is asked for. */
export function furtherOf(d: Deployment, profile: string, ground: VnfGround) {
  const { made, scaling } = checkCount(d, profile, staying(d, profile).length + 1);
  return { made, scaling, planned: further(d, profile, 1, ground)[0]! };
}

/** Throws where a profile cannot have so many VNFs. */
function checkCount(
  d: Deployment,
  profile: string,
  count: number,
): { readonly made: NonNullable<Deployment["asWritten"]>; readonly scaling: ProfileScaling } {
  const made = d.asWritten;
  const scaling = made?.nsd.scaling?.find((s) => s.profile === profile);
  const say = (why: string) => new Fault("NOT_SUPPORTED", `NS ${d.ns.name}: VNF profile ${profile} ${why}`, { id: d.ns.id });
  if (made === undefined || scaling?.vnfs === undefined)
    throw say(`has always ${staying(d, profile).length} VNFs, by its numbers of instances`);
  const { min, max } = scaling.vnfs;
  if (count < min) throw say(`would have ${count} VNFs, and wants ${min} at least`);
  if (count > max) throw say(`would have ${count} VNFs, and has ${max} at most`);
  const fixed = scaling.vdus.find((v) => v.fixed !== null)?.fixed;
  if (fixed) throw say(`keeps its number of VNFs: ${fixed}`);
  return { made, scaling };
}

/** The VNFs that an NS is instantiated with: at one of its levels, or as its NSD has it. Throws INVALID, NOT_SUPPORTED. */
export function vnfsAtLevel(d: Deployment, level: string | undefined): PlannedVnf[] {
  const { nsd, vnfd } = writtenOf(d);
  const first = placed(vnfsIn(nsd, vnfd));
  if (level === undefined) return first;
  const counts = named(d, "level", level, scalingIn(d).levels).vnfs;
  const all = [...new Set(first.map((v) => v.profile))].flatMap((profile) => {
    const own = first.filter((v) => v.profile === profile);
    const count = countIn(counts, profile) ?? own.length;
    if (count <= own.length) return own.slice(0, count);
    const { made, scaling } = checkCount(d, profile, count);
    const more = Array.from({ length: count - own.length }, (_, i) => own.length + i);
    return [...own, ...more.map((k) => ({ ...own[0]!, vnfcs: namesWhenMade(made, scaling, k), ordinal: k }))];
  });
  checkWhole(d, new Set(all.flatMap((v) => v.vnfcs)));
  return all;
}

/** Sizes that a turn goes from and to, by VNF. */
export const sizesOfTurn = ({
  made,
  gone,
}: NsTurn): { readonly vnf: VnfInstance; readonly from: VnfSize; readonly to: VnfSize }[] => [
  ...made.map((vnf) => ({ vnf, from: { ...sizeOf(vnf), vnfcs: [] }, to: sizeOf(vnf) })),
  ...gone.map((vnf) => ({ vnf, from: sizeOf(vnf), to: { ...sizeOf(vnf), vnfcs: [] } })),
];
