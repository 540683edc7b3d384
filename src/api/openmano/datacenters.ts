import { randomUUID } from "node:crypto";
import type { OmDatacenter, OmTenant } from "../../model/openmano.ts";
import { deleteOmDatacenter, readOmAttachments, readOmDatacenters, upsertOmDatacenter } from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import { checked, datacenterChange, newDatacenter, sdnMapping } from "./bodies.ts";
import type { Call } from "./call.ts";
import { bareAddressOf, matching, sitesOf, tenantOrAny, whatOf } from "./find.ts";
import { DATACENTER_COLUMNS, datacenterOut, rowsOf, vimTenantOut } from "./shapes.ts";
import { inUse } from "./tenants.ts";

/** Of a tenant those it is attached to; of "any" all. */
export async function listDatacenters(call: Call) {
  const rows = await seenBy(call, await tenantOrAny(call));
  return { datacenters: rowsOf(rows.map(datacenterOut), call.query, DATACENTER_COLUMNS) };
}

async function seenBy(call: Call, tenant: OmTenant | null): Promise<OmDatacenter[]> {
  const all = await readOmDatacenters(call.doors.db);
  if (tenant === null) return all;
  const own = new Set((await sitesOf(call, tenant)).map((s) => s.datacenter.uuid));
  return all.filter((d) => own.has(d.uuid));
}

export async function getDatacenter(call: Call) {
  const tenant = await tenantOrAny(call);
  const datacenter = namedOf(await seenBy(call, tenant), call.params.datacenter!, tenant ? " for tenant" : "");
  const attached = (await sitesOf(call, tenant)).filter((s) => s.datacenter.uuid === datacenter.uuid);
  const vimTenants = attached.map((s) => vimTenantOut(s.attachment));
  return { datacenter: { ...datacenterOut(datacenter), ...(tenant && { vim_tenants: vimTenants }) } };
}

/** Throws 404, and 409 where several have the name. */
export function namedOf(all: readonly OmDatacenter[], asked: string, where = ""): OmDatacenter {
  const found = matching(all, asked);
  if (found.length === 1) return found[0]!;
  const [count, status] = found.length === 0 ? ["No", 404] : ["More than one", 409];
  throw new WireError(status as number, `${count} datacenter found${where} with ${whatOf(asked)} '${asked}'`);
}

export async function makeDatacenter({ doors, body }: Call) {
  const wish = checked(newDatacenter, body()).datacenter;
  const datacenter: OmDatacenter = {
    uuid: randomUUID(),
    name: wish.name,
    description: wish.description ?? null,
    type: typeOf(wish.type),
    vimUrl: wish.vim_url,
    vimUrlAdmin: wish.vim_url_admin ?? null,
    config: wish.config ?? null,
    sdnMapping: [],
    createdAt: doors.now(),
  };
  await upsertOmDatacenter(doors.db, datacenter);
  return { datacenter: datacenterOut(datacenter) };
}

/** Throws 400 for a kind of VIM that nothing here speaks to. */
function typeOf(type = "openvim"): string {
  if (type === "openvim") return type;
  throw new WireError(400, `Incorrect datacenter type '${type}' plugin not installed: there is openvim`);
}

export async function changeDatacenter(call: Call) {
  const { doors, params } = call;
  const change = checked(datacenterChange, call.body()).datacenter;
  const had = namedOf(await readOmDatacenters(doors.db), params.datacenter!);
  const datacenter: OmDatacenter = {
    ...had,
    name: change.name ?? had.name,
    type: typeOf(change.type ?? had.type),
    vimUrl: change.vim_url ?? had.vimUrl,
    vimUrlAdmin: change.vim_url_admin === undefined ? had.vimUrlAdmin : change.vim_url_admin,
    description: change.description === undefined ? had.description : change.description,
    config: change.config === undefined ? had.config : merged(had.config, change.config),
  };
  await upsertOmDatacenter(doors.db, datacenter);
  const { url, adminUrl } = bareAddressOf(datacenter);
  const before = bareAddressOf(had);
  if (url !== before.url || adminUrl !== before.adminUrl)
    for (const a of await readOmAttachments(doors.db))
      if (a.datacenterId === had.uuid) await doors.changeVim(a.uuid, { url, adminUrl });
  return { datacenter: datacenterOut(datacenter) };
}

/** What is named anew is changed, and taken out where it is null (`openmano datacenter-edit --sdn-controller`); the rest stays. */
function merged(had: OmDatacenter["config"], change: OmDatacenter["config"]): OmDatacenter["config"] {
  if (change === null) return null;
  return Object.fromEntries(Object.entries({ ...had, ...change }).filter(([, value]) => value !== null));
}

export async function deleteDatacenter({ doors, params }: Call) {
  const { uuid, name } = namedOf(await readOmDatacenters(doors.db), params.datacenter!);
  const attached = (await readOmAttachments(doors.db)).filter((a) => a.datacenterId === uuid);
  if (attached.length > 0) throw inUse(`datacenter '${name}' has ${attached.length} attached tenant(s); detach them first`);
  await deleteOmDatacenter(doors.db, uuid);
  return { result: `datacenter '${uuid} ${name}' deleted` };
}

const mappingOut = ({ uuid, sdnMapping: ports }: OmDatacenter) => ({
  sdn_port_mapping: { datacenter_id: uuid, dpid: null, "sdn-controller": null, ports_mapping: ports },
});

export async function getSdnMapping(call: Call) {
  const tenant = await tenantOrAny(call);
  return mappingOut(namedOf(await seenBy(call, tenant), call.params.datacenter!, tenant ? " for tenant" : ""));
}

export async function setSdnMapping(call: Call) {
  const { sdn_port_mapping: sdn } = checked(sdnMapping, call.body());
  const tenant = await tenantOrAny(call);
  const had = namedOf(await seenBy(call, tenant), call.params.datacenter!, tenant ? " for tenant" : "");
  const datacenter = { ...had, sdnMapping: sdn };
  await upsertOmDatacenter(call.doors.db, datacenter);
  return mappingOut(datacenter);
}

export async function clearSdnMapping(call: Call) {
  const tenant = await tenantOrAny(call);
  const had = namedOf(await seenBy(call, tenant), call.params.datacenter!, tenant ? " for tenant" : "");
  await upsertOmDatacenter(call.doors.db, { ...had, sdnMapping: [] });
  return { result: `${had.uuid} sdn mapping deleted` };
}
