import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { Occurrence, VnfPart } from "../../model/occurrence.ts";
import type { VnfView } from "../../model/vnf-view.ts";
import {
  cancelMode,
  changeExtConnRequest,
  createSnapshotRequest,
  createVnfRequest,
  healVnfRequest,
  instantiateVnfRequest,
  modifyVnfRequest,
  operateVnfRequest,
  revertToSnapshotRequest,
  scaleVnfRequest,
  scaleVnfToLevelRequest,
  terminateVnfRequest,
} from "./lcm-bodies.ts";
import { type ListsOccurrences, vnfOccurrences } from "./lcm-lists.ts";
import { type Listed, placedAndShown } from "./members.ts";
import type { OccurrenceDoors, Task } from "./ns-lcm.ts";
import { changeFlavourRequest, changePackageRequest } from "./reshape-bodies.ts";
import { Dated, type SolCall, type SolRoute } from "./route.ts";
import { type Scaling, scalingByStep, scalingToLevel } from "./scale.ts";
import {
  changeAlone,
  flavourIn,
  graceIn,
  type OperateAsked,
  operateOf,
  packageIn,
  refuseProperties,
  type VnfChange,
  type VnfFlavour,
  type VnfPackage,
} from "./vnf-change.ts";
import { VNF_LIST, VNF_OCCURRENCE_LIST, vnfAt, vnfInstance, vnfOccurrence, vnfOccurrenceAt } from "./vnf-lcm-view.ts";
import {
  type ExternalLinkAsked,
  externalLinksIn,
  type ManagedLinkAsked,
  managedLinksIn,
  type VimAsked,
  vimsIn,
  withoutSecrets,
} from "./vnf-links.ts";
import { type RevertAsked, revertAsked, type SnapshotAsked, snapshotAsked } from "./vnf-snapshots.ts";

type Params = Occurrence["params"];

/** SOL003 5.5.2.3. */
export interface VnfWish {
  readonly vnfdId: string;
  /** Null: none is given. */
  readonly name: string | null;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** SOL003 5.5.2.4. */
export interface VnfStart {
  readonly flavourId: string;
  /** Null: the one that the VNFD begins with. */
  readonly level: string | null;
  readonly vims: readonly VimAsked[];
  readonly external: readonly ExternalLinkAsked[];
  readonly managed: readonly ManagedLinkAsked[];
  readonly localizationLanguage: string | null;
}

/** An operation, and one of its VNFs. */
export interface VnfOccurrenceOf {
  readonly occurrence: Occurrence;
  readonly part: VnfPart;
}

/** What VNF life cycle management may ask for. Each throws a Fault; what begins an operation resolves when that is on the disk. Occurrences go by the ids that they have for VNFs. */
export interface VnfLcmDoors extends OccurrenceDoors {
  listVnfs(): readonly Listed<VnfView>[];
  /** One without a network service. */
  createVnf(wish: VnfWish): Promise<VnfView>;
  /** Those of the other three throw CONFLICT for a VNF of a network service. */
  deleteVnf(id: string): Promise<void>;
  /** Throws CONFLICT where its state lets nothing of the kind begin, whatever is asked for. */
  mayBegin(id: string, task: Task): void;
  instantiate(id: string, start: VnfStart, params: Params): Promise<VnfOccurrenceOf>;
  /** `graceMs`: for its guests to end by themselves; null: they are switched off. */
  terminate(id: string, graceMs: number | null, params: Params): Promise<VnfOccurrenceOf>;
  getVnf(id: string): VnfView;
  modify(id: string, change: VnfChange, params: Params): Promise<VnfOccurrenceOf>;
  /** `vnfcs` null: all of it. */
  heal(id: string, vnfcs: readonly string[] | null, params: Params): Promise<VnfOccurrenceOf>;
  operate(id: string, asked: OperateAsked, params: Params): Promise<VnfOccurrenceOf>;
  scale(id: string, scaling: Scaling, params: Params): Promise<VnfOccurrenceOf>;
  changeConnectivity(id: string, connectivity: Pick<VnfStart, "vims" | "external">, params: Params): Promise<VnfOccurrenceOf>;
  takeSnapshot(id: string, asked: SnapshotAsked, params: Params): Promise<VnfOccurrenceOf>;
  revert(id: string, asked: RevertAsked, params: Params): Promise<VnfOccurrenceOf>;
  changeFlavour(id: string, asked: VnfFlavour, params: Params): Promise<VnfOccurrenceOf>;
  changePackage(id: string, asked: VnfPackage, params: Params): Promise<VnfOccurrenceOf>;
  listOccurrences: ListsOccurrences;
  getOccurrence(id: string): Promise<VnfOccurrenceOf>;
}

type Call = SolCall<VnfLcmDoors>;
const idOf = (call: Call): string => call.params.id as string;
const paramsOf = (call: Call): Params => withoutSecrets(call.body as Params);
const at = ({ part }: VnfOccurrenceOf): string => vnfOccurrenceAt(part.id);
const shown = ({ occurrence, part }: VnfOccurrenceOf) => vnfOccurrence(occurrence, part);

const VNFS = "/vnflcm/v2/vnf_instances";
const OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";

/** VNF life cycle management, SOL003 clause 5, with the heal of SOL002. VNFs of a network service are made and taken away with it. */
export const VNF_LCM_ROUTES: readonly SolRoute<VnfLcmDoors>[] = [
  {
    is: `POST ${VNFS}`,
    gives: 201,
    body: createVnfRequest,
    does: async (c) => vnfInstance(await create(c)),
    location: ({ id }: { id: string }) => vnfAt(id),
  },
  { is: `GET ${VNFS}`, gives: 200, does: (c) => placedAndShown(c.doors.listVnfs(), vnfInstance), lists: VNF_LIST },
  {
    is: `GET ${VNFS}/:id`,
    gives: 200,
    does: (c) => {
      const vnf = c.doors.getVnf(idOf(c));
      return new Dated(vnfInstance(vnf), vnf.modifiedAt);
    },
  },
  { is: `PATCH ${VNFS}/:id`, gives: 202, body: modifyVnfRequest, does: (c) => modify(c), location: at },
  { is: `DELETE ${VNFS}/:id`, gives: 204, does: (c) => c.doors.deleteVnf(idOf(c)) },

  { is: `POST ${VNFS}/:id/instantiate`, gives: 202, body: instantiateVnfRequest, does: (c) => instantiate(c), location: at },
  {
    is: `POST ${VNFS}/:id/terminate`,
    gives: 202,
    body: terminateVnfRequest,
    does: (c) => c.doors.terminate(idOf(c), graceIn(c.body as Static<typeof terminateVnfRequest>), paramsOf(c)),
    location: at,
  },
  { is: `POST ${VNFS}/:id/heal`, gives: 202, body: healVnfRequest, does: (c) => heal(c), location: at },
  {
    is: `POST ${VNFS}/:id/operate`,
    gives: 202,
    body: operateVnfRequest,
    does: (c) => c.doors.operate(idOf(c), operateOf(c.body as Static<typeof operateVnfRequest>), paramsOf(c)),
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/scale`,
    gives: 202,
    body: scaleVnfRequest,
    does: (c) => scalable(c).doors.scale(idOf(c), scalingByStep(c.body as Static<typeof scaleVnfRequest>), paramsOf(c)),
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/scale_to_level`,
    gives: 202,
    body: scaleVnfToLevelRequest,
    does: (c) => scalable(c).doors.scale(idOf(c), scalingToLevel(c.body as Static<typeof scaleVnfToLevelRequest>), paramsOf(c)),
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/change_flavour`,
    gives: 202,
    body: changeFlavourRequest,
    does: (c) => changeFlavour(c),
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/change_ext_conn`,
    gives: 202,
    body: changeExtConnRequest,
    does: (c) => {
      const asked = c.body as Static<typeof changeExtConnRequest>;
      c.doors.mayBegin(idOf(c), "change");
      const connectivity = { vims: vimsIn(asked.vimConnectionInfo), external: externalLinksIn(asked.extVirtualLinks) };
      return c.doors.changeConnectivity(idOf(c), connectivity, paramsOf(c));
    },
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/change_vnfpkg`,
    gives: 202,
    body: changePackageRequest,
    does: (c) => changePackage(c),
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/create_snapshot`,
    gives: 202,
    body: createSnapshotRequest,
    does: (c) => {
      const asked = snapshotAsked(c.body as Static<typeof createSnapshotRequest>);
      c.doors.mayBegin(idOf(c), "change");
      return c.doors.takeSnapshot(idOf(c), asked, paramsOf(c));
    },
    location: at,
  },
  {
    is: `POST ${VNFS}/:id/revert_to_snapshot`,
    gives: 202,
    body: revertToSnapshotRequest,
    does: (c) => {
      c.doors.mayBegin(idOf(c), "change");
      return c.doors.revert(idOf(c), revertAsked(c.body as Static<typeof revertToSnapshotRequest>), paramsOf(c));
    },
    location: at,
  },

  {
    is: `GET ${OCCURRENCES}`,
    gives: 200,
    does: (c) => vnfOccurrences((asked) => c.doors.listOccurrences(asked)),
    lists: VNF_OCCURRENCE_LIST,
  },
  {
    is: `GET ${OCCURRENCES}/:id`,
    gives: 200,
    does: async (c) => {
      const of = await c.doors.getOccurrence(idOf(c));
      return new Dated(shown(of), of.occurrence.stateEnteredAt);
    },
  },
  { is: `POST ${OCCURRENCES}/:id/retry`, gives: 202, does: (c) => c.doors.retry(idOf(c)) },
  { is: `POST ${OCCURRENCES}/:id/rollback`, gives: 202, does: (c) => c.doors.rollback(idOf(c)) },
  {
    is: `POST ${OCCURRENCES}/:id/fail`,
    gives: 200,
    does: async (c) => {
      await c.doors.fail(idOf(c));
      return shown(await c.doors.getOccurrence(idOf(c)));
    },
  },
  {
    is: `POST ${OCCURRENCES}/:id/cancel`,
    gives: 202,
    body: cancelMode,
    does: (c) => c.doors.cancel(idOf(c), (c.body as Static<typeof cancelMode>).cancelMode),
  },
];

function create(c: Call): Promise<VnfView> {
  const { vnfdId, vnfInstanceName, vnfInstanceDescription = "", metadata = {} } = c.body as Static<typeof createVnfRequest>;
  return c.doors.createVnf({ vnfdId, name: vnfInstanceName || null, description: vnfInstanceDescription, metadata });
}

function instantiate(c: Call): Promise<VnfOccurrenceOf> {
  const asked = c.body as Static<typeof instantiateVnfRequest>;
  c.doors.mayBegin(idOf(c), "instantiate");
  refuseProperties(asked);
  const start = {
    flavourId: asked.flavourId,
    level: asked.instantiationLevelId ?? null,
    vims: vimsIn(asked.vimConnectionInfo),
    external: externalLinksIn(asked.extVirtualLinks ?? []),
    managed: managedLinksIn(asked.extManagedVirtualLinks),
    localizationLanguage: asked.localizationLanguage ?? null,
  };
  return c.doors.instantiate(idOf(c), start, paramsOf(c));
}

function changeFlavour(c: Call): Promise<VnfOccurrenceOf> {
  const asked = c.body as Static<typeof changeFlavourRequest>;
  const { flavours, vnfdId } = c.doors.getVnf(idOf(c));
  if (flavours.length < 2) return noTask(c, `its VNFD ${vnfdId} has one deployment flavour`);
  c.doors.mayBegin(idOf(c), "change");
  return c.doors.changeFlavour(
    idOf(c),
    { ...flavourIn(asked), external: externalLinksIn(asked.extVirtualLinks ?? []) },
    paramsOf(c),
  );
}

function changePackage(c: Call): Promise<VnfOccurrenceOf> {
  const asked = c.body as Static<typeof changePackageRequest>;
  c.doors.mayBegin(idOf(c), "change");
  const external = externalLinksIn(asked.extVirtualLinks ?? []);
  return c.doors.changePackage(idOf(c), { ...packageIn(asked), external }, paramsOf(c));
}

function heal(c: Call): Promise<VnfOccurrenceOf> {
  const { vnfcInstanceId, healScript } = c.body as Static<typeof healVnfRequest>;
  c.doors.mayBegin(idOf(c), "change");
  if (healScript !== undefined)
    throw new Fault("NOT_SUPPORTED", `healScript: no VNFD here has scripts, so none is called ${healScript}`);
  return c.doors.heal(idOf(c), vnfcInstanceId ?? null, paramsOf(c));
}

function modify(c: Call): Promise<VnfOccurrenceOf> {
  const { name } = c.doors.getVnf(idOf(c));
  return c.doors.modify(idOf(c), changeAlone(c.body as Static<typeof modifyVnfRequest>, name), paramsOf(c));
}

/**
 * Throws NO_SUCH_TASK for what cannot be done with this VNF, whatever is asked for: its task does not exist (SOL003 5.4.5.3.1 and those
 * like it). NOT_FOUND for a VNF that there is not.
 */
function noTask(c: Call, why: string): never {
  throw new Fault("NO_SUCH_TASK", `VNF ${c.doors.getVnf(idOf(c)).name}: ${why}`);
}

function scalable(c: Call): Call {
  const { aspects, vnfdId } = c.doors.getVnf(idOf(c));
  if (aspects.length === 0) return noTask(c, `its VNFD ${vnfdId} has no scaling aspect`);
  c.doors.mayBegin(idOf(c), "change");
  return c;
}
