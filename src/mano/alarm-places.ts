import type { VnfcId } from "../model/ids.ts";
import type { AlarmPlace } from "../model/mano-event.ts";
import type { Guard } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Deployment } from "./plan.ts";

/** Whose an alarm about this object is: a VNFC's, a protection group's. Null: it is about a VIM, a host, a switch or a store. */
export function placeOf(
  objectId: string,
  lifecycle: Pick<Lifecycle, "vnfcOf" | "of">,
  groups: { guardOf(id: string): Guard | undefined },
): AlarmPlace | null {
  const ofVnfc = lifecycle.vnfcOf(objectId as VnfcId);
  if (ofVnfc) return placeIn(ofVnfc.deployment, [ofVnfc.vnfc.id]);
  const guard = groups.guardOf(objectId);
  const deployment = guard && lifecycle.of(guard.group.nsId);
  return deployment
    ? placeIn(
        deployment,
        guard.group.members.map((m) => m.vnfcId),
      )
    : null;
}

function placeIn({ ns, nsd, vnfd, vnfs, vnfcs }: Deployment, vnfcIds: readonly VnfcId[]): AlarmPlace {
  const names = vnfcs.filter((v) => vnfcIds.includes(v.id)).map((v) => v.name);
  // A group lies within one VNF; one over several is their network service's.
  const vnf = vnfs.find((v) => names.length > 0 && names.every((name) => v.vnfcs.includes(name)));
  const vnfdIds = vnfs.length > 0 ? [...new Set(vnfs.map((v) => v.vnfdId))] : [vnfd.id];
  return {
    nsId: ns.id,
    nsName: ns.name,
    nsdIds: ns.soleVnf === undefined ? [ns.nsdId, nsd.id] : [],
    vnfdIds,
    vnf: vnf ? { id: vnf.id, name: vnf.name, vnfdId: vnf.vnfdId } : null,
    vnfcIds,
    ...(ns.soleVnf !== undefined && { isOfSoleVnf: true }),
  };
}
