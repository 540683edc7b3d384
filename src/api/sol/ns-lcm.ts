import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { CancelMode, Occurrence } from "../../model/occurrence.ts";
import type { NsInstanceView } from "../../model/vnf-view.ts";
import {
  cancelMode,
  createNsRequest,
  healNsRequest,
  instantiateNsRequest,
  scaleNsRequest,
  terminateNsRequest,
  updateNsRequest,
} from "./lcm-bodies.ts";
import { type ListsOccurrences, nsOccurrences } from "./lcm-lists.ts";
import { type Listed, placedAndShown } from "./members.ts";
import { refuseOfInstantiation, refuseOfScaling } from "./not-taken.ts";
import { NS_LIST, NS_OCCURRENCE_LIST, nsAt, nsInstance, nsOccurrence, nsOccurrenceAt } from "./ns-lcm-view.ts";
import { atOnce, each, update } from "./ns-update.ts";
import { Dated, type SolCall, type SolRoute } from "./route.ts";
import { isToTakeIn, type Scaling, type ScalingOfNs, scalingOfNs, scalingOfVnf } from "./scale.ts";
import { graceIn, type OperateAsked, type VnfChange, type VnfFlavour, type VnfPackage } from "./vnf-change.ts";
import { type TakenIn, takenInOf } from "./vnf-instance-data.ts";
import type { ExternalLinkAsked, VimAsked } from "./vnf-links.ts";
import type { RevertAsked, SnapshotAsked } from "./vnf-snapshots.ts";

/** What clients ask for, as it was sent. */
type Params = Occurrence["params"];

/** What may be done with an operation that has not come to a good end, whoever began it. */
export interface OccurrenceDoors {
  retry(id: string): Promise<Occurrence>;
  rollback(id: string): Promise<Occurrence>;
  fail(id: string): Promise<Occurrence>;
  cancel(id: string, mode: CancelMode): Promise<Occurrence>;
}

/** What NS life cycle management may ask for. Each throws a Fault; what begins an operation resolves when that is on the disk. */
export interface NsLcmDoors extends OccurrenceDoors {
  listNs(): readonly Listed<NsInstanceView>[];
  getNs(id: string): NsInstanceView;
  createNs(wish: { readonly nsdId: string; readonly nsName: string; readonly nsDescription: string }): Promise<NsInstanceView>;
  deleteNs(id: string): Promise<void>;
  /** Throws CONFLICT where its state lets nothing of the kind begin, whatever is asked for. */
  mayBegin(id: string, task: Task): void;
  instantiate(id: string, params: Params): Promise<Occurrence>;
  /** `graces`: how long the guests of these VNFs have to end by themselves, ms; null, and those of others: they are switched off. */
  terminate(id: string, graces: ReadonlyMap<string, number | null>, params: Params): Promise<Occurrence>;
  /** `vnfs` null: all of its VNFs. */
  heal(id: string, vnfs: readonly string[] | null, params: Params): Promise<Occurrence>;
  operate(id: string, vnfs: readonly (OperateAsked & { readonly vnfId: string })[], params: Params): Promise<Occurrence>;
  modifyVnfs(
    id: string,
    vnfs: readonly { readonly vnfId: string; readonly change: VnfChange }[],
    params: Params,
  ): Promise<Occurrence>;
  changeNsFlavour(id: string, asked: { readonly flavour: string; readonly level?: string }, params: Params): Promise<Occurrence>;
  changeFlavours(id: string, vnfs: readonly (VnfFlavour & { readonly vnfId: string })[], params: Params): Promise<Occurrence>;
  changePackages(id: string, vnfs: readonly (VnfPackage & { readonly vnfId: string })[], params: Params): Promise<Occurrence>;
  changeConnectivity(id: string, vnfs: readonly WishedConnectivity[], params: Params): Promise<Occurrence>;
  /** By the ids of its VNFs. */
  scale(id: string, vnfs: readonly (Scaling & { readonly vnfId: string })[], params: Params): Promise<Occurrence>;
  scaleNs(id: string, scaling: ScalingOfNs, params: Params): Promise<Occurrence>;
  addVnfs(id: string, vnfs: readonly WishedVnf[], params: Params): Promise<Occurrence>;
  /** `graces`: as of a termination. */
  removeVnfs(
    id: string,
    vnfs: readonly string[],
    graces: ReadonlyMap<string, number | null>,
    params: Params,
  ): Promise<Occurrence>;
  /** VNFs that were made without it. `operation`: what was asked for. */
  takeIn(id: string, vnfs: readonly TakenIn[], operation: "SCALE" | "UPDATE", params: Params): Promise<Occurrence>;
  takeSnapshot(id: string, asked: SnapshotAsked & { readonly vnfId: string }, params: Params): Promise<Occurrence>;
  revert(id: string, asked: RevertAsked & { readonly vnfId: string }, params: Params): Promise<Occurrence>;
  deleteSnapshot(id: string, asked: { readonly vnfId: string; readonly snapshotId: string }, params: Params): Promise<Occurrence>;
  listOccurrences: ListsOccurrences;
  getOccurrence(id: string): Promise<Occurrence>;
  continue(id: string): Promise<Occurrence>;
}

/** That it comes into being or goes, or anything of one that is instantiated. */
export type Task = "instantiate" | "terminate" | "change";

/** Where a VNF is to be connected to. */
export interface WishedConnectivity {
  readonly vnfId: string;
  readonly vims: readonly VimAsked[];
  readonly external: readonly ExternalLinkAsked[];
}

/** A further VNF of an NS. */
export interface WishedVnf extends VnfChange {
  readonly profile?: string;
  readonly vnfd?: string;
  readonly flavour?: string;
  readonly level?: string;
}

type Call = SolCall<NsLcmDoors>;
const idOf = (call: Call): string => call.params.id as string;
const paramsOf = (call: Call): Params => call.body as Params;
const at = (o: Occurrence): string => nsOccurrenceAt(o.id);

const NS = "/nslcm/v2/ns_instances";
const OCCURRENCES = "/nslcm/v2/ns_lcm_op_occs";

/** NS life cycle management, SOL005 clause 6. */
export const NS_LCM_ROUTES: readonly SolRoute<NsLcmDoors>[] = [
  {
    is: `POST ${NS}`,
    gives: 201,
    body: createNsRequest,
    does: async (c) => nsInstance(await c.doors.createNs(c.body as Static<typeof createNsRequest>)),
    location: ({ id }: { id: string }) => nsAt(id),
  },
  { is: `GET ${NS}`, gives: 200, does: (c) => placedAndShown(c.doors.listNs(), nsInstance), lists: NS_LIST },
  {
    is: `GET ${NS}/:id`,
    gives: 200,
    does: (c) => {
      const ns = c.doors.getNs(idOf(c));
      return new Dated(nsInstance(ns), ns.modifiedAt);
    },
  },
  { is: `DELETE ${NS}/:id`, gives: 204, does: (c) => c.doors.deleteNs(idOf(c)) },
  {
    is: `POST ${NS}/:id/instantiate`,
    gives: 202,
    body: instantiateNsRequest,
    does: (c) => instantiate(c),
    location: at,
  },
  {
    is: `POST ${NS}/:id/terminate`,
    gives: 202,
    body: terminateNsRequest,
    does: (c) => {
      c.doors.mayBegin(idOf(c), "terminate");
      const { terminationTime, terminateVnfData = [] } = c.body as Static<typeof terminateNsRequest>;
      atOnce("terminationTime", terminationTime);
      const graces = new Map(each("terminateVnfData", terminateVnfData).map((v) => [v.vnfInstanceId, graceIn(v)]));
      return c.doors.terminate(idOf(c), graces, paramsOf(c));
    },
    location: at,
  },
  { is: `POST ${NS}/:id/heal`, gives: 202, body: healNsRequest, does: (c) => heal(c), location: at },
  { is: `POST ${NS}/:id/scale`, gives: 202, body: scaleNsRequest, does: (c) => scale(c), location: at },
  { is: `POST ${NS}/:id/update`, gives: 202, body: updateNsRequest, does: (c) => update(c), location: at },

  {
    is: `GET ${OCCURRENCES}`,
    gives: 200,
    does: (c) => nsOccurrences((asked) => c.doors.listOccurrences(asked)),
    lists: NS_OCCURRENCE_LIST,
  },
  {
    is: `GET ${OCCURRENCES}/:id`,
    gives: 200,
    does: async (c) => {
      const o = await c.doors.getOccurrence(idOf(c));
      return new Dated(nsOccurrence(o), o.stateEnteredAt);
    },
  },
  { is: `POST ${OCCURRENCES}/:id/retry`, gives: 202, does: (c) => c.doors.retry(idOf(c)) },
  { is: `POST ${OCCURRENCES}/:id/rollback`, gives: 202, does: (c) => c.doors.rollback(idOf(c)) },
  { is: `POST ${OCCURRENCES}/:id/continue`, gives: 202, does: (c) => c.doors.continue(idOf(c)) },
  { is: `POST ${OCCURRENCES}/:id/fail`, gives: 200, does: async (c) => nsOccurrence(await c.doors.fail(idOf(c))) },
  {
    is: `POST ${OCCURRENCES}/:id/cancel`,
    gives: 202,
    body: cancelMode,
    does: (c) => c.doors.cancel(idOf(c), (c.body as Static<typeof cancelMode>).cancelMode),
  },
];

function instantiate(c: Call): Promise<Occurrence> {
  const asked = c.body as Static<typeof instantiateNsRequest>;
  c.doors.mayBegin(idOf(c), "instantiate");
  atOnce("startTime", asked.startTime);
  refuseOfInstantiation(asked);
  return c.doors.instantiate(idOf(c), paramsOf(c));
}

function heal(c: Call): Promise<Occurrence> {
  const { healNsData, healVnfData } = c.body as Static<typeof healNsRequest>;
  if ((healNsData === undefined) === (healVnfData === undefined))
    throw new Fault("INVALID", "want exactly one of healNsData and healVnfData");
  if (healNsData && (healNsData.actionsHealing === undefined) === (healNsData.healScript === undefined))
    throw new Fault("INVALID", "healNsData: want exactly one of actionsHealing and healScript");
  c.doors.mayBegin(idOf(c), "change");
  if (healNsData?.healScript !== undefined)
    throw new Fault(
      "NOT_SUPPORTED",
      `healNsData/healScript: no NSD here has scripts, so none is called ${healNsData.healScript}`,
    );
  return c.doors.heal(idOf(c), healVnfData?.map((v) => v.vnfInstanceId) ?? null, paramsOf(c));
}

function scale(c: Call): Promise<Occurrence> {
  const { scaleType, scaleTime, scaleNsData, scaleVnfData } = c.body as Static<typeof scaleNsRequest>;
  const { id } = c.doors.getNs(idOf(c));
  c.doors.mayBegin(id, "change");
  atOnce("scaleTime", scaleTime);
  if (scaleNsData !== undefined && scaleVnfData !== undefined)
    throw new Fault("INVALID", "want scaleNsData for SCALE_NS or scaleVnfData for SCALE_VNF, not both");
  if (scaleType === "SCALE_NS") {
    if (isToTakeIn(scaleNsData)) {
      const taken = takenInOf("vnfInstanceToBeAdded", scaleNsData?.vnfInstanceToBeAdded);
      refuseOfScaling(scaleNsData);
      return c.doors.takeIn(id, taken, "SCALE", paramsOf(c));
    }
    const scaling = scalingOfNs(scaleNsData);
    refuseOfScaling(scaleNsData);
    return c.doors.scaleNs(id, scaling, paramsOf(c));
  }
  if (scaleVnfData === undefined) throw new Fault("INVALID", "scaleVnfData: is missing; SCALE_VNF wants a list of VNFs");
  const vnfs = scaleVnfData.map((data) => ({ vnfId: data.vnfInstanceId, ...scalingOfVnf(data) }));
  return c.doors.scale(id, vnfs, paramsOf(c));
}
