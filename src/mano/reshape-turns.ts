import { randomUUID } from "node:crypto";
import { sized } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { NsdId, NsId, VimAccountId } from "../model/ids.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart, VnfShape } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { insertVnfcs, updateNsd, updateVnfcs } from "../store/mano-ns.ts";
import { updateVnfInstance } from "../store/mano-occurrences.ts";
import { notHere } from "./asked-links.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Deployment } from "./plan.ts";
import { checkMade, reshapeOf } from "./reshape.ts";
import { sizeKept, sizeMade } from "./reshape-plan.ts";
import { checkMayScale, checkNames } from "./scale-turns.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { remakingIn, resized, sizeOf, wantedNames, wantedOf } from "./size.ts";
import { changeable, checkInOneVim, vnfIn } from "./start.ts";
import { changesOf, partsAfter, type Turned, turnedTo } from "./turned.ts";
import type { VimNets } from "./vim-nets.ts";
import { concerned, ordinalOf } from "./vnf-plan.ts";
import { type AskedShape, type Wanted, WantedShapes, type WantedShapesParts } from "./wanted-shapes.ts";

export interface ReshapeTurnsParts extends WantedShapesParts {
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly catalogue: Pick<Catalogue, "inTurn">;
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
        return this.#write(...this.#begun(now, asked, wanted, params), true);
      });
    return asked.some(isOfPackage) ? catalogue.inTurn(begin) : begin(); // Its package is not deleted meanwhile.
  }

  /** Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. */
  turn(d: Deployment, o: Occurrence, way: "from" | "to", change: TurnChange): Promise<Occurrence> {
    const made = o.descriptors![way];
    const parts = o.vnfs.flatMap((p) => (p.reshaped && p.size ? [{ ...p, reshaped: p.reshaped, size: p.size }] : []));
    const vnfs = d.vnfs.map((vnf) => {
      const part = parts.find((p) => p.vnfId === vnf.id);
      if (!part || isOf(vnf, part.reshaped[way])) return vnf;
      const left = part.reshaped.remade.filter((name) => !vnf.remaking?.includes(name)); // Those have been made anew; the others are as they were.
      return reshapedTo(vnf, part.reshaped[way], left);
    });
    const turned = this.#turned({ ...d, vnfs }, made, new Map(parts.map((p) => [p.vnfId, p.size[way]])));
    const changed = this.#parts.occurrences.changed(o, { ...change, vnfs: partsAfter(turned, o) });
    return this.#write(turned, changed, way === "to");
  }

  #begun(
    d: Deployment,
    asked: readonly AskedShape[],
    { made, shapes }: Wanted,
    params: Occurrence["params"],
  ): [Turned, Occurrence] {
    const vnfs = d.vnfs.filter((v) => asked.some((a) => a.vnfId === v.id));
    const isUpgraded = asked.some(isOfPackage);
    const sizeFor = (vnf: VnfInstance) => (isUpgraded ? sizeKept(made, d, vnf) : sizeMade(made, vnf, ordinalOf(d, vnf)));
    const sizes = new Map(vnfs.map((vnf) => [vnf.id, sizeFor(vnf)]));
    const names = new Set(d.vnfs.flatMap((v) => sizes.get(v.id)?.vnfcs ?? wantedOf(v)));
    const to = sized(made, names, names);
    checkMade(to);
    const reshapes = new Map(vnfs.map((vnf) => [vnf.id, reshapeOf(d, to, wantedOf(vnf), sizes.get(vnf.id)!.vnfcs)]));
    const reshaped = d.vnfs.map((vnf) => {
      const shape = shapes.get(vnf.id);
      return shape ? reshapedTo(vnf, shape, reshapes.get(vnf.id)!.remade) : vnf;
    });
    const turned = this.#turned({ ...d, vnfs: reshaped }, made, sizes);
    checkNames(turned.made);
    const parts = vnfs.map((vnf): VnfPart => {
      const { remade } = reshapes.get(vnf.id)!;
      const anew = d.vnfcs.filter((v) => remade.includes(v.name)).map((v) => concerned(v, "MODIFIED"));
      return {
        ...{ id: randomUUID(), vnfId: vnf.id, vnfName: vnf.name, vnfdId: vnf.vnfdId, profile: vnf.profile },
        operation: isUpgraded ? "CHANGE_VNFPKG" : "CHANGE_FLAVOUR",
        vnfcs: [...changesOf(turned, vnf.id), ...anew],
        size: { from: sizeOf(vnf), to: sizes.get(vnf.id)! },
        reshaped: { from: shapeOf(vnf), to: shapes.get(vnf.id)!, remade },
      };
    });
    const descriptors = { from: d.asWritten ?? { nsd: d.nsd, vnfd: d.vnfd }, to: made };
    return [turned, { ...this.#parts.occurrences.begin(d.ns, "UPDATE", parts, params), descriptors }];
  }

  /** The NS made of other descriptors, with what is left of those before. */
  #turned(d: Deployment, made: NsdFlavour, sizes: ReadonlyMap<string, VnfSize>): Turned {
    const now = this.#parts.clock.wall().toISOString();
    const formerly = { nsd: d.nsd, vnfd: d.vnfd };
    const turned = turnedTo({ ...d, ns: nsOf(d), asWritten: made, formerly }, sizes, [], now);
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

  async #write({ d, vnfs, made }: Turned, o: Occurrence, isForth: boolean): Promise<Occurrence> {
    const { db, lifecycle, occurrences, owners, nets, wake } = this.#parts;
    const added = new Set(made.map((v) => v.id));
    const write = async () => {
      await db.transaction().execute(async (tx) => {
        await insertVnfcs(tx, made);
        await updateVnfcs(
          tx,
          d.vnfcs.filter((v) => !added.has(v.id)),
        );
        for (const vnf of vnfs) await updateVnfInstance(tx, vnf);
        await updateNsd(tx, d.ns);
        await upsertOwnDescriptors(tx, d.ns.id, { ...(d.asWritten ?? d), ...(d.formerly && { formerly: d.formerly }) });
        await occurrences.write(tx, o);
      });
      lifecycle.resize(d);
      occurrences.tell(o);
      wake(d.ns.vimAccountId);
      return o;
    };
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

const shapeOf = ({ product, vnfdId, externalLinks, managedLinks }: VnfInstance): VnfShape => ({
  product,
  vnfdId,
  links: externalLinks === undefined ? null : { externalLinks, ...(managedLinks && { managedLinks }) },
});

const isOf = ({ product, vnfdId }: VnfInstance, shape: VnfShape): boolean =>
  vnfdId === shape.vnfdId && product.packageId === shape.product.packageId && product.flavourId === shape.product.flavourId;

function reshapedTo(vnf: VnfInstance, { product, vnfdId, links }: VnfShape, remaking: readonly string[]): VnfInstance {
  const { remaking: _, ...rest } = vnf;
  return { ...rest, product, vnfdId, ...links, ...(remaking.length > 0 && { remaking }) };
}

/** Its VNFCs as their VDUs have them now; those that go, and the machines that are to be made anew, stay what they are. */
function describedBy(d: Deployment): Vnfc[] {
  const wanted = wantedNames(d);
  const remaking = remakingIn(d);
  const idOf = new Map(d.vnfcs.map((v) => [v.name, v.id]));
  return d.vnfcs.map((vnfc) => {
    const vdu = d.vnfd.vdus.find((v) => v.vnfcs.some((c) => c.id === vnfc.name));
    if (!wanted.has(vnfc.name) || !vdu) return vnfc;
    const twin = vdu.vnfcs.find((c) => c.id === vnfc.name)!.replicated;
    const replicated = twin === null ? null : (idOf.get(twin) ?? null);
    if (remaking.has(vnfc.name)) return { ...vnfc, replicated };
    const { id, highAvailability, serviceInterface } = vdu;
    return { ...vnfc, vdu: id, highAvailability, serviceInterface, replicated };
  });
}
