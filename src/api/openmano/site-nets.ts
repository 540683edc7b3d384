import type { OmNetmap } from "../../model/openmano.ts";
import { readOmNetmaps } from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import type { Call } from "./call.ts";
import type { VimRow } from "./doors.ts";
import { addressOf, oneOf, type Site } from "./find.ts";

// Which nets of a site are there for who asks. Names of netmaps are the datacenter's; whose one is says who made it.

/** A tenant's own, and nobody's in particular, which is for all to use. */
export async function netmapsFor({ doors, tenantId }: Call, { datacenter }: Site): Promise<OmNetmap[]> {
  const all = await readOmNetmaps(doors.db, datacenter.uuid);
  return all.filter((n) => tenantId === null || [undefined, tenantId].includes(n.tenantId));
}

export const ownsNetmap = ({ tenantId }: Call, netmap: OmNetmap): boolean => tenantId === null || netmap.tenantId === tenantId;

/** One to be changed. Throws 404, and 403 where it is for all to use. */
export function ownNetmap(call: Call, netmaps: readonly OmNetmap[], uuidOrName: string): OmNetmap {
  const netmap = oneOf(netmaps, uuidOrName, "netmap");
  if (ownsNetmap(call, netmap)) return netmap;
  throw new WireError(403, `netmap '${netmap.name}' is for all tenants to use: only who is of none may change it`);
}

/** Nets of the VIM: of a tenant's token those of its tenant there, and those that are shared. */
export async function vimNetsFor({ doors, tenantId }: Call, site: Site): Promise<readonly VimRow[]> {
  const all = await doors.withVim(addressOf(site), (vim) => vim.networks());
  return tenantId === null ? all : all.filter((n) => n.shared === true || n.tenant_id === site.attachment.vimTenantId);
}
