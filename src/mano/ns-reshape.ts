import type { Cost } from "../descriptor/sized.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { VnfInstance, VnfShape } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { notHere } from "./asked-links.ts";
import { cheapest, vnfsAtLevel } from "./ns-size.ts";
import type { Deployment } from "./plan.ts";
import { sizeMade } from "./reshape-plan.ts";
import { flavouredAs, ordinalOf, type PlannedVnf, planVnfs, type VnfGround, vnfsIn } from "./vnf-plan.ts";

// What becomes of the VNFs of an NS that is to be of another deployment flavour (SOL005 6.5.3.39 ChangeNsFlavourData). Pure.

/** Of each VNF that stays, what it is and how large; and those that come into being or go. */
export interface NsReshape {
  readonly shapes: ReadonlyMap<string, VnfShape>;
  readonly sizes: ReadonlyMap<string, VnfSize>;
  readonly coming: readonly VnfInstance[];
  readonly going: readonly VnfInstance[];
}

/**
 * A VNF of a profile that both flavours have stays, as far as the other has so many; of the others who is cheapest goes. `level`: of the flavour; left out: what
 * it begins with. Throws INVALID, NOT_SUPPORTED with what keeps it from being so while it serves.
 */
export function nsReshape(d: Deployment, made: NsdFlavour, level: string | undefined, cost: Cost, ground: VnfGround): NsReshape {
  const planned = vnfsAtLevel({ ...d, ...made, asWritten: made }, level);
  const sizeOf = (vnf: VnfInstance) => sizeMade(made, vnf, ordinalOf(d, vnf));
  const there = d.vnfs.filter((v) => !v.isGoing);
  const byProfile = [...Map.groupBy(planned, (p) => p.profile)].map(([profile, all]) => {
    const fitting = there.filter((v) => v.profile === profile && sizeOf(v).vnfcs.length > 0);
    const surplus = cheapest(d, fitting, Math.max(0, fitting.length - all.length), cost);
    const kept = fitting.filter((v) => !surplus.includes(v));
    const isFree = ({ ordinal }: PlannedVnf) => !kept.some((v) => ordinalOf(d, v) === ordinal);
    return { kept, lacking: all.filter(isFree).slice(0, all.length - kept.length) };
  });
  const staying = byProfile.flatMap((p) => p.kept);
  for (const vnf of staying) refuseOtherUse(d, made, vnf);
  const coming = planVnfs(
    { ...made, ns: d.ns },
    byProfile.flatMap((p) => p.lacking),
    ground,
  );
  const going = there.filter((v) => !staying.includes(v));
  refuseSameNames(d, coming);
  return {
    shapes: new Map(staying.map((vnf) => [vnf.id, shapeIn(made, vnf)])),
    sizes: new Map([
      ...staying.map((vnf) => [vnf.id, sizeOf(vnf)] as const),
      ...coming.map(({ id, vnfcs, scale = {} }) => [id, { vnfcs, scale }] as const),
      ...going.map(({ id, scale = {} }) => [id, { vnfcs: [], scale }] as const),
    ]),
    coming,
    going,
  };
}

/** Of one that is no sole VNF. */
function shapeIn(made: NsdFlavour, { product, vnfdId, profile }: VnfInstance): VnfShape {
  const { vnfFlavour } = vnfsIn(made.nsd, made.vnfd).find((v) => v.profile === profile)!;
  const first = product.flavours?.[0] ?? product.flavourId;
  return { product: flavouredAs(product, vnfFlavour ?? first), vnfdId, links: null };
}

/** Who serves other users, or is of another VNFD, is another VNF. */
function refuseOtherUse(d: Deployment, made: NsdFlavour, { profile, vnfdId, name }: VnfInstance): void {
  const use = vnfsIn(made.nsd, made.vnfd).find((v) => v.profile === profile)!;
  const because = "that cannot be changed while it serves; terminate the NS, and instantiate it so";
  if (use.vnfd !== vnfdId)
    throw notHere(`VNF profile ${profile} is of VNFD ${use.vnfd} there, and VNF ${name} of ${vnfdId}: ${because}`);
  const [now, then] = [d.asWritten ?? d, made].map((of) => trafficOf(of, profile).join(", "));
  if (now !== then)
    throw notHere(`VNF profile ${profile} serves ${now || "no net"} now, and ${then || "none"} there: ${because}`);
}

/** The nets of users that VNFs of a profile serve. */
function trafficOf({ nsd, vnfd }: NsdFlavour, profile: string): string[] {
  const names = new Set(vnfsIn(nsd, vnfd).flatMap((v) => (v.profile === profile ? v.vnfcs : [])));
  return nsd.members.flatMap((m) => (names.has(m.vnfc) ? m.trafficNets : [])).toSorted();
}

/** VNFCs are told apart by their names. */
function refuseSameNames(d: Deployment, coming: readonly VnfInstance[]): void {
  const taken = coming.flatMap((v) => v.vnfcs.filter((name) => d.vnfcs.some((c) => c.name === name)));
  if (taken.length > 0)
    throw notHere(
      `VNFCs ${taken.join(", ")} are there in both flavours, and of different VNFs; they need names of their own in one of them`,
    );
}
