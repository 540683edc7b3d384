import { randomUUID } from "node:crypto";
import { vnfcNames } from "../descriptor/compile-vnf.ts";
import { flavourIds, inEachFlavour, inFlavour } from "../descriptor/flavours.ts";
import { soleVnf } from "../descriptor/sole-vnf.ts";
import type { Clock } from "../lib/clock.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, Vnfd } from "../model/descriptor.ts";
import type { NsdId, NsId } from "../model/ids.ts";
import type { Ns, VimAccount } from "../model/ns.ts";
import type { ManagedLink, Occurrence, VnfInstance } from "../model/occurrence.ts";
import { readDescriptorsOf, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { insertNs } from "../store/mano-ns.ts";
import { insertVnfInstances } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import {
  type AskedExternalLink,
  type AskedLink,
  type AskedManagedLink,
  type AskedVim,
  linksAt,
  netAsked,
  notHere,
  refuseRepeated,
  vimAsked,
} from "./asked-links.ts";
import type { Nfvo } from "./nfvo.ts";
import { type Deployment, SERVER_NAME_MAX } from "./plan.ts";
import type { Requests } from "./requests.ts";
import { shownTo } from "./shared-nets.ts";
import { resized, sizesFor } from "./size.ts";
import { placed, planVnfs, productOf, vnfsCreated, vnfsIn } from "./vnf-plan.ts";
import { blueprintOf, vnfdAsked } from "./vnfds-on-board.ts";

export interface SoleVnfWish {
  /** Id of a VNFD in its file, then the newest version; or of our record of it. */
  readonly vnfdId: string;
  readonly name: string | null;
  readonly description: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly owner: string | null;
  /** VNFDs that it may be made of, and VIM accounts that it may go to, by their ids. */
  readonly mayUse: (id: string) => boolean;
}

/** SOL003 5.5.2.4 InstantiateVnfRequest, as far as it is looked into. */
export interface SoleVnfStart {
  readonly flavourId: string;
  /** Null: the one that the VNFD begins with. */
  readonly level: string | null;
  readonly vims: readonly AskedVim[];
  readonly external: readonly AskedExternalLink[];
  readonly managed: readonly AskedManagedLink[];
  readonly localizationLanguage: string | null;
}

/** Of the characters of a server's name: what is added to that of its VNF, and a number that a VNFC made later may have more. */
const SUFFIX = 8;
const ROOM = 3;

/**
 * VNFs without a network service, as SOL003 makes them (decision 0107). Each is run by an NS of its own that nobody else knows: one life cycle for all. That
 * NS has descriptors of its own, which are worked out from the VNFD and the nets that the VNF is connected to.
 */
export class SoleVnfs {
  readonly #nfvo: Nfvo;
  readonly #requests: Requests;
  readonly #db: ManoStore;
  readonly #clock: Clock;

  constructor(nfvo: Nfvo, requests: Requests, db: ManoStore, clock: Clock) {
    this.#nfvo = nfvo;
    this.#requests = requests;
    this.#db = db;
    this.#clock = clock;
  }

  /** SOL003 5.4.2.3.1: its identifier, on the disk when this resolves. Throws NOT_SUPPORTED where no VNF can be made of that VNFD. */
  create(wish: SoleVnfWish): Promise<string> {
    return this.#nfvo.catalogue.inTurn(() => this.#create(wish)); // Its VNFD is not deleted meanwhile.
  }

  async #create(wish: SoleVnfWish): Promise<string> {
    const nfvo = this.#nfvo;
    const record = await vnfdAsked(this.#db, wish.vnfdId, wish.mayUse);
    const vnfd = record.body;
    const blueprint = blueprintOf(vnfd);
    const account = nfvo.watches.find((w) => wish.mayUse(w.account.id))?.account;
    if (!account) throw notHere("there is no VIM account that a VNF could be in; POST /mano/v1/vims adds one");
    const id = randomUUID();
    const now = this.#clock.wall().toISOString();
    const nsd: Nsd = {
      id: vnfd.id,
      name: vnfd.name,
      version: vnfd.version,
      vnfd: vnfd.id,
      nets: {},
      vimAccounts: {},
      members: [],
    };
    const ns: Ns = {
      id: randomUUID() as NsId,
      name: machineNameOf(wish.name ?? vnfd.name, id, blueprint),
      description: wish.description,
      nsdId: record.id as string as NsdId,
      vimAccountId: account.id,
      vimAccounts: {},
      state: "NOT_INSTANTIATED",
      detail: null,
      createdAt: now,
      modifiedAt: now,
      soleVnf: id,
    };
    const vnf: VnfInstance = {
      id,
      nsId: ns.id,
      profile: vnfd.id,
      vnfdId: vnfd.id,
      name: wish.name ?? ns.name,
      description: wish.description,
      metadata: wish.metadata,
      product: productOf(vnfd, record.id),
      vnfcs: [],
      isStopped: false,
      createdAt: now,
      modifiedAt: now,
    };
    const untold = await nfvo.lifecycle.exclusive(ns.id, async () => {
      const written = await this.#db.transaction().execute(async (tx) => {
        await nfvo.owners.give(ns.id, wish.owner, tx);
        await insertNs(tx, ns);
        await upsertOwnDescriptors(tx, ns.id, { nsd, vnfd });
        await insertVnfInstances(tx, [vnf]);
        return nfvo.outbox.put(tx, vnfsCreated(ns, [vnf]));
      });
      nfvo.lifecycle.want(resized({ ns, nsd, vnfd, vnfcs: [], vnfs: [vnf], stitches: [] }));
      return written;
    });
    nfvo.outbox.tell(untold);
    return id;
  }

  /** SOL003 5.4.4. Throws NOT_SUPPORTED with what cannot be as it was asked for, VIM_UNREACHABLE; nothing has changed then. */
  async instantiate(nsId: string, start: SoleVnfStart, params: Occurrence["params"]): Promise<Occurrence> {
    const { ns } = this.#requests.deploymentOf(nsId);
    const [record] = await readDescriptorsOf(this.#db, [ns.nsdId]);
    if (!record) throw new Error(`VNF ${ns.soleVnf} is of VNFD ${ns.nsdId}, which the store has not`);
    const blueprint = flavouredAt(blueprintOf(record.body as Vnfd), start);
    const { watches, owners, lifecycle } = this.#nfvo;
    const owner = owners.of(ns.id);
    const isUsable = owners.usableBy(owner);
    const accounts = watches.map((w) => w.account).filter((a) => isUsable(a.id));
    const links = [...start.external, ...start.managed];
    const account = vimAsked(accounts, start.vims, links);
    const seen = shownTo(owner, { all: lifecycle.all, owners }, account.id, await this.#look(account, links));
    const nets = links.map((link) => netAsked(link, account, seen));
    refuseRepeated(
      links,
      nets.map((n) => n.id),
    );
    const external = linksAt(account.id, start.external, nets);
    const own = nets.slice(start.external.length);
    const managed: ManagedLink[] = start.managed.map(({ id, vnfVirtualLinkDescId }, i) => ({
      id,
      vnfVirtualLinkDescId,
      vimAccountId: account.id,
      resourceId: own[i]!.id,
    }));
    const made = soleVnf(
      blueprint,
      external.map(({ resourceId: id, cps }, i) => ({ id, name: nets[i]!.name, extCps: cps.map((c) => c.cpdId) })),
      managed.map(({ resourceId: id, vnfVirtualLinkDescId: link }, i) => ({ id, name: own[i]!.name, link })),
    );
    if (made.wrong) throw notHere(made.wrong.join("\n"));
    const said = start.localizationLanguage === null ? {} : { localizationLanguage: start.localizationLanguage };
    const as = (d: Deployment) =>
      startedAs({ ...d, ns: { ...d.ns, vimAccountId: account.id } }, made, start.level, {
        externalLinks: external,
        managedLinks: managed,
        product: { ...d.vnfs[0]!.product, flavourId: start.flavourId },
        ...said,
      });
    return this.#requests.startInstantiation(nsId, params, { as });
  }

  /** What the VIM has, as it was a moment ago where that shows all that is asked for: a net may have been made just now. */
  async #look({ id }: VimAccount, links: readonly AskedLink[]): Promise<Inventory> {
    const watch = this.#nfvo.watchOf(id);
    const seen = watch.site?.seen;
    if (seen && links.every((l) => netsCalled(seen, l.resourceId).length > 0)) return seen;
    return watch.connector.inventory(new AbortController().signal);
  }
}

/** The VNFD in the flavour that is asked for. Throws NOT_SUPPORTED where it has no such flavour, or that no such level. */
function flavouredAt(vnfd: VnfBlueprint, { flavourId, level }: Pick<SoleVnfStart, "flavourId" | "level">): VnfBlueprint {
  const { id } = vnfd;
  const found = inFlavour(vnfd, flavourId);
  if (!found)
    throw notHere(`flavourId: VNFD ${id} has no deployment flavour ${flavourId}; it has ${flavourIds(vnfd).join(", ")}`);
  const levels = found.scaling?.levels.map((l) => l.id) ?? found.flavour?.levels.slice(0, 1) ?? [];
  if (level === null || levels.includes(level)) return found;
  throw notHere(
    `instantiationLevelId: VNFD ${id} cannot be made at level ${level}; it can at ${levels.join(", ") || "none that has a name"}`,
  );
}

type Links = Pick<VnfInstance, "externalLinks" | "managedLinks" | "localizationLanguage" | "product">;

/** The deployment that is about to be instantiated, of the size of its level. Throws as a request to scale does. */
function startedAs(d: Deployment, made: { nsd: Nsd; vnfd: Vnfd }, level: string | null, links: Links): Deployment {
  const { asWritten: _, formerly: _formerly, ...bare } = d;
  const { leaving: _leaving, remaking: _remaking, scale: _scale, localizationLanguage: _said, ...vnf } = d.vnfs[0]!; // Of the time before.
  const ground = { newId: () => vnf.id, now: d.ns.modifiedAt, found: () => vnf.product };
  const [first] = planVnfs({ ns: d.ns, ...made }, placed(vnfsIn(made.nsd, made.vnfd)), ground);
  const { profile, vnfcs, scale, ordinal } = first!;
  const started = { ...vnf, ...links, profile, vnfcs, ordinal: ordinal ?? 0, ...(scale && { scale }), isStopped: false };
  const atFirst = resized({ ...bare, ...made, vnfs: [started], vnfcs: [] });
  const sizes = level === null || made.nsd.scaling === undefined ? null : sizesFor(atFirst, [{ vnfId: vnf.id, level }]);
  return { ...atFirst, vnfs: [{ ...started, ...sizes?.get(vnf.id) }] };
}

/** What its machines are named by: as the VNF is called, as far as a machine may be, and apart from all others. */
function machineNameOf(called: string, id: string, blueprint: VnfBlueprint): string {
  const names = inEachFlavour(blueprint).flatMap((vnf) => vnf.vdus.flatMap((vdu) => vnfcNames(vdu, vnf, [])));
  const longest = Math.max(...names.map((name) => name.length), 0);
  const most = Math.max(1, SERVER_NAME_MAX - longest - ROOM - SUFFIX - 2);
  const plain = called
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, Math.min(most, 40));
  return `${plain || "vnf"}-${id.slice(0, SUFFIX)}`;
}
