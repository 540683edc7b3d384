import { isAbsolute } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { FlavorId, ImageId, ServerId, TenantId } from "../model/ids.ts";
import type { Asked, Change, Flavor, Image, ImageSource, Server, Tenant } from "../model/vim-picture.ts";
import { deleteFlavor, deleteImage, deleteTenant, saveFlavor, saveImage, saveTenant } from "../store/vim-picture.ts";
import { checkUnique, found, given, newId, notFree } from "./asking.ts";
import { diskMeant, fileOf, hasDisk, type MeantDisk } from "./disk-plan.ts";
import { type Content, type ImageContents, isUrl, LATER, PROVISIONAL } from "./image-making.ts";
import type { Picture } from "./picture.ts";
import { watchdogOf } from "./server-spec.ts";

/** What is asked for a copy of a server's disk. */
export type AskedCopy = Pick<Image, "name"> &
  Change<Pick<Image, "id" | "path" | "description" | "metadata" | "isPublic" | "tenants">>;

/** OpenVIM's sentence for what cannot be asked of a server in ERROR. */
export const IN_ERROR = "Server is in ERROR status, allowed actions are: terminate, rebuild";

export interface CatalogueParts {
  readonly images: () => ImageContents;
  /** Told when a tenant's row is gone. */
  readonly tenantGone: (id: TenantId) => Promise<void>;
}

/** Tenants, flavors and images: what servers are made from. */
export class Catalogue {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #images: () => ImageContents;
  readonly #tenantGone: (id: TenantId) => Promise<void>;

  constructor(picture: Picture, clock: Clock, { images, tenantGone }: CatalogueParts) {
    this.#picture = picture;
    this.#clock = clock;
    this.#images = images;
    this.#tenantGone = tenantGone;
  }

  createTenant(asked: Asked<Tenant, "name">): Promise<Tenant> {
    return this.#picture.change(async () => {
      const { tenants } = this.#picture;
      checkUnique(tenants, undefined, "name", asked.name);
      return this.#saveTenant({ description: null, enabled: true, ...given(asked), id: newId(tenants, asked.id) });
    });
  }

  editTenant(id: TenantId, change: Change<Tenant>): Promise<Tenant> {
    return this.#picture.change(async () => {
      const tenant = found(this.#picture.tenants, id, `tenant with uuid='${id}' not found`);
      checkUnique(this.#picture.tenants, id, "name", change.name);
      return this.#saveTenant({ ...tenant, ...given(change), id });
    });
  }

  /** Its private flavors and images go with it, where nobody else has them. Throws INVALID while something is its. */
  deleteTenant(id: TenantId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.tenants, id, `tenant '${id}' not found`);
      const owned = [...this.#picture.servers.values(), ...this.#picture.nets.values(), ...this.#picture.ports.values()];
      if (owned.some((thing) => thing.tenantId === id)) throw notFree(`Error deleting tenant '${id}': `, "dependencies");
      const { flavors, images } = this.#picture;
      const linked = { flavors: linkedTo(flavors, id), images: linkedTo(images, id) };
      await deleteTenant(this.#picture.db, id, linked);
      this.#picture.tenants.delete(id);
      relink(flavors, linked.flavors);
      relink(images, linked.images);
      await this.#tenantGone(id);
    });
  }

  createFlavor(asked: Asked<Flavor, "name">): Promise<Flavor> {
    return this.#picture.change(async () => {
      const bare = { description: null, memoryMiB: 0, vcpus: 0, diskGiB: null, extended: null, isPublic: false, tenants: [] };
      return this.#saveFlavor({ ...bare, ...given(asked), id: newId(this.#picture.flavors, asked.id) });
    });
  }

  editFlavor(id: FlavorId, change: Change<Flavor>): Promise<Flavor> {
    return this.#picture.change(async () => {
      const flavor = found(this.#picture.flavors, id, `flavor '${id}' not found`);
      return this.#saveFlavor({ ...flavor, ...given(change), id });
    });
  }

  deleteFlavor(id: FlavorId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.flavors, id, `flavor '${id}' not found`);
      this.#checkUnused((s) => s.flavorId === id);
      await this.#removeFlavor(id);
    });
  }

  /** A tenant sees it from now on, though it is private. Throws NOT_FOUND, CONFLICT where it has it already. */
  linkFlavor(id: FlavorId, tenant: TenantId): Promise<Flavor> {
    return this.#picture.change(async () => {
      const flavor = found(this.#picture.flavors, id, `Flavor '${id}' not found`);
      return this.#saveFlavor(withTenant(flavor, tenant, "Flavor"));
    });
  }

  linkImage(id: ImageId, tenant: TenantId): Promise<Image> {
    return this.#picture.change(async () => {
      const image = found(this.#picture.images, id, `Image '${id}' not found`);
      return this.#saveImage(withTenant(image, tenant, "Image"));
    });
  }

  /** A tenant gives its link back; a private flavor that nobody has any more goes. Throws NOT_FOUND, INVALID while its servers use it. */
  unlinkFlavor(id: FlavorId, tenant: TenantId): Promise<"deleted" | "unlinked"> {
    return this.#picture.change(async () => {
      const flavor = found(this.#picture.flavors, id, `flavor '${id}' from tenant '${tenant}' not found`);
      this.#checkUnused((s) => s.tenantId === tenant && s.flavorId === id);
      const left = withoutTenant(flavor, tenant);
      if (left !== null) await this.#saveFlavor(left);
      else await this.#removeFlavor(id);
      return left === null ? "deleted" : "unlinked";
    });
  }

  /** As `unlinkFlavor`. */
  async unlinkImage(id: ImageId, tenant: TenantId): Promise<"deleted" | "unlinked"> {
    const gone = await this.#picture.change(async () => {
      const image = found(this.#picture.images, id, `image '${id}' from tenant '${tenant}' not found`);
      this.#checkUnused((s) => s.tenantId === tenant && uses(s, id));
      const left = withoutTenant(image, tenant);
      if (left !== null) await this.#saveImage(left);
      else await this.#removeImage(id);
      return left === null ? image : null;
    });
    if (gone !== null) await this.#images().gone(gone);
    return gone === null ? "unlinked" : "deleted";
  }

  /**
   * An image is a file of the compute host, which is looked at now, or one that is downloaded after the reply. Throws INVALID where it, or the
   * kernel it names, is not there or cannot be one.
   */
  async createImage(asked: Asked<Image, "name" | "path">): Promise<Image> {
    const { path, metadata = null, checksum = null } = asked;
    checkPath(path);
    watchdogOf(metadata);
    checkUnique(this.#picture.images, undefined, "path", path); // Before minutes are spent on looking at it.
    const content = await this.#images().contentOf({ path, metadata, checksum });
    return this.#newImage({ ...asked, ...content });
  }

  /** One that a disk of a server is copied to. Throws NOT_FOUND, NOT_ALLOWED of a server in ERROR, CONFLICT for a path that another image has. */
  async createImageOf(serverId: ServerId, meant: MeantDisk, asked: AskedCopy): Promise<Image> {
    const server = found(this.#picture.servers, serverId, `server ${serverId} not found`);
    if (server.status === "ERROR") throw new Fault("NOT_ALLOWED", IN_ERROR);
    const disk = diskMeant(this.#picture, server, meant);
    if (disk === null) throw new Fault("NOT_FOUND", `disk ${meant.dev ?? meant.imageRef ?? ""} not found for server`);
    if (asked.path !== undefined) await this.#images().checkTarget(asked.path);
    const source: ImageSource = { serverId, disk };
    const id = newId(this.#picture.images, asked.id);
    const boot = disk === "root" ? bootOf(this.#picture.images.get(server.imageId)!) : {};
    const metadata = { ...boot, ...asked.metadata };
    return this.#newImage({ ...asked, ...LATER, id, path: asked.path ?? `${PROVISIONAL}${id}`, metadata, source });
  }

  /** While servers are made from it its content stays. */
  async editImage(id: ImageId, change: Change<Image>): Promise<Image> {
    const image = found(this.#picture.images, id, `image '${id}' not found`);
    watchdogOf(change.metadata ?? null);
    const isOther = change.path !== undefined && change.path !== image.path;
    if (isOther) this.#checkUnused((s) => uses(s, id));
    if (isOther) checkPath(change.path!);
    const { metadata } = { ...image, ...given(change) };
    const content = isOther
      ? await this.#images().contentOf({ path: change.path!, metadata, checksum: change.checksum ?? null })
      : {};
    const edited = await this.#picture.change(async () => {
      const now = found(this.#picture.images, id, `image '${id}' not found`);
      checkUnique(this.#picture.images, id, "path", change.path);
      if (isOther) this.#checkUnused((s) => uses(s, id));
      return this.#saveImage({ ...now, ...given(change), ...content, id, updatedAt: this.#clock.wall().toISOString() });
    });
    if (!isOther) return edited;
    await this.#images().gone(image);
    if (edited.status === "BUILD") this.#images().begin(edited);
    return edited;
  }

  async deleteImage(id: ImageId): Promise<void> {
    const image = await this.#picture.change(async () => {
      const its = found(this.#picture.images, id, `image '${id}' not found`);
      this.#checkUnused((s) => uses(s, id));
      await this.#removeImage(id);
      return its;
    });
    await this.#images().gone(image);
  }

  async #newImage(asked: Asked<Omit<Image, keyof Content>, "name" | "path"> & Content): Promise<Image> {
    const image = await this.#picture.change(async () => {
      const { images } = this.#picture;
      checkUnique(images, undefined, "path", asked.path);
      const bare = { description: null, isPublic: false, metadata: null, tenants: [], updatedAt: null, source: null };
      const createdAt = this.#clock.wall().toISOString();
      return this.#saveImage({ ...bare, createdAt, ...given(asked), id: newId(images, asked.id) });
    });
    if (image.status === "BUILD") this.#images().begin(image);
    return image;
  }

  #checkUnused(isUser: (server: Server) => boolean): void {
    if (this.#picture.servers.values().some(isUser)) throw notFree("", "servers");
  }

  async #removeFlavor(id: FlavorId): Promise<void> {
    await deleteFlavor(this.#picture.db, id);
    this.#picture.flavors.delete(id);
  }

  async #removeImage(id: ImageId): Promise<void> {
    await deleteImage(this.#picture.db, id);
    this.#picture.images.delete(id);
  }

  async #saveTenant(tenant: Tenant): Promise<Tenant> {
    await saveTenant(this.#picture.db, tenant);
    this.#picture.tenants.set(tenant.id, tenant);
    return tenant;
  }

  async #saveFlavor(flavor: Flavor): Promise<Flavor> {
    await saveFlavor(this.#picture.db, flavor);
    this.#picture.flavors.set(flavor.id, flavor);
    return flavor;
  }

  async #saveImage(image: Image): Promise<Image> {
    await saveImage(this.#picture.db, image);
    this.#picture.images.set(image.id, image);
    return image;
  }
}

/**
 * What a copy of a server's first disk needs to boot as that does: what its image says, without what was said of that file. The image of a kernel
 * alone is its initial RAM disk, beside the disk.
 */
function bootOf(image: Image): Image["metadata"] {
  const { sha256: _, ...said } = image.metadata ?? {};
  return hasDisk(image) ? said : { ...said, initrd: fileOf(image) };
}

function withTenant<T extends Flavor | Image>(thing: T, tenant: TenantId, kind: string): T {
  if (thing.tenants.includes(tenant)) throw new Fault("CONFLICT", `${kind} '${thing.id}' already attached to tenant '${tenant}'`);
  return { ...thing, tenants: [...thing.tenants, tenant] };
}

/** Without the link of a tenant; null where nobody sees it then. */
function withoutTenant<T extends Flavor | Image>(thing: T, tenant: TenantId): T | null {
  const tenants = thing.tenants.filter((t) => t !== tenant);
  return tenants.length === 0 && !thing.isPublic ? null : { ...thing, tenants };
}

/** What a tenant has a link to, and what is left of it without that. */
interface Linked<T extends Flavor | Image> {
  readonly id: T["id"];
  readonly left: T | null;
}

const linkedTo = <T extends Flavor | Image>(things: ReadonlyMap<T["id"], T>, tenant: TenantId): Linked<T>[] =>
  [...things.values()].filter((t) => t.tenants.includes(tenant)).map((t) => ({ id: t.id, left: withoutTenant(t, tenant) }));

function relink<T extends Flavor | Image>(things: Map<T["id"], T>, linked: readonly Linked<T>[]): void {
  for (const { id, left } of linked) {
    if (left === null) things.delete(id);
    else things.set(id, left);
  }
}

const uses = ({ imageId, extended }: Server, id: ImageId): boolean =>
  imageId === id || (extended?.devices?.some((d) => d.imageRef === id) ?? false);

/** Throws INVALID. */
function checkPath(path: string): void {
  if (isAbsolute(path)) return;
  const url = URL.canParse(path) && isUrl(path) ? new URL(path) : null;
  if (url === null)
    throw new Fault("INVALID", `Image path '${path}': want an absolute path of a file on the host, or an http(s) URL`);
  if (url.username !== "" || url.password !== "")
    throw new Fault("INVALID", "Image path: want a URL without user and password, as everybody who sees the image sees it");
}
