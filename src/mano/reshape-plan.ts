import { compile, type KnownVnfds, knownOf } from "../descriptor/compile.ts";
import { flavourIds, inFlavour } from "../descriptor/flavours.ts";
import type { Flaw } from "../descriptor/flaw.ts";
import { added, namesAt, namesOf, namesWhenMade } from "../descriptor/sized.ts";
import type { NsBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import { type Counts, countIn, type ProfileScaling, type VnfSize } from "../model/scaling.ts";
import { notHere } from "./asked-links.ts";
import { type Deployment, trafficNetNames } from "./plan.ts";
import { wantedOf } from "./size.ts";
import { ordinalOf, placed, vnfsIn } from "./vnf-plan.ts";

// What an NS is compiled into when VNFs of it are to be something else, and how large they are then. Pure.

/** What the VNFs of a profile are to be: of which VNFD, in which of its flavours, and at which of its levels (left out: the one that it begins with). */
export interface ProfileWish {
  readonly profile: string;
  readonly vnfd: VnfBlueprint;
  /** The record of the VNFD: two profiles may have two versions of one. */
  readonly packageId: string;
  readonly flavour: string | undefined;
  readonly level?: string | undefined;
  /** In the flavour and at the level that its NSD says. */
  readonly isAsWritten?: boolean;
}

/** Throws NOT_SUPPORTED for a flavour or a level that a VNFD has not. */
export function checkFlavour(vnfd: VnfBlueprint, flavour: string, level: string | undefined): VnfBlueprint {
  const found = inFlavour(vnfd, flavour);
  if (!found)
    throw notHere(`newFlavourId: VNFD ${vnfd.id} has no deployment flavour ${flavour}; it has ${flavourIds(vnfd).join(", ")}`);
  const levels = found.scaling?.levels.map((l) => l.id) ?? found.flavour?.levels ?? [];
  if (level === undefined || levels.includes(level)) return found;
  const there = levels.join(", ") || "none that has a name";
  throw notHere(`instantiationLevelId: flavour ${flavour} of VNFD ${vnfd.id} has no level ${level}; it has ${there}`);
}

/** The NSD with VNFs of these profiles as they are wished, and the others as it has them, compiled. Throws NOT_SUPPORTED with what keeps it from being so. */
export function compiledWith(
  { others: _others, ...written }: NsBlueprint,
  wishes: readonly ProfileWish[],
  known: readonly VnfBlueprint[],
): NsdFlavour {
  const uses = written.uses.map((use) => {
    const wish = wishes.find((w) => w.profile === use.id);
    if (!wish) return use;
    if (wish.isAsWritten) return { ...use, vnfd: wish.packageId };
    const { vnfLevel: _, vnfFlavour: __, ...rest } = use;
    const named = {
      ...(wish.flavour !== undefined && { vnfFlavour: wish.flavour }),
      ...(wish.level !== undefined && { vnfLevel: wish.level }),
    };
    return { ...rest, vnfd: wish.packageId, ...named };
  });
  const flaws: Flaw[] = [];
  const { find, names } = knownOf([...wishes.map((w) => w.vnfd), ...known]);
  const lookup: KnownVnfds = { names, find: (id) => wishes.find((w) => w.packageId === id)?.vnfd ?? find(id) };
  const made = compile({ vnfs: [], nss: [{ ...written, uses }] }, lookup, flaws);
  const nsd = made?.descriptor.nsds[0];
  const vnfd = made?.descriptor.vnfds.find((v) => v.id === nsd?.vnfd);
  if (!nsd || !vnfd) throw notHere(flaws.map(({ what, remedy }) => `${what}; ${remedy}`).join("\n"));
  const { written: _, ...bare } = nsd;
  return { nsd: bare, vnfd };
}

/** The size that a VNF is made with. */
export function sizeMade(made: NsdFlavour, { profile }: VnfInstance, ordinal: number): VnfSize {
  const first = placed(vnfsIn(made.nsd, made.vnfd)).find((v) => v.profile === profile && v.ordinal === ordinal);
  const scaling = made.nsd.scaling?.find((s) => s.profile === profile);
  const at = scaling?.levels.find((l) => l.id === scaling.initial)?.aspects ?? {};
  const scale = Object.fromEntries((scaling?.aspects ?? []).map(({ id }) => [id, countIn(at, id) ?? 0]));
  return { vnfcs: first?.vnfcs ?? (scaling ? namesWhenMade(made, scaling, ordinal) : []), scale };
}

/**
 * The size of a VNF that keeps the levels of its scaling aspects, and the VNFCs that it has, as what it is to be made of has them. Throws NOT_SUPPORTED for a
 * level that is not there.
 */
export function sizeKept(made: NsdFlavour, d: Pick<Deployment, "vnfs">, vnf: VnfInstance): VnfSize {
  const at = ordinalOf(d, vnf);
  const first = sizeMade(made, vnf, at);
  const scaling = made.nsd.scaling?.find((s) => s.profile === vnf.profile);
  checkLevels(vnf, scaling);
  if (!scaling) return first;
  const scale = Object.fromEntries(Object.entries(first.scale).map(([id, level]) => [id, countIn(vnf.scale ?? {}, id) ?? level]));
  const siblings = new Map(d.vnfs.filter((v) => v.profile === vnf.profile).map((v) => [ordinalOf(d, v), wantedOf(v)]));
  const names = scaling.vdus.flatMap((vdu) => {
    const all = namesOf(made, scaling, vdu);
    const now = all.map((of, k) => of.filter((name) => siblings.get(k)?.includes(name)));
    const atFirst = all[at]?.filter((name) => first.vnfcs.includes(name)).length ?? 0;
    const count = atFirst + scaling.aspects.reduce((sum, { id }) => sum + moreOf(scaling, id, vdu.id, first.scale, scale), 0);
    const counts = now.map((of, k) => (k === at ? count : of.length));
    return namesAt(made, scaling, vdu, counts, now)[at] ?? [];
  });
  const scaled = new Set(scaling.vdus.flatMap((vdu) => namesOf(made, scaling, vdu)[at] ?? []));
  return { vnfcs: [...first.vnfcs.filter((name) => !scaled.has(name)), ...names], scale };
}

/** How many VNFCs more, or fewer, a VDU has by the level of an aspect. */
function moreOf(scaling: ProfileScaling, aspect: string, vdu: string, from: Counts, to: Counts): number {
  const [a, b] = [countIn(from, aspect) ?? 0, countIn(to, aspect) ?? 0];
  const between = countIn(added(scaling, aspect, Math.min(a, b), Math.max(a, b)), vdu) ?? 0;
  return a <= b ? between : -between;
}

function checkLevels({ name, scale = {} }: VnfInstance, scaling: ProfileScaling | undefined): void {
  for (const [aspect, level] of Object.entries(scale)) {
    const most = scaling?.aspects.find((a) => a.id === aspect)?.steps.length ?? 0;
    if (level > most)
      throw notHere(
        `VNF ${name} is at level ${level} of scaling aspect ${aspect}, and would have ${most} at most; scale it to that first`,
      );
  }
}

/** Where an NS is connected to is what it was compiled with: nobody has connected it otherwise since. */
export function isConnectedAs(now: NsdFlavour, compiled: NsdFlavour): boolean {
  const of = ({ nsd }: NsdFlavour) =>
    JSON.stringify([
      Object.entries(nsd.nets).toSorted(),
      Object.entries(nsd.netIds ?? {}).toSorted(),
      trafficNetNames(nsd).toSorted(),
    ]);
  return of(now) === of(compiled);
}
