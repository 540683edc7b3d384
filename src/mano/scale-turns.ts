import { randomUUID } from "node:crypto";
import { sized } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { insertVnfcs, updateVnfcStatus } from "../store/mano-ns.ts";
import { updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Owners } from "./owners.ts";
import { type Deployment, planVnfcs, SERVER_NAME_MAX, vimsOf } from "./plan.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { resized, type ScaleWish, sizeOf, sizesFor, wantedNames } from "./size.ts";
import { concerned, vnfcsOf } from "./vnf-plan.ts";

export interface ScaleTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Pick<Owners, "of">;
  wake(vim: VimAccountId): void;
}

/** An NS whose VNFs are meant to be of other sizes, and what of that is to be written. */
interface Turned {
  readonly d: Deployment;
  readonly vnfs: readonly VnfInstance[];
  readonly made: readonly Vnfc[];
  /** They were to go, and are to stay after all. */
  readonly kept: readonly Vnfc[];
}

/**
 * What sizes VNFs are meant to have: written together with the operation that asks for it (decision 0072). The loop makes it so, one way or the
 * other; what fails, and what is rolled back, is turned to the size that it had.
 */
export class ScaleTurns {
  readonly #parts: ScaleTurnsParts;

  constructor(parts: ScaleTurnsParts) {
    this.#parts = parts;
  }

  /** On the disk when it resolves. Throws INVALID, CONFLICT or NOT_SUPPORTED with the reason, and then nothing has changed. */
  begin(
    ns: NsId,
    wishes: readonly ScaleWish[],
    operation: "SCALE" | "SCALE_TO_LEVEL",
    params: Occurrence["params"],
  ): Promise<Occurrence> {
    const { lifecycle, occurrences } = this.#parts;
    return lifecycle.exclusive(ns, async () => {
      const d = lifecycle.of(ns);
      if (!d) throw new Fault("NOT_FOUND", `there is no NS ${ns}`, { id: ns });
      checkMayScale(d, wishes);
      const sizes = sizesFor(d, wishes);
      const turned = this.#turned(d, sizes);
      checkNames(turned.made);
      const parts = [...sizes].map(([vnfId, to]): VnfPart => {
        const vnf = d.vnfs.find((v) => v.id === vnfId)!;
        const { name: vnfName, vnfdId, profile } = vnf;
        const size = { from: sizeOf(vnf), to };
        return { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation, vnfcs: changesOf(turned, vnfId), size };
      });
      return this.#writeApart(turned, occurrences.begin(d.ns, "SCALE", parts, params));
    });
  }

  /**
   * Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. Throws CONFLICT where another NS
   * has taken a net meanwhile that it needs to go forth.
   */
  turn(
    d: Deployment,
    o: Occurrence,
    way: "from" | "to",
    change: Pick<Parameters<Occurrences["changed"]>[1], "state" | "error" | "warnings" | "cancelMode">,
  ): Promise<Occurrence> {
    const sizes = new Map(o.vnfs.flatMap((p) => (p.size ? [[p.vnfId, p.size[way]]] : [])));
    const turned = this.#turned(d, sizes);
    const vnfs = o.vnfs.map((p) => {
      const more = changesOf(turned, p.vnfId).filter((c) => !p.vnfcs.some((had) => had.id === c.id));
      return { ...p, vnfcs: [...p.vnfcs, ...more] };
    });
    const turnedTo = this.#parts.occurrences.changed(o, { ...change, vnfs });
    return way === "to" ? this.#writeApart(turned, turnedTo) : this.#write(turned, turnedTo);
  }

  /** Where no other NS has a net of its own that it needs. */
  #writeApart(turned: Turned, o: Occurrence): Promise<Occurrence> {
    const { lifecycle, owners } = this.#parts;
    return lifecycle.exclusive(GIVEN, () => {
      refuseSharedNets(turned.d, lifecycle.all, owners);
      return this.#write(turned, o);
    });
  }

  #turned(d: Deployment, sizes: ReadonlyMap<string, VnfSize>): Turned {
    const now = this.#parts.clock.wall().toISOString();
    const before = wantedNames(d);
    const vnfs = d.vnfs.map((vnf) => turnedVnf(d, vnf, sizes.get(vnf.id), now));
    const names = new Set(vnfs.flatMap((v) => v.vnfcs));
    const wanted = wantedNames({ vnfs });
    const { vnfd } = sized(d.asWritten ?? d, names, wanted);
    const there = new Set(d.vnfcs.map((v) => v.name));
    const made = planVnfcs(d.ns, vnfd, randomUUID, now).filter((v) => names.has(v.name) && !there.has(v.name));
    const kept = d.vnfcs.filter((v) => wanted.has(v.name) && !before.has(v.name)).map((v) => asNew(v, now));
    const vnfcs = [...d.vnfcs.map((v) => kept.find((k) => k.id === v.id) ?? v), ...made];
    return { d: resized({ ...d, vnfs, vnfcs }), vnfs: vnfs.filter((v) => sizes.has(v.id)), made, kept };
  }

  async #write({ d, vnfs, made, kept }: Turned, o: Occurrence): Promise<Occurrence> {
    const { db, lifecycle, occurrences, wake } = this.#parts;
    await db.transaction().execute(async (tx) => {
      await insertVnfcs(tx, made);
      for (const vnfc of kept) await updateVnfcStatus(tx, vnfc);
      for (const vnf of vnfs) await updateVnfInstance(tx, vnf);
      await occurrences.write(tx, o);
    });
    lifecycle.resize(d);
    occurrences.tell(o);
    wake(d.ns.vimAccountId);
    return o;
  }
}

/** Its machine may be gone by now. */
const asNew = (v: Vnfc, now: string): Vnfc => ({ ...v, status: "BUILD", previousStatus: null, errorMsg: null, modifiedAt: now });

function turnedVnf(d: Deployment, vnf: VnfInstance, size: VnfSize | undefined, now: string): VnfInstance {
  if (size === undefined) return vnf;
  const leaving = vnfcsOf(d, vnf)
    .map((v) => v.name)
    .filter((n) => !size.vnfcs.includes(n));
  const { leaving: _, ...rest } = vnf;
  return {
    ...rest,
    vnfcs: [...size.vnfcs, ...leaving],
    ...(leaving.length > 0 && { leaving }),
    scale: size.scale,
    modifiedAt: now,
  };
}

/** What the turn adds to a VNF, and what it takes away. */
function changesOf({ d, made }: Turned, vnfId: string): VnfPart["vnfcs"] {
  const vnf = d.vnfs.find((v) => v.id === vnfId);
  if (!vnf) return [];
  const added = made.filter((v) => vnf.vnfcs.includes(v.name)).map((v) => concerned(v, "ADDED"));
  const removed = vnfcsOf(d, vnf).filter((v) => vnf.leaving?.includes(v.name));
  return [...added, ...removed.map((v) => concerned(v, "REMOVED"))];
}

function checkMayScale(d: Deployment, wishes: readonly ScaleWish[]): void {
  const { id, name, state } = d.ns;
  if (state !== "INSTANTIATED")
    throw new Fault("CONFLICT", `NS ${name} is ${state}; that is possible when it is INSTANTIATED`, { id });
  const stopped = d.vnfs.find((v) => v.isStopped && wishes.some((w) => w.vnfId === v.id));
  if (stopped)
    throw new Fault("CONFLICT", `VNF ${stopped.name} was stopped; ask for an operate to STARTED first`, { id: stopped.id });
  // Also where nothing joins its parts: what is elsewhere is neither seen nor reached from here.
  if (d.stitches.length > 0 || vimsOf(d).length > 1)
    throw new Fault("NOT_SUPPORTED", `NS ${name} is spread over several VIMs; only one that is in one VIM can be scaled`, { id });
}

function checkNames(made: readonly Vnfc[]): void {
  const long = made.find((v) => v.serverName.length > SERVER_NAME_MAX);
  if (long)
    throw new Fault(
      "NOT_SUPPORTED",
      `${long.serverName}: names of machines may have ${SERVER_NAME_MAX} characters; choose a shorter nsName`,
    );
}
