import type { Vnfd } from "../model/descriptor.ts";
import { type DescriptorRecord, readDescriptorsCalled, readDescriptorsOf } from "../store/mano-catalogue.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";
import { productOf, type VnfGround, vnfsIn } from "./vnf-plan.ts";

/**
 * What a further VNF of an NS is: the same as those of its profile, which may be of another package by now; else what its NSD was on-boarded with; else of several
 * versions of its VNFD the last that its owner may use: other tenants may have later ones.
 */
export async function productsOf(
  db: ManoStore,
  owners: Pick<Owners, "of" | "usableBy">,
  d: Pick<Deployment, "ns" | "nsd" | "vnfd" | "asWritten" | "vnfs">,
): Promise<VnfGround["found"]> {
  const { nsd, vnfd } = d.asWritten ?? d;
  const refs = [...new Set(vnfsIn(nsd, vnfd).map((v) => v.vnfd))];
  const isUsable = owners.usableBy(owners.of(d.ns.nsdId));
  const called = (await readDescriptorsCalled(db, "vnfd", refs)).filter((r) => isUsable(r.id));
  const used = await readDescriptorsOf(db, (await readPackage(db, d.ns.nsdId))?.uses ?? []);
  const productIn = ({ id, body }: DescriptorRecord) => [body.id, productOf(body as Vnfd, id)] as const;
  const products = new Map([...called, ...used].map(productIn));
  return (id, profile) => d.vnfs.find((v) => v.profile === profile && v.vnfdId === id)?.product ?? products.get(id);
}
