import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Owners } from "./owners.ts";
import { calledOf, type Deployment, netIdIn, trafficNetNames } from "./plan.ts";

/** The id of the one net of a VIM that has this for its name or its id, when it was last looked at; undefined: it had not exactly one. */
export type NetIdOf = (vim: VimAccountId, name: string) => string | undefined;

/** What takes its turn where nets of VIMs and VLANs of links are given to an NS: looked at and given in one turn, so that none is given twice. */
export const GIVEN = "given" as NsId;

/**
 * A traffic net is led by one group only, and a data net belongs to one VNFC: another NS must not have them. Throws CONFLICT, which does not say which it is
 * where that is another tenant's.
 */
export function refuseSharedNets(d: Deployment, all: readonly Deployment[], owners: Pick<Owners, "of">, netIdOf: NetIdOf): void {
  const owner = owners.of(d.ns.id);
  const own = new Set(serviceNets(d, netIdOf).map((n) => n.key));
  for (const other of all) {
    if (other.ns.id === d.ns.id || other.vnfcs.length === 0) continue;
    const shared = serviceNets(other, netIdOf).filter((n) => own.has(n.key));
    if (shared.length > 0) {
      const names = shared.map((n) => n.name).join(", ");
      if (owner !== null && owners.of(other.ns.id) !== owner)
        throw new Fault("CONFLICT", `${names}: in use by what is not this tenant's; name other nets`);
      throw new Fault("CONFLICT", `${calledOf(other.ns)} has ${names} in use; terminate it, or name other nets`, {
        id: other.ns.id,
      });
    }
  }
}

/** The nets it has to itself, each in the VIM it is in, whichever way it is named. One that is made for it alone is nobody else's. */
function serviceNets({ ns, nsd }: Deployment, netIdOf: NetIdOf): { readonly name: string; readonly key: string }[] {
  const made = new Set(nsd.ownNets);
  const keyed = (name: string, vim: VimAccountId) => {
    const id = netIdIn(nsd, name) ?? netIdOf(vim, name) ?? (made.has(name) ? `${name} of ${ns.id}` : name);
    return { name, key: `${vim} ${id}` };
  };
  const data = nsd.members.map((m) => keyed(m.dataNet, ns.vimAccounts[m.vnfc] ?? ns.vimAccountId));
  return [...trafficNetNames(nsd).map((name) => keyed(name, ns.vimAccountId)), ...data];
}
