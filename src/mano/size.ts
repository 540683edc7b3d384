import { added, type Cost, namesAt, namesOf, sized, whyNotOf } from "../descriptor/sized.ts";
import { Fault } from "../lib/fault.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import { type Counts, countIn, type ProfileScaling, type ScaledVdu, type VnfSize } from "../model/scaling.ts";
import type { Guard } from "./guard.ts";
import { type Deployment, withWaysInUse } from "./plan.ts";
import { inBetween } from "./reshape.ts";
import { ordinalOf } from "./vnf-plan.ts";

// How large the VNFs of an NS are, and are asked to be. Pure.

/** What is asked for one VNF: steps of an aspect (in: less than 0), a level of its VNFD, or levels of its aspects. */
export type ScaleWish = { readonly vnfId: string } & (
  | { readonly aspect: string; readonly steps: number }
  | { readonly level: string }
  | { readonly aspects: Readonly<Record<string, number>> }
);

/** Names of the VNFCs that it is to have. */
export const wantedNames = ({ vnfs }: Pick<Deployment, "vnfs">): Set<string> => new Set(vnfs.flatMap(wantedOf));

export const wantedOf = ({ vnfcs, leaving = [] }: VnfInstance): string[] => vnfcs.filter((n) => !leaving.includes(n));

/** It was never seen in the VIM. */
export const isNotMadeYet = ({ status, previousStatus }: Vnfc): boolean => status === "BUILD" && previousStatus === null;

/** It has not run yet. */
export const isBeingMade = (vnfc: Vnfc): boolean =>
  isNotMadeYet(vnfc) || (vnfc.previousStatus === "BUILD" && vnfc.status !== "ACTIVE" && vnfc.status !== "ACTIVE:NoMgmtIP");

/** Names of VNFCs that are to be made anew. */
export const remakingIn = ({ vnfs }: Pick<Deployment, "vnfs">): Set<string> => new Set(vnfs.flatMap((v) => v.remaking ?? []));

/** Without VNFCs that go and have left their groups, and without what joins them. */
export function withoutLeft(d: Deployment, guards: readonly Guard[]): Deployment {
  const wanted = wantedNames(d);
  const isMember = (v: Vnfc) => guards.some((g) => g.memberOf(v.id) !== undefined);
  return withWaysInUse({ ...d, vnfcs: d.vnfcs.filter((v) => wanted.has(v.name) || isMember(v)) });
}

/** With its descriptors of the size that its VNFs have, and with what they have yet of what they were before. */
export function resized(d: Deployment): Deployment {
  if (d.formerly === undefined) return atSize(d);
  const now = atSize(d);
  const leaving = new Set(d.vnfs.flatMap((v) => v.leaving ?? []));
  const asWritten = now.asWritten ?? { nsd: now.nsd, vnfd: now.vnfd };
  return { ...now, ...inBetween(now, d.formerly, leaving, remakingIn(d)), asWritten };
}

function atSize(d: Deployment): Deployment {
  const asWritten = d.asWritten ?? { nsd: d.nsd, vnfd: d.vnfd };
  if (asWritten.nsd.scaling === undefined) {
    const { asWritten: given, ...rest } = d;
    return given === undefined ? d : { ...rest, ...given };
  }
  const present = new Set(d.vnfcs.map((v) => v.name));
  const wanted = wantedNames(d);
  const first = asWritten.vnfd.vdus.flatMap((v) => v.vnfcs.map((c) => c.id));
  const isAsAtFirst = first.length === present.size && first.every((id) => present.has(id) && wanted.has(id));
  if (present.size === 0 || isAsAtFirst) return { ...d, ...asWritten, asWritten };
  return { ...d, ...sized(asWritten, present, wanted), asWritten };
}

export const sizeOf = (vnf: VnfInstance): VnfSize => ({ vnfcs: wantedOf(vnf), scale: vnf.scale ?? {} });

/** How large each VNF that a wish is about is to be. Throws INVALID, CONFLICT or NOT_SUPPORTED with the reason. */
export function sizesFor(d: Deployment, wishes: readonly ScaleWish[], cost?: Cost): Map<string, VnfSize> {
  const sizes = new Map<string, VnfSize>();
  for (const wish of wishes) {
    const vnf = d.vnfs.find((v) => v.id === wish.vnfId);
    if (!vnf) throw new Fault("NOT_FOUND", `NS ${d.ns.name} has no VNF ${wish.vnfId}`, { id: wish.vnfId });
    if (sizes.has(vnf.id)) throw new Fault("INVALID", `VNF ${vnf.name} is named twice; ask for one size of it`);
    sizes.set(vnf.id, sizeFor(d, vnf, wish, cost));
  }
  checkWhole(d, new Set(d.vnfs.flatMap((v) => sizes.get(v.id)?.vnfcs ?? wantedOf(v))));
  return sizes;
}

/** Throws NOT_SUPPORTED where the rules of descriptors do not let it have exactly these VNFCs. */
export function checkWhole(d: Deployment, names: ReadonlySet<string>): void {
  const why = whyNotOf(d.asWritten ?? d, names);
  if (why.length > 0) throw new Fault("NOT_SUPPORTED", why.map((w) => w.replace(/^\S+: /, "")).join("; "), { id: d.ns.id });
}

function sizeFor(d: Deployment, vnf: VnfInstance, wish: ScaleWish, cost?: Cost): VnfSize {
  const made = d.asWritten;
  const scaling = made?.nsd.scaling?.find((s) => s.profile === vnf.profile);
  if (made === undefined || scaling === undefined || scaling.aspects.length === 0)
    throw new Fault("NOT_SUPPORTED", `VNF ${vnf.name}: its VNFD ${vnf.vnfdId} has no scaling aspect`, { id: vnf.id });
  const siblings = new Map(d.vnfs.filter((v) => v.profile === vnf.profile).map((v) => [ordinalOf(d, v), wantedOf(v)]));
  const at = ordinalOf(d, vnf);
  const vdus = scaling.vdus.map((vdu) => {
    const own = namesOf(made, scaling, vdu).map((names, k) => names.filter((n) => siblings.get(k)?.includes(n)));
    return { vdu, own, mine: own[at] ?? [] };
  });
  const { counts, scale } = asked(vnf, scaling, Object.fromEntries(vdus.map((v) => [v.vdu.id, v.mine.length])), wish);
  const kept = wantedOf(vnf).filter((name) => !vdus.some((v) => v.mine.includes(name)));
  const names = vdus.flatMap(({ vdu, own, mine }) => {
    const count = countIn(counts, vdu.id) ?? mine.length;
    if (count === mine.length) return mine;
    checkVdu(vnf, vdu, count);
    const all = own.map((o, k) => (k === at ? count : o.length));
    return namesAt(made, scaling, vdu, all, own, cost)[at] ?? mine;
  });
  return { vnfcs: [...kept, ...names], scale };
}

interface Asked {
  readonly counts: Counts;
  readonly scale: VnfSize["scale"];
}

function asked(vnf: VnfInstance, scaling: ProfileScaling, now: Counts, wish: ScaleWish): Asked {
  const scale = vnf.scale ?? {};
  if ("level" in wish) {
    const level = scaling.levels.find((l) => l.id === wish.level);
    if (!level) throw new Fault("INVALID", unknown(vnf, "instantiation level", wish.level, scaling.levels), { id: vnf.id });
    const reached = scaling.aspects.map(({ id }) => [id, countIn(level.aspects, id) ?? 0]);
    return { counts: { ...now, ...level.vdus }, scale: Object.fromEntries(reached) };
  }
  const to = "aspects" in wish ? wish.aspects : { [wish.aspect]: (countIn(scale, wish.aspect) ?? 0) + wish.steps };
  let counts = now;
  for (const [id, level] of Object.entries(to)) {
    const aspect = scaling.aspects.find((a) => a.id === id);
    if (!aspect) throw new Fault("INVALID", unknown(vnf, "scaling aspect", id, scaling.aspects), { id: vnf.id });
    const from = countIn(scale, id) ?? 0;
    const last = aspect.steps.length;
    if (level < 0 || level > last)
      throw new Fault("CONFLICT", `VNF ${vnf.name}: aspect ${id} is at level ${from} of 0..${last}; ${level} is outside`, {
        id: vnf.id,
      });
    counts = plus(counts, added(scaling, id, from, level), 1);
    counts = plus(counts, added(scaling, id, level, from), -1);
  }
  return { counts, scale: { ...scale, ...to } };
}

const plus = (counts: Counts, more: Counts, sign: 1 | -1): Counts => ({
  ...counts,
  ...Object.fromEntries(Object.entries(more).map(([vdu, n]) => [vdu, (countIn(counts, vdu) ?? 0) + sign * n])),
});

const unknown = (vnf: VnfInstance, what: string, id: string, there: readonly { readonly id: string }[]): string =>
  `VNF ${vnf.name} has no ${what} ${id}; it has ${there.map((t) => t.id).join(", ") || "none"}`;

/** Throws NOT_SUPPORTED where a VDU cannot have so many VNFCs in one VNF. */
export function checkVdu(vnf: VnfInstance, { id, min, max, fixed }: ScaledVdu, count: number): void {
  const say = (why: string) => new Fault("NOT_SUPPORTED", `VNF ${vnf.name}: ${why}`, { id: vnf.id });
  if (fixed !== null) throw say(fixed);
  if (count < min) throw say(`VDU ${id} would have ${count} VNFCs, and its profile wants ${min} at least`);
  if (count > max) throw say(`VDU ${id} would have ${count} VNFCs, and its profile has ${max} at most`);
}
