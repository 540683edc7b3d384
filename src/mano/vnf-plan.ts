import { flavourIds } from "../descriptor/flavours.ts";
import type { Nsd, Vnfd, VnfOfNs } from "../model/descriptor.ts";
import type { VnfcId } from "../model/ids.ts";
import type { ManoEventBody } from "../model/mano-event.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import type { ConcernedVnfc, VnfInstance, VnfOperation, VnfPart, VnfProduct } from "../model/occurrence.ts";
import { countIn } from "../model/scaling.ts";
import type { Deployment } from "./plan.ts";

// The VNFs of an NS and what an operation is to each of them. Pure.

/** Of an NSD that names none: one, of all VNFCs. */
export const vnfsIn = (nsd: Nsd, vnfd: Vnfd): readonly VnfOfNs[] =>
  nsd.vnfs ?? [{ profile: vnfd.id, vnfd: vnfd.id, vnfcs: vnfd.vdus.flatMap((vdu) => vdu.vnfcs.map((v) => v.id)) }];

/** What is said of a VNF by its VNFD, or where that is not in the catalogue by the one that its NSD was compiled into. */
export const productOf = (vnfd: Vnfd, packageId: string): VnfProduct => ({
  provider: vnfd.blueprint?.provider ?? "unknown",
  name: vnfd.name,
  softwareVersion: vnfd.blueprint?.softwareVersion ?? vnfd.version,
  vnfdVersion: vnfd.version,
  packageId,
  ...(vnfd.blueprint?.flavour && { flavourId: vnfd.blueprint.flavour.id }),
  ...(vnfd.blueprint?.others && { flavours: flavourIds(vnfd.blueprint) }),
});

/** It is of another deployment flavour than the first of its VNFD. */
export const flavouredAs = (product: VnfProduct, flavourId: string | undefined): VnfProduct =>
  flavourId === undefined ? product : { ...product, flavourId };

/** A VNF that is about to be, with its place among those of its profile. */
export interface PlannedVnf extends VnfOfNs {
  readonly ordinal: number;
}

/** Each with its place. */
export const placed = (vnfs: readonly VnfOfNs[]): PlannedVnf[] =>
  vnfs.map((of, i) => ({ ...of, ordinal: vnfs.slice(0, i).filter((o) => o.profile === of.profile).length }));

/** What a VNF is told apart by, and what is known of its VNFD. */
export interface VnfGround {
  newId(): string;
  readonly now: string;
  /** Of the id of a VNFD, for a VNF of a profile; undefined: the catalogue has none by it. */
  found(vnfdId: string, profile: string): VnfProduct | undefined;
}

/** VNFs that an NS is about to have. */
export function planVnfs(
  { ns, nsd, vnfd }: Pick<Deployment, "ns" | "nsd" | "vnfd">,
  planned: readonly PlannedVnf[],
  { newId, now, found }: VnfGround,
): VnfInstance[] {
  return planned.map(({ profile, vnfd: vnfdId, vnfcs, ordinal, vnfFlavour }) => {
    const isOneOfSeveral = ordinal > 0 || vnfsIn(nsd, vnfd).filter((o) => o.profile === profile).length > 1;
    return {
      id: newId(),
      nsId: ns.id,
      profile,
      vnfdId,
      name: `${ns.name}-${profile}${isOneOfSeveral ? `-${ordinal + 1}` : ""}`,
      description: `VNF ${profile} of NS ${ns.name}`,
      metadata: {},
      product: flavouredAs(found(vnfdId, profile) ?? productOf(vnfd, ns.nsdId), vnfFlavour),
      ordinal,
      vnfcs,
      ...scaleAtFirst(nsd, profile),
      isStopped: false,
      createdAt: now,
      modifiedAt: now,
    };
  });
}

/** The levels of its scaling aspects when it is made. */
function scaleAtFirst({ scaling }: Nsd, profile: string): Pick<VnfInstance, "scale"> {
  const own = scaling?.find((s) => s.profile === profile);
  if (own === undefined || own.aspects.length === 0) return {};
  const at = own.levels.find((l) => l.id === own.initial)?.aspects ?? {};
  return { scale: Object.fromEntries(own.aspects.map(({ id }) => [id, countIn(at, id) ?? 0])) };
}

/** The place of a VNF among those of its profile. */
export const ordinalOf = ({ vnfs }: Pick<Deployment, "vnfs">, vnf: VnfInstance): number =>
  vnf.ordinal ?? vnfs.filter((v) => v.profile === vnf.profile).findIndex((v) => v.id === vnf.id);

export const vnfsCreated = ({ id }: Ns, vnfs: readonly VnfInstance[]): ManoEventBody[] =>
  vnfs.map((v) => ({ type: "vnf.created", nsId: id, vnfId: v.id, vnfName: v.name }));

/** They are no more. */
export const vnfsDeleted = ({ ns, vnfs }: Pick<Deployment, "ns" | "vnfs">): ManoEventBody[] =>
  vnfs.map((v) => ({ type: "vnf.deleted", nsId: ns.id, vnfId: v.id, vnfName: v.name }));

export const vnfcsOf = ({ vnfcs }: Pick<Deployment, "vnfcs">, vnf: VnfInstance): Vnfc[] =>
  vnfcs.filter((v) => vnf.vnfcs.includes(v.name));

export const vnfWith = ({ vnfs }: Pick<Deployment, "vnfs">, vnfc: Vnfc): VnfInstance | undefined =>
  vnfs.find((v) => v.vnfcs.includes(vnfc.name));

export const concerned = (v: Vnfc, change: ConcernedVnfc["change"]): ConcernedVnfc => ({
  id: v.id,
  name: v.name,
  vdu: v.vdu,
  vimAccountId: v.vimAccountId,
  serverId: v.vimServerId,
  serviceInterface: v.serviceInterface,
  change,
});

/** What an operation that concerns these VNFCs is to the VNFs that they are of. `idOf` gives the id of each part. */
export function partsOf(
  d: Pick<Deployment, "vnfs" | "vnfcs">,
  operation: VnfOperation,
  change: ConcernedVnfc["change"],
  which: ReadonlySet<VnfcId> | null,
  idOf: (vnf: VnfInstance) => string,
): VnfPart[] {
  return d.vnfs.flatMap((vnf) => {
    const vnfcs = vnfcsOf(d, vnf).filter((v) => which === null || which.has(v.id));
    if (which !== null && vnfcs.length === 0) return [];
    const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
    return [{ id: idOf(vnf), vnfId, vnfName, vnfdId, profile, operation, vnfcs: vnfcs.map((v) => concerned(v, change)) }];
  });
}

/** An operator has stopped the VNF that it is of. */
export const isStopped = (d: Pick<Deployment, "vnfs">, vnfc: Vnfc): boolean => vnfWith(d, vnfc)?.isStopped ?? false;

/** SOL005 6.5.2.8 `nsState`: what is in between is told by its operation occurrence. */
export const isInstantiated = ({ state }: Ns): boolean => state === "INSTANTIATED" || state === "TERMINATING";
