import type { Occurrence } from "../model/occurrence.ts";
import type { Deployment } from "./plan.ts";

/** Ids of records of descriptors that are in use. */
export interface UsesOfDescriptors {
  /** NSDs of which there are NSs. */
  readonly nsds: ReadonlySet<string>;
  /** VNFDs that VNFs are of, and those that operations may lead them to or back to. */
  readonly vnfds: ReadonlySet<string>;
  /** NSDs of NSs that have no VNFs yet, and are to be made of the VNFDs of these. */
  readonly nsdsToBe: ReadonlySet<string>;
}

/** A VNF that was changed to another package is of that, whatever its NSD says. Pure. */
export function usesOf(
  all: readonly Deployment[],
  runningOf: (ns: Deployment["ns"]["id"]) => Occurrence | undefined,
): UsesOfDescriptors {
  const shapesOf = ({ ns }: Deployment) =>
    (runningOf(ns.id)?.vnfs ?? []).flatMap((p) => (p.reshaped ? [p.reshaped.from, p.reshaped.to] : []));
  const made = all.flatMap((d) => [...d.vnfs, ...shapesOf(d)].map((of) => of.product.packageId));
  return {
    nsds: new Set(all.map((d) => d.ns.nsdId)),
    vnfds: new Set(made),
    nsdsToBe: new Set(all.filter((d) => d.vnfs.length === 0).map((d) => d.ns.nsdId)),
  };
}
