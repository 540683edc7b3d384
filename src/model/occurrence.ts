import type { NsdFlavour } from "./descriptor.ts";
import type { NetId, NsId, ServerId, VimAccountId, VnfcId } from "./ids.ts";
import type { Failover } from "./mano-event.ts";
import type { VnfSize } from "./scaling.ts";

/** SOL003 5.5.4.3 `LcmOperationStateType`; an NS has no STARTING, and its own PARTIALLY_COMPLETED (SOL005 6.5.4.4). */
export type OccurrenceState =
  | "STARTING"
  | "PROCESSING"
  | "COMPLETED"
  | "PARTIALLY_COMPLETED"
  | "FAILED_TEMP"
  | "FAILED"
  | "ROLLING_BACK"
  | "ROLLED_BACK";

/** SOL005 6.5.4.3 `NsLcmOpType`. */
export type NsOperation = "INSTANTIATE" | "SCALE" | "UPDATE" | "TERMINATE" | "HEAL";

/** SOL003 5.5.4.2 `LcmOperationType`; and ADD, which is an operation of an NS alone: it takes the VNF in, to which nothing happens. */
export type VnfOperation =
  | "INSTANTIATE"
  | "SCALE"
  | "SCALE_TO_LEVEL"
  | "TERMINATE"
  | "HEAL"
  | "OPERATE"
  | "CHANGE_FLAVOUR"
  | "CHANGE_VNFPKG"
  | "CHANGE_EXT_CONN"
  | "MODIFY_INFO"
  | "CREATE_SNAPSHOT"
  | "REVERT_TO_SNAPSHOT"
  | "ADD";

/** SOL003 5.5.4.6: GRACEFUL lets what is under way come to its end. */
export type CancelMode = "GRACEFUL" | "FORCEFUL";

/** A VNFC that an operation concerns, as it was then: the record outlives it. */
export interface ConcernedVnfc {
  readonly id: VnfcId;
  readonly name: string;
  readonly vdu: string;
  readonly vimAccountId: VimAccountId;
  readonly serverId: ServerId;
  readonly serviceInterface: string | null;
  readonly change: "ADDED" | "REMOVED" | "MODIFIED";
}

/** Where the VNFs of an NS are connected to, as its descriptors have it: nets by name. */
export interface Connections {
  /** Connection point → net. */
  readonly nets: Readonly<Record<string, string>>;
  /** Protected VNFC → the nets of users that it serves when nothing is wrong. */
  readonly traffic: Readonly<Record<string, readonly string[]>>;
  /** Net → its id in the VIM, of those that are meant by that. */
  readonly netIds: Readonly<Record<string, string>>;
  /** As they were asked for; null: it is no sole VNF. */
  readonly links: readonly ExternalLink[] | null;
}

/** How far a VNF is on the way back to a snapshot, by ids of its VNFCs. */
export interface Reverting {
  /** Those that are to be reverted. */
  readonly all: readonly VnfcId[];
  readonly done: readonly VnfcId[];
  /** Its machine is asked to begin anew, and is waited for; null: none is. */
  readonly begun: VnfcId | null;
}

/** An operation as one VNF sees it. */
export interface VnfPart {
  /** Of the VnfLcmOpOcc. */
  readonly id: string;
  readonly vnfId: string;
  readonly vnfName: string;
  readonly vnfdId: string;
  readonly profile: string;
  readonly operation: VnfOperation;
  readonly vnfcs: readonly ConcernedVnfc[];
  /** Of one that scales it: how large it was, and is to be. */
  readonly size?: { readonly from: VnfSize; readonly to: VnfSize };
  /** Of one that brings it into being or takes it away: the VNF as it is while it is there. */
  readonly instance?: VnfInstance;
  /** Of one that stops it or takes it away: how long its guests have to end by themselves, ms; left out: they are switched off. */
  readonly graceMs?: number;
  /** Of one that makes something else of it: what it was made of, and is to be, and the names of VNFCs whose machines are not as they were. */
  readonly reshaped?: { readonly from: VnfShape; readonly to: VnfShape; readonly remade: readonly string[] };
  /** Of one that connects it otherwise: where it was connected to, where it is to be, and the links that were asked for. */
  readonly connections?: { readonly from: Connections; readonly to: Connections; readonly changed: readonly ExternalLink[] };
  /** Of one that takes a snapshot of it, or reverts it to one: the record of that. */
  readonly snapshotId?: string;
  readonly reverting?: Reverting;
}

/** What a VNF is made of, beside what stands in the descriptors of its NS. */
export type VnfShape = Pick<VnfInstance, "product" | "vnfdId"> & {
  /** Null: it is no sole VNF. */
  readonly links: Pick<VnfInstance, "externalLinks" | "managedLinks"> | null;
};

/** A life cycle operation: of an NS (NsLcmOpOcc), and of each VNF that it concerns (VnfLcmOpOcc). Times are ISO 8601 of the wall clock. */
export interface Occurrence {
  readonly id: string;
  readonly nsId: NsId;
  readonly operation: NsOperation;
  readonly state: OccurrenceState;
  readonly startedAt: string;
  readonly stateEnteredAt: string;
  /** The MANO has done it by itself: a switch-over, a heal. */
  readonly isAutomatic: boolean;
  /** Asked for, and not stopped yet; null: nobody asked. */
  readonly cancelMode: CancelMode | null;
  /** As they were asked for; what is automatic has none. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Why it failed; null: it has not. */
  readonly error: { readonly status: number; readonly title: string; readonly detail: string } | null;
  /** What it waits for, or what is to be known of it. */
  readonly warnings: readonly string[];
  readonly vnfs: readonly VnfPart[];
  /** Of one that makes something else of VNFs: the descriptors of their NS, as long as it is under way. */
  readonly descriptors?: { readonly from: NsdFlavour; readonly to: NsdFlavour };
  /** Of a sole VNF: no NS that anybody knows has it. */
  readonly isOfSoleVnf?: true;
  /** Of a switch-over: its record. */
  readonly switchOver?: SwitchOver;
}

export interface SwitchOver {
  readonly failoverId: string;
  readonly groupId: string;
  readonly kind: Failover["kind"];
  readonly because: readonly string[];
  readonly moves: readonly { readonly trafficNet: NetId; readonly from: VnfcId | null; readonly to: VnfcId }[];
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly times: Failover["times"];
}

/** What a VNFD says of the VNF, and the record of the VNFD. */
export interface VnfProduct {
  readonly provider: string;
  readonly name: string;
  readonly softwareVersion: string;
  readonly vnfdVersion: string;
  readonly packageId: string;
  /** Left out: its form has no deployment flavours. */
  readonly flavourId?: string;
  /** Ids of all its deployment flavours; left out: it has one. */
  readonly flavours?: readonly string[];
}

/** A net of a VIM that external connection points are connected to, as it was asked for (SOL003 4.4.1.11 ExtVirtualLinkData). */
export interface ExternalLink {
  readonly id: string;
  readonly vimAccountId: VimAccountId;
  /** The net's id there. */
  readonly resourceId: string;
  readonly cps: readonly { readonly cpdId: string; readonly cpConfig?: Readonly<Record<string, unknown>> | undefined }[];
}

/** A net of a VIM that an internal virtual link is, as it was asked for (SOL003 4.4.1.12 ExtManagedVirtualLinkData). */
export interface ManagedLink {
  readonly id: string;
  readonly vnfVirtualLinkDescId: string;
  readonly vimAccountId: VimAccountId;
  readonly resourceId: string;
}

/** A VNF of an NS, one of the VNFs of a VNF profile of its NSD; or a sole one (SOL003 5.5.2.2). */
export interface VnfInstance {
  readonly id: string;
  readonly nsId: NsId;
  /** Id of the VNF profile in the NSD. */
  readonly profile: string;
  /** The id in its VNFD. */
  readonly vnfdId: string;
  readonly name: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Of its VNFD when the VNF was made. */
  readonly product: VnfProduct;
  /** Its place among the VNFs of its profile, which names its VNFCs; left out: the place that it has in the list of them. */
  readonly ordinal?: number;
  /** Names of its VNFCs. */
  readonly vnfcs: readonly string[];
  /** Those of them that are to be taken away; left out: none. */
  readonly leaving?: readonly string[];
  /** Those whose machines are to be made anew, since they are not what they are meant to be; left out: none. */
  readonly remaking?: readonly string[];
  /** It is to be no more once its VNFCs are gone. */
  readonly isGoing?: true;
  /** Scaling aspect → level, as it is meant to be; left out: it has none. */
  readonly scale?: VnfSize["scale"];
  /** Of a sole VNF: where it was asked to be connected to. */
  readonly externalLinks?: readonly ExternalLink[];
  readonly managedLinks?: readonly ManagedLink[];
  readonly localizationLanguage?: string;
  /** An operator has stopped it: it is not healed. */
  readonly isStopped: boolean;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** It changes which VNFCs or VNFs there are of an NS that runs, and has a way back. */
export const isScaling = ({ vnfs }: Pick<Occurrence, "vnfs">): boolean => vnfs.some((p) => p.size !== undefined);

/** It makes the NS of other descriptors, and has a way back to those before. */
export const isOfOtherDescriptors = ({ descriptors }: Pick<Occurrence, "descriptors">): boolean => descriptors !== undefined;

/** Somebody has asked for other connections of it. */
export const isReconnected = ({ connections }: Pick<VnfPart, "connections">): boolean => connections !== undefined;

/** It takes a snapshot of a VNF. */
export const isSnapshotting = ({ vnfs }: Pick<Occurrence, "vnfs">): boolean =>
  vnfs.some((p) => p.snapshotId !== undefined && p.reverting === undefined);

/** It leads a VNF back to a snapshot. */
export const isReverting = ({ vnfs }: Pick<Occurrence, "vnfs">): boolean => vnfs.some((p) => p.reverting !== undefined);

/** It takes in VNFs that were made without the NS: SOL003 knows nothing of it. */
export const isTakingIn = ({ vnfs }: Pick<Occurrence, "vnfs">): boolean => vnfs.some((p) => p.operation === "ADD");

/** It has a rollback. */
export const canBeTakenBack = (o: Occurrence): boolean =>
  o.operation === "INSTANTIATE" || isScaling(o) || o.vnfs.some(isReconnected) || isSnapshotting(o);

/** It goes on, or waits for somebody to say how: until then no other operation begins on its NS. */
export const isUnderWay = ({ state }: Pick<Occurrence, "state">): boolean =>
  state === "STARTING" || state === "PROCESSING" || state === "ROLLING_BACK" || state === "FAILED_TEMP";
