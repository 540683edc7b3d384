import type { ServerId, VimAccountId, VnfcId } from "./ids.ts";
import type { VnfView } from "./vnf-view.ts";

/** What was kept of one VNFC (SOL003 5.5.3.17 VnfcSnapshotInfo). */
export interface VnfcSnapshot {
  /** Chosen before the VIM is asked. */
  readonly id: string;
  readonly vnfcId: VnfcId;
  /** In its VNF: by it the VNFC is found again that has its place later. */
  readonly name: string;
  readonly vdu: string;
  readonly vimAccountId: VimAccountId;
  readonly serverId: ServerId;
  /** The image of its disk in its VIM, chosen before that is asked; null: it has no disk, and nothing of it is kept. */
  readonly imageId: string | null;
  /** It has further disks, which are not kept. */
  readonly hasMoreDisks?: true;
  /** When it was whole, ISO 8601; null: it is not yet. */
  readonly finishedAt: string | null;
}

/** A VNF as it was (SOL003 5.5.3.16 VnfSnapshot). */
export interface VnfSnapshot {
  readonly id: string;
  readonly vnfId: string;
  readonly vnfdId: string;
  readonly startedAt: string;
  /** When all of it was whole; null: it is being made. */
  readonly finishedAt: string | null;
  readonly vnf: VnfView;
  readonly vnfcs: readonly VnfcSnapshot[];
  /** All VNFCs that the VNF had; false: one that was asked for. */
  readonly isOfAll: boolean;
  readonly userDefinedData: Readonly<Record<string, unknown>> | null;
}

/** The resource that a snapshot is put into (SOL003 5.5.2.22 VnfSnapshotInfo). */
export interface SnapshotRecord {
  readonly id: string;
  /** Null: it is empty. */
  readonly content: VnfSnapshot | null;
  /** It is no more for anybody but us: its images are still to be taken from their VIMs. */
  readonly isGoing: boolean;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** The snapshot that a VNFC was reverted to: what its machine is made from. */
export interface MadeFrom {
  readonly snapshotId: string;
  readonly imageId: string;
}
