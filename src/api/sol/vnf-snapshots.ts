import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { SnapshotRecord } from "../../model/vnf-snapshot.ts";
import { createSnapshotInfoRequest, type createSnapshotRequest, type revertToSnapshotRequest } from "./lcm-bodies.ts";
import { identified } from "./members.ts";
import { Dated, type SolCall, type SolRoute } from "./route.ts";
import { SNAPSHOT_LIST, SNAPSHOT_OF_NS_LIST, snapshotAt, snapshotInfo, snapshotInfoOfNs } from "./vnf-snapshot-view.ts";

/** What may be asked of snapshots of VNFs as such. Each throws NOT_FOUND for one that is not there for who asks. */
export interface SnapshotDoors {
  listSnapshots(): readonly SnapshotRecord[];
  getSnapshot(id: string): SnapshotRecord;
  /** An empty one. */
  createSnapshot(): Promise<SnapshotRecord>;
  /** Throws CONFLICT while it is in use. */
  deleteSnapshot(id: string): Promise<void>;
}

/** A snapshot that is asked for (SOL003 5.5.2.21, SOL002): `vnfcId` null: of all of the VNF. */
export interface SnapshotAsked {
  readonly snapshotId: string | null;
  readonly vnfcId: string | null;
  readonly userDefinedData: Readonly<Record<string, unknown>> | null;
}

export interface RevertAsked {
  readonly snapshotId: string;
  readonly vnfcId: string | null;
  readonly vnfcSnapshotId: string | null;
}

type Call = SolCall<SnapshotDoors>;
const idOf = (call: Call): string => call.params.id as string;

const ofVnfs = "/vnflcm/v2/vnf_snapshots";
const ofNss = "/nslcm/v2/vnf_snapshots";

/** Individual VNF snapshots: SOL003 5.4.23 to 5.4.25, and as SOL005 6.4.19 and 6.4.20 show them. */
export const SNAPSHOT_ROUTES: readonly SolRoute<SnapshotDoors>[] = [
  {
    is: `POST ${ofVnfs}`,
    gives: 201,
    body: createSnapshotInfoRequest,
    does: async (c) => {
      refuseContent(c.body as Static<typeof createSnapshotInfoRequest>);
      return snapshotInfo(await c.doors.createSnapshot());
    },
    location: ({ id }: { id: string }) => snapshotAt(id),
  },
  { is: `GET ${ofVnfs}`, gives: 200, does: (c) => identified(c.doors.listSnapshots(), snapshotInfo), lists: SNAPSHOT_LIST },
  { is: `GET ${ofVnfs}/:id`, gives: 200, does: (c) => dated(c.doors.getSnapshot(idOf(c)), snapshotInfo) },
  {
    is: `PATCH ${ofVnfs}/:id`,
    gives: 200,
    body: createSnapshotInfoRequest,
    does: (c) => {
      c.doors.getSnapshot(idOf(c));
      refuseContent(c.body as Static<typeof createSnapshotInfoRequest>);
      return {};
    },
  },
  { is: `DELETE ${ofVnfs}/:id`, gives: 204, does: (c) => c.doors.deleteSnapshot(idOf(c)) },
  {
    is: `GET ${ofVnfs}/:id/vnf_state_snapshot`,
    gives: 200,
    does: (c) => {
      const { id } = c.doors.getSnapshot(idOf(c));
      throw new Fault(
        "NOT_FOUND",
        `VNF snapshot ${id} has no state that the VNF gave by itself; images of its disks are in the VIM`,
        { id },
      );
    },
  },
  {
    is: `GET ${ofNss}`,
    gives: 200,
    does: (c) => identified(c.doors.listSnapshots(), snapshotInfoOfNs),
    lists: SNAPSHOT_OF_NS_LIST,
  },
  { is: `GET ${ofNss}/:id`, gives: 200, does: (c) => dated(c.doors.getSnapshot(idOf(c)), snapshotInfoOfNs) },
  { is: `DELETE ${ofNss}/:id`, gives: 204, does: (c) => c.doors.deleteSnapshot(idOf(c)) },
];

const dated = (record: SnapshotRecord, show: (record: SnapshotRecord) => object) => new Dated(show(record), record.modifiedAt);

/** Content comes from create_snapshot alone. Throws NOT_SUPPORTED. */
function refuseContent({ vnfSnapshotPkgId, vnfSnapshot }: Static<typeof createSnapshotInfoRequest>): void {
  const given = vnfSnapshotPkgId !== undefined ? "vnfSnapshotPkgId" : vnfSnapshot !== undefined ? "vnfSnapshot" : null;
  if (given === null) return;
  throw new Fault(
    "NOT_SUPPORTED",
    `${given}: snapshots are not taken out of packages; leave it out, and ask for create_snapshot`,
  );
}

/** The definition requires the name of an earlier version: whoever is made from it sends that one. Throws INVALID where neither is there. */
export function snapshotAsked(asked: Static<typeof createSnapshotRequest>): SnapshotAsked {
  const { vnfSnapshotInfoId, vnfSnapshotResId, vnfcInstanceId = null, userDefinedData = null } = asked;
  const snapshotId = vnfSnapshotInfoId ?? vnfSnapshotResId;
  if (snapshotId === undefined) throw new Fault("INVALID", "vnfSnapshotInfoId: is missing; want the id of a VNF snapshot");
  if (vnfSnapshotResId !== undefined && vnfSnapshotResId !== snapshotId)
    throw new Fault("INVALID", "vnfSnapshotResId: names another VNF snapshot than vnfSnapshotInfoId; leave it out");
  return { snapshotId, vnfcId: vnfcInstanceId, userDefinedData };
}

export const revertAsked = (asked: Static<typeof revertToSnapshotRequest>): RevertAsked => ({
  snapshotId: asked.vnfSnapshotInfoId,
  vnfcId: asked.vnfcInstanceId ?? null,
  vnfcSnapshotId: asked.vnfcSnapshotInfoId ?? null,
});
