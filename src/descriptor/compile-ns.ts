import type {
  ConnectionBlueprint,
  LinkBlueprint,
  MemberBlueprint,
  NsBlueprint,
  VnfBlueprint,
  VnfUse,
} from "../model/blueprint.ts";
import type { Nsd, NsMember, Vdu, Vnfd, VnfOfNs } from "../model/descriptor.ts";
import type { LinkAddresses } from "../model/link-addresses.ts";
import type { ProfileScaling } from "../model/scaling.ts";
import { scalingOf } from "./compile-scaling.ts";
import { type CompiledVdu, compileVdu, compileVnf, flawAt, vnfcNames } from "./compile-vnf.ts";
import { flavourIds, inFlavour } from "./flavours.ts";
import { type Flaw, oneOf, quote } from "./flaw.ts";
import { atLevel, refuseLevels } from "./ns-levels.ts";
import { serviceOf, type Use } from "./protect.ts";

/** What is known of VNFDs: those of the same file first, then those on board. By id, or by name as OpenMANO refers to them. */
export type Lookup = (idOrName: string) => VnfBlueprint | undefined;

export interface CompiledNs {
  readonly nsd: Nsd;
  /** What the NSD is made of: a VNFD as it is, or one made for this NSD, of all its VNFs. */
  readonly vnfd: Vnfd;
  readonly vdus: readonly CompiledVdu[];
}

/** One VDU of one VNF profile: what of it is compiled, and the nets of its connection points. */
interface Part {
  readonly use: VnfUse;
  /** Its VNFD, at the level that the profile names. */
  readonly vnf: VnfBlueprint;
  readonly asWritten: VnfBlueprint;
  /** It is of another flavour of its VNFD than the first. */
  readonly isOther: boolean;
  readonly made: CompiledVdu;
  readonly nets: Readonly<Record<string, string>>;
  readonly trafficNets: readonly string[];
  readonly where: Use;
}

/** An NSD with its VNFDs as the model has them. What is wrong goes to `flaws`; the result is used only where there are none. Pure. */
export function compileNs(ns: NsBlueprint, lookup: Lookup, known: readonly string[], flaws: Flaw[]): CompiledNs | null {
  const parts = ns.uses.flatMap((use) => {
    const vnf = lookup(use.vnfd);
    if (vnf) return partsIn(ns, use, vnf, flaws);
    if (use.vnfd !== "")
      flawAt(
        use,
        flaws,
        `there is no VNFD ${quote(use.vnfd)}`,
        known.length > 0 ? oneOf(known) : "put it into the same file, or on-board it first",
      );
    return [];
  });
  if (parts.length === 0 || flaws.length > 0) return null;
  const cpNames = uniqueCps(parts);
  const vdus = parts.map((part) => renamed(part, isNamedByUse(ns), cpNames.get(part)!));
  const nets = Object.assign(
    {},
    ...parts.map((part) => Object.fromEntries(Object.entries(part.nets).map(([cp, net]) => [cpNames.get(part)!(cp), net]))),
  );
  const vnfd = vnfdFor(
    ns,
    parts,
    vdus.map((v) => v.vdu),
  );
  const members = parts.flatMap((part) => membersOf(part, ns, flaws));
  const accountOf = (use: VnfUse, id: string) => {
    const account = writtenOf(use, id)?.vimAccount ?? null;
    return account === null ? [] : [[id, account]];
  };
  const scaling = ns.uses.flatMap((use) => profileScaling(use, ns, parts) ?? []);
  refuseLevels(ns, flaws);
  const later = scaling.flatMap((s) => s.vdus.flatMap((v) => v.further.flat()));
  const further = new Set(later.map((f) => f.vnfc.id));
  const accounts = [
    ...parts.flatMap(({ use, made }) => made.vdu.vnfcs.flatMap((v) => accountOf(use, v.id))),
    ...ns.uses.flatMap((use) =>
      scaling
        .filter((s) => s.profile === use.id)
        .flatMap((s) => s.vdus.flatMap((v) => v.further.flat().flatMap((f) => accountOf(use, f.vnfc.id)))),
    ),
  ];
  const furtherMembers = later.flatMap((f) => (f.ownNet ? [] : (f.member ?? [])));
  for (const use of ns.uses) refuseStrangers(use, parts, further, flaws);
  refuseMixed(ns, parts, flaws);
  return {
    vnfd,
    vdus,
    nsd: {
      id: ns.id,
      name: ns.name,
      version: ns.version,
      vnfd: vnfd.id,
      nets,
      vimAccounts: Object.fromEntries(accounts),
      members,
      ...(ns.designer !== null && { designer: ns.designer }),
      ...(ns.flavour !== undefined && { flavour: ns.flavour }),
      vnfds: [...new Set(parts.map((p) => p.vnf.id))],
      vnfs: ns.uses.flatMap((use) => vnfsOf(use, parts)),
      ...ownNetsOf(ns, parts, nets, [...members, ...furtherMembers]),
      ...(scaling.length > 0 && { scaling }),
      ...(ns.scaling && { nsScaling: ns.scaling }),
    },
  };
}

function partsIn(ns: NsBlueprint, use: VnfUse, vnf: VnfBlueprint, flaws: Flaw[]): Part[] {
  const written = flavoured(vnf, use, flaws);
  if (!written) return [];
  refuseUnknownCps(use, vnf, flaws);
  return partsOf(ns, use, written, atLevel(written, use, flaws), flaws).map((p) => ({ ...p, isOther: written !== vnf }));
}

/** A VNFD as it is where nobody names a flavour, or in the one that a profile names; where its form has no names any is taken for that. */
function flavoured(vnf: VnfBlueprint, use: VnfUse, flaws: Flaw[]): VnfBlueprint | undefined {
  if (isFirst(vnf, use)) return vnf;
  const found = inFlavour(vnf, use.vnfFlavour);
  if (!found)
    flawAt(use, flaws, `VNFD ${quote(vnf.id)} has no deployment flavour ${quote(use.vnfFlavour!)}`, oneOf(flavourIds(vnf)));
  return found;
}

const isFirst = ({ flavour }: VnfBlueprint, { vnfFlavour }: VnfUse): boolean =>
  vnfFlavour === undefined || flavour === undefined || flavour.id === vnfFlavour;

/** What a profile says of connection points that the VNF has in another flavour only concerns none of it. */
function refuseUnknownCps(use: VnfUse, vnf: VnfBlueprint, flaws: Flaw[]): void {
  const known = [vnf, ...(vnf.others ?? [])].flatMap((of) => of.extCps);
  for (const c of use.connections)
    if (!known.some((e) => e.id === c.extCp))
      flawAt(
        c,
        flaws,
        `VNFD ${quote(vnf.id)} has no external connection point ${quote(c.extCp)}`,
        oneOf([...new Set(known.map((e) => e.id))]),
      );
}

function partsOf(
  ns: NsBlueprint,
  use: VnfUse,
  asWritten: VnfBlueprint,
  vnf: VnfBlueprint,
  flaws: Flaw[],
): Omit<Part, "isOther">[] {
  return vnf.vdus.map((vdu) => {
    const linksAt = (cp: string): ConnectionBlueprint[] =>
      use.connections.filter((c) => vnf.extCps.some((e) => e.id === c.extCp && e.vdu === vdu.id && e.cp === cp));
    const names = namesIn(ns, use, vnf, vdu.id, flaws);
    const unlinked = { ns, use, count: names.length, trafficLinks: null };
    const service = serviceOf(vdu, vnf, unlinked);
    const trafficLinks = service === null ? [] : linksAt(service.cp.id);
    const where = { ...unlinked, trafficLinks: new Set(trafficLinks.map((c) => c.link)).size };
    const made = compileVdu(vdu, vnf, where, names, flaws);
    const plain = vdu.cps.filter((c) => c.id !== made.compiled?.serviceCp);
    const nets = Object.fromEntries(
      plain.map((cp) => [cp.id, netOf(cp, linksAt(cp.id), ns, use, vnf, flaws)] as const).filter(([, net]) => net !== ""),
    );
    const isReached = made.compiled === null || trafficLinks.length > 0 || use.members.some((m) => m.links !== null);
    if (!isReached)
      flawAt(
        use,
        flaws,
        `nothing is connected to ${made.compiled!.serviceCp} of VDU ${vdu.id}, where its service is`,
        "connect an ext-cpd that leads there to the virtual links of its users",
      );
    return {
      use,
      vnf,
      asWritten,
      made,
      nets,
      trafficNets: [...new Set(trafficLinks.map((c) => netName(c.link, ns.links)))],
      where,
    };
  });
}

/** The VNFs of a profile: of each VDU they have the same number of VNFCs, in their order. */
function vnfsOf(use: VnfUse, parts: readonly Part[]): VnfOfNs[] {
  const own = parts.filter((p) => p.use === use);
  const count = use.instances.initial;
  return Array.from({ length: count }, (_, k) => ({
    profile: use.id,
    vnfd: own[0]!.vnf.id,
    ...(own[0]!.isOther && { vnfFlavour: use.vnfFlavour! }),
    vnfcs: own.flatMap(({ made }) => {
      const each = made.vdu.vnfcs.length / count;
      return made.vdu.vnfcs.slice(k * each, (k + 1) * each).map((v) => v.id);
    }),
  }));
}

/** Names of the VNFCs of a VDU in all VNFs of a profile. */
function namesIn(ns: NsBlueprint, use: VnfUse, vnf: VnfBlueprint, vduId: string, flaws: Flaw[]): string[] {
  const vdu = vnf.vdus.find((v) => v.id === vduId)!;
  const own = vnfcNames(vdu, vnf, flaws);
  return Array.from({ length: use.instances.initial }, (_, k) => own.map((n) => nameIn(ns, use, k, n))).flat();
}

/** The name in its NS of a VNFC of one of the VNFs of a profile. */
const nameIn = (ns: NsBlueprint, use: VnfUse, vnf: number, vnfc: string): string =>
  `${isNamedByUse(ns) ? `${use.id}-` : ""}${use.instances.initial === 1 && !use.isNumbered && vnf === 0 ? "" : `${vnf + 1}-`}${vnfc}`;

const isNamedByUse = (ns: NsBlueprint): boolean => ns.uses.length > 1 || ns.isNamedByUse === true;

function profileScaling(use: VnfUse, ns: NsBlueprint, parts: readonly Part[]): ProfileScaling | null {
  const own = parts.filter((p) => p.use === use);
  const isOneOfSeveral = isNamedByUse(ns);
  return scalingOf(
    use,
    own[0]!.vnf,
    own.map((p) => ({ ...p, compiledId: compiledId(p, isOneOfSeveral) })),
    {
      nameOf: (vnf, vnfc) => nameIn(ns, use, vnf, vnfc),
      writtenOf: (id) => writtenOf(use, id),
      netOf: (link) => netName(link, ns.links),
      makesNets: ns.makesNets ?? false,
    },
  );
}

const compiledId = ({ use, made }: Part, isOneOfSeveral: boolean): string =>
  isOneOfSeveral ? `${use.id}-${made.vdu.id}` : made.vdu.id;

const netName = (link: string, links: readonly LinkBlueprint[]): string => links.find((l) => l.id === link)?.net ?? link;

/** The net of a connection point that is no service's: of the virtual link it is connected to, or of its internal one. */
function netOf(
  cp: VnfBlueprint["vdus"][number]["cps"][number],
  direct: readonly ConnectionBlueprint[],
  ns: NsBlueprint,
  use: VnfUse,
  vnf: VnfBlueprint,
  flaws: Flaw[],
): string {
  // "" where it is on none.
  const outside =
    direct[0] ?? use.connections.find((c) => cp.link !== null && vnf.extCps.some((e) => e.id === c.extCp && e.link === cp.link));
  const second = direct.find((c) => c.link !== direct[0]!.link);
  if (second) flawAt(second, flaws, `${cp.id} is on virtual link ${quote(direct[0]!.link)} already`, "leave one of the two");
  if (outside) return netName(outside.link, ns.links);
  if (cp.link !== null) return internalNet(ns, use, cp.link);
  if (cp.mayBeOpen) return "";
  flawAt(
    use,
    flaws,
    `connection point ${quote(cp.id)} of VNFD ${quote(vnf.id)} is on no virtual link`,
    "connect the ext-cpd that leads to it, or give it an int-virtual-link-desc",
  );
  return "";
}

/** The model has one net for each name of a connection point: those that are on another net get a longer name. */
function uniqueCps(parts: readonly Part[]): Map<Part, (cp: string) => string> {
  const netAt = new Map<string, string>();
  return new Map(
    parts.map((part) => {
      const names = new Map<string, string>();
      for (const cp of part.made.vdu.cps) {
        const net = part.nets[cp.id] ?? `\0${part.use.id}/${part.made.vdu.id}`; // A service's own nets are its members'.
        const name = (netAt.get(cp.id) ?? net) === net ? cp.id : `${part.use.id}-${part.made.vdu.id}-${cp.id}`;
        netAt.set(name, net);
        names.set(cp.id, name);
      }
      return [part, (cp: string) => names.get(cp) ?? cp];
    }),
  );
}

function renamed(part: Part, isOneOfSeveral: boolean, cpName: (cp: string) => string): CompiledVdu {
  const { made, nets } = part;
  const { vdu } = made;
  const isOpen = (id: string) => id !== vdu.serviceInterface && !(id in nets);
  const cps = vdu.cps.filter((c) => !isOpen(c.id)).map((c) => ({ ...c, id: cpName(c.id) }));
  const serviceInterface = vdu.serviceInterface === null ? null : cpName(vdu.serviceInterface);
  return { ...made, vdu: { ...vdu, id: compiledId(part, isOneOfSeveral), cps, serviceInterface } };
}

/** The VNFD itself where the NS changes nothing of it; else one of its own for this NSD. */
function vnfdFor(ns: NsBlueprint, parts: readonly Part[], vdus: readonly Vdu[]): Vnfd {
  const { asWritten, isOther } = parts[0]!;
  if (ns.uses.length === 1 && !isOther) {
    const { vnfd } = compileVnf(asWritten, []);
    if (JSON.stringify(vnfd.vdus) === JSON.stringify(vdus)) return vnfd;
  }
  const names = [...new Set(parts.map((p) => p.vnf.name))].join(", ");
  return { id: `${ns.id}-vnfs`, name: `${names}, as NS ${ns.name} uses it`, version: ns.version, vdus };
}

/**
 * Nets that nobody names as the VIM's: of virtual links without the name of a net, of internal links, of members that none is written for. Not the nets of
 * traffic that nothing of the NS is on but the service: its users are there, so somebody has them already.
 */
function ownNetsOf(
  ns: NsBlueprint,
  parts: readonly Part[],
  nets: Readonly<Record<string, string>>,
  members: readonly NsMember[],
): Pick<Nsd, "ownNets" | "netAddresses"> {
  if (!ns.makesNets) return {};
  const ofVim = new Set(ns.links.filter((l) => l.isOfVim).map((l) => l.net));
  const written = parts.flatMap(({ use, made }) => [
    ...made.of.vnfcs.map((v) => v.dataNet),
    ...use.members.map((m) => m.dataNet),
  ]);
  const own = [...Object.values(nets), ...members.map((m) => m.dataNet)];
  const ownNets = [...new Set(own)].filter((net) => !ofVim.has(net) && !written.includes(net));
  if (ownNets.length === 0) return {};
  const given = addressesIn(ns, parts).filter(([net]) => ownNets.includes(net));
  return { ownNets, ...(given.length > 0 && { netAddresses: Object.fromEntries(given) }) };
}

/** By the names of nets; a net that two links are has those of the first. */
function addressesIn(ns: NsBlueprint, parts: readonly Part[]): (readonly [string, LinkAddresses])[] {
  const outside = ns.links.flatMap(({ net, addresses }) => (addresses ? [[net, addresses] as const] : []));
  const inside = parts.flatMap(({ use, asWritten }) =>
    (asWritten.links ?? []).map(({ id, addresses }) => [internalNet(ns, use, id), addresses] as const),
  );
  return [...inside, ...outside].reverse();
}

const internalNet = (ns: NsBlueprint, use: VnfUse, link: string): string => (isNamedByUse(ns) ? `${use.id}-${link}` : link);

/** What is written of a VNFC, by its name in the VNFD or by the longer one that it has in this NS. */
const writtenOf = (use: VnfUse, id: string): MemberBlueprint | undefined =>
  use.members.find((m) => m.vnfc === id || `${use.id}-${m.vnfc}` === id);

function refuseStrangers(use: VnfUse, parts: readonly Part[], further: ReadonlySet<string>, flaws: Flaw[]): void {
  const made = [...parts.filter((p) => p.use === use).flatMap((p) => p.made.vdu.vnfcs.map((v) => v.id)), ...further];
  for (const m of use.members)
    if (!made.some((id) => writtenOf({ ...use, members: [m] }, id)))
      flawAt(m, flaws, `there is no VNFC ${quote(m.vnfc)}`, oneOf(made));
}

/** Where each protected VNFC is and what it serves: as it is written, and the rest dealt out to those that serve. */
function membersOf({ use, vnf, made, trafficNets }: Part, ns: NsBlueprint, flaws: Flaw[]): NsMember[] {
  const { compiled, vdu } = made;
  if (compiled === null) return [];
  const ownNets = (id: string): readonly string[] | null => {
    const links = writtenOf(use, id)?.links ?? (compiled.serving > 1 ? linksByVnfc(use, vnf, id, compiled.serviceCp) : null);
    return links?.map((l) => netName(l, ns.links)) ?? null;
  };
  const fixed = new Set(vdu.vnfcs.flatMap((v) => ownNets(v.id) ?? []));
  const rest = trafficNets.filter((n) => !fixed.has(n));
  const first = vdu.vnfcs.slice(0, compiled.serving).map((v) => v.id);
  // What is meant for a VNFC that is made later is served by the others until then.
  const isForLater = (vnf.scaling?.aspects.length ?? 0) > 0 && first.every((id) => ownNets(id) !== null);
  const serving = first.filter((id) => isForLater || ownNets(id) === null);
  if (rest.length > 0 && serving.length === 0)
    flawAt(use, flaws, `no member serves ${rest.join(", ")}`, "write it at virtual-link-profile-id of a member");
  const dealt = (id: string) => rest.filter((_, i) => serving[i % serving.length] === id);
  const netsOfVnfcs = new Map(made.of.vnfcs.map((v) => [v.id, v.dataNet]));
  return vdu.vnfcs.map((v) => ({
    vnfc: v.id,
    dataNet: writtenOf(use, v.id)?.dataNet ?? netsOfVnfcs.get(v.id) ?? `${v.id}-data`,
    trafficNets: isForLater ? [...(ownNets(v.id) ?? []), ...dealt(v.id)] : (ownNets(v.id) ?? dealt(v.id)),
    capacity: writtenOf(use, v.id)?.capacity ?? null,
  }));
}

/** Links that are connected to the service of one VNFC by name, as OpenMANO's external connections are; null: none is. */
function linksByVnfc(use: VnfUse, vnf: VnfBlueprint, id: string, serviceCp: string): string[] | null {
  const own = vnf.extCps.filter(
    (e) => e.vnfc !== undefined && (e.vnfc === id || `${use.id}-${e.vnfc}` === id) && e.cp === serviceCp,
  );
  const links = use.connections.filter((c) => own.some((e) => e.id === c.extCp)).map((c) => c.link);
  return links.length > 0 ? [...new Set(links)] : null;
}

/** A net is for servers' virtual NICs or for cards that are passed through (OpenMANO's bridge and data): not for both. */
function refuseMixed(ns: NsBlueprint, parts: readonly Part[], flaws: Flaw[]): void {
  for (const link of ns.links) {
    const ends = ns.uses.flatMap((use) =>
      use.connections.flatMap((c) => {
        const vnf = parts.find((p) => p.use === use)?.vnf;
        const kind = vnf?.extCps.find((e) => e.id === c.extCp)?.kind;
        return c.link === link.id && kind !== undefined ? [{ kind, c }] : [];
      }),
    );
    const other = ends.find((e) => e.kind !== ends[0]!.kind);
    if (other)
      flawAt(other.c, flaws, `${quote(link.id)} joins bridge interfaces and data interfaces`, "put them on two networks");
  }
}
