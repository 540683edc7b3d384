import { randomUUID } from "node:crypto";
import type { OmTenant } from "../../model/openmano.ts";
import {
  deleteOmTenant,
  insertOmTenant,
  readOmAttachments,
  readOmInstances,
  readOmScenarios,
  readOmTenants,
  readOmVnfs,
  updateOmTenant,
} from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import { checked, newTenant, tenantChange } from "./bodies.ts";
import type { Call } from "./call.ts";
import { matching, tenantsFor, whatOf } from "./find.ts";
import { rowsOf, TENANT_COLUMNS, tenantOut } from "./shapes.ts";

// The tenants of OpenMANO's clients: a table of their own, which says whose VNFs, scenarios and instances are whose. `tenantOf` in find.ts
// is the one place where a tenant of a path becomes one of these.

export async function listTenants(call: Call) {
  return { tenants: rowsOf((await tenantsFor(call)).map(tenantOut), call.query, TENANT_COLUMNS) };
}

export async function getTenant(call: Call) {
  return { tenant: tenantOut(await namedTenant(call)) };
}

async function namedTenant(call: Call): Promise<OmTenant> {
  const asked = call.params.tenant!;
  const found = matching(await tenantsFor(call), asked)[0];
  if (found) return found;
  throw new WireError(404, `No tenant found with ${whatOf(asked)}='${asked}'`);
}

export async function makeTenant({ doors, body }: Call) {
  const { name, description = null } = checked(newTenant, body()).tenant;
  const tenant: OmTenant = { uuid: randomUUID(), name, description, createdAt: doors.now() };
  await refuseTaken(doors, tenant, `Error creating the new tenant: ${name} `);
  await insertOmTenant(doors.db, tenant);
  return { tenant: tenantOut(tenant) };
}

async function refuseTaken(doors: Call["doors"], { uuid, name }: OmTenant, before: string): Promise<void> {
  const isTaken = (await readOmTenants(doors.db)).some((t) => t.name === name && t.uuid !== uuid);
  if (isTaken) throw new WireError(409, `${before}Value  '${name}'  already in use for  'name'`);
}

export async function changeTenant(call: Call) {
  const change = checked(tenantChange, call.body()).tenant;
  const had = await namedTenant(call);
  const { name = had.name, description = had.description } = change;
  const tenant = { ...had, name, description };
  await refuseTaken(call.doors, tenant, "");
  await updateOmTenant(call.doors.db, tenant);
  return { tenant: tenantOut(tenant) };
}

export async function deleteTenant(call: Call) {
  const { uuid, name } = await namedTenant(call);
  const { db } = call.doors;
  const own = <T extends { readonly tenantId: string }>(rows: readonly T[]) => rows.filter((r) => r.tenantId === uuid).length;
  const uses = {
    datacenters: own(await readOmAttachments(db)),
    vnfs: own(await readOmVnfs(db)),
    scenarios: own(await readOmScenarios(db)),
    instances: own(await readOmInstances(db)),
    ...(await call.doors.usesOf(uuid)),
  };
  const there = Object.entries(uses).flatMap(([what, n]) => (n > 0 ? [`${n} ${what}`] : []));
  if (there.length > 0) throw inUse(`tenant '${name}' has ${there.join(", ")}`);
  await deleteOmTenant(db, uuid);
  return { result: `tenant ${uuid} ${name} deleted` };
}

/** OpenMANO's sentence for it, and what is in the way. */
export const inUse = (why: string): WireError =>
  new WireError(409, `Resource is not free. There are dependencies that prevent deleting it. (${why})`);
