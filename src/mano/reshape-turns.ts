import { randomUUID } from "node:crypto";
import { nsFlavourIds } from "../descriptor/flavours.ts";
import { sized } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { NsdId, NsId, VimAccountId } from "../model/ids.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { readNsd, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { updateNsd, updateVnfcs } from "../store/mano-ns.ts";
import { readPackage } from "../store/mano-packages.ts";
import { notHere } from "./asked-links.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Guard } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type NsReshape, nsReshape } from "./ns-reshape.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import type { Deployment } from "./plan.ts";
import { productsOf } from "./products.ts";
import { checkMade, reshapeOf } from "./reshape.ts";
import { sizeKept, sizeMade } from "./reshape-plan.ts";
import { checkMayScale, checkNames, costIn } from "./scale-turns.ts";
import { describedBy, isOf, isOtherShape, reshapedTo, shapeOf } from "./shapes.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { resized, sizeOf, wantedOf } from "./size.ts";
import { changeable, checkInOneVim, inNsFlavour, vnfIn } from "./start.ts";
import { changesOf, partsAfter, type Turned, turnedTo } from "./turned.ts";
import type { VimNets } from "./vim-nets.ts";
import { concerned, ordinalOf } from "./vnf-plan.ts";
import { type AskedShape, WantedShapes, type WantedShapesParts } from "./wanted-shapes.ts";
import { writeTurn } from "./written-turn.ts";

/** SOL005 6.5.3.39 ChangeNsFlavourData. */
export interface AskedNsFlavour {
  readonly flavour: string;
  /** Left out: the level that the flavour begins at. */
  readonly level?: string | undefined;
}

/** Of what an NS is to be made, what its VNFs are then, how large, and which of them come into being or go. */
type WantedOfNs = { readonly made: NsdFlavour } & NsReshape;

export interface ReshapeTurnsParts extends WantedShapesParts {
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly catalogue: Pick<Catalogue, "inTurn">;
  readonly outbox: Outbox;
  guardsOf(d: Deployment): readonly Guard[];
  readonly nets: VimNets;
  wake(vim: VimAccountId): void;
}

/**
 * Of which deployment flavour, or of which package, VNFs are meant to be: written together with the operation that asks for it, as descriptors of that NS alone and as sizes, with what
 * is left of those before (decision 0118). The loop makes it so, one way or the other.
 */
export class ReshapeTurns {
  readonly #parts: ReshapeTurnsParts;
  readonly #shapes: WantedShapes;

  constructor(parts: ReshapeTurnsParts) {
    this.#parts = parts;
    this.#shapes = new WantedShapes(parts);
  }

  /** Of VNFs of one NS, each named once. On the disk when it resolves. Throws NOT_SUPPORTED, CONFLICT or VIM_UNREACHABLE with the reason, and then nothing has changed. */
  async begin(ns: NsId, asked: readonly AskedShape[], params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, catalogue } = this.#parts;
    const d = this.#runningOf(ns, asked);
    const seen = d.ns.soleVnf === undefined ? null : await this.#shapes.look(d); // Before it has its turn.
    const begin = () =>
      lifecycle.exclusive(ns, async () => {
        const now = this.#runningOf(ns, asked);
        const wanted = await this.#shapes.of(now, asked, seen);
        const isUpgraded = asked.some(isOfPackage);
        const { made, shapes } = wanted;
        const sizeFor = (vnf: VnfInstance) => (isUpgraded ? sizeKept(made, now, vnf) : sizeMade(made, vnf, ordinalOf(now, vnf)));
        const sizes = new Map(now.vnfs.flatMap((vnf) => (shapes.has(vnf.id) ? [[vnf.id, sizeFor(vnf)] as const] : [])));
        const all = { made, shapes, sizes, coming: [], going: [] };
        return this.#write(...this.#begun(now, all, isUpgraded ? "CHANGE_VNFPKG" : "CHANGE_FLAVOUR", params), true);
      });
    return asked.some(isOfPackage) ? catalogue.inTurn(begin) : begin(); // Its package is not deleted meanwhile.
  }

  /** Of the NS itself, by its NSD. As `begin`; INVALID for a level that the flavour has not. */
  beginNs(ns: NsId, { flavour, level }: AskedNsFlavour, params: Occurrence["params"]): Promise<Occurrence> {
    const { db, lifecycle, owners } = this.#parts;
    return lifecycle.exclusive(ns, async () => {
      const d = changeable(ns, this.#parts);
      checkMayScale(d, d.vnfs);
      checkInOneVim(d, "be of another flavour");
      const now = nsFlavourIds((d.asWritten ?? d).nsd)[0];
      if (now === flavour) throw new Fault("CONFLICT", `NS ${d.ns.name} is in deployment flavour ${flavour} already`, { id: ns });
      const onBoard = await readNsd(db, d.ns.nsdId);
      if (!onBoard) throw new Error(`NSD ${d.ns.nsdId} is not in the store`);
      const { nsd, vnfd } = inNsFlavour(onBoard, flavour, "newNsFlavourId");
      refuseUpgraded(d, (await readPackage(db, d.ns.nsdId))?.uses ?? []);
      const { others: _, ...bare } = nsd;
      const made = { nsd: bare, vnfd };
      const found = await productsOf(db, owners, { ns: d.ns, vnfs: [], ...made });
      const ground = { newId: randomUUID, now: this.#now(), found };
      const wanted = { made, ...nsReshape(d, made, level, costIn(d, this.#parts.guardsOf(d)), ground) };
      return this.#write(...this.#begun(d, wanted, "CHANGE_FLAVOUR", params), true);
    });
  }

  /** Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. */
  turn(d: Deployment, o: Occurrence, way: "from" | "to", change: TurnChange): Promise<Occurrence> {
    const made = o.descriptors![way];
    const isThere = JSON.stringify(made) === JSON.stringify(d.asWritten ?? { nsd: d.nsd, vnfd: d.vnfd });
    const sizes = new Map(o.vnfs.flatMap((p) => (p.size ? [[p.vnfId, p.size[way]]] : [])));
    const passing = o.vnfs.flatMap((p) => p.instance ?? []);
    const vnfs = d.vnfs.map((vnf) => {
      const part = o.vnfs.find((p) => p.vnfId === vnf.id);
      // What stays of one shape is told apart by what its NS is made of.
      if (!part?.reshaped || isThere || (isOtherShape(part.reshaped) && isOf(vnf, part.reshaped[way]))) return vnf;
      const left = part.reshaped.remade.filter((name) => !vnf.remaking?.includes(name)); // Those have been made anew; the others are as they were.
      return reshapedTo(vnf, part.reshaped[way], left);
    });
    const turned = this.#turned({ ...d, vnfs }, made, sizes, passing);
    const changed = this.#parts.occurrences.changed(o, { ...change, vnfs: partsAfter(turned, o) });
    return this.#write(turned, changed, way === "to");
  }

  #begun(
    d: Deployment,
    { made, shapes, sizes, coming, going }: WantedOfNs,
    operation: VnfPart["operation"],
    params: Occurrence["params"],
  ): [Turned, Occurrence] {
    const changing = d.vnfs.filter((v) => shapes.has(v.id));
    const names = new Set([...d.vnfs, ...coming].flatMap((v) => sizes.get(v.id)?.vnfcs ?? wantedOf(v)));
    const to = sized(made, names, names);
    checkMade(to);
    const reshapes = new Map(changing.map((vnf) => [vnf.id, reshapeOf(d, to, wantedOf(vnf), sizes.get(vnf.id)!.vnfcs)]));
    const reshaped = d.vnfs.map((vnf) => {
      const shape = shapes.get(vnf.id);
      return shape ? reshapedTo(vnf, shape, reshapes.get(vnf.id)!.remade) : vnf;
    });
    const turned = this.#turned({ ...d, vnfs: reshaped }, made, sizes, [...coming, ...going]);
    checkNames(turned.made);
    const partOf = (vnf: VnfInstance, does: VnfPart["operation"], from: VnfSize): VnfPart => {
      const { id: vnfId, name: vnfName, vnfdId, profile } = vnf;
      const size = { from, to: sizes.get(vnfId)! };
      return { id: randomUUID(), vnfId, vnfName, vnfdId, profile, operation: does, vnfcs: changesOf(turned, vnfId), size };
    };
    const parts = changing.map((vnf): VnfPart => {
      const { remade } = reshapes.get(vnf.id)!;
      const anew = d.vnfcs.filter((v) => remade.includes(v.name)).map((v) => concerned(v, "MODIFIED"));
      const part = partOf(vnf, operation, sizeOf(vnf));
      const shape = { from: shapeOf(vnf), to: shapes.get(vnf.id)!, remade };
      return { ...part, vnfcs: [...part.vnfcs, ...anew], reshaped: shape };
    });
    const passing = [
      ...coming.map((vnf) => ({ ...partOf(vnf, "INSTANTIATE", { ...sizeOf(vnf), vnfcs: [] }), instance: vnf })),
      ...going.map((vnf) => ({ ...partOf(vnf, "TERMINATE", sizeOf(vnf)), instance: vnf })),
    ];
    const descriptors = { from: d.asWritten ?? { nsd: d.nsd, vnfd: d.vnfd }, to: made };
    return [turned, { ...this.#parts.occurrences.begin(d.ns, "UPDATE", [...parts, ...passing], params), descriptors }];
  }

  /** The NS made of other descriptors, with what is left of those before. */
  #turned(d: Deployment, made: NsdFlavour, sizes: ReadonlyMap<string, VnfSize>, passing: readonly VnfInstance[]): Turned {
    const formerly = { nsd: d.nsd, vnfd: d.vnfd };
    const turned = turnedTo({ ...d, ns: nsOf(d), asWritten: made, formerly }, sizes, passing, this.#now());
    const rows = describedBy(turned.d);
    const changed = (v: Vnfc) => rows.find((r) => r.id === v.id) ?? v;
    return {
      ...turned,
      made: turned.made.map(changed),
      kept: turned.kept.map(changed),
      d: resized({ ...turned.d, vnfcs: rows }),
    };
  }

  /** Throws NOT_FOUND, and CONFLICT before anything that is wrong with what is asked for. */
  #runningOf(ns: NsId, asked: readonly AskedShape[]): Deployment {
    const d = changeable(ns, this.#parts);
    const vnfs = asked.map(({ vnfId }) => vnfIn(d, vnfId));
    checkMayScale(d, vnfs);
    checkInOneVim(d, "be made of something else");
    if (asked.some(isOfPackage)) return d;
    for (const { product, name, id } of vnfs)
      if (asked.some((a) => a.vnfId === id && a.flavour === product.flavourId))
        throw new Fault("CONFLICT", `VNF ${name} is in deployment flavour ${product.flavourId} already`, { id });
    const only = vnfs.find((v) => (v.product.flavours ?? []).length < 2);
    if (only) throw notHere(`VNF ${only.name}: its VNFD ${only.vnfdId} has one deployment flavour`);
    return d;
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }

  #write(turned: Turned, o: Occurrence, isForth: boolean): Promise<Occurrence> {
    const { lifecycle, owners, nets } = this.#parts;
    const { d, made } = turned;
    const added = new Set(made.map((v) => v.id));
    const there = d.vnfcs.filter((v) => !added.has(v.id));
    const write = () =>
      writeTurn(this.#parts, turned, o, async (tx) => {
        await updateVnfcs(tx, there);
        await updateNsd(tx, d.ns);
        await upsertOwnDescriptors(tx, d.ns.id, { ...(d.asWritten ?? d), ...(d.formerly && { formerly: d.formerly }) });
      });
    if (!isForth) return write();
    return lifecycle.exclusive(GIVEN, () => {
      refuseSharedNets(d, lifecycle.all, owners, nets);
      return write();
    });
  }
}

const isOfPackage = ({ vnfdId }: AskedShape): boolean => vnfdId !== undefined;

/** A sole VNF has no NSD but its VNFD. */
const nsOf = ({ ns, vnfs }: Deployment): Ns =>
  ns.soleVnf === undefined ? ns : { ...ns, nsdId: vnfs[0]!.product.packageId as NsdId };

/** A flavour of the NSD is compiled with the packages that it was on-boarded with. */
function refuseUpgraded({ ns, vnfs }: Deployment, used: readonly string[]): void {
  const other = vnfs.find((v) => used.length > 0 && !used.includes(v.product.packageId));
  if (other)
    throw notHere(
      `VNF ${other.name} is of package ${other.product.packageId}, and NSD ${ns.nsdId} was on-boarded with another; change it back first, or on-board the NSD as a new version`,
    );
}
