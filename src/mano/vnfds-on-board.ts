import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Vnfd } from "../model/descriptor.ts";
import { type DescriptorRecord, readDescriptorsCalled, readDescriptorsOf } from "../store/mano-catalogue.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { notHere } from "./asked-links.ts";

/**
 * The VNFD that somebody names to make a VNF of it: by our record of it, or by its id in its file; then the newest that he may use. Throws NOT_SUPPORTED where
 * there is none, or its package is disabled.
 */
export async function vnfdAsked(
  db: ManoStore,
  vnfdId: string,
  mayUse: (id: string) => boolean,
): Promise<DescriptorRecord & { readonly body: Vnfd }> {
  const [byId] = await readDescriptorsOf(db, [vnfdId]);
  const all = byId?.kind === "vnfd" ? [byId] : await readDescriptorsCalled(db, "vnfd", [vnfdId]);
  const record = all.findLast((r) => mayUse(r.id));
  if (!record) throw notHere(`vnfdId: there is no VNFD ${vnfdId} on board; GET /vnfpkgm/v2/vnf_packages lists the packages`);
  if ((await readPackage(db, record.id))?.operational === "DISABLED")
    throw notHere(`vnfdId: VNF package ${record.id} is DISABLED; enable it first`);
  return { ...record, body: record.body as Vnfd };
}

/** Throws NOT_SUPPORTED for a VNFD that says nothing of what is outside. */
export function blueprintOf({ id, blueprint }: Vnfd): VnfBlueprint {
  if (blueprint) return blueprint;
  const why = "is of the plain form, which has no external connection points, or was made for one NSD";
  throw notHere(`VNFD ${id} ${why}; make an NS of it, or on-board a VNFD of SOL006, SOL001 or OpenMANO`);
}
