import {
  canBeTakenBack,
  type ExternalLink,
  type ManagedLink,
  type Occurrence,
  type VnfPart,
  type VnfShape,
} from "../../model/occurrence.ts";
import { externalIdOf, type VnfcCpView, type VnfcView, type VnfView, vipIdOf } from "../../model/vnf-view.ts";
import type { ListRules } from "./selector.ts";

// VNFs and their life cycle operation occurrences as SOL003 and SOL002 show them. What the definitions require by an error of theirs
// (`addresses` beside `ipAddresses`, `changedInfo` of an operation that changes none) is sent too, so that clients made from them work.

export const VNF_LIST: ListRules = {
  always: [
    "id",
    "vnfInstanceName",
    "vnfInstanceDescription",
    "vnfdId",
    "vnfProvider",
    "vnfProductName",
    "vnfSoftwareVersion",
    "vnfdVersion",
    "instantiationState",
    "_links",
  ],
  complex: ["vnfConfigurableProperties", "vimConnectionInfo", "instantiatedVnfInfo", "metadata", "extensions"],
  byDefaultLeftOut: ["vnfConfigurableProperties", "vimConnectionInfo", "instantiatedVnfInfo", "metadata", "extensions"],
};

export const VNF_OCCURRENCE_LIST: ListRules = {
  always: [
    "id",
    "operationState",
    "stateEnteredTime",
    "startTime",
    "vnfInstanceId",
    "grantId",
    "operation",
    "isAutomaticInvocation",
    "isCancelPending",
    "cancelMode",
    ...["changedInfo", "modificationsTriggeredByVnfPkgChange"], // By an error of the definition one of the two must be there.
    "vnfSnapshotInfoId",
    "_links",
  ],
  complex: [
    "operationParams",
    "error",
    "resourceChanges",
    "changedExtConnectivity",
    "affectedVipCps",
    "lcmCoordinations",
    "rejectedLcmCoordinations",
    "warnings",
    "switchOver",
  ],
  byDefaultLeftOut: ["operationParams", "error", "resourceChanges", "changedExtConnectivity"],
};

export const vnfAt = (id: string): string => `/vnflcm/v2/vnf_instances/${id}`;
export const vnfOccurrenceAt = (id: string): string => `/vnflcm/v2/vnf_lcm_op_occs/${id}`;

/** SOL003 5.5.2.2 VnfInstance. */
export function vnfInstance(vnf: VnfView) {
  const to = (task: string) => ({ href: `${vnfAt(vnf.id)}/${task}` });
  return {
    ...plainOf(vnf),
    vimConnectionInfo: Object.fromEntries(
      vnf.vims.map((v) => [
        v.id,
        { vimId: v.id, vimType: "OPENVIM", interfaceInfo: { endpoint: v.url }, extra: { name: v.name } },
      ]),
    ),
    instantiationState: stateOf(vnf),
    ...(vnf.isInstantiated && { instantiatedVnfInfo: instantiated(vnf) }),
    metadata: vnf.metadata,
    _links: {
      self: { href: vnfAt(vnf.id) },
      ...(vnf.isInstantiated && { heal: to("heal"), operate: to("operate"), changeExtConn: to("change_ext_conn") }),
      ...(vnf.isInstantiated && { createSnapshot: to("create_snapshot"), revertToSnapshot: to("revert_to_snapshot") }),
      ...(vnf.isSole && (vnf.isInstantiated ? { terminate: to("terminate") } : { instantiate: to("instantiate") })),
      ...(vnf.isInstantiated && { changeCurrentVnfPkg: to("change_vnfpkg") }),
      ...(vnf.isInstantiated && vnf.flavours.length > 1 && { changeFlavour: to("change_flavour") }),
      ...(vnf.isInstantiated && vnf.aspects.length > 0 && { scale: to("scale"), scaleToLevel: to("scale_to_level") }),
    },
  };
}

/** What SOL003 and SOL005 say of a VNF in the same words. */
export const plainOf = (vnf: VnfView) => ({
  id: vnf.id,
  vnfInstanceName: vnf.name,
  vnfInstanceDescription: vnf.description,
  vnfdId: vnf.vnfdId,
  vnfProvider: vnf.product.provider,
  vnfProductName: vnf.product.name,
  vnfSoftwareVersion: vnf.product.softwareVersion,
  vnfdVersion: vnf.product.vnfdVersion,
});

export const stateOf = ({ isInstantiated }: VnfView) => (isInstantiated ? "INSTANTIATED" : "NOT_INSTANTIATED");

const instantiated = (vnf: VnfView) => ({
  ...runningOf(vnf, "SOL003"),
  extVirtualLinkInfo: vnf.externalLinks
    ? vnf.externalLinks.map(externalLink)
    : extLinks(vnf, "SOL003").map(({ cps, ...link }) => ({ ...link, currentVnfExtCpData: cps })),
  ...(vnf.managedLinks && vnf.managedLinks.length > 0 && { extManagedVirtualLinkInfo: vnf.managedLinks.map(managedLink) }),
  ...(vnf.localizationLanguage !== undefined && { localizationLanguage: vnf.localizationLanguage }),
});

const network = (vimConnectionId: string, resourceId: string) => ({
  vimConnectionId,
  resourceId,
  vimLevelResourceType: "network",
});

/** SOL003 5.5.3.2 ExtVirtualLinkInfo, of one that was asked for. */
const externalLink = ({ id, vimAccountId, resourceId, cps }: ExternalLink) => ({
  id,
  resourceHandle: network(vimAccountId, resourceId),
  currentVnfExtCpData: cps,
});

const managedLink = ({ id, vnfVirtualLinkDescId, vimAccountId, resourceId }: ManagedLink) => ({
  id,
  vnfVirtualLinkDescId,
  networkResource: network(vimAccountId, resourceId),
});

/** Whose definitions: the same structures differ in them. */
type Spec = "SOL003" | "SOL005";

/** What SOL003 and SOL005 say of a VNF that runs in nearly the same words. */
export function runningOf(vnf: VnfView, spec: Spec) {
  const vips = vipCps(vnf, spec);
  return {
    flavourId: vnf.product.flavourId ?? "default",
    vnfState: vnf.isStopped ? "STOPPED" : "STARTED",
    ...(vnf.aspects.length > 0 && {
      scaleStatus: vnf.aspects.map(({ id, level }) => ({ aspectId: id, vnfdId: vnf.vnfdId, scaleLevel: level })),
      maxScaleLevels: vnf.aspects.map(({ id, max }) => ({ aspectId: id, vnfdId: vnf.vnfdId, scaleLevel: max })),
    }),
    extCpInfo: extCps(vnf, spec),
    ...(vips.length > 0 && { vipCpInfo: vips }),
    vnfcResourceInfo: vnf.vnfcViews.map((v) => vnfcResource(v, spec)),
  };
}

/** One for each connection point of each VNFC, and for each address that twins share. */
const extCps = (vnf: VnfView, spec: Spec) => [
  ...plainCps(vnf).map((cp) => ({ ...cpInfo(cp, externalIdOf(cp.id), spec), associatedVnfcCpId: cp.id })),
  ...sharedCps(vnf).map(([id, cps]) => ({
    ...cpInfo(cps[0]!, externalIdOf(id), spec),
    associatedVipCpId: id,
    // SOL005 wants one of them beside it.
    ...(spec === "SOL005" && { associatedVnfcCpId: cps[0]!.id }),
  })),
];

const vipCps = (vnf: VnfView, spec: Spec) =>
  sharedCps(vnf).map(([id, cps]) => ({
    cpInstanceId: id,
    cpdId: cps[0]!.cpd,
    vnfExtCpId: externalIdOf(id),
    ...protocolsOf(cps[0]!, spec),
    associatedVnfcCpIds: cps.map((c) => c.id),
  }));

/** The nets that it is on, with its connection points there. */
export function extLinks(vnf: VnfView, spec: Spec) {
  const all = vnf.vnfcViews.flatMap((v) => v.cps.map((cp) => ({ cp, vim: v.vimAccountId })));
  return [...Map.groupBy(all, ({ cp, vim }) => `${vim}/${cp.net}`)].map(([id, on]) => ({
    id,
    resourceHandle: { [vimKey(spec)]: on[0]!.vim, resourceId: on[0]!.cp.net, vimLevelResourceType: "network" },
    cps: [...new Set(on.map(({ cp }) => cp.cpd))].map((cpdId) => ({ cpdId })),
  }));
}

const vimKey = (spec: Spec) => (spec === "SOL003" ? "vimConnectionId" : "vimId");

const plainCps = (vnf: VnfView): VnfcCpView[] => vnf.vnfcViews.flatMap((v) => v.cps.filter((c) => !c.isService));

/** Connection points of a service, by the id of what they are together. */
const sharedCps = (vnf: VnfView): [string, VnfcCpView[]][] => {
  const all = vnf.vnfcViews.flatMap((v) => v.cps.filter((c) => c.isService).map((cp) => ({ cp, id: vipIdOf(v.vdu, cp.cpd) })));
  return [...Map.groupBy(all, (c) => c.id)].map(([id, on]) => [id, on.map(({ cp }) => cp)]);
};

const cpInfo = (cp: VnfcCpView, id: string, spec: Spec) => ({ id, cpdId: cp.cpd, cpConfigId: id, ...protocolsOf(cp, spec) });

/** SOL003 wants them where nothing is known too, SOL005 nowhere. */
function protocolsOf({ ip }: VnfcCpView, spec: Spec) {
  const layerProtocol = "IP_OVER_ETHERNET";
  if (ip === null) return spec === "SOL003" ? { cpProtocolInfo: [{ layerProtocol }] } : {};
  const ipOverEthernet = {
    ipAddresses: [{ type: ip.includes(":") ? "IPV6" : "IPV4", addresses: [ip], isDynamic: false }],
    ...(spec === "SOL003" && { addresses: [ip] }),
  };
  return { cpProtocolInfo: [{ layerProtocol, ipOverEthernet }] };
}

const vnfcResource = (v: VnfcView, spec: Spec) => ({
  id: v.id,
  vduId: v.vdu,
  computeResource: { [vimKey(spec)]: v.vimAccountId, resourceId: v.serverId, vimLevelResourceType: "server" },
  vnfcCpInfo: v.cps.map((cp) => ({
    id: cp.id,
    cpdId: cp.cpd,
    ...(!cp.isService && { vnfExtCpId: externalIdOf(cp.id) }),
    ...protocolsOf(cp, spec),
  })),
  metadata: { name: v.name, serverName: v.serverName },
});

/** SOL003 5.5.2.13 VnfLcmOpOcc: an operation as one of its VNFs sees it. */
export function vnfOccurrence(o: Occurrence, part: VnfPart) {
  const to = (task: string) => ({ href: `${vnfOccurrenceAt(part.id)}/${task}` });
  return {
    id: part.id,
    operationState: o.state === "PARTIALLY_COMPLETED" ? "COMPLETED" : o.state,
    stateEnteredTime: o.stateEnteredAt,
    startTime: o.startedAt,
    vnfInstanceId: part.vnfId,
    operation: part.operation,
    isAutomaticInvocation: o.isAutomatic,
    operationParams: o.params,
    isCancelPending: o.cancelMode !== null,
    ...(o.cancelMode !== null && { cancelMode: o.cancelMode }),
    ...(o.error !== null && { error: o.error }),
    // A snapshot changes nothing of what it is taken of.
    resourceChanges: { affectedVnfcs: part.operation === "CREATE_SNAPSHOT" ? [] : part.vnfcs.map(affectedVnfc) },
    ...(part.snapshotId !== undefined && { vnfSnapshotInfoId: part.snapshotId }),
    ...(part.connections && { changedExtConnectivity: part.connections.changed.map(externalLink) }),
    ...(!isUpgraded(o, part) && { changedInfo: part.operation === "MODIFY_INFO" ? modifiedOf(o, part) : {} }),
    ...(isUpgraded(o, part) && { modificationsTriggeredByVnfPkgChange: upgradeOf(part) }),
    ...(o.switchOver && {
      changedExtConnectivity: movedLinks(o).map((l) => ({
        ...l,
        currentVnfExtCpData: servicesOf(part).map(({ cpdId }) => ({ cpdId })),
      })),
      affectedVipCps: servicesOf(part).map((s) => ({ ...s, changeType: "MODIFIED" })),
      switchOver: o.switchOver,
    }),
    warnings: o.warnings,
    _links: {
      self: { href: vnfOccurrenceAt(part.id) },
      vnfInstance: { href: vnfAt(part.vnfId) },
      ...(o.state === "PROCESSING" && !o.isAutomatic && o.operation !== "TERMINATE" && { cancel: to("cancel") }),
      ...(o.state === "FAILED_TEMP" && { retry: to("retry"), fail: to("fail") }),
      ...(o.state === "FAILED_TEMP" && canBeTakenBack(o) && { rollback: to("rollback") }),
    },
  };
}

/** SOL003 5.5.2.12a VnfInfoModifications: as it was asked for, of this VNF or of several of an NS. */
export function modifiedOf({ params }: Occurrence, { vnfId }: VnfPart): Readonly<Record<string, unknown>> {
  const all = (Array.isArray(params.modifyVnfInfoData) ? params.modifyVnfInfoData : []) as (Occurrence["params"] | null)[];
  const asked = all.find((v) => v?.vnfInstanceId === vnfId) ?? params;
  const names = ["vnfInstanceName", "vnfInstanceDescription", "metadata"];
  return Object.fromEntries(names.flatMap((name) => (name in asked ? [[name, asked[name]]] : [])));
}

/** It is of the other package now. */
export const isUpgraded = ({ state }: Occurrence, { operation }: VnfPart): boolean =>
  operation === "CHANGE_VNFPKG" && state === "COMPLETED";

/** SOL003 5.5.2.12b, SOL005 6.5.3.79 ModificationsTriggeredByVnfPkgChange: what is other than before. */
export function upgradeOf({ reshaped }: VnfPart): Readonly<Record<string, string>> {
  const of = ({ vnfdId, product }: VnfShape) => ({
    vnfdId,
    vnfProvider: product.provider,
    vnfProductName: product.name,
    vnfSoftwareVersion: product.softwareVersion,
    vnfdVersion: product.vnfdVersion,
  });
  if (reshaped === undefined) return {};
  const before: Readonly<Record<string, string>> = of(reshaped.from);
  return Object.fromEntries(Object.entries(of(reshaped.to)).filter(([name, value]) => value !== before[name]));
}

const affectedVnfc = (v: VnfPart["vnfcs"][number]) => ({
  id: v.id,
  vduId: v.vdu,
  changeType: v.change,
  computeResource: { vimConnectionId: v.vimAccountId, resourceId: v.serverId },
  metadata: { name: v.name },
  ...(v.serviceInterface !== null && { affectedVnfcCpIds: [`${v.name}-${v.serviceInterface}`] }),
});

/** Nets whose traffic is led otherwise by it. */
export const movedLinks = ({ switchOver }: Occurrence) =>
  (switchOver?.moves ?? []).map((m) => ({ id: m.trafficNet as string, resourceHandle: { resourceId: m.trafficNet as string } }));

/** The shared connection points of its VNFCs that are concerned. */
function servicesOf({ vnfcs }: VnfPart): { readonly cpInstanceId: string; readonly cpdId: string }[] {
  const all = vnfcs.flatMap((v) =>
    v.serviceInterface === null ? [] : [[vipIdOf(v.vdu, v.serviceInterface), v.serviceInterface] as const],
  );
  return [...new Map(all)].map(([cpInstanceId, cpdId]) => ({ cpInstanceId, cpdId }));
}
