import type { NsLcmDoors } from "../api/sol/ns-lcm.ts";
import { NS_LCM_ROUTES } from "../api/sol/ns-lcm.ts";
import { type BoundRoute, boundFor } from "../api/sol/route.ts";
import type { VnfFlavour, VnfPackage } from "../api/sol/vnf-change.ts";
import { VNF_LCM_ROUTES, type VnfLcmDoors, type VnfOccurrenceOf } from "../api/sol/vnf-lcm.ts";
import { SNAPSHOT_ROUTES } from "../api/sol/vnf-snapshots.ts";
import { Fault } from "../lib/fault.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import type { Operations } from "../mano/operations.ts";
import type { Deployment } from "../mano/plan.ts";
import type { Requests } from "../mano/requests.ts";
import { Scope } from "../mano/scope.ts";
import type { SoleVnfs } from "../mano/sole-vnfs.ts";
import { someOf } from "../mano/some-of.ts";
import { ordinalOf, vnfcsOf } from "../mano/vnf-plan.ts";
import { nsInstanceView, type VimOf, vnfView } from "../mano/vnf-views.ts";
import type { NsId, VnfcId } from "../model/ids.ts";
import type { Occurrence } from "../model/occurrence.ts";
import { type Snapshotting, snapshotDoors } from "./mano-snapshots.ts";

/** The tables of life cycle management, with the doors that their routes go through. */
export const lcmRoutes = (nfvo: Nfvo, parts: LcmParts): BoundRoute[] => [
  ...boundFor(NS_LCM_ROUTES, (tenant) => nsDoors(nfvo, parts, new Scope(nfvo, tenant))),
  ...boundFor(VNF_LCM_ROUTES, (tenant) => vnfDoors(nfvo, parts, new Scope(nfvo, tenant))),
  ...boundFor(SNAPSHOT_ROUTES, (tenant) => snapshotDoors(parts.snapshotting, new Scope(nfvo, tenant))),
];

/** What stands behind the tables of life cycle management, beside the MANO itself. */
export interface LcmParts {
  readonly requests: Requests;
  readonly operations: Operations;
  readonly soleVnfs: SoleVnfs;
  readonly snapshotting: Snapshotting;
}

const NS_OCCURRENCES = "/nslcm/v2/ns_lcm_op_occs";

const notThere = (what: string, id: string, list: string): Fault =>
  new Fault("NOT_FOUND", `there is no ${what} ${id}; GET ${list} lists those there are`, { id });

/** The NS that is meant, by its id or name, where it is there for who asks. Throws NOT_FOUND; who sees all is told by others what there is. */
export function ownNs(nfvo: Nfvo, scope: Scope, id: string): string {
  if (scope.tenant === null) return id;
  const found = nfvo.lifecycle.of(id as NsId) ?? nfvo.lifecycle.named(id);
  if (found && scope.owns(found.ns.id)) return found.ns.id;
  throw notThere("NS instance", id, "/nslcm/v2/ns_instances");
}

function ownVnf(nfvo: Nfvo, scope: Scope, id: string): string {
  const found = nfvo.lifecycle.vnfOf(id);
  if (scope.tenant === null || (found && scope.owns(found.deployment.ns.id))) return id;
  throw notThere("VNF instance", id, "/vnflcm/v2/vnf_instances");
}

/** The same words whether it is another's or is not there. */
async function ownOccurrence(scope: Scope, id: string, found: Promise<Occurrence>, list: string): Promise<Occurrence> {
  const o = await found.catch((e: unknown) => {
    if (scope.tenant === null || !(e instanceof Fault)) throw e;
    return null;
  });
  if (o !== null && scope.owns(o.nsId)) return o;
  throw notThere("life cycle operation occurrence", id, list);
}

export function vimOf(nfvo: Nfvo): VimOf {
  return (id) => {
    const account = nfvo.watches.find((w) => w.account.id === id)?.account;
    return { id, name: account?.name ?? id, url: account?.url ?? "" };
  };
}

function nsDoors(nfvo: Nfvo, { requests, operations, snapshotting }: LcmParts, scope: Scope): NsLcmDoors {
  /** Throws NOT_FOUND also for one that is nothing but a VNF's life cycle. */
  const own = (id: string): NsId => {
    const { ns } = requests.deploymentOf(ownNs(nfvo, scope, id));
    if (ns.soleVnf === undefined) return ns.id;
    throw notThere("NS instance", id, "/nslcm/v2/ns_instances");
  };
  const lookAt = (d: Deployment) => {
    const isOfIt = (vnfId: string | undefined) => d.vnfs.some((v) => v.id === vnfId);
    const snapshotIds = snapshotting.snapshots.all.filter((r) => isOfIt(r.content?.vnfId)).map((r) => r.id);
    return nsInstanceView(d, vimOf(nfvo), snapshotIds);
  };
  const viewOf = (id: string) => lookAt(requests.deploymentOf(own(id)));
  const occurrence = async (id: string) => {
    const o = await ownOccurrence(scope, id, operations.get(id), NS_OCCURRENCES);
    if (!o.isOfSoleVnf) return o;
    throw notThere("life cycle operation occurrence", id, NS_OCCURRENCES);
  };
  const idOf = async (id: string) => (await occurrence(id)).id;
  /** The NS, with these VNFs. Throws NOT_SUPPORTED for what is none of its VNFs: the path is right, and what it is sent is not. */
  const withVnfs = (nsId: string, vnfIds: readonly string[]) => {
    const d = requests.deploymentOf(own(nsId));
    const stranger = vnfIds.find((id) => !d.vnfs.some((v) => v.id === id));
    if (stranger === undefined) return d;
    const there = someOf(d.vnfs.map((v) => `${v.id} (${v.name})`));
    throw new Fault("NOT_SUPPORTED", `NS ${d.ns.name} has no VNF ${stranger}; it has: ${there}`, { id: stranger });
  };
  const idsIn = (vnfs: readonly { readonly vnfId: string }[]) => vnfs.map((v) => v.vnfId);
  return {
    listNs: () =>
      nfvo.lifecycle.all
        .filter((d) => d.ns.soleVnf === undefined && scope.owns(d.ns.id))
        .map((d) => ({ createdAt: d.ns.createdAt, place: d.ns.id, look: () => lookAt(d) })),
    getNs: viewOf,
    createNs: async (wish) => viewOf((await requests.createNs({ ...wish, ...wishOf(scope) })).id),
    deleteNs: async (id) => requests.deleteNs(own(id), false),
    instantiate: async (id, params) => requests.startInstantiation(own(id), params),
    terminate: async (id, graces, params) =>
      requests.startTermination(withVnfs(id, [...graces.keys()]).ns.id, params, { graces }),
    heal: async (id, vnfs, params) => {
      const d = withVnfs(id, vnfs ?? []);
      const which = vnfs === null ? null : d.vnfs.filter((v) => vnfs.includes(v.id)).flatMap((v) => vnfcsOf(d, v));
      return operations.heal(d.ns.id, which?.map((c) => c.id) ?? null, params);
    },
    mayBegin: (id, task) => operations.checkMayBegin(own(id), task),
    operate: async (id, vnfs, params) => operations.operate(withVnfs(id, idsIn(vnfs)).ns.id, vnfs, params),
    modifyVnfs: async (id, vnfs, params) => operations.modify(withVnfs(id, idsIn(vnfs)).ns.id, vnfs, params),
    changeConnectivity: async (id, vnfs, params) =>
      nfvo.turns.connectionTurns.begin(withVnfs(id, idsIn(vnfs)).ns.id, vnfs, params),
    changeNsFlavour: async (id, asked, params) => nfvo.turns.reshapeTurns.beginNs(own(id), asked, params),
    changeFlavours: async (id, vnfs, params) => nfvo.turns.reshapeTurns.begin(withVnfs(id, idsIn(vnfs)).ns.id, vnfs, params),
    changePackages: async (id, vnfs, params) => nfvo.turns.reshapeTurns.begin(withVnfs(id, idsIn(vnfs)).ns.id, vnfs, params),
    scale: async (id, vnfs, params) => {
      withVnfs(id, idsIn(vnfs));
      const isToLevel = vnfs.every((v) => !("steps" in v));
      return operations.scale(own(id), vnfs, isToLevel ? "SCALE_TO_LEVEL" : "SCALE", params);
    },
    scaleNs: async (id, scaling, params) => operations.scaleNs(own(id), scaling, "SCALE", params),
    addVnfs: async (id, more, params) => operations.scaleNs(own(id), { more }, "UPDATE", params),
    removeVnfs: async (id, without, graces, params) => operations.scaleNs(own(id), { without, graces }, "UPDATE", params),
    takeIn: async (id, vnfs, operation, params) => nfvo.turns.takingIn.begin(own(id), vnfs, operation, params),
    takeSnapshot: async (id, asked, params) => snapshotting.turns.take(withVnfs(id, [asked.vnfId]).ns.id, asked, params),
    revert: async (id, asked, params) => snapshotting.turns.revert(withVnfs(id, [asked.vnfId]).ns.id, asked, params),
    deleteSnapshot: async (id, { vnfId, snapshotId }, params) =>
      snapshotting.turns.delete(withVnfs(id, [vnfId]).ns.id, vnfId, snapshotId, params),
    listOccurrences: (asked) => operations.list({ ...asked, tenant: scope.tenant ?? undefined }),
    getOccurrence: occurrence,
    retry: async (id) => operations.retry(await idOf(id)),
    rollback: async (id) => operations.rollback(await idOf(id)),
    fail: async (id) => operations.fail(await idOf(id)),
    cancel: async (id, mode) => operations.cancel(await idOf(id), mode),
    continue: async (id) => operations.continue(await idOf(id)),
  };
}

/** Its profile and its place in it are a VNF's as long as it is there, whichever others come and go. */
const listedVnfs = (d: Deployment, vims: VimOf) =>
  d.vnfs.map((v) => ({
    createdAt: v.createdAt,
    place: `${d.ns.id} ${v.profile} ${String(ordinalOf(d, v)).padStart(6, "0")}`,
    look: () => vnfView(d, v, vims),
  }));

/** What an NS is made with, by who asks. */
export const wishOf = (scope: Scope) => ({ owner: scope.tenant, mayUse: (id: string) => scope.sees(id) });

function vnfDoors(nfvo: Nfvo, { requests, operations, soleVnfs, snapshotting }: LcmParts, scope: Scope): VnfLcmDoors {
  const own = (id: string) => ownVnf(nfvo, scope, id);
  const getVnf = (id: string) => {
    const { deployment, vnf } = operations.vnfOf(own(id));
    return vnfView(deployment, vnf, vimOf(nfvo));
  };
  /** The NS that is its life cycle. Throws CONFLICT for a VNF of one that somebody made. */
  const sole = (id: string, what: string): string => {
    const { ns } = operations.vnfOf(own(id)).deployment;
    if (ns.soleVnf === id) return ns.id;
    throw new Fault("CONFLICT", `VNF ${id} is of NS ${ns.name} (${ns.id}); ${what}`, { id: ns.id });
  };
  const ofVnf = (vnfId: string, occurrence: Occurrence): VnfOccurrenceOf => {
    const part = occurrence.vnfs.find((p) => p.vnfId === vnfId);
    if (part) return { occurrence, part };
    throw new Fault("CONFLICT", `VNF ${vnfId} was taken away meanwhile`, { id: vnfId });
  };
  const reshape = async (id: string, asked: VnfFlavour | VnfPackage, params: Occurrence["params"]) => {
    const { ns } = operations.vnfOf(own(id)).deployment;
    return ofVnf(id, await nfvo.turns.reshapeTurns.begin(ns.id, [{ vnfId: id, ...asked }], params));
  };
  const occurrenceOf = (id: string) => ownOccurrence(scope, id, operations.getOfVnf(id), "/vnflcm/v2/vnf_lcm_op_occs");
  const idOf = async (id: string) => (await occurrenceOf(id)).id;
  return {
    listVnfs: () => nfvo.lifecycle.all.filter((d) => scope.owns(d.ns.id)).flatMap((d) => listedVnfs(d, vimOf(nfvo))),
    getVnf,
    createVnf: async (wish) => getVnf(await soleVnfs.create({ ...wish, ...wishOf(scope) })),
    deleteVnf: async (id) => requests.deleteNs(sole(id, "delete that"), false),
    mayBegin: (id, task) =>
      operations.checkMayBegin(task === "change" ? operations.vnfOf(own(id)).deployment.ns.id : sole(id, `${task} that`), task),
    instantiate: async (id, start, params) => ofVnf(id, await soleVnfs.instantiate(sole(id, "instantiate that"), start, params)),
    terminate: async (id, graceMs, params) =>
      ofVnf(id, await requests.startTermination(sole(id, "terminate that"), params, { graces: new Map([[id, graceMs]]) })),
    changeConnectivity: async (id, connectivity, params) => {
      const { ns } = operations.vnfOf(own(id)).deployment;
      return ofVnf(id, await nfvo.turns.connectionTurns.begin(ns.id, [{ vnfId: id, ...connectivity }], params));
    },
    changeFlavour: reshape,
    changePackage: reshape,
    modify: async (id, change, params) => {
      const { ns } = operations.vnfOf(own(id)).deployment;
      return ofVnf(id, await operations.modify(ns.id, [{ vnfId: id, change }], params));
    },
    heal: async (id, vnfcs, params) => {
      const { deployment, vnf } = operations.vnfOf(own(id));
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
      const { ns } = operations.vnfOf(own(id)).deployment;
      const operation = "steps" in scaling ? "SCALE" : "SCALE_TO_LEVEL";
      return ofVnf(id, await operations.scale(ns.id, [{ vnfId: id, ...scaling }], operation, params));
    },
    operate: async (id, asked, params) => {
      const { ns } = operations.vnfOf(own(id)).deployment;
      return ofVnf(id, await operations.operate(ns.id, [{ vnfId: id, ...asked }], params));
    },
    takeSnapshot: async (id, asked, params) => {
      const { ns } = operations.vnfOf(own(id)).deployment;
      return ofVnf(id, await snapshotting.turns.take(ns.id, { vnfId: id, ...asked }, params));
    },
    revert: async (id, asked, params) => {
      const { ns } = operations.vnfOf(own(id)).deployment;
      return ofVnf(id, await snapshotting.turns.revert(ns.id, { vnfId: id, ...asked }, params));
    },
    listOccurrences: (asked) => operations.list({ ...asked, tenant: scope.tenant ?? undefined }),
    getOccurrence: async (id) => {
      const occurrence = await occurrenceOf(id);
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
