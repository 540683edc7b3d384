import { flavourIds, inFlavour, UNNAMED } from "../descriptor/flavours.ts";
import { Fault } from "../lib/fault.ts";
import type { PackageChange, VnfBlueprint } from "../model/blueprint.ts";
import type { Vnfd } from "../model/descriptor.ts";
import type { VnfInstance, VnfProduct } from "../model/occurrence.ts";
import { readDescriptorsOf } from "../store/mano-catalogue.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { notHere } from "./asked-links.ts";
import { productOf } from "./vnf-plan.ts";
import { blueprintOf, vnfdAsked } from "./vnfds-on-board.ts";

/**
 * What a VNF becomes that is changed to another package (SOL003 5.4.11a, IFA 011 7.1.15): a VNFD on board of the same product, or one to which the change was
 * foreseen. Throws CONFLICT where the VNF is of it already, NOT_SUPPORTED with what stands in the way.
 */
export async function packageFor(
  db: ManoStore,
  vnf: VnfInstance,
  vnfdId: string,
  mayUse: (id: string) => boolean,
): Promise<{ readonly vnfd: VnfBlueprint; readonly product: VnfProduct }> {
  const record = await vnfdAsked(db, vnfdId, mayUse);
  const { id, version } = record.body;
  if (record.id === vnf.product.packageId)
    throw new Fault("CONFLICT", `VNF ${vnf.name} is of VNFD ${id} version ${version} (package ${record.id}) already`, {
      id: vnf.id,
    });
  const vnfd = blueprintOf(record.body);
  const product = productOf(record.body, record.id);
  const [now] = await readDescriptorsOf(db, [vnf.product.packageId]);
  const foreseen = foreseenIn([(now?.body as Vnfd | undefined)?.blueprint, vnfd], vnf, vnfd);
  if (!foreseen) refuseOtherProduct(vnf, vnfd, product);
  const flavourId = foreseen ? foreseen.toFlavour : flavourFor(vnf, vnfd);
  if (foreseen && !inFlavour(vnfd, flavourId))
    throw notHere(
      `vnfdId: VNFD ${id} is to be in deployment flavour ${flavourId} after the change, by its own words, and has ${flavourIds(vnfd).join(", ")}`,
    );
  return { vnfd, product: { ...product, ...(flavourId !== undefined && { flavourId }) } };
}

/**
 * The change as the author of one of the two VNFDs has foreseen it (SOL001 6.10.15); null: neither says anything of changes to this one. Throws NOT_SUPPORTED
 * where they do, and this is none of them.
 */
function foreseenIn(vnfds: readonly (VnfBlueprint | undefined)[], vnf: VnfInstance, { id }: VnfBlueprint): PackageChange | null {
  const all = vnfds.flatMap((of) => of?.packageChanges ?? []).filter((c) => c.to === id);
  if (all.length === 0) return null;
  const flavour = vnf.product.flavourId ?? UNNAMED;
  const found = all.find((c) => c.from === vnf.vnfdId && c.fromFlavour === flavour);
  if (found) return found;
  const there = [...new Set(all.map((c) => `${c.from} (${c.fromFlavour})`))].join(", ");
  throw notHere(
    `vnfdId: VNFD ${id} may be changed to from ${there}, by its VnfPackageChange, and VNF ${vnf.name} is of ${vnf.vnfdId} (${flavour}); change it to one of these first`,
  );
}

/** IFA 011 7.1.2: a product keeps its name, whatever its versions; under another one it is something else. */
function refuseOtherProduct(vnf: VnfInstance, { id }: VnfBlueprint, to: VnfProduct): void {
  const { provider, name } = vnf.product;
  if (to.provider === provider && to.name === name) return;
  throw notHere(
    `vnfdId: VNFD ${id} is product ${to.name} of provider ${to.provider}, and VNF ${vnf.name} is product ${name} of provider ${provider}; a VNF becomes another version of what it is, so make a VNF of that VNFD, and terminate this one`,
  );
}

/** The flavour of the name that the VNF's has, or the only one; undefined: its form has no flavours. */
function flavourFor(vnf: VnfInstance, vnfd: VnfBlueprint): string | undefined {
  const now = vnf.product.flavourId ?? UNNAMED;
  const there = flavourIds(vnfd);
  if (there.length === 1) return vnfd.flavour?.id;
  if (inFlavour(vnfd, now)) return now;
  throw notHere(
    `vnfdId: VNFD ${vnfd.id} has the deployment flavours ${there.join(", ")}, and VNF ${vnf.name} is in ${now}; change its flavour to one of these first`,
  );
}
