import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfOperation, VnfPart } from "../model/occurrence.ts";
import type { SnapshotRecord, VnfSnapshot } from "../model/vnf-snapshot.ts";
import type { VnfView } from "../model/vnf-view.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { upsertSnapshot } from "../store/mano-snapshots.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";
import type { Snapshots } from "./snapshots.ts";
import { changeable, checkInOneVim, vnfIn } from "./start.ts";
import { concerned, vnfcsOf } from "./vnf-plan.ts";

/** A snapshot of a VNF that is asked for. */
export interface SnapshotWish {
  readonly vnfId: string;
  /** What it is put into; null: one that is made for it. */
  readonly snapshotId: string | null;
  /** Null: all of its VNFCs. */
  readonly vnfcId: string | null;
  readonly userDefinedData: VnfSnapshot["userDefinedData"];
}

/** A way back that is asked for. */
export interface RevertWish {
  readonly vnfId: string;
  readonly snapshotId: string;
  /** Null: all VNFCs that the snapshot has. */
  readonly vnfcId: string | null;
  /** What the snapshot calls what it has of that VNFC; null: not said. */
  readonly vnfcSnapshotId: string | null;
}

export interface SnapshotTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Owners;
  readonly snapshots: Snapshots;
  view(d: Deployment, vnf: VnfInstance): VnfView;
  wake(d: Deployment): void;
}

/** Begins snapshots of VNFs and ways back to them: each is on the disk, with the ids of its images, before a VIM is asked for any. */
export class SnapshotTurns {
  readonly #parts: SnapshotTurnsParts;

  constructor(parts: SnapshotTurnsParts) {
    this.#parts = parts;
  }

  /** On the disk when it resolves. Throws CONFLICT, NOT_SUPPORTED for what the body names and cannot be had. */
  take(nsId: NsId, wish: SnapshotWish, params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, occurrences, snapshots, owners } = this.#parts;
    return lifecycle.exclusive(nsId, () => {
      const { d, vnf } = this.#runningOf(nsId, wish.vnfId);
      const which = vnfcsOf(d, vnf).filter((v) => wish.vnfcId === null || v.id === wish.vnfcId);
      if (which.length === 0) throw noVnfc(d, vnf, wish.vnfcId);
      const record = wish.snapshotId === null ? snapshots.empty() : this.#meant(d, wish.snapshotId);
      if (record.content !== null)
        throw new Fault("NOT_SUPPORTED", `vnfSnapshotInfoId: VNF snapshot ${record.id} has its content; make another one`);
      const filled = snapshots.with(record, {
        id: randomUUID(),
        vnfId: vnf.id,
        vnfdId: vnf.vnfdId,
        vnf: this.#parts.view(d, vnf),
        isOfAll: wish.vnfcId === null,
        userDefinedData: wish.userDefinedData,
        ...this.#begun(which),
      });
      const part = partOf(vnf, "CREATE_SNAPSHOT", record.id, which);
      const o = occurrences.begin(d.ns, "UPDATE", [part], params);
      return this.#write(d, o, filled, (tx) => owners.give(record.id, owners.of(d.ns.id), tx));
    });
  }

  /** As `take`. */
  revert(nsId: NsId, wish: RevertWish, params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, occurrences } = this.#parts;
    return lifecycle.exclusive(nsId, () => {
      const { d, vnf } = this.#runningOf(nsId, wish.vnfId);
      if (vnf.isStopped)
        throw new Fault("CONFLICT", `VNF ${vnf.name} was stopped; ask for an operate to STARTED first`, { id: vnf.id });
      checkInOneVim(d, "be reverted");
      const record = this.#meant(d, wish.snapshotId);
      const all = revertedBy(d, vnf, wholeIn(record, vnf), wish);
      const part = {
        ...partOf(vnf, "REVERT_TO_SNAPSHOT", record.id, all),
        reverting: { all: all.map((v) => v.id), done: [], begun: null },
      };
      return this.#write(d, occurrences.begin(d.ns, "UPDATE", [part], params), null);
    });
  }

  /** Deletes one of a VNF of this NS: done when this resolves, and on record as an operation. */
  delete(nsId: NsId, vnfId: string, id: string, params: Occurrence["params"]): Promise<Occurrence> {
    const { db, lifecycle, occurrences, snapshots } = this.#parts;
    return lifecycle.exclusive(nsId, async () => {
      const { d } = this.#runningOf(nsId, vnfId);
      const record = this.#meant(d, id);
      if (record.content?.vnfId !== vnfId) throw ofAnother(record, vnfId);
      const begun = occurrences.begin(d.ns, "UPDATE", [], params);
      const o = occurrences.changed(begun, { state: "COMPLETED" });
      const gone = snapshots.deleted(id);
      const write = async (tx: ManoStore) => {
        await upsertSnapshot(tx, gone);
        await occurrences.write(tx, begun);
        await occurrences.write(tx, o, begun);
      };
      await snapshots.holding(id, async () => {
        await db.transaction().execute(write);
        snapshots.note(gone);
      });
      occurrences.tell(begun);
      occurrences.tell(o);
      snapshots.wake();
      return o;
    });
  }

  /** A snapshot that has failed is taken back, or, when it is tried again, taken anew. The caller has the turn of its NS. */
  turn(d: Deployment, o: Occurrence, way: "from" | "to", change: TurnChange): Promise<Occurrence> {
    const { occurrences, snapshots } = this.#parts;
    const changed = occurrences.changed(o, change);
    if (way === "from") return this.#write(d, changed, null);
    const { vnfId, vnfcs, snapshotId } = o.vnfs[0]!;
    const vnf = vnfIn(d, vnfId);
    const which = d.vnfcs.filter((v) => vnfcs.some((c) => c.id === v.id));
    const record = snapshots.get(snapshotId!);
    const filled = snapshots.with(record, {
      ...{ id: randomUUID(), vnfId, vnfdId: vnf.vnfdId, vnf: this.#parts.view(d, vnf) },
      isOfAll: which.length === vnfcsOf(d, vnf).length,
      userDefinedData: userDataOf(o.params),
      ...this.#begun(which, record.content), // What could not be taken away is found again, and not forgotten.
    });
    return this.#write(d, changed, filled);
  }

  #begun(which: readonly Vnfc[], had: VnfSnapshot | null = null): Pick<VnfSnapshot, "startedAt" | "finishedAt" | "vnfcs"> {
    const vnfcs = which.map((v) => ({
      id: randomUUID(),
      vnfcId: v.id,
      name: v.name,
      vdu: v.vdu,
      vimAccountId: v.vimAccountId,
      serverId: v.vimServerId,
      imageId: had?.vnfcs.find((one) => one.vnfcId === v.id)?.imageId ?? randomUUID(),
      finishedAt: null,
    }));
    return { startedAt: this.#parts.clock.wall().toISOString(), finishedAt: null, vnfcs };
  }

  /** Throws NOT_FOUND, and CONFLICT before anything that is wrong with what is asked for. */
  #runningOf(nsId: NsId, vnfId: string): { readonly d: Deployment; readonly vnf: VnfInstance } {
    const d = changeable(nsId, this.#parts);
    return { d, vnf: vnfIn(d, vnfId) };
  }

  /** What a body names. Whose it is does not matter where it is nobody's. Throws NOT_SUPPORTED: the path is right. */
  #meant(d: Deployment, id: string): SnapshotRecord {
    const { snapshots, owners } = this.#parts;
    const record = snapshots.find(id);
    if (record && [null, owners.of(d.ns.id)].includes(owners.of(id))) {
      snapshots.checkFree(id);
      return record;
    }
    throw new Fault("NOT_SUPPORTED", `vnfSnapshotInfoId: there is no VNF snapshot ${id}`, { id });
  }

  async #write(
    d: Deployment,
    o: Occurrence,
    record: SnapshotRecord | null,
    also: (tx: ManoStore) => Promise<void> = async () => {},
  ): Promise<Occurrence> {
    const { db, occurrences, snapshots, wake } = this.#parts;
    const write = async (tx: ManoStore) => {
      await also(tx);
      if (record) await upsertSnapshot(tx, record);
      await occurrences.write(tx, o);
    };
    await snapshots.holding(o.vnfs[0]!.snapshotId!, async () => {
      await db.transaction().execute(write);
      if (record) snapshots.note(record);
      occurrences.tell(o);
    });
    wake(d);
    return o;
  }
}

/** As a client of SOL003 or of SOL005 has sent it. */
function userDataOf(params: Occurrence["params"]): VnfSnapshot["userDefinedData"] {
  const { userDefinedData } = (params.createSnapshotData ?? params) as {
    readonly userDefinedData?: VnfSnapshot["userDefinedData"];
  };
  return userDefinedData ?? null;
}

function partOf(vnf: VnfInstance, operation: VnfOperation, snapshotId: string, which: readonly Vnfc[]): VnfPart {
  const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
  const vnfcs = which.map((v) => concerned(v, "MODIFIED"));
  return { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation, vnfcs, snapshotId };
}

/** Throws NOT_SUPPORTED for one that has nothing of this VNF, CONFLICT for one of before its package was changed. */
function wholeIn(record: SnapshotRecord, vnf: VnfInstance): VnfSnapshot {
  const { id, content } = record;
  if (content === null || content.finishedAt === null)
    throw new Fault("NOT_SUPPORTED", `vnfSnapshotInfoId: VNF snapshot ${id} has no content; create_snapshot gives it some`);
  if (content.vnfId !== vnf.id) throw ofAnother(record, vnf.id);
  const { product, vnfdId } = content.vnf;
  if (product.packageId === vnf.product.packageId) return content;
  const [was, is] = [`${vnfdId} version ${product.vnfdVersion}`, `${vnf.vnfdId} version ${vnf.product.vnfdVersion}`];
  throw new Fault("CONFLICT", `VNF ${vnf.name} is of VNFD ${is}, and the snapshot is of ${was}; change it back to that first`, {
    id: vnf.id,
  });
}

const ofAnother = ({ id, content }: SnapshotRecord, vnfId: string): Fault =>
  new Fault(
    "NOT_SUPPORTED",
    `vnfSnapshotInfoId: VNF snapshot ${id} is of ${content ? `VNF ${content.vnfId}` : "no VNF yet"}, not of ${vnfId}`,
  );

/** The VNFCs that have the places of those of the snapshot. Throws CONFLICT where the VNF has others by now. */
function revertedBy(d: Deployment, vnf: VnfInstance, content: VnfSnapshot, { vnfcId, vnfcSnapshotId }: RevertWish): Vnfc[] {
  const now = vnfcsOf(d, vnf);
  if (vnfcId !== null && !now.some((v) => v.id === vnfcId)) throw noVnfc(d, vnf, vnfcId);
  const meant = content.vnfcs.filter((s) => {
    const of = now.find((v) => v.name === s.name);
    return (vnfcId === null || of?.id === vnfcId) && (vnfcSnapshotId === null || s.id === vnfcSnapshotId);
  });
  if (meant.length === 0)
    throw new Fault("NOT_SUPPORTED", `VNF snapshot of ${vnf.name}: it has nothing of VNFC ${vnfcId ?? vnfcSnapshotId}`);
  const say = (why: string) =>
    new Fault("CONFLICT", `VNF ${vnf.name}: ${why}; scale it to what it was, or revert one VNFC`, { id: vnf.id });
  const isWhole = vnfcId === null && vnfcSnapshotId === null;
  const strange = isWhole && content.isOfAll ? now.find((v) => !meant.some((s) => s.name === v.name)) : undefined;
  if (strange) throw say(`it has ${strange.name} now, of which the snapshot has nothing`);
  return meant.map((s) => {
    const vnfc = now.find((v) => v.name === s.name);
    if (!vnfc) throw say(`it has no ${s.name} any more, which the snapshot has`);
    if (vnfc.vimAccountId === s.vimAccountId) return vnfc;
    throw new Fault("CONFLICT", `${vnfc.name} is in another VIM now, which has no image of it`, { id: vnf.id });
  });
}

const noVnfc = (d: Deployment, vnf: VnfInstance, id: VnfcId | string | null): Fault =>
  new Fault(
    "NOT_SUPPORTED",
    `vnfcInstanceId: VNF ${vnf.name} has no VNFC ${id}; it has ${vnfcsOf(d, vnf)
      .map((v) => v.id)
      .join(", ")}`,
  );
