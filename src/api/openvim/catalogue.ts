import type { Static } from "typebox";
import type { FlavorId, ImageId, TenantId } from "../../model/ids.ts";
import type { Change, Flavor, Image } from "../../model/vim-picture.ts";
import { checked } from "../invalid.ts";
import { chosen, listed, type Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { flavorEdit, flavorNew, imageEdit, imageNew, tenantEdit, tenantNew } from "./bodies.ts";
import { type Call, needAdmin, oneTenantOf, tenantOf } from "./call.ts";
import { FLAVOR, FLAVORS, IMAGE, IMAGES, TENANTS } from "./columns.ts";
import { checkExtended } from "./extended.ts";
import { flavorOut, imageOut, tenantOut } from "./shapes.ts";

export const listTenants = (call: Call) => ({
  tenants: listed(call.doors.picture.tenants.values().map(tenantOut), call.query, TENANTS),
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

type Kind = "flavor" | "image";
const capital = (kind: Kind) => (kind === "flavor" ? "Flavor" : "Image");

/** What a tenant sees: its own, what is public, and for `any` everything. */
export const isVisible = (thing: Flavor | Image, tenant: TenantId | "any"): boolean =>
  tenant === "any" || thing.isPublic || thing.tenants.includes(tenant);

/** The thing of the path, if this tenant sees it. Throws 404 with a sentence that differs by method, as in the original. */
function visible<T extends Flavor | Image>(things: ReadonlyMap<string, T>, call: Call, sentence: string): T {
  const tenant = tenantOf(call);
  const thing = things.get(call.params.id!);
  if (!thing || !isVisible(thing, tenant)) throw new WireError(404, sentence);
  return thing;
}

function edited<T extends Flavor | Image>(things: ReadonlyMap<string, T>, call: Call, kind: Kind): T {
  const of = call.params.tenant === "any" ? "" : ` for tenant '${call.params.tenant}'`;
  const thing = visible(things, call, `${capital(kind)} '${call.params.id}' not found${of}`);
  if (thing.isPublic) needAdmin(call, `Needed admin rights to edit a public ${kind}`);
  return thing;
}

export function listFlavors(call: Call) {
  const tenant = tenantOf(call);
  const seen = call.doors.picture.flavors.values().filter((f) => isVisible(f, tenant));
  const rows = seen.map((f) => flavorOut(f, tenant, call.base));
  return { flavors: listed(rows, call.query, FLAVORS) };
}

export function getFlavor(call: Call) {
  const flavor = visible(call.doors.picture.flavors, call, `flavor ${call.params.id} not found`);
  return { flavor: chosen(flavorOut(flavor, tenantOf(call), call.base), call.query, FLAVOR) };
}
const flavorReply = (call: Call, flavor: Flavor) => ({ flavor: flavorOut(flavor, tenantOf(call), call.base) });

export async function postFlavor(call: Call) {
  const tenant = tenantOf(call);
  const { flavor } = checked(flavorNew, call.body());
  const tenants = tenant === "any" ? [] : [tenant];
  const asked = { ...flavorChange(call, flavor), name: flavor.name, id: flavor.id as FlavorId | undefined, tenants };
  return flavorReply(call, await call.doors.catalogue.createFlavor(asked));
}

export async function putFlavor(call: Call) {
  const flavor = edited(call.doors.picture.flavors, call, "flavor");
  const change = flavorChange(call, checked(flavorEdit, call.body()).flavor);
  return flavorReply(call, await call.doors.catalogue.editFlavor(flavor.id, change));
}

/** A tenant gives its link back; the flavor itself goes when it was the last one's and nobody else may see it. */
export async function deleteFlavor(call: Call) {
  const { catalogue, picture } = call.doors;
  const flavor = removed(picture.flavors, call, "flavor");
  return { result: await removal(call, "flavor", flavor.id, catalogue.deleteFlavor, catalogue.unlinkFlavor) };
}

function removed<T extends Flavor | Image>(things: ReadonlyMap<string, T>, call: Call, kind: Kind): T {
  const of = call.params.tenant === "any" ? "" : ` from tenant '${call.params.tenant}'`;
  return visible(things, call, `${kind} '${call.params.id}'${of} not found`);
}

async function removal<I>(
  call: Call,
  kind: Kind,
  id: I,
  remove: (id: I) => Promise<void>,
  unlink: (id: I, tenant: TenantId) => Promise<"deleted" | "unlinked">,
): Promise<string> {
  const tenant = tenantOf(call);
  if (tenant === "any") {
    await remove.call(call.doors.catalogue, id);
    return `${kind} '${id}' completely deleted`;
  }
  const left = await unlink.call(call.doors.catalogue, id, tenant);
  return `${kind} '${id}' from tenant '${tenant}' ${left === "deleted" ? "completely " : ""}deleted`;
}

export async function attachFlavor(call: Call) {
  const { catalogue, picture } = call.doors;
  const [flavor, tenant, action] = linking(picture.flavors, call, "flavor");
  if (action === "attach") return flavorReply(call, await catalogue.linkFlavor(flavor.id, tenant));
  await catalogue.unlinkFlavor(flavor.id, tenant);
  return { result: "flavor detached" };
}

type Linking<T> = [T, TenantId, "attach" | "detach"];

/** What is to be linked or not, and whether it may be. Throws 401, 404, 405 or 409 in the original's words. */
function linking<T extends Flavor | Image>(things: ReadonlyMap<string, T>, call: Call, kind: Kind): Linking<T> {
  const tenant = oneTenantOf(call);
  const { action, id } = call.params;
  if (action !== "attach" && action !== "detach") throw new WireError(405, "actions can be attach or detach");
  const thing = things.get(id!);
  const of = action === "attach" ? "" : ` for tenant '${tenant}'`;
  if (!thing) throw new WireError(404, `${capital(kind)} '${id}' not found${of}`);
  const has = thing.tenants.includes(tenant);
  if (action === "detach" && !has) throw new WireError(404, `${capital(kind)} '${id}' not attached to tenant '${tenant}'`);
  if (action === "attach" && !has && !thing.isPublic) needAdmin(call, `Needed admin rights to attach a private ${kind}`);
  return [thing, tenant, action];
}

function flavorChange(call: Call, f: Static<typeof flavorEdit>["flavor"]): Change<Flavor> {
  if (f.extended) checkExtended(f.extended, "flavor", call);
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
  const seen = call.doors.picture.images.values().filter((i) => isVisible(i, tenant));
  const rows = seen.map((i) => imageOut(i, tenant, call.base));
  return { images: listed(rows, call.query, IMAGES) };
}

export function getImage(call: Call) {
  const image = visible(call.doors.picture.images, call, `image ${call.params.id} not found`);
  return { image: chosen(imageOut(image, tenantOf(call), call.base), call.query, IMAGE) };
}
const imageReply = (call: Call, image: Image): { image: Wire } => ({ image: imageOut(image, tenantOf(call), call.base) });

export async function postImage(call: Call) {
  const tenant = tenantOf(call);
  const { image } = checked(imageNew, call.body());
  const tenants = tenant === "any" ? [] : [tenant];
  const { name, path, checksum } = image;
  const asked = { ...imageChange(image), name, path, checksum, id: image.id as ImageId | undefined, tenants };
  return imageReply(call, await call.doors.catalogue.createImage(asked));
}

export async function putImage(call: Call) {
  const image = edited(call.doors.picture.images, call, "image");
  return imageReply(call, await call.doors.catalogue.editImage(image.id, imageChange(checked(imageEdit, call.body()).image)));
}

export async function deleteImage(call: Call) {
  const { catalogue, picture } = call.doors;
  const image = removed(picture.images, call, "image");
  return { result: await removal(call, "image", image.id, catalogue.deleteImage, catalogue.unlinkImage) };
}

export async function attachImage(call: Call) {
  const { catalogue, picture } = call.doors;
  const [image, tenant, action] = linking(picture.images, call, "image");
  if (action === "attach") return imageReply(call, await catalogue.linkImage(image.id, tenant));
  await catalogue.unlinkImage(image.id, tenant);
  return { result: "image detached" };
}

const imageChange = (i: Static<typeof imageEdit>["image"]): Change<Image> => ({
  name: i.name,
  path: i.path,
  description: i.description,
  metadata: i.metadata,
  isPublic: isPublic(i.public),
});
