import type { FlavourBlueprint, NsBlueprint, VnfBlueprint, VnfUse } from "../model/blueprint.ts";
import type { Nsd, NsdFlavour } from "../model/descriptor.ts";

// Deployment flavours of VNFDs and NSDs (IFA 011 7.1.8, IFA 014 6.3.2): each is a descriptor of its own, and the first is meant where nobody names one. Pure.

/** The name of a flavour whose form has no names for it. */
export const UNNAMED = "default";

const nameOf = ({ flavour }: FlavourBlueprint): string => flavour?.id ?? UNNAMED;

/** A VNFD in each of its deployment flavours, as if it had no other; the first first. */
export function inEachFlavour(vnf: VnfBlueprint): VnfBlueprint[] {
  const { others = [], flavour, links, scaling, ...all } = vnf;
  const first: FlavourBlueprint = {
    vdus: vnf.vdus,
    extCps: vnf.extCps,
    vips: vnf.vips,
    ...(flavour && { flavour }),
    ...(links && { links }),
    ...(scaling && { scaling }),
  };
  return [first, ...others].map((of) => ({ ...all, ...of }));
}

/** Ids of its deployment flavours, the first first. */
export const flavourIds = (vnf: VnfBlueprint): string[] => [vnf, ...(vnf.others ?? [])].map(nameOf);

/** A VNFD in one of its deployment flavours, as if it had no other; undefined: it has none of this name. */
export const inFlavour = (vnf: VnfBlueprint, id: string | undefined): VnfBlueprint | undefined =>
  inEachFlavour(vnf).find((of, i) => (id === undefined ? i === 0 : nameOf(of) === id));

/** Ids of the deployment flavours of an NSD, the first first. */
export const nsFlavourIds = ({ flavour = UNNAMED, others = [] }: Nsd): string[] => [
  flavour,
  ...others.map(({ nsd }) => nsd.flavour ?? UNNAMED),
];

/** An NSD in one of its deployment flavours: it itself, or another as if that were the only one; undefined: it has none of this name. */
export const nsInFlavour = <T extends NsdFlavour>(made: T, id: string): T | NsdFlavour | undefined =>
  (made.nsd.flavour ?? UNNAMED) === id ? made : made.nsd.others?.find(({ nsd }) => nsd.flavour === id);

/** The flavours of an NSD, in all of which a VNFC has one name, however many VNF profiles and VNFs each has: who is in two of them is the same. */
export function namedAlike(flavours: readonly NsBlueprint[]): readonly NsBlueprint[] {
  const isByUse = flavours.some((f) => f.uses.length > 1);
  const isSeveral = (use: VnfUse) => flavours.some((f) => f.uses.some((u) => u.id === use.id && u.instances.initial > 1));
  return flavours.map((f) => ({
    ...f,
    ...(isByUse && f.uses.length === 1 && { isNamedByUse: true as const }),
    uses: f.uses.map((u) => (u.instances.initial === 1 && isSeveral(u) ? { ...u, isNumbered: true as const } : u)),
  }));
}
