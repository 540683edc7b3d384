import type { NsLcmDoors } from "./api/sol/ns-lcm.ts";
import { NS_LCM_ROUTES } from "./api/sol/ns-lcm.ts";
import { type BoundRoute, bound } from "./api/sol/route.ts";
import { VNF_LCM_ROUTES, type VnfLcmDoors, type VnfOccurrenceOf } from "./api/sol/vnf-lcm.ts";
import { Fault } from "./lib/fault.ts";
import type { Nfvo } from "./mano/nfvo.ts";
import type { Operations } from "./mano/operations.ts";
import type { Deployment } from "./mano/plan.ts";
import type { Requests } from "./mano/requests.ts";
import { vnfcsOf } from "./mano/vnf-plan.ts";
import { nsInstanceView, type VimOf, vnfView } from "./mano/vnf-views.ts";
import type { VnfcId } from "./model/ids.ts";
import type { Occurrence } from "./model/occurrence.ts";

/** The tables of life cycle management, with the doors that their routes go through. */
export const lcmRoutes = (nfvo: Nfvo, requests: Requests, operations: Operations): BoundRoute[] => [
  ...bound(NS_LCM_ROUTES, nsDoors(nfvo, requests, operations)),
  ...bound(VNF_LCM_ROUTES, vnfDoors(nfvo, operations)),
];

export function vimOf(nfvo: Nfvo): VimOf {
  return (id) => {
    const account = nfvo.watches.find((w) => w.account.id === id)?.account;
    return { id, name: account?.name ?? id, url: account?.url ?? "" };
  };
}

function nsDoors(nfvo: Nfvo, requests: Requests, operations: Operations): NsLcmDoors {
  const viewOf = (id: string) => nsInstanceView(requests.deploymentOf(id), vimOf(nfvo));
  /** Throws CONFLICT for a VNF of another NS. */
  const ownVnf = (nsId: string, vnfId: string) => {
    const { deployment, vnf } = operations.vnfOf(vnfId);
    if (deployment.ns.id === requests.deploymentOf(nsId).ns.id) return { deployment, vnf };
    throw new Fault("CONFLICT", `VNF ${vnfId} is of NS ${deployment.ns.name}, not of ${nsId}`, { id: vnfId });
  };
  return {
    listNs: () =>
      nfvo.lifecycle.all.map((d) => ({ createdAt: d.ns.createdAt, place: d.ns.id, look: () => nsInstanceView(d, vimOf(nfvo)) })),
    getNs: viewOf,
    createNs: async (wish) => viewOf((await requests.createNs(wish)).id),
    deleteNs: (id) => requests.deleteNs(id, false),
    instantiate: (id, params) => requests.startInstantiation(id, params),
    terminate: (id, params) => requests.startTermination(id, params),
    heal: (id, vnfs, params) => {
      const which = vnfs?.flatMap((v) => {
        const { deployment, vnf } = ownVnf(id, v);
        return vnfcsOf(deployment, vnf).map((c) => c.id);
      });
      return operations.heal(id, which ?? null, params);
    },
    operate: (id, vnf, isStopped, params) => operations.operate(ownVnf(id, vnf).vnf.id, isStopped, params),
    modifyVnf: (id, vnf, change, params) => operations.modify(ownVnf(id, vnf).vnf.id, change, params),
    scale: (id, vnfs, params) => {
      for (const { vnfId } of vnfs) ownVnf(id, vnfId);
      const isToLevel = vnfs.every((v) => !("steps" in v));
      return operations.scale(id, vnfs, isToLevel ? "SCALE_TO_LEVEL" : "SCALE", params);
    },
    listOccurrences: (asked) => operations.list(asked),
    getOccurrence: (id) => operations.get(id),
    retry: (id) => operations.retry(id),
    rollback: (id) => operations.rollback(id),
    fail: (id) => operations.fail(id),
    cancel: (id, mode) => operations.cancel(id, mode),
    continue: (id) => operations.continue(id),
  };
}

/** VNFs of an NS come and go together, so a number is a place. */
const listedVnfs = (d: Deployment, vims: VimOf) =>
  d.vnfs.map((v, i) => ({
    createdAt: v.createdAt,
    place: `${d.ns.id} ${String(i).padStart(6, "0")}`,
    look: () => vnfView(d, v, vims),
  }));

function vnfDoors(nfvo: Nfvo, operations: Operations): VnfLcmDoors {
  const getVnf = (id: string) => {
    const { deployment, vnf } = operations.vnfOf(id);
    return vnfView(deployment, vnf, vimOf(nfvo));
  };
  const ofVnf = (vnfId: string, occurrence: Occurrence): VnfOccurrenceOf => {
    const part = occurrence.vnfs.find((p) => p.vnfId === vnfId);
    if (part) return { occurrence, part };
    throw new Fault("CONFLICT", `VNF ${vnfId} was taken away meanwhile`, { id: vnfId });
  };
  const idOf = async (id: string) => (await operations.getOfVnf(id)).id;
  return {
    listVnfs: () => nfvo.lifecycle.all.flatMap((d) => listedVnfs(d, vimOf(nfvo))),
    getVnf,
    modify: async (id, change, params) => ofVnf(id, await operations.modify(id, change, params)),
    heal: async (id, vnfcs, params) => {
      const { deployment, vnf } = operations.vnfOf(id);
      const all = vnfcsOf(deployment, vnf);
      const stranger = vnfcs?.find((v) => !all.some((c) => c.id === v));
      if (stranger !== undefined)
        throw new Fault(
          "INVALID",
          `vnfcInstanceId: VNF ${vnf.name} has no VNFC ${stranger}; it has ${all.map((c) => c.id).join(", ")}`,
        );
      const which = (vnfcs as readonly VnfcId[] | null) ?? all.map((c) => c.id);
      return ofVnf(id, await operations.heal(deployment.ns.id, which, params));
    },
    scale: async (id, scaling, params) => {
      const { ns } = operations.vnfOf(id).deployment;
      const operation = "steps" in scaling ? "SCALE" : "SCALE_TO_LEVEL";
      return ofVnf(id, await operations.scale(ns.id, [{ vnfId: id, ...scaling }], operation, params));
    },
    operate: async (id, isStopped, params) => ofVnf(id, await operations.operate(id, isStopped, params)),
    listOccurrences: (asked) => operations.list(asked),
    getOccurrence: async (id) => {
      const occurrence = await operations.getOfVnf(id);
      const part = occurrence.vnfs.find((p) => p.id === id);
      if (part) return { occurrence, part };
      throw new Fault("NOT_FOUND", `VNF life cycle operation occurrence ${id} is about no VNF any more`, { id });
    },
    retry: async (id) => operations.retry(await idOf(id)),
    rollback: async (id) => operations.rollback(await idOf(id)),
    fail: async (id) => operations.fail(await idOf(id)),
    cancel: async (id, mode) => operations.cancel(await idOf(id), mode),
  };
}
