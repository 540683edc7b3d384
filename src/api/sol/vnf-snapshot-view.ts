import type { SnapshotRecord, VnfcSnapshot, VnfSnapshot } from "../../model/vnf-snapshot.ts";
import { vnfOfNs } from "./ns-lcm-view.ts";
import type { ListRules } from "./selector.ts";
import { vnfAt, vnfInstance } from "./vnf-lcm-view.ts";

// Snapshots of VNFs as SOL003 and SOL005 show them. What their definitions require by an error of theirs, names of earlier versions
// (`triggeredAt`, `vnfInfo`, `createdAt`), is sent too, so that clients made from them work.

/** Of what is to be left out by default (SOL003 table 5.4.23.3.2-1) what its definition does not require. */
export const SNAPSHOT_LIST: ListRules = {
  always: ["id", "vnfSnapshotPkgId", "_links"],
  complex: ["vnfSnapshot"],
  byDefaultLeftOut: ["vnfSnapshot/vnfInstance"],
};

/** SOL005's definition requires all of it. */
export const SNAPSHOT_OF_NS_LIST: ListRules = { ...SNAPSHOT_LIST, byDefaultLeftOut: [] };

export const snapshotAt = (id: string): string => `/vnflcm/v2/vnf_snapshots/${id}`;
export const snapshotOfNsAt = (id: string): string => `/nslcm/v2/vnf_snapshots/${id}`;

/** SOL003 5.5.2.22 VnfSnapshotInfo. */
export const snapshotInfo = ({ id, content }: SnapshotRecord) => ({
  id,
  ...(content && {
    vnfSnapshot: {
      ...plainOf(content),
      vnfInstance: vnfInstance(content.vnf),
      vnfInfo: { id: content.vnfId },
      vnfcSnapshots: content.vnfcs.map((v) => ({
        ...plainOfVnfc(content, v),
        vnfcResourceId: v.vnfcId,
        ...(v.imageId !== null && { computeSnapshotResource: { vimConnectionId: v.vimAccountId, ...imageOf(v.imageId) } }),
      })),
    },
  }),
  _links: { self: { href: snapshotAt(id) }, ...(content && { takenFrom: { href: vnfAt(content.vnfId) } }) },
});

/** SOL005 6.5.2.16 VnfSnapshotInfo. */
export const snapshotInfoOfNs = ({ id, content }: SnapshotRecord) => ({
  id,
  ...(content && {
    vnfSnapshot: {
      ...plainOf(content),
      createdAt: content.finishedAt ?? content.startedAt,
      vnfInstance: vnfOfNs(content.vnf),
      vnfcSnapshots: content.vnfcs.map((v) => ({
        ...plainOfVnfc(content, v),
        createdAt: v.finishedAt ?? content.startedAt,
        vnfcInfoId: v.vnfcId,
        ...(v.imageId !== null && { computeSnapshotResource: { vimId: v.vimAccountId, ...imageOf(v.imageId) } }),
      })),
    },
  }),
  _links: { self: { href: snapshotOfNsAt(id) } },
});

const plainOf = ({ id, vnfId, vnfdId, startedAt, finishedAt, userDefinedData }: VnfSnapshot) => ({
  id,
  vnfInstanceId: vnfId,
  creationStartedAt: startedAt,
  triggeredAt: startedAt,
  ...(finishedAt !== null && { creationFinishedAt: finishedAt }),
  vnfdId,
  ...(userDefinedData && { userDefinedData }),
});

const plainOfVnfc = ({ startedAt }: VnfSnapshot, { id, vnfcId, finishedAt }: VnfcSnapshot) => ({
  id,
  vnfcInstanceId: vnfcId,
  creationStartedAt: startedAt,
  triggeredAt: startedAt,
  ...(finishedAt !== null && { creationFinishedAt: finishedAt }),
  vnfcResourceInfoId: vnfcId,
});

const imageOf = (resourceId: string) => ({ resourceId, vimLevelResourceType: "image" });
