import type { Static } from "typebox";
import type { FlavorId, ImageId, TenantId } from "../../model/ids.ts";
import type { Change, Flavor, Image } from "../../model/vim-picture.ts";
import { flavorEdit, flavorNew, imageEdit, imageNew, tenantEdit, tenantNew } from "./bodies.ts";
import { type Call, needAdmin, oneTenantOf, tenantOf } from "./call.ts";
import { checkExtended } from "./extended.ts";
import { checked } from "./invalid.ts";
import { listed } from "./query.ts";
import { FLAVOR_COLUMNS, flavorOut, IMAGE_COLUMNS, imageOut, TENANT_COLUMNS, tenantOut } from "./shapes.ts";
import { WireError } from "./wire-error.ts";

export const listTenants = (call: Call) => ({
  tenants: listed([...call.doors.picture.tenants.values()].map(tenantOut), call.query, TENANT_COLUMNS),
});

export function getTenant(call: Call) {
  const id = call.params.id as TenantId;
  const tenant = call.doors.picture.tenants.get(id);
  if (!tenant) throw new WireError(404, `tenant with uuid='${id}' not found`);
  return { tenant: tenantOut(tenant) };
}

export async function postTenant(call: Call) {
  const { tenant } = checked(tenantNew, call.body());
  return { tenant: tenantOut(await call.doors.catalogue.createTenant({ ...tenant, id: tenant.id as TenantId | undefined })) };
}

export async function putTenant(call: Call) {
  const { tenant } = checked(tenantEdit, call.body());
  return { tenant: tenantOut(await call.doors.catalogue.editTenant(call.params.id as TenantId, tenant)) };
}

export async function deleteTenant(call: Call) {
  const id = call.params.id as TenantId;
  await call.doors.catalogue.deleteTenant(id);
  return { result: `tenant '${id}' deleted` };
}

/** What a tenant sees: its own, what is public, and for `any` everything. */
export const isVisible = (thing: Flavor | Image, tenant: TenantId | "any"): boolean =>
  tenant === "any" || thing.isPublic || thing.tenants.includes(tenant);

function visible<T extends Flavor | Image>(things: ReadonlyMap<string, T>, call: Call, kind: "flavor" | "image"): T {
  const [tenant, id] = [tenantOf(call), call.params.id!];
  const thing = things.get(id);
  if (!thing || !isVisible(thing, tenant)) throw new WireError(404, `${kind} '${id}' from tenant '${tenant}' not found`);
  return thing;
}

function needRights(call: Call, thing: Flavor | Image, kind: string): void {
  if (thing.isPublic) needAdmin(call, `Needed admin rights to edit a public ${kind}`);
}

export function listFlavors(call: Call) {
  const tenant = tenantOf(call);
  const seen = [...call.doors.picture.flavors.values()].filter((f) => isVisible(f, tenant));
  return {
    flavors: listed(
      seen.map((f) => flavorOut(f, tenant, call.base)),
      call.query,
      FLAVOR_COLUMNS,
    ),
  };
}

export const getFlavor = (call: Call) => flavorReply(call, visible(call.doors.picture.flavors, call, "flavor"));
const flavorReply = (call: Call, flavor: Flavor) => ({ flavor: flavorOut(flavor, tenantOf(call), call.base) });

export async function postFlavor(call: Call) {
  const tenant = tenantOf(call);
  const { flavor } = checked(flavorNew, call.body());
  const tenants = tenant === "any" ? [] : [tenant];
  const asked = { ...flavorChange(flavor), name: flavor.name, id: flavor.id as FlavorId | undefined, tenants };
  return flavorReply(call, await call.doors.catalogue.createFlavor(asked));
}

export async function putFlavor(call: Call) {
  const flavor = visible(call.doors.picture.flavors, call, "flavor");
  needRights(call, flavor, "flavor");
  return flavorReply(
    call,
    await call.doors.catalogue.editFlavor(flavor.id, flavorChange(checked(flavorEdit, call.body()).flavor)),
  );
}

/** A tenant gives its link back; the flavor itself goes when it was the last one's and nobody else may see it. */
export async function deleteFlavor(call: Call) {
  const flavor = visible(call.doors.picture.flavors, call, "flavor");
  const [tenant, others] = othersOf(call, flavor);
  if (others === null) await call.doors.catalogue.deleteFlavor(flavor.id);
  else await call.doors.catalogue.editFlavor(flavor.id, { tenants: others });
  return { result: deletedText("flavor", flavor.id, tenant, others === null) };
}

function othersOf(call: Call, thing: Flavor | Image): [TenantId | "any", TenantId[] | null] {
  const tenant = tenantOf(call);
  const others = thing.tenants.filter((t) => t !== tenant);
  return [tenant, tenant === "any" || (others.length === 0 && !thing.isPublic) ? null : others];
}

const deletedText = (kind: string, id: string, tenant: string, completely: boolean) =>
  `${kind} '${id}' from tenant '${tenant}' ${completely ? "completely " : ""}deleted`;

export async function attachFlavor(call: Call) {
  const flavor = call.doors.picture.flavors.get(call.params.id as FlavorId);
  if (!flavor) throw new WireError(404, `flavor '${call.params.id}' not found`);
  const change = linked(call, flavor, "Flavor");
  const edited = await call.doors.catalogue.editFlavor(flavor.id, change);
  return call.params.action === "attach" ? flavorReply(call, edited) : { result: "flavor detached" };
}

/** The links after `attach` or `detach`. Throws 405, 409 or 404 in the original's words. */
function linked(call: Call, thing: Flavor | Image, kind: string): { tenants: TenantId[] } {
  const tenant = oneTenantOf(call, "POST");
  const action = call.params.action;
  if (action !== "attach" && action !== "detach") throw new WireError(405, "actions can be attach or detach");
  const has = thing.tenants.includes(tenant);
  if (action === "attach") {
    if (has) throw new WireError(409, `${kind} '${thing.id}' already attached to tenant '${tenant}'`);
    if (!thing.isPublic) needAdmin(call);
    return { tenants: [...thing.tenants, tenant] };
  }
  if (!has) throw new WireError(404, `${kind} '${thing.id}' not attached to tenant '${tenant}'`);
  return { tenants: thing.tenants.filter((t) => t !== tenant) };
}

function flavorChange(f: Static<typeof flavorEdit>["flavor"]): Change<Flavor> {
  if (f.extended) checkExtended(f.extended, { of: "flavor" });
  return {
    name: f.name,
    description: f.description,
    memoryMiB: f.ram,
    vcpus: f.vcpus,
    diskGiB: f.disk,
    extended: f.extended,
    isPublic: isPublic(f.public),
  };
}

const isPublic = (text: "yes" | "no" | undefined): boolean | undefined => (text === undefined ? undefined : text === "yes");

export function listImages(call: Call) {
  const tenant = tenantOf(call);
  const seen = [...call.doors.picture.images.values()].filter((i) => isVisible(i, tenant));
  const rows = seen.map((i) => {
    const { links: _, ...row } = imageOut(i, tenant, call.base);
    return row;
  });
  return { images: listed(rows, call.query, IMAGE_COLUMNS) };
}

export const getImage = (call: Call) => imageReply(call, visible(call.doors.picture.images, call, "image"));
const imageReply = (call: Call, image: Image) => ({ image: imageOut(image, tenantOf(call), call.base) });

export async function postImage(call: Call) {
  const tenant = tenantOf(call);
  const { image } = checked(imageNew, call.body());
  const tenants = tenant === "any" ? [] : [tenant];
  const asked = { ...imageChange(image), name: image.name, path: image.path, id: image.id as ImageId | undefined, tenants };
  return imageReply(call, await call.doors.catalogue.createImage(asked));
}

export async function putImage(call: Call) {
  const image = visible(call.doors.picture.images, call, "image");
  needRights(call, image, "image");
  return imageReply(call, await call.doors.catalogue.editImage(image.id, imageChange(checked(imageEdit, call.body()).image)));
}

export async function deleteImage(call: Call) {
  const image = visible(call.doors.picture.images, call, "image");
  const [tenant, others] = othersOf(call, image);
  if (others === null) await call.doors.catalogue.deleteImage(image.id);
  else await call.doors.catalogue.editImage(image.id, { tenants: others });
  return { result: deletedText("image", image.id, tenant, others === null) };
}

export async function attachImage(call: Call) {
  const image = call.doors.picture.images.get(call.params.id as ImageId);
  if (!image) throw new WireError(404, `image '${call.params.id}' not found`);
  const edited = await call.doors.catalogue.editImage(image.id, linked(call, image, "Image"));
  return call.params.action === "attach" ? imageReply(call, edited) : { result: "image detached" };
}

const imageChange = (i: Static<typeof imageEdit>["image"]): Change<Image> => ({
  name: i.name,
  path: i.path,
  description: i.description,
  metadata: i.metadata,
  isPublic: isPublic(i.public),
});
