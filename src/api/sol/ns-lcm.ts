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
import { NS_LIST, NS_OCCURRENCE_LIST, nsAt, nsInstance, nsOccurrence, nsOccurrenceAt } from "./ns-lcm-view.ts";
import { Dated, type SolCall, type SolRoute } from "./route.ts";
import { type Scaling, type ScalingOfNs, scalingOfNs, scalingOfVnf } from "./scale.ts";

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
  instantiate(id: string, params: Params): Promise<Occurrence>;
  terminate(id: string, params: Params): Promise<Occurrence>;
  /** `vnfs` null: all of its VNFs. */
  heal(id: string, vnfs: readonly string[] | null, params: Params): Promise<Occurrence>;
  operate(id: string, vnf: string, isStopped: boolean, params: Params): Promise<Occurrence>;
  modifyVnf(id: string, vnf: string, change: VnfChange, params: Params): Promise<Occurrence>;
  /** By the ids of its VNFs. */
  scale(id: string, vnfs: readonly (Scaling & { readonly vnfId: string })[], params: Params): Promise<Occurrence>;
  scaleNs(id: string, scaling: ScalingOfNs, params: Params): Promise<Occurrence>;
  addVnfs(id: string, vnfs: readonly WishedVnf[], params: Params): Promise<Occurrence>;
  removeVnfs(id: string, vnfs: readonly string[], params: Params): Promise<Occurrence>;
  listOccurrences: ListsOccurrences;
  getOccurrence(id: string): Promise<Occurrence>;
  continue(id: string): Promise<Occurrence>;
}

/** A further VNF of an NS. */
export interface WishedVnf extends VnfChange {
  readonly profile?: string;
  readonly vnfd?: string;
  readonly level?: string;
}

export interface VnfChange {
  readonly name?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
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
    does: (c) => {
      atOnce("startTime", (c.body as Static<typeof instantiateNsRequest>).startTime);
      return c.doors.instantiate(idOf(c), paramsOf(c));
    },
    location: at,
  },
  {
    is: `POST ${NS}/:id/terminate`,
    gives: 202,
    body: terminateNsRequest,
    does: (c) => {
      atOnce("terminationTime", (c.body as Static<typeof terminateNsRequest>).terminationTime);
      return c.doors.terminate(idOf(c), paramsOf(c));
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

/** A clock of a client may go before ours by this much. */
const CLOCKS_DIFFER_MS = 60_000;

/** What is asked for is begun at once. Throws INVALID for what is no time, NOT_SUPPORTED for one to come. */
function atOnce(name: string, time: string | undefined): void {
  if (time === undefined) return;
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new Fault("INVALID", `${name}: want a time, such as 2026-01-31T12:00:00Z`);
  if (ms > Date.now() + CLOCKS_DIFFER_MS)
    throw new Fault("NOT_SUPPORTED", `${name}: nothing is put off here; ask at that time, and leave ${name} out`);
}

function heal(c: Call): Promise<Occurrence> {
  const { healNsData, healVnfData } = c.body as Static<typeof healNsRequest>;
  if ((healNsData === undefined) === (healVnfData === undefined))
    throw new Fault("INVALID", "want exactly one of healNsData and healVnfData");
  if (healNsData && (healNsData.actionsHealing === undefined) === (healNsData.healScript === undefined))
    throw new Fault("INVALID", "healNsData: want exactly one of actionsHealing and healScript");
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
  atOnce("scaleTime", scaleTime);
  if (scaleNsData !== undefined && scaleVnfData !== undefined)
    throw new Fault("INVALID", "want scaleNsData for SCALE_NS or scaleVnfData for SCALE_VNF, not both");
  if (scaleType === "SCALE_NS") return c.doors.scaleNs(id, scalingOfNs(scaleNsData), paramsOf(c));
  if (scaleVnfData === undefined) throw new Fault("INVALID", "scaleVnfData: is missing; SCALE_VNF wants a list of VNFs");
  const vnfs = scaleVnfData.map((data) => ({ vnfId: data.vnfInstanceId, ...scalingOfVnf(data) }));
  return c.doors.scale(id, vnfs, paramsOf(c));
}

function update(c: Call): Promise<Occurrence> {
  const { updateType, operateVnfData, modifyVnfInfoData, removeVnfInstanceId } = c.body as Static<typeof updateNsRequest>;
  const id = c.doors.getNs(idOf(c)).id;
  if (updateType === "OPERATE_VNF") {
    const { vnfInstanceId, changeStateTo } = onlyOne("operateVnfData", operateVnfData);
    return c.doors.operate(id, vnfInstanceId, changeStateTo === "STOPPED", paramsOf(c));
  }
  if (updateType === "MODIFY_VNF_INFORMATION") {
    const { vnfInstanceId, vnfInstanceName, vnfInstanceDescription, metadata } = onlyOne("modifyVnfInfoData", modifyVnfInfoData);
    return c.doors.modifyVnf(id, vnfInstanceId, changeOf(vnfInstanceName, vnfInstanceDescription, metadata), paramsOf(c));
  }
  if (updateType === "INSTANTIATE_VNF") return c.doors.addVnfs(id, wishedVnfs(c), paramsOf(c));
  if (updateType === "REMOVE_VNF") {
    if (removeVnfInstanceId) return c.doors.removeVnfs(id, removeVnfInstanceId, paramsOf(c));
    throw new Fault("INVALID", "removeVnfInstanceId: is missing; REMOVE_VNF wants a list of ids of VNFs");
  }
  const known = "INSTANTIATE_VNF, REMOVE_VNF, OPERATE_VNF and MODIFY_VNF_INFORMATION are";
  throw new Fault("NOT_SUPPORTED", `updateType ${updateType} is not done here; ${known}`);
}

/** SOL005 6.5.3.13. */
function wishedVnfs(c: Call): WishedVnf[] {
  const { instantiateVnfData } = c.body as Static<typeof updateNsRequest>;
  if (instantiateVnfData === undefined)
    throw new Fault("INVALID", "instantiateVnfData: is missing; INSTANTIATE_VNF wants a list of VNFs");
  return instantiateVnfData.map((v) => {
    if (v.extVirtualLinks !== undefined || v.extManagedVirtualLinks !== undefined)
      throw new Fault(
        "NOT_SUPPORTED",
        "instantiateVnfData: the NSD's VNF profile says which networks its VNFs are on; leave them out",
      );
    return {
      ...changeOf(v.vnfInstanceName, v.vnfInstanceDescription, v.metadata),
      ...(v.vnfProfileId !== undefined && { profile: v.vnfProfileId }),
      ...(v.vnfdId !== undefined && { vnfd: v.vnfdId }),
      ...(v.vnfInstantiationLevelId !== undefined && { level: v.vnfInstantiationLevelId }),
    };
  });
}

function onlyOne<T>(name: string, given: readonly T[] | undefined): T {
  if (given?.length === 1) return given[0]!;
  throw new Fault(
    given === undefined ? "INVALID" : "NOT_SUPPORTED",
    `${name}: want one VNF in a request, got ${given?.length ?? 0}`,
  );
}

export const changeOf = (
  name: string | undefined,
  description: string | undefined,
  metadata: Readonly<Record<string, unknown>> | undefined,
): VnfChange => ({
  ...(name !== undefined && { name }),
  ...(description !== undefined && { description }),
  ...(metadata !== undefined && { metadata }),
});
