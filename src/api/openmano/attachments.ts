import { randomUUID } from "node:crypto";
import { Fault } from "../../lib/fault.ts";
import { Turns } from "../../lib/turns.ts";
import type { OmAttachment, OmDatacenter } from "../../model/openmano.ts";
import {
  deleteOmAttachment,
  readOmAttachments,
  readOmDatacenters,
  readOmInstances,
  upsertOmAttachment,
} from "../../store/mano-openmano.ts";
import type { ManoStore } from "../../store/mano-schema.ts";
import { WireError } from "../wire-error.ts";
import { attachment as attachmentBody, checked } from "./bodies.ts";
import type { Call } from "./call.ts";
import { namedOf } from "./datacenters.ts";
import { bareAddressOf, siteOf, sitesOf, tenantOf, tenantOrAny, whatOf } from "./find.ts";
import { attachmentOut } from "./shapes.ts";
import { inUse } from "./tenants.ts";

/** Instances that were deleted are taken away from the VIM before the tenant leaves it. */
const REMOVAL_PATIENCE_MS = 10_000;

export async function attach(call: Call) {
  const wish = checked(attachmentBody, call.body()).datacenter;
  const tenant = await tenantOf(call);
  const datacenter = namedOf(await readOmDatacenters(call.doors.db), call.params.datacenter!);
  const { db } = call.doors;
  const all = await readOmAttachments(db);
  if (all.some((a) => a.tenantId === tenant.uuid && a.datacenterId === datacenter.uuid))
    throw new WireError(409, `datacenter '${datacenter.uuid}' and tenant '${tenant.uuid}' are already attached`);
  const named = wish.vim_tenant ?? wish.vim_id ?? wish.vim_tenant_name;
  const vim = await vimTenantOf(call, datacenter, wish.vim_tenant_name ?? tenant.name, named);
  const attached: OmAttachment = {
    uuid: randomUUID(),
    tenantId: tenant.uuid,
    datacenterId: datacenter.uuid,
    ...vim,
    user: wish.vim_username ?? null,
    config: wish.config ?? null,
    createdAt: call.doors.now(),
  };
  await upsertOmAttachment(db, attached);
  await useVim(call, attached, datacenter);
  return { datacenter: attachmentOut(attached, datacenter) };
}

const names = new Turns<ManoStore>();

/** A VIM account of ours has a name of its own, also where two tenants are attached at once. */
async function useVim({ doors }: Call, attached: OmAttachment, datacenter: OmDatacenter): Promise<void> {
  await names.take(doors.db, () => {
    const taken = new Set(doors.listVims().map((v) => v.name));
    const name = taken.has(datacenter.name) ? `${datacenter.name}-${attached.uuid.slice(0, 8)}` : datacenter.name;
    return doors.addVim({
      id: attached.uuid,
      name,
      ...bareAddressOf(datacenter),
      tenant: attached.vimTenantId,
      owner: attached.tenantId,
    });
  });
}

type VimTenant = Pick<OmAttachment, "vimTenantId" | "vimTenantName" | "isVimTenantOurs">;

/** The VIM's tenant by its id, or by its name, or one made under the name `called`. Throws 404 or 409 where the VIM has none or several of that name. */
async function vimTenantOf(
  { doors }: Call,
  datacenter: OmDatacenter,
  called: string,
  named: string | undefined,
): Promise<VimTenant> {
  if (named !== undefined && whatOf(named) === "uuid")
    return { vimTenantId: named, vimTenantName: called, isVimTenantOurs: false };
  return doors.withVim(bareAddressOf(datacenter), async (vim) => {
    if (named === undefined) {
      const made = await vim.makeTenant(called, `created by openmano for datacenter ${datacenter.name}`);
      return { vimTenantId: String(made.id), vimTenantName: called, isVimTenantOurs: true };
    }
    const found = (await vim.tenants()).filter((t) => t.name === named);
    if (found.length === 1) return { vimTenantId: String(found[0]!.id), vimTenantName: named, isVimTenantOurs: false };
    throw new WireError(
      found.length === 0 ? 404 : 409,
      `${found.length === 0 ? "No" : "More than one"} tenant found at VIM with name '${named}'`,
    );
  });
}

export async function changeAttachment(call: Call) {
  const wish = checked(attachmentBody, call.body()).datacenter;
  const tenant = await tenantOf(call);
  const { attachment: had, datacenter } = await siteOf(call, tenant, call.params.datacenter);
  const named = wish.vim_tenant ?? wish.vim_id ?? wish.vim_tenant_name;
  const changed: OmAttachment = {
    ...had,
    user: wish.vim_username === undefined ? had.user : wish.vim_username,
    config: wish.config === undefined ? had.config : wish.config,
    ...(named !== undefined && (await vimTenantOf(call, datacenter, wish.vim_tenant_name ?? tenant.name, named))),
  };
  if (changed.vimTenantId !== had.vimTenantId) {
    await refuseInstances(call, had, "is at the VIM's tenant that it would leave");
    await call.doors.removeVim(had.uuid);
    await upsertOmAttachment(call.doors.db, changed);
    await useVim(call, changed, datacenter);
    if (had.isVimTenantOurs) await leaveVim(call, had, datacenter);
  } else await upsertOmAttachment(call.doors.db, { ...changed, isVimTenantOurs: had.isVimTenantOurs });
  return { datacenter: attachmentOut(changed, datacenter) };
}

async function refuseInstances({ doors }: Call, { uuid }: OmAttachment, why: string): Promise<void> {
  const there = async () => (await readOmInstances(doors.db)).filter((i) => i.attachmentId === uuid);
  for (const instance of await there()) if (instance.state === "REMOVED") await doors.settled(instance.uuid, REMOVAL_PATIENCE_MS);
  const [instance] = await there();
  if (instance === undefined) return;
  const words = instance.state === "REMOVED" ? "is still being deleted from the VIM" : why;
  throw inUse(`instance '${instance.name}' ${words}`);
}

/** The path's tenant, or with "any" all that are attached (`openmano datacenter-detach --all`); nobody while one has an instance there. */
export async function detach(call: Call) {
  const tenant = await tenantOrAny(call);
  const { datacenter } = await siteOf(call, tenant, call.params.datacenter);
  const sites = (await sitesOf(call, tenant)).filter((s) => s.datacenter.uuid === datacenter.uuid);
  for (const { attachment } of sites) await refuseInstances(call, attachment, "is in this datacenter");
  const warnings: string[] = [];
  for (const { attachment } of sites) {
    await call.doors.removeVim(attachment.uuid);
    await deleteOmAttachment(call.doors.db, attachment.uuid);
    if (attachment.isVimTenantOurs) warnings.push(await leaveVim(call, attachment, datacenter));
  }
  return { result: `datacenter ${datacenter.uuid} detached. ${warnings.filter(Boolean).join(" ")}` };
}

/** The VIM may be gone for ever: then its tenant stays with it, which is told. */
async function leaveVim({ doors }: Call, { vimTenantId }: OmAttachment, datacenter: OmDatacenter): Promise<string> {
  try {
    await doors.withVim(bareAddressOf(datacenter), (vim) => vim.removeTenant(vimTenantId));
    return "";
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    return `The tenant ${vimTenantId} could not be deleted from the VIM: ${e.detail}`;
  }
}

export async function listVimAccounts(call: Call) {
  const sites = await sitesOf(call, await tenantOrAny(call));
  return { datacenters: sites.map((s) => attachmentOut(s.attachment, s.datacenter)) };
}

export async function getVimAccount(call: Call) {
  const site = await siteOf(call, await tenantOrAny(call), call.params.datacenter);
  return { datacenter: attachmentOut(site.attachment, site.datacenter) };
}
