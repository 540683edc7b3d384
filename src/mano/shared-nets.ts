import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { Owners } from "./owners.ts";
import { calledOf, type Deployment, netIdIn, netNamesIn, trafficNetNames, vimsOf } from "./plan.ts";
import { ownNetIds } from "./provisions.ts";
import type { VimNets } from "./vim-nets.ts";

/** What takes its turn where nets of VIMs and VLANs of links are given to an NS: looked at and given in one turn, so that none is given twice. */
export const GIVEN = "given" as NsId;

/**
 * A traffic net is led by one group only, and a data net belongs to one VNFC: another NS must not have them. No net at all may be one that was made for
 * another tenant. Throws CONFLICT, which does not say which it is where that is another tenant's.
 */
export function refuseSharedNets(d: Deployment, all: readonly Deployment[], owners: Pick<Owners, "of">, nets: NetsOfVims): void {
  const owner = owners.of(d.ns.id);
  const own = Map.groupBy(serviceNets(d, nets), (n) => n.key);
  const meant = new Set([...own].flatMap(([key, all]) => [key, ...all.map((n) => n.name), ...nets.namesOf(key)]));
  const attached = owner === null ? null : attachedNets(d, nets);
  for (const other of all) {
    if (other.ns.id === d.ns.id) continue;
    if (attached !== null && owners.of(other.ns.id) !== owner) refuseForeignNets(attached, other);
    if (other.vnfcs.length === 0 || !writtenNets(other).some((n) => meant.has(n))) continue;
    const shared = serviceNets(other, nets).filter((n) => own.get(n.key)?.some((o) => isOneNet(o, n, nets)));
    if (shared.length > 0) {
      const names = shared.map((n) => n.name).join(", ");
      if (owner !== null && owners.of(other.ns.id) !== owner) throw foreign(names);
      throw new Fault("CONFLICT", `${calledOf(other.ns)} has ${names} in use; terminate it, or name other nets`, {
        id: other.ns.id,
      });
    }
  }
}

const foreign = (names: string): Fault => new Fault("CONFLICT", `${names}: in use by what is not this tenant's; name other nets`);

/** All nets that others made and this is attached to, by their ids in its VIMs, with its names of them. */
function attachedNets(d: Deployment, nets: NetsOfVims): ReadonlyMap<string, string> {
  const made = new Set(d.nsd.ownNets);
  const found = vimsOf(d).flatMap((vim) =>
    netNamesIn(d, vim).map(
      (name) => [made.has(name) ? undefined : (netIdIn(d.nsd, name) ?? nets.idOf(vim, name)), name] as const,
    ),
  );
  return new Map(found.flatMap(([id, name]) => (id === undefined ? [] : [[id, name] as const])));
}

function refuseForeignNets(attached: ReadonlyMap<string, string>, other: Deployment): void {
  for (const id of vimsOf(other).flatMap((vim) => ownNetIds(other, vim))) {
    const name = attached.get(id);
    if (name !== undefined) throw foreign(name);
  }
}

/** Of two that are being made, who was created first keeps a net. */
export const isBefore =
  (d: Deployment) =>
  ({ ns }: Deployment): boolean =>
    ns.state !== "INSTANTIATING" || `${ns.createdAt} ${ns.id}` < `${d.ns.createdAt} ${d.ns.id}`;

type NetsOfVims = Pick<VimNets, "idOf" | "namesOf" | "isOneVim" | "isOneTenant">;

interface ServiceNet {
  readonly name: string;
  readonly vim: VimAccountId;
  /** Its id in the VIM where that is known, else its name. */
  readonly key: string;
  readonly isKnown: boolean;
}

/** What a VIM has for an owner: nets that were made for what is another's are not there, and are told of to nobody else. */
export function shownTo(
  owner: string | null,
  { all, owners }: { readonly all: readonly Deployment[]; readonly owners: Pick<Owners, "of"> },
  vim: VimAccountId,
  seen: Inventory,
): Inventory {
  if (owner === null) return seen;
  const hidden = new Set(all.filter((d) => owners.of(d.ns.id) !== owner).flatMap((d) => ownNetIds(d, vim)));
  return { ...seen, nets: new Map([...seen.nets].filter(([id]) => !hidden.has(id))) };
}

/** The nets it has to itself, each in the VIM it is in, whichever way it is named. One that is made for it alone is nobody else's. */
function serviceNets({ ns, nsd, vnfcs }: Deployment, nets: NetsOfVims): ServiceNet[] {
  const vimOf = new Map(vnfcs.map((v) => [v.name, v.vimAccountId]));
  const made = new Set(nsd.ownNets);
  const placed = (name: string, vim: VimAccountId) => {
    const id = netIdIn(nsd, name) ?? nets.idOf(vim, name) ?? (made.has(name) ? `${name} of ${ns.id}` : undefined);
    return { name, vim, key: id ?? name, isKnown: id !== undefined };
  };
  const data = nsd.members.map((m) => placed(m.dataNet, vimOf.get(m.vnfc) ?? ns.vimAccounts[m.vnfc] ?? ns.vimAccountId));
  return [...trafficNetNames(nsd).map((name) => placed(name, ns.vimAccountId)), ...data];
}

const written = new WeakMap<Deployment, readonly string[]>();

/** How it names the nets that it has to itself, by whatever: looked at for each NS whenever one more is made, so worked out once. */
function writtenNets(d: Deployment): readonly string[] {
  const had = written.get(d);
  if (had) return had;
  const names = [...trafficNetNames(d.nsd), ...d.nsd.members.map((m) => m.dataNet)];
  const all = [...names, ...names.flatMap((name) => netIdIn(d.nsd, name) ?? [])];
  written.set(d, all);
  return all;
}

/** RFC 9562: no two things have the same one, whoever made them. */
const isUuid = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);

/**
 * Whether two nets of one key are one. Where nobody can tell whether their VIMs are one, a UUID tells it; a name means the same to two accounts only
 * where they are of one tenant there.
 */
function isOneNet(a: ServiceNet, b: ServiceNet, nets: NetsOfVims): boolean {
  if (a.vim === b.vim) return true;
  const isOneVim = nets.isOneVim(a.vim, b.vim);
  if (isUuid(a.key)) return isOneVim ?? true;
  return isOneVim === true && ((a.isKnown && b.isKnown) || nets.isOneTenant(a.vim, b.vim));
}
