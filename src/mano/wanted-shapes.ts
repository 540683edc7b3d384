import { inFlavour } from "../descriptor/flavours.ts";
import { soleVnf } from "../descriptor/sole-vnf.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { NsdFlavour, Vnfd } from "../model/descriptor.ts";
import type { NetId } from "../model/ids.ts";
import type { ExternalLink, VnfInstance, VnfProduct, VnfShape } from "../model/occurrence.ts";
import { readDescriptorsCalled, readDescriptorsOf, readWrittenNsd } from "../store/mano-catalogue.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { type AskedExternalLink, netAsked, notHere } from "./asked-links.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Owners } from "./owners.ts";
import { packageFor } from "./package-change.ts";
import type { Deployment } from "./plan.ts";
import { checkFlavour, compiledWith, isConnectedAs, type ProfileWish } from "./reshape-plan.ts";
import { shownTo } from "./shared-nets.ts";
import type { VimWatch } from "./vim-watch.ts";

/** SOL003 5.5.2.7 ChangeVnfFlavourRequest or 5.5.2.11a ChangeCurrentVnfPkgRequest of one VNF, as far as it is looked into. */
export interface AskedShape {
  readonly vnfId: string;
  /** The VNFD of another package, by its id in its file, then the newest, or by our record of it; left out: the one that it is of. */
  readonly vnfdId?: string;
  /** Left out, of another package: the one that its VNFD has in place of the one that the VNF is in. */
  readonly flavour?: string;
  /** Left out: the one that the flavour begins with; of another package: as large as it is. */
  readonly level?: string | undefined;
  /** Of a sole VNF: where connection points go that it is not connected by yet. */
  readonly external: readonly AskedExternalLink[];
}

/** An NS as it is to be compiled, and what its VNFs are then. */
export interface Wanted {
  readonly made: NsdFlavour;
  readonly shapes: ReadonlyMap<string, VnfShape>;
}

export interface WantedShapesParts {
  readonly db: ManoStore;
  readonly lifecycle: Pick<Lifecycle, "all">;
  readonly owners: Pick<Owners, "of" | "usableBy">;
  readonly watches: () => readonly VimWatch[];
}

/** Of what VNFD a VNF is to be, and in which of its flavours. */
interface Target {
  readonly vnfd: VnfBlueprint;
  readonly product: VnfProduct;
}

/** What VNFs of an NS are asked to be, worked out from descriptors on board. Writes nothing. */
export class WantedShapes {
  readonly #parts: WantedShapesParts;

  constructor(parts: WantedShapesParts) {
    this.#parts = parts;
  }

  /** Throws CONFLICT and NOT_SUPPORTED with the reason. `seen`: what the VIM of a sole VNF has. */
  async of(d: Deployment, asked: readonly AskedShape[], seen: Inventory | null): Promise<Wanted> {
    const targets = new Map<string, Target>();
    for (const a of asked) targets.set(a.vnfId, await this.#targetOf(d, a));
    return seen === null ? this.#inNs(d, asked, targets) : this.#alone(d, asked[0]!, targets.get(asked[0]!.vnfId)!, seen);
  }

  /** What the VIM has now: a net may have been made a moment ago. */
  async look(d: Deployment): Promise<Inventory> {
    const { lifecycle, owners, watches } = this.#parts;
    const { vimAccountId } = d.ns;
    const { connector } = watches().find((w) => w.account.id === vimAccountId)!;
    const seen = await connector.inventory(new AbortController().signal);
    return shownTo(owners.of(d.ns.id), { all: lifecycle.all, owners }, vimAccountId, seen);
  }

  async #targetOf(d: Deployment, { vnfId, vnfdId, flavour, level }: AskedShape): Promise<Target> {
    const { db, owners } = this.#parts;
    const vnf = d.vnfs.find((v) => v.id === vnfId)!;
    if (vnfdId !== undefined) return packageFor(db, vnf, vnfdId, owners.usableBy(owners.of(d.ns.id)));
    const [record] = await readDescriptorsOf(db, [vnf.product.packageId]);
    const vnfd = (record?.body as Vnfd | undefined)?.blueprint;
    if (!vnfd) throw notHere(`VNF ${vnf.name}: its VNFD ${vnf.vnfdId} has no deployment flavours`);
    checkFlavour(vnfd, flavour!, level);
    return { vnfd, product: { ...vnf.product, flavourId: flavour! } };
  }

  async #inNs(d: Deployment, asked: readonly AskedShape[], targets: ReadonlyMap<string, Target>): Promise<Wanted> {
    const { db } = this.#parts;
    const all = await readWrittenNsd(db, d.ns.nsdId);
    const written = all && [all, ...(all.others ?? [])].find((of) => of.flavour === d.nsd.flavour);
    if (!written)
      throw notHere(
        `NS ${d.ns.name}: how its NSD was written is not kept, for it is of the plain form, or was on board before that was; on-board it as a new version, of SOL006, SOL001 or OpenMANO, and make the NS of that`,
      );
    const used = (await readPackage(db, d.ns.nsdId))?.uses ?? [];
    const vnfds = await this.#blueprintsOf(d.vnfs.map((v) => v.product.packageId));
    const known = [...vnfds.values(), ...(await this.#knownTo(d, used, written.uses))];
    const wishNow = (vnf: VnfInstance): ProfileWish[] => {
      const { packageId, flavourId: flavour } = vnf.product;
      const vnfd = vnfds.get(packageId);
      const use = written.uses.find((u) => u.id === vnf.profile);
      if (vnfd === undefined || use === undefined) return [];
      const isAsWritten = used.includes(packageId) && (use.vnfFlavour ?? vnfd.flavour?.id) === flavour;
      return [{ profile: vnf.profile, vnfd, packageId, flavour, isAsWritten }];
    };
    const now = d.vnfs.flatMap(wishNow);
    if (!isConnectedAs(d.asWritten ?? d, compiledWith(written, now, known)))
      throw notHere(`NS ${d.ns.name}: a VNF of it was connected otherwise than its NSD says; connect it back first`);
    const wishes = asked.map((a): ProfileWish => {
      const vnf = alike(d, a, asked);
      if (a.external.length > 0)
        throw notHere("extVirtualLinks: the NSD's VNF profile says which networks its VNFs are on; leave them out");
      const { vnfd, product } = targets.get(a.vnfId)!;
      return { profile: vnf.profile, vnfd, packageId: product.packageId, flavour: product.flavourId, level: a.level };
    });
    const made = compiledWith(written, [...wishes, ...now.filter((w) => !wishes.some((o) => o.profile === w.profile))], known);
    const shapes = asked.map(({ vnfId }) => {
      const { product, vnfd } = targets.get(vnfId)!;
      return [vnfId, { product, vnfdId: vnfd.id, links: null }] as const;
    });
    return { made, shapes: new Map(shapes) };
  }

  async #blueprintsOf(packageIds: readonly string[]): Promise<Map<string, VnfBlueprint>> {
    const records = await readDescriptorsOf(this.#parts.db, [...new Set(packageIds)]);
    return new Map(
      records.flatMap(({ id, body }) => ((body as Vnfd).blueprint ? [[id, (body as Vnfd).blueprint!] as const] : [])),
    );
  }

  /** VNFDs that its NSD refers to, as it was on-boarded with them, else the newest. */
  async #knownTo(
    d: Deployment,
    used: readonly string[],
    uses: readonly { readonly vnfd: string }[],
  ): Promise<readonly VnfBlueprint[]> {
    const { db, owners } = this.#parts;
    const isUsable = owners.usableBy(owners.of(d.ns.id));
    const refs = uses.map((u) => u.vnfd);
    const called = (await readDescriptorsCalled(db, "vnfd", refs)).filter((r) => isUsable(r.id)).toReversed();
    return [...(await this.#blueprintsOf(used)).values(), ...called.flatMap((r) => (r.body as Vnfd).blueprint ?? [])];
  }

  /** A sole VNF: its NSD follows from its VNFD and from the nets that it is connected to. */
  async #alone(d: Deployment, { vnfId, level, external }: AskedShape, target: Target, seen: Inventory): Promise<Wanted> {
    const vnf = d.vnfs.find((v) => v.id === vnfId)!;
    const { product } = target;
    const found = inFlavour(target.vnfd, product.flavourId)!;
    const account = this.#parts.watches().find((w) => w.account.id === d.ns.vimAccountId)!.account;
    const links = linksIn(
      found,
      vnf,
      external.map((link) => ({ link, id: netAsked(link, account, seen).id })),
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
      vnf.profile,
    );
    if (made.wrong) throw notHere(made.wrong.join("\n"));
    const shape = { product, vnfdId: found.id, links: { externalLinks: links, managedLinks: managed } };
    return { made, shapes: new Map([[vnfId, shape]]) };
  }
}

/** All VNFs of a profile are of one VNFD and flavour: so is each of the others asked to be. */
function alike(d: Deployment, a: AskedShape, asked: readonly AskedShape[]): VnfInstance {
  const vnf = d.vnfs.find((v) => v.id === a.vnfId)!;
  const others = d.vnfs.filter((v) => v.profile === vnf.profile && !v.isGoing);
  const isSame = (o: AskedShape) => o.vnfdId === a.vnfdId && o.flavour === a.flavour && o.level === a.level;
  if (others.every((v) => asked.some((o) => o.vnfId === v.id && isSame(o)))) return vnf;
  const names = others.map((v) => `${v.id} (${v.name})`).join(", ");
  throw notHere(`all VNFs of VNF profile ${vnf.profile} are of one VNFD and flavour; name each of them with it: ${names}`);
}

/** Where a sole VNF is connected to, without what it has not any more, and with what it has more. Throws NOT_SUPPORTED for what is connected already, and otherwise. */
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
