import { randomUUID } from "node:crypto";
import { type Cost, sized } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { insertVnfcs, updateVnfcStatus } from "../store/mano-ns.ts";
import { insertVnfInstances, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type Guard, isWell } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type NsScaleWish, nsTurnFor, sizesOfTurn } from "./ns-size.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import type { Owners } from "./owners.ts";
import { calledOf, type Deployment, planVnfcs, SERVER_NAME_MAX, vimsOf } from "./plan.ts";
import { productsOf } from "./products.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { resized, type ScaleWish, sizeOf, sizesFor, wantedNames } from "./size.ts";
import type { VimNets } from "./vim-nets.ts";
import { concerned, vnfcsOf, vnfsCreated } from "./vnf-plan.ts";

export interface ScaleTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Pick<Owners, "of" | "usableBy">;
  readonly outbox: Outbox;
  guardsOf(d: Deployment): readonly Guard[];
  readonly nets: VimNets;
  wake(vim: VimAccountId): void;
}

/** An NS whose VNFs are meant to be of other sizes, and what of that is to be written. */
interface Turned {
  readonly d: Deployment;
  readonly vnfs: readonly VnfInstance[];
  /** Those of them that were not there. */
  readonly created: readonly VnfInstance[];
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
      const d = this.#deploymentOf(ns);
      checkMayScale(
        d,
        d.vnfs.filter((v) => wishes.some((w) => w.vnfId === v.id)),
      );
      const sizes = sizesFor(d, wishes, this.#costIn(d));
      const turned = this.#turned(d, sizes, []);
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

  /** The same for how many VNFs the NS has. `operation`: what SOL005 calls it. */
  beginNs(ns: NsId, wish: NsScaleWish, operation: "SCALE" | "UPDATE", params: Occurrence["params"]): Promise<Occurrence> {
    const { db, clock, lifecycle, occurrences, owners } = this.#parts;
    return lifecycle.exclusive(ns, async () => {
      const d = this.#deploymentOf(ns);
      checkMayScale(d, []);
      const found = await productsOf(db, owners, d);
      const ground = { newId: randomUUID, now: clock.wall().toISOString(), found };
      const turn = nsTurnFor(d, wish, this.#costIn(d), ground);
      const all = sizesOfTurn(turn);
      const turned = this.#turned(d, new Map(all.map((s) => [s.vnf.id, s.to])), [...turn.made, ...turn.gone]);
      checkNames(turned.made);
      const parts = all.map(({ vnf, from, to }): VnfPart => {
        const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
        const does = to.vnfcs.length === 0 ? ("TERMINATE" as const) : ("INSTANTIATE" as const);
        const vnfcs = changesOf(turned, vnfId);
        return { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation: does, vnfcs, size: { from, to }, instance: vnf };
      });
      return this.#writeApart(turned, occurrences.begin(d.ns, operation, parts, params));
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
    const turned = this.#turned(
      d,
      sizes,
      o.vnfs.flatMap((p) => p.instance ?? []),
    );
    const vnfs = o.vnfs.map((p) => {
      const more = changesOf(turned, p.vnfId).filter((c) => !p.vnfcs.some((had) => had.id === c.id));
      return { ...p, vnfcs: [...p.vnfcs, ...more] };
    });
    const turnedTo = this.#parts.occurrences.changed(o, { ...change, vnfs });
    return way === "to" ? this.#writeApart(turned, turnedTo) : this.#write(turned, turnedTo);
  }

  /** Where no other NS has a net of its own that it needs. */
  #writeApart(turned: Turned, o: Occurrence): Promise<Occurrence> {
    const { lifecycle, owners, nets } = this.#parts;
    return lifecycle.exclusive(GIVEN, () => {
      refuseSharedNets(turned.d, lifecycle.all, owners, nets);
      return this.#write(turned, o);
    });
  }

  #deploymentOf(ns: NsId): Deployment {
    const d = this.#parts.lifecycle.of(ns);
    if (d) return d;
    throw new Fault("NOT_FOUND", `there is no NS ${ns}`, { id: ns });
  }

  /** Who serves goes last; before it who could serve; first who could not. */
  #costIn(d: Deployment): Cost {
    const guards = this.#parts.guardsOf(d);
    return (name) => {
      const vnfc = d.vnfcs.find((v) => v.name === name);
      const of = guards.flatMap((g) => g.members).find((m) => m.member.vnfcId === vnfc?.id);
      if (vnfc === undefined || of === undefined) return 0;
      return guards.some((g) => g.carriedBy(vnfc.id) > 0) ? 2 : isWell(of) ? 1 : 0;
    };
  }

  /** `passing`: VNFs that come into being or go with it. */
  #turned(d: Deployment, sizes: ReadonlyMap<string, VnfSize>, passing: readonly VnfInstance[]): Turned {
    const now = this.#parts.clock.wall().toISOString();
    const before = wantedNames(d);
    const created = passing.filter((p) => !d.vnfs.some((v) => v.id === p.id) && sizes.get(p.id)?.vnfcs.length);
    const isPassing = (id: string) => passing.some((p) => p.id === id);
    const vnfs = [...d.vnfs, ...created].map((vnf) => turnedVnf(d, vnf, sizes.get(vnf.id), isPassing(vnf.id), now));
    const names = new Set(vnfs.flatMap((v) => v.vnfcs));
    const wanted = wantedNames({ vnfs });
    const { vnfd } = sized(d.asWritten ?? d, names, wanted);
    const there = new Set(d.vnfcs.map((v) => v.name));
    const made = planVnfcs(d.ns, vnfd, randomUUID, now).filter((v) => names.has(v.name) && !there.has(v.name));
    const kept = d.vnfcs.filter((v) => wanted.has(v.name) && !before.has(v.name)).map((v) => asNew(v, now));
    const vnfcs = [...d.vnfcs.map((v) => kept.find((k) => k.id === v.id) ?? v), ...made];
    const isCreated = (id: string) => created.some((c) => c.id === id);
    const changed = vnfs.filter((v) => sizes.has(v.id));
    return {
      d: resized({ ...d, vnfs, vnfcs }),
      vnfs: changed.filter((v) => !isCreated(v.id)),
      created: changed.filter((v) => isCreated(v.id)),
      made,
      kept,
    };
  }

  async #write({ d, vnfs, created, made, kept }: Turned, o: Occurrence): Promise<Occurrence> {
    const { db, lifecycle, occurrences, outbox, wake } = this.#parts;
    const untold = await db.transaction().execute(async (tx) => {
      await insertVnfcs(tx, made);
      for (const vnfc of kept) await updateVnfcStatus(tx, vnfc);
      for (const vnf of vnfs) await updateVnfInstance(tx, vnf);
      await insertVnfInstances(tx, created);
      const told = await outbox.put(tx, vnfsCreated(d.ns, created));
      await occurrences.write(tx, o);
      return told;
    });
    lifecycle.resize(d);
    outbox.tell(untold);
    occurrences.tell(o);
    wake(d.ns.vimAccountId);
    return o;
  }
}

/** Its machine may be gone by now. */
const asNew = (v: Vnfc, now: string): Vnfc => ({ ...v, status: "BUILD", previousStatus: null, errorMsg: null, modifiedAt: now });

function turnedVnf(d: Deployment, vnf: VnfInstance, size: VnfSize | undefined, isPassing: boolean, now: string): VnfInstance {
  if (size === undefined) return vnf;
  const leaving = vnfcsOf(d, vnf)
    .map((v) => v.name)
    .filter((n) => !size.vnfcs.includes(n));
  const { leaving: _, isGoing: __, ...rest } = vnf;
  return {
    ...rest,
    vnfcs: [...size.vnfcs, ...leaving],
    ...(leaving.length > 0 && { leaving }),
    ...(isPassing && size.vnfcs.length === 0 && { isGoing: true as const }),
    ...((vnf.scale !== undefined || Object.keys(size.scale).length > 0) && { scale: size.scale }),
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

function checkMayScale(d: Deployment, vnfs: readonly VnfInstance[]): void {
  const { id, name, state } = d.ns;
  if (state !== "INSTANTIATED")
    throw new Fault("CONFLICT", `${calledOf(d.ns)} is ${state}; that is possible when it is INSTANTIATED`, { id });
  const stopped = vnfs.find((v) => v.isStopped);
  if (stopped)
    throw new Fault("CONFLICT", `VNF ${stopped.name} was stopped; ask for an operate to STARTED first`, { id: stopped.id });
  // Also where nothing joins its parts: what is elsewhere is neither seen nor reached from here.
  if (d.stitches.length > 0 || vimsOf(d).length > 1)
    throw new Fault("NOT_SUPPORTED", `NS ${name} is spread over several VIMs; only one that is in one VIM can be scaled`, { id });
}

/** Throws NOT_SUPPORTED for a machine whose name the VIM would cut. */
export function checkNames(made: readonly Pick<Vnfc, "serverName">[]): void {
  const long = made.find((v) => v.serverName.length > SERVER_NAME_MAX);
  if (long)
    throw new Fault(
      "NOT_SUPPORTED",
      `${long.serverName}: names of machines may have ${SERVER_NAME_MAX} characters; choose a shorter nsName`,
    );
}
