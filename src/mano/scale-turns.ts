import { randomUUID } from "node:crypto";
import type { Cost } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart } from "../model/occurrence.ts";
import type { Stitch } from "../model/stitch.ts";
import { insertStitches, updateVnfcStatus } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type Guard, isWell } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type NsScaleWish, nsTurnFor, sizesOfTurn } from "./ns-size.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import type { Owners } from "./owners.ts";
import { calledOf, type Deployment, SERVER_NAME_MAX } from "./plan.ts";
import { productsOf } from "./products.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { type ScaleWish, sizeOf, sizesFor } from "./size.ts";
import { costApart } from "./spread.ts";
import { planStitches, type StitchGround } from "./stitches.ts";
import { changesOf, partsAfter, type Turned, turnedTo } from "./turned.ts";
import type { VimNets } from "./vim-nets.ts";
import { writeTurn } from "./written-turn.ts";

export interface ScaleTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Pick<Owners, "of" | "usableBy">;
  readonly outbox: Outbox;
  guardsOf(d: Deployment): readonly Guard[];
  readonly nets: VimNets;
  stitchGround(): StitchGround;
  wake(vim: VimAccountId): void;
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
      const sizes = sizesFor(d, wishes, costIn(d, this.#parts.guardsOf(d)));
      const turned = turnedTo(d, sizes, [], this.#now());
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
    const { db, lifecycle, occurrences, owners } = this.#parts;
    return lifecycle.exclusive(ns, async () => {
      const d = this.#deploymentOf(ns);
      checkMayScale(d, []);
      const found = await productsOf(db, owners, d);
      const ground = { newId: randomUUID, now: this.#now(), found };
      const turn = nsTurnFor(d, wish, costIn(d, this.#parts.guardsOf(d)), ground);
      const all = sizesOfTurn(turn);
      const turned = turnedTo(d, new Map(all.map((s) => [s.vnf.id, s.to])), [...turn.made, ...turn.gone], this.#now());
      checkNames(turned.made);
      const parts = all.map(({ vnf, from, to }): VnfPart => {
        const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
        const does = to.vnfcs.length === 0 ? ("TERMINATE" as const) : ("INSTANTIATE" as const);
        const part = { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation: does, size: { from, to }, instance: vnf };
        const graceMs = "without" in wish ? (wish.graces?.get(vnfId) ?? null) : null;
        return { ...part, vnfcs: changesOf(turned, vnfId), ...(graceMs !== null && { graceMs }) };
      });
      return this.#writeApart(turned, occurrences.begin(d.ns, operation, parts, params));
    });
  }

  /**
   * Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. Throws CONFLICT where another NS
   * has taken a net meanwhile that it needs to go forth.
   */
  turn(d: Deployment, o: Occurrence, way: "from" | "to", change: TurnChange): Promise<Occurrence> {
    const sizes = new Map(o.vnfs.flatMap((p) => (p.size ? [[p.vnfId, p.size[way]]] : [])));
    const passing = o.vnfs.flatMap((p) => p.instance ?? []);
    const turned = turnedTo(d, sizes, passing, this.#now());
    const changed = this.#parts.occurrences.changed(o, { ...change, vnfs: partsAfter(turned, o) });
    return way === "to" ? this.#writeApart(turned, changed) : this.#write(turned, changed);
  }

  /** Where no other NS has a net of its own that it needs. */
  #writeApart(turned: Turned, o: Occurrence): Promise<Occurrence> {
    const { lifecycle, owners, nets } = this.#parts;
    return lifecycle.exclusive(GIVEN, () => {
      const joined = this.#joined(turned);
      refuseSharedNets(joined.d, lifecycle.all, owners, nets);
      return this.#write(joined, o);
    });
  }

  /** With what joins VNFCs in other VIMs that it had none of before. Throws NOT_SUPPORTED where a link or a VLAN of it is missing. */
  #joined(turned: Turned): Turned & { readonly stitches: readonly Stitch[] } {
    const { d } = turned;
    const { stitches, errors } = planStitches(d, this.#parts.stitchGround(), d.stitches);
    if (errors.length > 0) throw new Fault("NOT_SUPPORTED", errors.join("\n"), { id: d.ns.id });
    return { ...turned, d: { ...d, stitches: [...d.stitches, ...stitches] }, stitches };
  }

  #deploymentOf(ns: NsId): Deployment {
    const d = this.#parts.lifecycle.of(ns);
    if (d) return d;
    throw new Fault("NOT_FOUND", `there is no NS ${ns}`, { id: ns });
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }

  #write({ stitches = [], ...turned }: Turned & { readonly stitches?: readonly Stitch[] }, o: Occurrence): Promise<Occurrence> {
    return writeTurn(this.#parts, turned, o, async (tx) => {
      await insertStitches(tx, stitches);
      for (const vnfc of turned.kept) await updateVnfcStatus(tx, vnfc);
    });
  }
}

/** Who serves goes last; before it who could serve; first who could not. */
export function costIn(d: Deployment, guards: readonly Guard[]): Cost {
  const cost = (name: string) => {
    const vnfc = d.vnfcs.find((v) => v.name === name);
    const of = guards.flatMap((g) => g.members).find((m) => m.member.vnfcId === vnfc?.id);
    if (vnfc === undefined || of === undefined) return 0;
    return guards.some((g) => g.carriedBy(vnfc.id) > 0) ? 2 : isWell(of) ? 1 : 0;
  };
  return costApart(d, cost, 2);
}

/** Throws CONFLICT. */
export function checkMayScale(d: Deployment, vnfs: readonly VnfInstance[]): void {
  const { id, state } = d.ns;
  if (state !== "INSTANTIATED")
    throw new Fault("CONFLICT", `${calledOf(d.ns)} is ${state}; that is possible when it is INSTANTIATED`, { id });
  const stopped = vnfs.find((v) => v.isStopped);
  if (stopped)
    throw new Fault("CONFLICT", `VNF ${stopped.name} was stopped; ask for an operate to STARTED first`, { id: stopped.id });
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
