import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { FlavorId, ImageId, TenantId } from "../model/ids.ts";
import type { Asked, Change, Flavor, Image, Tenant } from "../model/vim-picture.ts";
import { deleteFlavor, deleteImage, deleteTenant, saveFlavor, saveImage, saveTenant } from "../store/vim-picture.ts";
import { checkUnique, found, given, newId, notFree } from "./asking.ts";
import type { Picture } from "./picture.ts";

export interface CatalogueParts {
  /** "assumed": a path that is not there is believed to be on the hosts, as in test mode. */
  readonly filesAre: "read" | "assumed";
  /** Told when a tenant's row is gone. */
  readonly tenantGone: (id: TenantId) => Promise<void>;
}

/** Tenants, flavors and images: what servers are made from. */
export class Catalogue {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #filesAre: "read" | "assumed";
  readonly #tenantGone: (id: TenantId) => Promise<void>;

  constructor(picture: Picture, clock: Clock, { filesAre, tenantGone }: CatalogueParts) {
    this.#picture = picture;
    this.#clock = clock;
    this.#filesAre = filesAre;
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

  deleteTenant(id: TenantId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.tenants, id, `tenant '${id}' not found`);
      const owned = [...this.#picture.servers.values(), ...this.#picture.nets.values(), ...this.#picture.ports.values()];
      if (owned.some((thing) => thing.tenantId === id)) throw notFree(`Error deleting tenant '${id}': `, "dependencies");
      await deleteTenant(this.#picture.db, id);
      this.#picture.tenants.delete(id);
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
      if ([...this.#picture.servers.values()].some((s) => s.flavorId === id)) throw notFree("", "servers");
      await deleteFlavor(this.#picture.db, id);
      this.#picture.flavors.delete(id);
    });
  }

  /** An image is a file of the compute host. Throws INVALID when it, or the kernel it names, is not there. */
  async createImage(asked: Asked<Image, "name" | "path">): Promise<Image> {
    const missing = [asked.path, asked.metadata?.kernel ?? asked.path].find((path) => !isAbsolute(path) || !existsSync(path));
    if (missing !== undefined && this.#filesAre === "read")
      throw new Fault("INVALID", `Image file not found: ${missing} (want the absolute path of a file on the host)`);
    const checksum = asked.checksum ?? (missing === undefined ? await md5Of(asked.path) : md5OfText(asked.path));
    return this.#picture.change(async () => {
      const { images } = this.#picture;
      checkUnique(images, undefined, "path", asked.path);
      const createdAt = this.#clock.wall().toISOString();
      const bare = {
        description: null,
        isPublic: false,
        status: "ACTIVE" as const,
        progress: 100,
        metadata: null,
        tenants: [],
        updatedAt: null,
      };
      return this.#saveImage({ ...bare, createdAt, ...given(asked), checksum, id: newId(images, asked.id) });
    });
  }

  editImage(id: ImageId, change: Change<Image>): Promise<Image> {
    return this.#picture.change(async () => {
      const image = found(this.#picture.images, id, `image '${id}' not found`);
      checkUnique(this.#picture.images, id, "path", change.path);
      return this.#saveImage({ ...image, ...given(change), id });
    });
  }

  deleteImage(id: ImageId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.images, id, `image '${id}' not found`);
      if ([...this.#picture.servers.values()].some((s) => s.imageId === id)) throw notFree("", "servers");
      await deleteImage(this.#picture.db, id);
      this.#picture.images.delete(id);
    });
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

/** What OpenVIM's test mode shows for a file that is not there. */
const md5OfText = (text: string): string => createHash("md5").update(text).digest("hex");

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5"); // OpenVIM's checksum: it tells files apart and protects nothing.
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
