import { Fault } from "../lib/fault.ts";
import type { NetId, VimAccountId } from "../model/ids.ts";
import type { VimAccount } from "../model/ns.ts";
import type { ExternalLink, ManagedLink } from "../model/occurrence.ts";
import type { Inventory, VimNet } from "../vimconn/connector.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import { someOf } from "./some-of.ts";

// What a client of SOL003 says of the nets that a VNF is connected to, as the MANO has it. Pure.

/** SOL003 4.4.1.6 VimConnectionInfo, under the key that links name it by. What it takes to be let in is not here: VIM accounts have that. */
export interface AskedVim {
  readonly key: string;
  readonly vimId: string | null;
  readonly endpoint: string | null;
}

/** A link of either kind; `vimConnectionId` null: it follows from the rest. */
export interface AskedLink {
  readonly id: string;
  readonly vimConnectionId: string | null;
  readonly resourceId: string;
}

/** `left`: connection points that are to be connected to it no more. */
export type AskedExternalLink = AskedLink & Pick<ExternalLink, "cps"> & { readonly left: readonly string[] };
export type AskedManagedLink = AskedLink & Pick<ManagedLink, "vnfVirtualLinkDescId">;

/** What cannot be done with it, in words. */
export const notHere = (why: string): Fault => new Fault("NOT_SUPPORTED", why);

/** The one VIM that is meant. Throws NOT_SUPPORTED for one that has no account, and where several are meant or none is. */
export function vimAsked(accounts: readonly VimAccount[], vims: readonly AskedVim[], links: readonly AskedLink[]): VimAccount {
  const there = accounts.map((a) => `${a.id} (${a.name})`).join(", ") || "none; POST /mano/v1/vims adds one";
  const called = (name: string | null) => accounts.find((a) => a.id === name || a.name === name);
  const named = new Map(
    vims.map(({ key, vimId, endpoint }) => {
      const found = vimId !== null ? called(vimId) : (accounts.find((a) => a.url === endpoint) ?? called(key));
      if (found) return [key, found] as const;
      throw notHere(`vimConnectionInfo/${key}: there is no VIM account ${vimId ?? endpoint ?? key}; there are: ${there}`);
    }),
  );
  const ofLinks = links.flatMap(({ id, vimConnectionId }) => {
    if (vimConnectionId === null) return [];
    const found = named.get(vimConnectionId) ?? called(vimConnectionId);
    if (found) return [found];
    const known = [...named.keys()].join(", ") || "none";
    throw notHere(`link ${id}: vimConnectionId ${vimConnectionId} is none of vimConnectionInfo, which names ${known}`);
  });
  const meant = new Set(ofLinks.length > 0 ? ofLinks : named.size > 0 ? named.values() : accounts);
  const [one] = meant;
  if (one && meant.size === 1) return one;
  const which = meant.size === 0 ? "there is no VIM account" : `${meant.size} VIMs are meant, and a VNF is in one`;
  throw notHere(`${which}; name one at vimConnectionInfo; there are: ${there}`);
}

/** The net of a link, by its id or its name. Throws NOT_SUPPORTED where the VIM has not exactly one such. */
export function netAsked(link: AskedLink, vim: VimAccount, seen: Inventory): VimNet {
  const byId = seen.nets.get(link.resourceId as NetId);
  const found = byId ? [byId] : netsCalled(seen, link.resourceId);
  if (found.length === 1) return found[0]!;
  const there = someOf([...seen.nets.values()].map((n) => `${n.id} (${n.name})`));
  const count = found.length === 0 ? "no net" : `${found.length} nets`;
  throw notHere(`link ${link.id}: VIM ${vim.name} has ${count} ${link.resourceId}; it has: ${there}`);
}

/** Every link once, and every net in one link only. Throws NOT_SUPPORTED. */
export function refuseRepeated(links: readonly AskedLink[], netIds: readonly string[]): void {
  const twice = links.find((l, i) => links.findIndex((o) => o.id === l.id) !== i);
  if (twice) throw notHere(`link ${twice.id} is there twice; name each link once, with all that is connected to it`);
  const again = netIds.findIndex((id, i) => netIds.indexOf(id) !== i);
  if (again >= 0) throw notHere(`link ${links[again]!.id}: its net ${netIds[again]} is in another link too; put both into one`);
}

export const linksAt = (
  vimAccountId: VimAccountId,
  links: readonly AskedExternalLink[],
  nets: readonly VimNet[],
): ExternalLink[] => links.map(({ id, cps }, i) => ({ id, vimAccountId, resourceId: nets[i]!.id, cps }));
