import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance, VnfPart, VnfShape } from "../model/occurrence.ts";
import type { Deployment } from "./plan.ts";
import { remakingIn, wantedNames } from "./size.ts";

// What a VNF is made of, and becomes. Pure.

/** What it is made of now. */
export const shapeOf = ({ product, vnfdId, externalLinks, managedLinks }: VnfInstance): VnfShape => ({
  product,
  vnfdId,
  links: externalLinks === undefined ? null : { externalLinks, ...(managedLinks && { managedLinks }) },
});

export const isOf = ({ product, vnfdId }: VnfInstance, shape: VnfShape): boolean =>
  vnfdId === shape.vnfdId && product.packageId === shape.product.packageId && product.flavourId === shape.product.flavourId;

export const isOtherShape = ({ from, to }: NonNullable<VnfPart["reshaped"]>): boolean =>
  from.vnfdId !== to.vnfdId || from.product.packageId !== to.product.packageId || from.product.flavourId !== to.product.flavourId;

/** `remaking`: names of its VNFCs whose machines are not what they are to be then. */
export function reshapedTo(vnf: VnfInstance, { product, vnfdId, links }: VnfShape, remaking: readonly string[]): VnfInstance {
  const { remaking: _, ...rest } = vnf;
  return { ...rest, product, vnfdId, ...links, ...(remaking.length > 0 && { remaking }) };
}

/** Its VNFCs as their VDUs have them now; those that go, and the machines that are to be made anew, stay what they are. */
export function describedBy(d: Deployment): Vnfc[] {
  const wanted = wantedNames(d);
  const remaking = remakingIn(d);
  const idOf = new Map(d.vnfcs.map((v) => [v.name, v.id]));
  return d.vnfcs.map((vnfc) => {
    const vdu = d.vnfd.vdus.find((v) => v.vnfcs.some((c) => c.id === vnfc.name));
    if (!wanted.has(vnfc.name) || !vdu) return vnfc;
    const twin = vdu.vnfcs.find((c) => c.id === vnfc.name)!.replicated;
    const replicated = twin === null ? null : (idOf.get(twin) ?? null);
    if (remaking.has(vnfc.name)) return { ...vnfc, replicated };
    const { id, highAvailability, serviceInterface } = vdu;
    return { ...vnfc, vdu: id, highAvailability, serviceInterface, replicated };
  });
}
