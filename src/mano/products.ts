import type { Vnfd } from "../model/descriptor.ts";
import type { VnfProduct } from "../model/occurrence.ts";
import { readDescriptorsCalled } from "../store/mano-catalogue.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";
import { productOf, vnfsIn } from "./vnf-plan.ts";

/** What VNFDs of the NSD of an NS say of their VNFs; of several versions of one the last that its owner may use: other tenants may have later ones. */
export async function productsOf(
  db: ManoStore,
  owners: Pick<Owners, "of" | "usableBy">,
  d: Pick<Deployment, "ns" | "nsd" | "vnfd" | "asWritten">,
): Promise<(vnfdId: string) => VnfProduct | undefined> {
  const { nsd, vnfd } = d.asWritten ?? d;
  const refs = [...new Set(vnfsIn(nsd, vnfd).map((v) => v.vnfd))];
  const isUsable = owners.usableBy(owners.of(d.ns.nsdId));
  const vnfds = (await readDescriptorsCalled(db, "vnfd", refs)).filter((r) => isUsable(r.id));
  const products = new Map(vnfds.map((r) => [r.body.id, productOf(r.body as Vnfd, r.id)]));
  return (id) => products.get(id);
}
