import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { Occurrence } from "../../model/occurrence.ts";
import type { updateNsRequest } from "./lcm-bodies.ts";
import { refuseOfFurtherVnf } from "./not-taken.ts";
import type { NsLcmDoors, WishedVnf } from "./ns-lcm.ts";
import type { SolCall } from "./route.ts";
import { changeAlone, changeOf, flavourIn, graceIn, operateOf, packageIn, refuseProperties } from "./vnf-change.ts";
import { takenInOf } from "./vnf-instance-data.ts";
import { asOfVnf, externalLinksIn } from "./vnf-links.ts";

type Asked = Static<typeof updateNsRequest>;

/** What an update may be (SOL005 6.5.2.12), and what is done of that here. The last two are as the definition and as the text have it. */
const TYPES = [
  ...["REMOVE_SAP", "ADD_NESTED_NS", "REMOVE_NESTED_NS", "ASSOC_NEW_NSD_VERSION"],
  ...["MOVE_VNF", "ADD_VNFFG", "REMOVE_VNFFG", "UPDATE_VNFFG", "ADD_PNF", "MODIFY_PNF", "REMOVE_PNF"],
  ...["MODIFY_WAN_CONNECTION_INFO", "CREATE_NS_VIRTUAL_LINK", "DELETE_NS_VIRTUAL_LINK", "ADD SAP", "ADD_SAP"],
];
/** What each of those that are done takes, and what belongs to the others. */
const DATA_OF: Readonly<Record<string, readonly string[]>> = {
  INSTANTIATE_VNF: ["instantiateVnfData"],
  ADD_VNF: ["addVnfIstance", "addVnfInstance"],
  REMOVE_VNF: ["removeVnfInstanceId", "terminateVnfData"],
  OPERATE_VNF: ["operateVnfData"],
  MODIFY_VNF_INFORMATION: ["modifyVnfInfoData"],
  CHANGE_VNF_DF: ["changeVnfFlavourData"],
  CHANGE_VNFPKG: ["changeVnfPackageData"],
  CHANGE_NS_DF: ["changeNsFlavourData"],
  CHANGE_EXTERNAL_VNF_CONNECTIVITY: ["changeExtVnfConnectivityData"],
  CREATE_VNF_SNAPSHOT: ["createSnapshotData"],
  REVERT_VNF_TO_SNAPSHOT: ["revertVnfToSnapshotData"],
  DELETE_VNF_SNAPSHOT_INFO: ["deleteVnfSnapshotData"],
  others: [
    ...["addSap", "removeSapId", "addNestedNsData", "removeNestedNsId", "assocNewNsdVersionData"],
    ...["moveVnfInstanceData", "addVnffg", "removeVnffgId", "updateVnffg", "addPnfData", "modifyPnfData", "removePnfId"],
    ...["modifyWanConnectionInfoData", "addNsVirtualLinkData", "deleteNsVirtualLinkId"],
  ],
};
const DATA: ReadonlySet<string> = new Set(Object.values(DATA_OF).flat());

type Update = (c: SolCall<NsLcmDoors>, id: string, asked: Asked) => Promise<Occurrence>;
const DONE: Readonly<Record<string, Update>> = {
  INSTANTIATE_VNF: (c, id, asked) => c.doors.addVnfs(id, wishedVnfs(asked), paramsOf(c)),
  ADD_VNF: (c, id, { addVnfIstance, addVnfInstance }) =>
    c.doors.takeIn(id, takenInOf("addVnfIstance", addVnfIstance ?? addVnfInstance), "UPDATE", paramsOf(c)),
  REMOVE_VNF: (c, id, { removeVnfInstanceId, terminateVnfData = [] }) => {
    if (!removeVnfInstanceId)
      throw new Fault("INVALID", "removeVnfInstanceId: is missing; REMOVE_VNF wants a list of ids of VNFs");
    const graces = new Map(each("terminateVnfData", terminateVnfData).map((v) => [v.vnfInstanceId, graceIn(v)]));
    const other = [...graces.keys()].find((vnf) => !removeVnfInstanceId.includes(vnf));
    if (other !== undefined)
      throw new Fault("INVALID", `terminateVnfData: VNF ${other} is not to be removed; name it in removeVnfInstanceId too`);
    return c.doors.removeVnfs(id, removeVnfInstanceId, graces, paramsOf(c));
  },
  OPERATE_VNF: (c, id, { operateVnfData }) => {
    const vnfs = each("operateVnfData", operateVnfData).map((v) => ({ vnfId: v.vnfInstanceId, ...operateOf(v) }));
    return c.doors.operate(id, vnfs, paramsOf(c));
  },
  MODIFY_VNF_INFORMATION: (c, id, { modifyVnfInfoData }) => {
    const vnfs = each("modifyVnfInfoData", modifyVnfInfoData).map((v) => ({
      vnfId: v.vnfInstanceId,
      change: changeAlone(v, v.vnfInstanceId),
    }));
    return c.doors.modifyVnfs(id, vnfs, paramsOf(c));
  },
  CHANGE_VNF_DF: (c, id, { changeVnfFlavourData }) => {
    const vnfs = each("changeVnfFlavourData", changeVnfFlavourData).map((v) => ({
      vnfId: v.vnfInstanceId,
      ...flavourIn(v),
      external: externalLinksIn(asOfVnf(v.extVirtualLinks ?? [])),
    }));
    return c.doors.changeFlavours(id, vnfs, paramsOf(c));
  },
  CHANGE_VNFPKG: (c, id, { changeVnfPackageData }) => {
    const vnfs = each("changeVnfPackageData", changeVnfPackageData).map((v) => ({
      vnfId: v.vnfInstanceId,
      ...packageIn(v),
      external: externalLinksIn(asOfVnf(v.extVirtualLinks ?? [])),
    }));
    return c.doors.changePackages(id, vnfs, paramsOf(c));
  },
  CHANGE_NS_DF: (c, id, { changeNsFlavourData }) => {
    const { newNsFlavourId: flavour, instantiationLevelId: level } = there("changeNsFlavourData", changeNsFlavourData);
    return c.doors.changeNsFlavour(id, { flavour, ...(level !== undefined && { level }) }, paramsOf(c));
  },
  CHANGE_EXTERNAL_VNF_CONNECTIVITY: (c, id, { changeExtVnfConnectivityData }) => {
    const vnfs = each("changeExtVnfConnectivityData", changeExtVnfConnectivityData).map((v) => ({
      vnfId: v.vnfInstanceId,
      vims: [],
      external: externalLinksIn(asOfVnf(v.extVirtualLinks)),
    }));
    return c.doors.changeConnectivity(id, vnfs, paramsOf(c));
  },
  CREATE_VNF_SNAPSHOT: (c, id, { createSnapshotData }) => {
    const { vnfInstanceId: vnfId, userDefinedData = null } = there("createSnapshotData", createSnapshotData);
    return c.doors.takeSnapshot(id, { vnfId, snapshotId: null, vnfcId: null, userDefinedData }, paramsOf(c));
  },
  REVERT_VNF_TO_SNAPSHOT: (c, id, { revertVnfToSnapshotData }) => {
    const { vnfInstanceId: vnfId, vnfSnapshotInfoId: snapshotId } = there("revertVnfToSnapshotData", revertVnfToSnapshotData);
    return c.doors.revert(id, { vnfId, snapshotId, vnfcId: null, vnfcSnapshotId: null }, paramsOf(c));
  },
  DELETE_VNF_SNAPSHOT_INFO: (c, id, { deleteVnfSnapshotData }) => {
    const { vnfInstanceId: vnfId, vnfSnapshotInfoId: snapshotId } = there("deleteVnfSnapshotData", deleteVnfSnapshotData);
    return c.doors.deleteSnapshot(id, { vnfId, snapshotId }, paramsOf(c));
  },
};

const paramsOf = (c: SolCall<NsLcmDoors>) => c.body as Occurrence["params"];

/** SOL005 6.4.7. Throws CONFLICT first where nothing of the NS can be changed now. */
export function update(c: SolCall<NsLcmDoors>): Promise<Occurrence> {
  const asked = c.body as Asked;
  const { updateType: type, updateTime } = asked;
  const done = Object.hasOwn(DONE, type) ? DONE[type] : undefined;
  if (!done && !TYPES.includes(type))
    throw new Fault("INVALID", `updateType: there is no ${type}; want one of ${[...Object.keys(DONE), ...TYPES].join(", ")}`);
  const stray = Object.keys(asked).find((key) => done && DATA.has(key) && !DATA_OF[type]!.includes(key));
  if (stray !== undefined)
    throw new Fault("INVALID", `${stray}: is not of updateType ${type}; leave it out, or ask for it in a request of its own`);
  const { id } = c.doors.getNs(c.params.id as string);
  c.doors.mayBegin(id, "change");
  if (!done) throw new Fault("NOT_SUPPORTED", `updateType ${type} is not done here; ${Object.keys(DONE).join(", ")} are`);
  atOnce("updateTime", updateTime);
  return done(c, id, asked);
}

/** Throws INVALID. */
function there<T>(name: string, given: T | undefined): T {
  if (given !== undefined) return given;
  throw new Fault("INVALID", `${name}: is missing; this update wants an object there`);
}

/** Each VNF once. Throws INVALID. */
export function each<T extends { readonly vnfInstanceId: string }>(name: string, given: readonly T[] | undefined): readonly T[] {
  if (given === undefined) throw new Fault("INVALID", `${name}: is missing; this update wants a list of VNFs there`);
  const twice = given.find((v, i) => given.findIndex((o) => o.vnfInstanceId === v.vnfInstanceId) < i);
  if (twice) throw new Fault("INVALID", `${name}: VNF ${twice.vnfInstanceId} is there twice; name each once`);
  return given;
}

/** SOL005 6.5.3.13. */
function wishedVnfs({ instantiateVnfData }: Asked): WishedVnf[] {
  if (instantiateVnfData === undefined)
    throw new Fault("INVALID", "instantiateVnfData: is missing; INSTANTIATE_VNF wants a list of VNFs");
  return instantiateVnfData.map((v) => {
    refuseOfFurtherVnf(v);
    refuseProperties(v);
    return {
      ...changeOf(v),
      ...(v.vnfProfileId !== undefined && { profile: v.vnfProfileId }),
      ...(v.vnfdId !== undefined && { vnfd: v.vnfdId }),
      ...(v.vnfFlavourId !== undefined && { flavour: v.vnfFlavourId }),
      ...(v.vnfInstantiationLevelId !== undefined && { level: v.vnfInstantiationLevelId }),
    };
  });
}

/** A clock of a client may go before ours by this much. */
const CLOCKS_DIFFER_MS = 60_000;

/** What is asked for is begun at once. Throws INVALID for what is no time, NOT_SUPPORTED for one to come. */
export function atOnce(name: string, time: string | undefined): void {
  if (time === undefined) return;
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new Fault("INVALID", `${name}: want a time, such as 2026-01-31T12:00:00Z`);
  if (ms > Date.now() + CLOCKS_DIFFER_MS)
    throw new Fault("NOT_SUPPORTED", `${name}: nothing is put off here; ask at that time, and leave ${name} out`);
}
