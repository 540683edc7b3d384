import { randomUUID } from "node:crypto";
import { Fault } from "../lib/fault.ts";
import type { NsId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfPart } from "../model/occurrence.ts";
import { deleteNs, updateVnfcs } from "../store/mano-ns.ts";
import { deleteVnfInstance, insertVnfInstances } from "../store/mano-occurrences.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import { notHere } from "./asked-links.ts";
import { checkMachines, checkWell, type Fitting, fitting } from "./fitting.ts";
import type { Healer } from "./healer.ts";
import type { Deployment } from "./plan.ts";
import { productsOf } from "./products.ts";
import type { ScaleTurnsParts } from "./scale-turns.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { checkWhole, resized, sizeOf, wantedOf } from "./size.ts";
import { changeable, checkInOneVim, checkMayBegin } from "./start.ts";
import { type Turned, turnedTo } from "./turned.ts";
import type { VimWatch } from "./vim-watch.ts";
import { concerned } from "./vnf-plan.ts";
import { writeTurn } from "./written-turn.ts";

/** A VNF that was made by itself, and the VNF profile it is to be one of; left out: the only one with its VNFD. */
export interface TakeInWish {
  readonly vnfId: string;
  readonly profile?: string | undefined;
}

export interface TakingInParts extends ScaleTurnsParts {
  readonly healer: Pick<Healer, "isUnderWay">;
  readonly alarms: Pick<AlarmBook, "active">;
  readonly watches: () => readonly Pick<VimWatch, "account" | "connector">[];
}

/**
 * Takes VNFs that were made by themselves into an NS that runs (decision 0140). They are of it with one commit, and the NSs that were their life cycle are no
 * more; nothing of their machines is changed. Who is to be a member of a group becomes one by the passes of the Scaler, as one that was made for it.
 */
export class TakingIn {
  readonly #parts: TakingInParts;

  constructor(parts: TakingInParts) {
    this.#parts = parts;
  }

  /** Each VNF named once. On the disk when it resolves. Throws INVALID, CONFLICT, NOT_SUPPORTED or VIM_UNREACHABLE with the reason, and then nothing has changed. */
  async begin(
    ns: NsId,
    wishes: readonly TakeInWish[],
    operation: "SCALE" | "UPDATE",
    params: Occurrence["params"],
  ): Promise<Occurrence> {
    const { lifecycle } = this.#parts;
    const d = this.#takerOf(ns);
    const soles = [...new Set(wishes.map((w) => this.#soleOf(d, w).ns.id))].sort();
    const seen = await this.#look(d); // Before it has its turn.
    const inTurn = (left: readonly NsId[], act: () => Promise<Occurrence>): Promise<Occurrence> =>
      left.length === 0 ? act() : lifecycle.exclusive(left[0]!, () => inTurn(left.slice(1), act));
    return lifecycle.exclusive(ns, () => inTurn(soles, () => this.#begin(this.#takerOf(ns), wishes, operation, params, seen)));
  }

  async #begin(
    d: Deployment,
    wishes: readonly TakeInWish[],
    operation: "SCALE" | "UPDATE",
    params: Occurrence["params"],
    seen: Inventory,
  ): Promise<Occurrence> {
    const { db, clock, owners, occurrences } = this.#parts;
    const found = await productsOf(db, owners, d);
    const ground = { newId: randomUUID, now: clock.wall().toISOString(), found };
    const all: Fitting[] = [];
    for (const wish of wishes) {
      const sole = this.#soleOf(d, wish);
      checkMayBegin(sole, occurrences.runningOf(sole.ns.id), "change");
      checkWell(sole, seen, (v) => this.#ails(v));
      all.push(fitting({ ...d, vnfs: [...d.vnfs, ...all.map((f) => f.vnf)] }, sole, wish.profile, ground));
    }
    checkWhole(d, new Set([...d.vnfs.flatMap(wantedOf), ...all.flatMap((f) => f.vnf.vnfcs)]));
    const taken = takenIn(d, all, ground.now);
    for (const f of all) checkMachines(taken, f, seen);
    const parts = all.map(({ vnf, vnfcs }): VnfPart => {
      const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
      const rows = taken.vnfcs.filter((v) => vnfcs.has(v.name)).map((v) => concerned(v, "MODIFIED"));
      return { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation: "ADD", vnfcs: rows };
    });
    return this.#write(taken, all, occurrences.begin(d.ns, operation, parts, params));
  }

  #write(taken: Deployment, all: readonly Fitting[], o: Occurrence): Promise<Occurrence> {
    const { lifecycle, owners, nets } = this.#parts;
    const gone = new Set(all.map((f) => f.sole.ns.id));
    // What is found by the ids of VNFs and VNFCs is found in the NS from then on.
    const resize = (d: Deployment) => {
      for (const id of gone) lifecycle.forget(id);
      lifecycle.resize(d);
    };
    const turned: Turned = { d: taken, vnfs: [], created: [], made: [], kept: [] };
    const rows = taken.vnfcs.filter((v) => all.some((f) => f.vnfcs.has(v.name)));
    const vnfs = taken.vnfs.filter((v) => all.some((f) => f.vnf.id === v.id));
    return lifecycle.exclusive(GIVEN, () => {
      const others = lifecycle.all.filter((d) => !gone.has(d.ns.id));
      refuseSharedNets(taken, others, owners, nets);
      return writeTurn({ ...this.#parts, lifecycle: { resize } }, turned, o, async (tx) => {
        await updateVnfcs(tx, rows);
        for (const { id } of vnfs) await deleteVnfInstance(tx, id);
        await insertVnfInstances(tx, vnfs);
        for (const id of gone) await deleteNs(tx, id);
      });
    });
  }

  /** Throws NOT_FOUND, CONFLICT, NOT_SUPPORTED. */
  #takerOf(ns: NsId): Deployment {
    const d = changeable(ns, this.#parts);
    checkInOneVim(d, "take in a VNF");
    return d;
  }

  /** The NS that is the life cycle of a VNF. Throws NOT_SUPPORTED where there is none; another tenant's is told of to nobody. */
  #soleOf({ ns }: Deployment, { vnfId }: TakeInWish): Deployment {
    const { lifecycle, owners } = this.#parts;
    const found = lifecycle.vnfOf(vnfId)?.deployment;
    if (!found || owners.of(found.ns.id) !== owners.of(ns.id))
      throw notHere(`there is no VNF ${vnfId} that NS ${ns.name} could take in; POST /vnflcm/v2/vnf_instances makes one`);
    if (found.ns.soleVnf === vnfId) return found;
    const why = found.ns.id === ns.id ? " already" : "; only a VNF that was made by itself is taken in";
    throw notHere(`VNF ${vnfId} is of NS ${found.ns.name} (${found.ns.id})${why}`);
  }

  /** What the VIM has now: a machine may have died a moment ago. */
  #look({ ns }: Deployment): Promise<Inventory> {
    const watch = this.#parts.watches().find((w) => w.account.id === ns.vimAccountId);
    if (!watch) throw new Fault("VIM_UNREACHABLE", `VIM account ${ns.vimAccountId} of NS ${ns.name} is not watched`);
    return watch.connector.inventory(new AbortController().signal);
  }

  #ails({ id }: Vnfc): string | null {
    const { healer, alarms } = this.#parts;
    if (healer.isUnderWay(id)) return "is being healed";
    const alarm = alarms.active.find((a) => a.managedObjectId === id);
    return alarm ? `has the alarm ${alarm.probableCause} (${alarm.id})` : null;
  }
}

/** The NS with these VNFs: their VNFCs go by the names that VNFCs of their places have, and keep their ids and machines. */
function takenIn(d: Deployment, all: readonly Fitting[], now: string): Deployment {
  const sizes = new Map(all.map(({ vnf }) => [vnf.id, sizeOf(vnf)]));
  const turned = turnedTo(
    d,
    sizes,
    all.map((f) => f.vnf),
    now,
  );
  const was = new Map(all.flatMap((f) => [...f.vnfcs]));
  const vnfcs = turned.d.vnfcs.map((planned) => {
    const is = was.get(planned.name);
    if (is === undefined) return planned;
    const { nsId, name, vdu, highAvailability, replicated, serviceInterface } = planned;
    return { ...is, nsId, name, vdu, highAvailability, replicated, serviceInterface, modifiedAt: now };
  });
  return resized({ ...turned.d, vnfcs });
}
