import type { OmAttachment, OmDatacenter, OmNetmap, OmTenant } from "../../model/openmano.ts";
import { type Columns, listed, type Query, type Wire } from "../query.ts";

// What OpenMANO shows of tenants and datacenters.

/** A list whole, unless the client names a limit: it looks for names in it by itself, and must not miss the hundred-and-first. */
export const rowsOf = (rows: Iterable<Wire>, query: Query, columns: Columns): Wire[] =>
  listed(rows, { limit: "0", ...query }, columns);

/** `%Y-%m-%dT%H:%M:%S`, as lists and most replies have times. */
export const timeOf = (iso: string): string => iso.slice(0, 19);
/** Seconds since 1970, as attachments, instances and actions have them. */
export const epochOf = (iso: string): number => Date.parse(iso) / 1_000;

export const tenantOut = (t: OmTenant): Wire => ({
  uuid: t.uuid,
  name: t.name,
  description: t.description,
  created_at: timeOf(t.createdAt),
});
export const TENANT_COLUMNS: Columns = { shown: ["uuid", "name", "description", "created_at"] };

export const datacenterOut = (d: OmDatacenter): Wire => ({
  uuid: d.uuid,
  name: d.name,
  vim_url: d.vimUrl,
  vim_url_admin: d.vimUrlAdmin,
  type: d.type,
  config: configText(d.config),
  description: d.description,
  created_at: timeOf(d.createdAt),
});
export const DATACENTER_COLUMNS: Columns = { shown: ["uuid", "name", "vim_url", "type", "created_at"] };

const configText = (config: OmDatacenter["config"]): unknown =>
  config === null || Object.keys(config).length === 0 ? null : config;

/** A password is never kept: no VIM of ours asks for one. */
export const attachmentOut = (a: OmAttachment, { uuid, name }: OmDatacenter): Wire => ({
  uuid: a.uuid,
  name,
  vim_id: uuid,
  vim_tenant_name: a.vimTenantName,
  vim_tenant_id: a.vimTenantId,
  user: a.user,
  config: configText(a.config),
  created_at: epochOf(a.createdAt),
  passwd: null,
});

export const vimTenantOut = (a: OmAttachment): Wire => ({
  vim_tenant_name: a.vimTenantName,
  vim_tenant_id: a.vimTenantId,
  user: a.user,
  passwd: null,
  config: configText(a.config),
});

export const netmapOut = (n: OmNetmap): Wire => ({
  name: n.name,
  vim_id: n.vimNetId,
  uuid: n.uuid,
  type: n.type,
  multipoint: n.multipoint,
  shared: n.shared,
  description: n.description,
  created_at: timeOf(n.createdAt),
});
export const NETMAP_COLUMNS: Columns = {
  shown: ["name", "vim_id", "uuid", "type", "multipoint", "shared", "description", "created_at"],
};
