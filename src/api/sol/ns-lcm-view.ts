import { canBeTakenBack, type ExternalLink, type Occurrence, type VnfOperation } from "../../model/occurrence.ts";
import type { NsInstanceView, VnfView } from "../../model/vnf-view.ts";
import type { ListRules } from "./selector.ts";
import { extLinks, isUpgraded, modifiedOf, movedLinks, plainOf, runningOf, stateOf, upgradeOf } from "./vnf-lcm-view.ts";

// Network services and their life cycle operation occurrences as SOL005 shows them.

// What SOL005 names and no service of ours has may be asked for too.
export const NS_LIST: ListRules = {
  always: ["id", "nsInstanceName", "nsInstanceDescription", "nsdId", "nsdInfoId", "flavourId", "priority", "nsState", "_links"],
  complex: [
    "vnfInstance",
    "pnfInfo",
    "virtualLinkInfo",
    "vnffgInfo",
    "sapInfo",
    "nestedNsInstanceId",
    "vnfSnapshotInfoIds",
    "nsScaleStatus",
    "additionalAffinityOrAntiAffinityRule",
    "monitoringParameter",
    "wanConnectionInfo",
  ],
  byDefaultLeftOut: [
    "vnfInstance",
    "virtualLinkInfo",
    "nsScaleStatus",
    "additionalAffinityOrAntiAffinityRule",
    "monitoringParameter",
  ],
};

export const NS_OCCURRENCE_LIST: ListRules = {
  always: [
    "id",
    "operationState",
    "stateEnteredTime",
    "nsInstanceId",
    "lcmOperationType",
    "startTime",
    "isAutomaticInvocation",
    "isCancelPending",
    "cancelMode",
    "_links",
  ],
  complex: [
    "operationParams",
    "error",
    "resourceChanges",
    "lcmCoordinations",
    "rejectedLcmCoordinations",
    "warnings",
    "parameters",
    "switchOver",
  ],
  byDefaultLeftOut: ["operationParams", "error", "resourceChanges"],
};

export const nsAt = (id: string): string => `/nslcm/v2/ns_instances/${id}`;
export const nsOccurrenceAt = (id: string): string => `/nslcm/v2/ns_lcm_op_occs/${id}`;

/** SOL005 6.5.2.8 NsInstance. What lists leave out by default is made when it is read. */
export function nsInstance(ns: NsInstanceView) {
  const to = (task: string) => ({ href: `${nsAt(ns.id)}/${task}` });
  const shown = {
    id: ns.id,
    nsInstanceName: ns.name,
    nsInstanceDescription: ns.description,
    nsdId: ns.nsdId,
    nsdInfoId: ns.nsdInfoId,
    ...(ns.isInstantiated && { flavourId: ns.flavourId }),
    ...(ns.scaleStatus.length > 0 && {
      nsScaleStatus: ns.scaleStatus.map((s) => ({ nsScalingAspectId: s.aspect, nsScaleLevelId: s.level })),
    }),
    ...(ns.snapshotIds && ns.snapshotIds.length > 0 && { vnfSnapshotInfoIds: ns.snapshotIds }),
    nsState: ns.isInstantiated ? "INSTANTIATED" : "NOT_INSTANTIATED",
    _links: {
      self: { href: nsAt(ns.id) },
      ...(ns.isInstantiated
        ? { terminate: to("terminate"), heal: to("heal"), scale: to("scale"), update: to("update") }
        : { instantiate: to("instantiate") }),
    },
  };
  if (!ns.isInstantiated) return shown;
  return Object.defineProperties(shown, {
    vnfInstance: { enumerable: true, get: () => ns.vnfs.map(vnfOfNs) },
    virtualLinkInfo: { enumerable: true, get: () => ns.links.map(virtualLinkOfNs) },
  });
}

const virtualLinkOfNs = ({ net, vimAccountId }: NsInstanceView["links"][number]) => ({
  id: `${vimAccountId}/${net}`,
  nsVirtualLinkDescId: net,
  nsVirtualLinkProfileId: net,
  resourceHandle: [{ vimId: vimAccountId, resourceId: net, vimLevelResourceType: "network" }],
});

/** SOL005 6.5.3.57 VnfInstance. */
export const vnfOfNs = (vnf: VnfView) => ({
  ...plainOf(vnf),
  vnfPkgId: vnf.product.packageId,
  ...(vnf.vims[0] && { vimId: vnf.vims[0].id }),
  instantiationState: stateOf(vnf),
  instantiatedVnfInfo: {
    ...runningOf(vnf, "SOL005"),
    extVirtualLinkInfo: extLinks(vnf, "SOL005").map(({ cps, ...link }) => ({ ...link, currentVnfExtCpData: cps[0] })),
  },
  metadata: vnf.metadata,
});

const plainLink = ({ id, resourceId }: ExternalLink) => ({ id, resourceHandle: { resourceId } });

/** Null: nothing of the VNF is changed. Of a VNF that is reverted machines are made anew, as by a heal; SOL005 has no word of its own for it. */
const CHANGES: Readonly<Record<VnfOperation, string | null>> = {
  INSTANTIATE: "INSTANTIATE",
  SCALE: "SCALE",
  SCALE_TO_LEVEL: "SCALE",
  TERMINATE: "TERMINATE",
  HEAL: "HEAL",
  OPERATE: "OPERATE",
  CHANGE_FLAVOUR: "CHANGE_FLAVOUR",
  CHANGE_VNFPKG: "CHANGE_VNFPKG",
  CHANGE_EXT_CONN: "CHANGE_EXTERNAL_VNF_CONNECTIVITY",
  MODIFY_INFO: "MODIFY_INFORMATION",
  CREATE_SNAPSHOT: null,
  REVERT_TO_SNAPSHOT: "HEAL",
  ADD: "ADD",
};

/** What came of the changes; ETSI has no word for one that goes on, so nothing is told of it before. */
const CHANGE_RESULTS: Partial<Record<Occurrence["state"], string>> = {
  COMPLETED: "COMPLETED",
  PARTIALLY_COMPLETED: "COMPLETED",
  FAILED_TEMP: "FAILED",
  FAILED: "FAILED",
  ROLLED_BACK: "ROLLED_BACK",
};

/** SOL005 6.5.2.3 NsLcmOpOcc. `operationParams` is by its definition no more than the name of the operation: what was asked stands in `parameters`. */
export function nsOccurrence(o: Occurrence) {
  const to = (task: string) => ({ href: `${nsOccurrenceAt(o.id)}/${task}` });
  const changeResult = CHANGE_RESULTS[o.state];
  return {
    id: o.id,
    operationState: o.state === "STARTING" ? "PROCESSING" : o.state,
    stateEnteredTime: o.stateEnteredAt,
    nsInstanceId: o.nsId as string,
    lcmOperationType: o.operation,
    startTime: o.startedAt,
    isAutomaticInvocation: o.isAutomatic,
    operationParams: o.operation,
    parameters: o.params,
    isCancelPending: o.cancelMode !== null,
    ...(o.cancelMode !== null && { cancelMode: o.cancelMode }),
    ...(o.error !== null && { error: o.error }),
    ...(changeResult && {
      resourceChanges: {
        affectedVnfs: o.vnfs
          .filter((p) => CHANGES[p.operation] !== null)
          .map((p) => ({
            vnfInstanceId: p.vnfId,
            vnfdId: p.vnfdId,
            vnfProfileId: p.profile,
            vnfName: p.vnfName,
            changeType: CHANGES[p.operation],
            changeResult,
            changedExtConnectivity: p.connections ? p.connections.changed.map(plainLink) : movedLinks(o),
            ...(p.operation === "MODIFY_INFO" && {
              changedInfo: { changedVnfInfo: { vnfInstanceId: p.vnfId, ...modifiedOf(o, p) } },
            }),
            ...(isUpgraded(o, p) && { changedInfo: { modificationsTriggeredByVnfPkgChange: upgradeOf(p) } }),
          })),
      },
    }),
    ...(o.switchOver && { switchOver: o.switchOver }),
    warnings: o.warnings,
    _links: {
      self: { href: nsOccurrenceAt(o.id) },
      nsInstance: { href: nsAt(o.nsId) },
      ...(o.state === "PROCESSING" && !o.isAutomatic && o.operation !== "TERMINATE" && { cancel: to("cancel") }),
      ...(o.state === "FAILED_TEMP" && { retry: to("retry"), fail: to("fail") }),
      ...(o.state === "FAILED_TEMP" && canBeTakenBack(o) && { rollback: to("rollback") }),
    },
  };
}
