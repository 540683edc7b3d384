import type { OmAttachment, OmDatacenter, OmNetmap, OmTenant } from "../../model/openmano.ts";
import { readOmAttachments, readOmDatacenters, readOmTenants } from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import type { Call } from "./call.ts";
import type { VimAddress } from "./doors.ts";

// Things by their uuid or name, as paths and bodies name them.

export const ANY = "any";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Which of the two the original looks for. */
export const whatOf = (uuidOrName: string): "uuid" | "name" => (UUID.test(uuidOrName) ? "uuid" : "name");

interface Named {
  readonly uuid: string;
  readonly name: string;
}

export const matching = <T extends Named>(all: readonly T[], uuidOrName: string): T[] => {
  const byUuid = all.filter((x) => x.uuid === uuidOrName);
  return byUuid.length > 0 ? byUuid : all.filter((x) => x.name === uuidOrName);
};

/** Exactly one. Throws 404, or 409 where several have the name. */
export function oneOf<T extends Named>(all: readonly T[], uuidOrName: string, kind: string): T {
  const found = matching(all, uuidOrName);
  if (found.length === 1) return found[0]!;
  const [count, status] = found.length === 0 ? ["No", 404] : ["More than one", 409];
  throw new WireError(status as number, `${count} ${kind} found with ${whatOf(uuidOrName)} '${uuidOrName}'`);
}

/** Those that who asks can name. */
export const tenantsFor = async ({ doors, tenantId }: Call): Promise<OmTenant[]> =>
  (await readOmTenants(doors.db)).filter((t) => tenantId === null || t.uuid === tenantId);

/** The tenant of the path. Throws 404. */
export async function tenantOf(call: Call): Promise<OmTenant> {
  const { params } = call;
  const found = matching(await tenantsFor(call), params.tenant!)[0];
  if (found) return found;
  throw new WireError(404, `tenant '${params.tenant}' not found`);
}

/** As `tenantOf`; null: the path says "any", and who asks is of none. */
export async function tenantOrAny(call: Call): Promise<OmTenant | null> {
  if (call.params.tenant !== ANY) return tenantOf(call);
  return call.tenantId === null ? null : tenantOf({ ...call, params: { ...call.params, tenant: call.tenantId } });
}

/** What a tenant may see; every tenant's where there is none. */
export const isSeenBy = (tenant: OmTenant | null, thing: { readonly tenantId: string; readonly public?: boolean }): boolean =>
  tenant === null || thing.tenantId === tenant.uuid || thing.public === true;

export interface Site {
  readonly datacenter: OmDatacenter;
  readonly attachment: OmAttachment;
}

export async function sitesOf({ doors }: Call, tenant: OmTenant | null): Promise<Site[]> {
  const [datacenters, attachments] = [await readOmDatacenters(doors.db), await readOmAttachments(doors.db)];
  return attachments
    .filter((a) => isSeenBy(tenant, a))
    .flatMap((attachment) => {
      const datacenter = datacenters.find((d) => d.uuid === attachment.datacenterId);
      return datacenter ? [{ attachment, datacenter }] : [];
    });
}

/** A datacenter that the tenant is attached to; the only one where none is named. Throws 404, 400 or 409. */
export async function siteOf(call: Call, tenant: OmTenant | null, uuidOrName: string | undefined): Promise<Site> {
  const sites = await sitesOf(call, tenant);
  const isMeant = ({ attachment, datacenter }: Site) =>
    datacenter.uuid === uuidOrName || datacenter.name === uuidOrName || attachment.uuid === uuidOrName;
  const found = uuidOrName === undefined ? sites : sites.filter(isMeant);
  const distinct = found.filter((s, i) => found.findIndex((o) => o.datacenter.uuid === s.datacenter.uuid) === i);
  if (distinct.length === 1) return distinct[0]!;
  if (distinct.length > 1) throw new WireError(409, "More than one datacenters found, try to identify with uuid");
  if (uuidOrName === undefined) throw new WireError(404, "No datacenter found for tenant: attach one first");
  throw new WireError(404, `No datacenter found for tenant with ${whatOf(uuidOrName)} '${uuidOrName}'`);
}

export const addressOf = ({ datacenter, attachment }: Site): VimAddress => ({
  ...bareAddressOf(datacenter),
  tenant: attachment.vimTenantId,
});

/** Without its administrator's address a VIM is asked everything at the same. */
export const bareAddressOf = ({ vimUrl, vimUrlAdmin }: OmDatacenter): VimAddress => ({
  url: vimUrl,
  adminUrl: vimUrlAdmin ?? vimUrl,
  tenant: null,
});

export const netmapOf = (netmaps: readonly OmNetmap[], uuidOrName: string): OmNetmap => oneOf(netmaps, uuidOrName, "netmap");
