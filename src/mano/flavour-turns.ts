import { randomUUID } from "node:crypto";
import { sized } from "../descriptor/sized.ts";
import { soleVnf } from "../descriptor/sole-vnf.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { NsdFlavour, Vnfd } from "../model/descriptor.ts";
import type { NetId, NsId, VimAccountId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { ExternalLink, Occurrence, VnfInstance, VnfPart, VnfShape } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { readDescriptorsCalled, readDescriptorsOf, readNsd, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { insertVnfcs, updateVnfcs } from "../store/mano-ns.ts";
import { updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { type AskedExternalLink, netAsked, notHere } from "./asked-links.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";
import { checkMade, reshapeOf } from "./reshape.ts";
import { checkFlavour, compiledWith, isConnectedAs, type ProfileWish, sizeMade } from "./reshape-plan.ts";
import { checkMayScale, checkNames } from "./scale-turns.ts";
import { GIVEN, refuseSharedNets, shownTo } from "./shared-nets.ts";
import { remakingIn, resized, sizeOf, wantedNames, wantedOf } from "./size.ts";
import { changeable, vnfIn } from "./start.ts";
import { changesOf, partsAfter, type Turned, turnedTo } from "./turned.ts";
import type { VimNets } from "./vim-nets.ts";
import type { VimWatch } from "./vim-watch.ts";
import { concerned, ordinalOf } from "./vnf-plan.ts";

/** SOL003 5.5.2.7 ChangeVnfFlavourRequest of one VNF, as far as it is looked into. */
export interface AskedFlavour {
  readonly vnfId: string;
  readonly flavour: string;
  /** Left out: the one that the flavour begins with. */
  readonly level?: string | undefined;
  /** Of a sole VNF: where connection points go that it is not connected by yet. */
  readonly external: readonly AskedExternalLink[];
}

export interface FlavourTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Pick<Owners, "of" | "usableBy">;
  readonly nets: VimNets;
  readonly watches: () => readonly VimWatch[];
  wake(vim: VimAccountId): void;
}

/** An NS as it is to be compiled, and what its VNFs are then. */
interface Wanted {
  readonly made: NsdFlavour;
  readonly shapes: ReadonlyMap<string, VnfShape>;
}

/**
 * Of which deployment flavour VNFs are meant to be: written together with the operation that asks for it, as descriptors of that NS alone and as sizes, with what
 * is left of those before (decision 0118). The loop makes it so, one way or the other.
 */
export class FlavourTurns {
  readonly #parts: FlavourTurnsParts;

  constructor(parts: FlavourTurnsParts) {
    this.#parts = parts;
  }

  /** Of VNFs of one NS, each named once. On the disk when it resolves. Throws NOT_SUPPORTED, CONFLICT or VIM_UNREACHABLE with the reason, and then nothing has changed. */
  async begin(ns: NsId, asked: readonly AskedFlavour[], params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle } = this.#parts;
    const d = this.#runningOf(ns, asked);
    const seen = d.ns.soleVnf === undefined ? null : await this.#look(d); // Before it has its turn.
    return lifecycle.exclusive(ns, async () => {
      const now = this.#runningOf(ns, asked);
      const wanted = seen === null ? await this.#inNs(now, asked) : await this.#alone(now, asked[0]!, seen);
      return this.#write(...this.#begun(now, asked, wanted, params), true);
    });
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
    asked: readonly AskedFlavour[],
    { made, shapes }: Wanted,
    params: Occurrence["params"],
  ): [Turned, Occurrence] {
    const vnfs = d.vnfs.filter((v) => asked.some((a) => a.vnfId === v.id));
    const sizes = new Map(vnfs.map((vnf) => [vnf.id, sizeMade(made, vnf, ordinalOf(d, vnf))]));
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
        operation: "CHANGE_FLAVOUR",
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
    const turned = turnedTo({ ...d, asWritten: made, formerly }, sizes, [], now);
    const rows = describedBy(turned.d);
    const changed = (v: Vnfc) => rows.find((r) => r.id === v.id) ?? v;
    return {
      ...turned,
      made: turned.made.map(changed),
      kept: turned.kept.map(changed),
      d: resized({ ...turned.d, vnfcs: rows }),
    };
  }

  async #inNs(d: Deployment, asked: readonly AskedFlavour[]): Promise<Wanted> {
    const { db } = this.#parts;
    const onBoard = await readNsd(db, d.ns.nsdId);
    const all = onBoard?.nsd.written;
    const written = all && [all, ...(all.others ?? [])].find((of) => of.flavour === d.nsd.flavour);
    if (!written)
      throw notHere(
        `NS ${d.ns.name}: its NSD was on board before flavours could be changed; on-board it as a new version, and make the NS of that`,
      );
    const vnfds = await this.#vnfdsOf(d);
    const known = await this.#knownTo(
      d,
      written.uses.map((u) => u.vnfd),
    );
    const wishNow = (vnf: VnfInstance): ProfileWish[] => {
      const vnfd = vnfds.get(vnf.product.packageId);
      const use = written.uses.find((u) => u.id === vnf.profile);
      const isAsWritten = vnfd === undefined || (use?.vnfFlavour ?? vnfd.flavour?.id) === vnf.product.flavourId;
      return isAsWritten ? [] : [{ profile: vnf.profile, vnfd, flavour: vnf.product.flavourId }];
    };
    const now = d.vnfs.flatMap(wishNow);
    if (!isConnectedAs(d.asWritten ?? d, compiledWith(written, now, known)))
      throw notHere(`NS ${d.ns.name}: a VNF of it was connected otherwise than its NSD says; connect it back first`);
    const wishes = asked.map((a): ProfileWish => {
      const vnf = this.#alike(d, a, asked);
      if (a.external.length > 0)
        throw notHere("extVirtualLinks: the NSD's VNF profile says which networks its VNFs are on; leave them out");
      const vnfd = vnfds.get(vnf.product.packageId);
      if (!vnfd) throw notHere(`VNF ${vnf.name}: its VNFD ${vnf.vnfdId} has no deployment flavours`);
      checkFlavour(vnfd, a.flavour, a.level);
      return { profile: vnf.profile, vnfd, flavour: a.flavour, level: a.level };
    });
    const made = compiledWith(written, [...wishes, ...now.filter((w) => !wishes.some((o) => o.profile === w.profile))], known);
    const shapes = asked.map(({ vnfId, flavour }) => {
      const shape = shapeOf(d.vnfs.find((v) => v.id === vnfId)!);
      return [vnfId, { ...shape, product: { ...shape.product, flavourId: flavour } }] as const;
    });
    return { made, shapes: new Map(shapes) };
  }

  /** All VNFs of a profile are of one flavour: so is each of the others asked to be. */
  #alike(d: Deployment, a: AskedFlavour, asked: readonly AskedFlavour[]): VnfInstance {
    const vnf = d.vnfs.find((v) => v.id === a.vnfId)!;
    const others = d.vnfs.filter((v) => v.profile === vnf.profile && !v.isGoing);
    const isAsked = (v: VnfInstance) => asked.some((o) => o.vnfId === v.id && o.flavour === a.flavour && o.level === a.level);
    if (others.every(isAsked)) return vnf;
    const names = others.map((v) => `${v.id} (${v.name})`).join(", ");
    throw notHere(`all VNFs of VNF profile ${vnf.profile} are of one flavour; name each of them with it: ${names}`);
  }

  async #vnfdsOf(d: Deployment): Promise<Map<string, VnfBlueprint>> {
    const records = await readDescriptorsOf(this.#parts.db, [...new Set(d.vnfs.map((v) => v.product.packageId))]);
    return new Map(
      records.flatMap(({ id, body }) => ((body as Vnfd).blueprint ? [[id, (body as Vnfd).blueprint!] as const] : [])),
    );
  }

  /** VNFDs that its NSD refers to, as its VNFs have them, else the newest. */
  async #knownTo(d: Deployment, refs: readonly string[]): Promise<VnfBlueprint[]> {
    const { db, owners } = this.#parts;
    const isUsable = owners.usableBy(owners.of(d.ns.id));
    const called = (await readDescriptorsCalled(db, "vnfd", refs)).filter((r) => isUsable(r.id)).toReversed();
    return [...(await this.#vnfdsOf(d)).values(), ...called.flatMap((r) => (r.body as Vnfd).blueprint ?? [])];
  }

  /** A sole VNF: its NSD follows from its VNFD and from the nets that it is connected to. */
  async #alone(d: Deployment, { vnfId, flavour, level, external }: AskedFlavour, seen: Inventory): Promise<Wanted> {
    const vnf = d.vnfs.find((v) => v.id === vnfId)!;
    const vnfd = (await this.#vnfdsOf(d)).get(vnf.product.packageId);
    if (!vnfd) throw notHere(`VNF ${vnf.name}: its VNFD ${vnf.vnfdId} has no deployment flavours`);
    const found = checkFlavour(vnfd, flavour, level);
    const links = linksIn(
      found,
      vnf,
      external.map((link) => ({ link, id: netAsked(link, this.#accountOf(d), seen).id })),
      d,
    );
    const inner = new Set(found.vdus.flatMap((v) => v.cps.flatMap((c) => c.link ?? [])));
    const managed = (vnf.managedLinks ?? []).filter((m) => inner.has(m.vnfVirtualLinkDescId));
    const nameOf = (id: string): string => {
      const net = seen.nets.get(id as NetId);
      if (!net) throw notHere(`VNF ${vnf.name}: the VIM has no net ${id} any more, which it is connected to`);
      return net.name;
    };
    const made = soleVnf(
      found,
      links.map(({ resourceId: id, cps }) => ({ id, name: nameOf(id), extCps: cps.map((c) => c.cpdId) })),
      managed.map(({ resourceId: id, vnfVirtualLinkDescId: link }) => ({ id, name: nameOf(id), link })),
      level,
    );
    if (made.wrong) throw notHere(made.wrong.join("\n"));
    const product = { ...vnf.product, flavourId: flavour };
    const shape = { product, vnfdId: vnf.vnfdId, links: { externalLinks: links, managedLinks: managed } };
    return { made, shapes: new Map([[vnfId, shape]]) };
  }

  #accountOf({ ns }: Deployment) {
    return this.#parts.watches().find((w) => w.account.id === ns.vimAccountId)!.account;
  }

  /** What the VIM has now: a net may have been made a moment ago. */
  async #look(d: Deployment): Promise<Inventory> {
    const { lifecycle, owners, watches } = this.#parts;
    const { vimAccountId } = d.ns;
    const { connector } = watches().find((w) => w.account.id === vimAccountId)!;
    const seen = await connector.inventory(new AbortController().signal);
    return shownTo(owners.of(d.ns.id), { all: lifecycle.all, owners }, vimAccountId, seen);
  }

  /** Throws NOT_FOUND, and CONFLICT before anything that is wrong with what is asked for. */
  #runningOf(ns: NsId, asked: readonly AskedFlavour[]): Deployment {
    const d = changeable(ns, this.#parts);
    const vnfs = asked.map(({ vnfId }) => vnfIn(d, vnfId));
    checkMayScale(d, vnfs);
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

/** Where a sole VNF is connected to, without what the flavour has not, and with what it has more. Throws NOT_SUPPORTED for what is connected already, and otherwise. */
function linksIn(
  { extCps }: VnfBlueprint,
  { externalLinks = [], name }: VnfInstance,
  asked: readonly { readonly link: AskedExternalLink; readonly id: NetId }[],
  { ns }: Deployment,
): ExternalLink[] {
  const known = new Set(extCps.map((e) => e.id));
  let links = externalLinks.map((l) => ({ ...l, cps: l.cps.filter((c) => known.has(c.cpdId)) })).filter((l) => l.cps.length > 0);
  for (const { link, id } of asked)
    for (const cp of link.cps) {
      const on = links.filter((l) => l.cps.some((c) => c.cpdId === cp.cpdId));
      if (on.some((l) => l.resourceId === id)) continue;
      if (on.length > 0 && externalLinks.some((l) => l.cps.some((c) => c.cpdId === cp.cpdId)))
        throw notHere(`extVirtualLinks: ${cp.cpdId} of VNF ${name} is on net ${on[0]!.resourceId}; change_ext_conn moves it`);
      const there = links.find((l) => l.resourceId === id);
      links = there
        ? links.map((l) => (l === there ? { ...l, cps: [...l.cps, cp] } : l))
        : [...links, { id: link.id, vimAccountId: ns.vimAccountId, resourceId: id, cps: [cp] }];
    }
  return links;
}
