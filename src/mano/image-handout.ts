import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Seal } from "../lib/seal.ts";
import type { SoftwareOfVdu } from "../model/descriptor.ts";
import { readPackages } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Bytes, PackageReader } from "./package-reader.ts";

/** A VIM begins a download soon, and begins it again when it was killed meanwhile. */
const GOOD_FOR_MS = 3_600_000;
const PURPOSE = "image";

export interface ImageHandoutParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly seal: Seal;
  readonly reader: PackageReader;
  /** What the URL begins with. */
  readonly root: () => string;
}

/**
 * Gives images of packages to whoever has the capability for one: a text in the URL that names one file and a time, sealed so that nobody else can make it
 * (decision 0110). VIMs have no tokens of the MANO.
 */
export class ImageHandout {
  readonly #parts: ImageHandoutParts;

  constructor(parts: ImageHandoutParts) {
    this.#parts = parts;
  }

  /** Good for one image and an hour. Throws NOT_FOUND. */
  async urlOf({ vnfd, image, sha256 }: SoftwareOfVdu): Promise<string> {
    const { seal, clock, root } = this.#parts;
    if ((await this.#fileOf(sha256)) === null)
      throw new Fault("NOT_FOUND", `no package on board has image ${image} of VNFD ${vnfd}; on-board its package again`);
    const until = clock.wall().getTime() + GOOD_FOR_MS;
    const sealed = Buffer.from(seal.seal(JSON.stringify([sha256, until]), PURPOSE), "base64");
    return `${root()}/mano/v1/images/${sealed.toString("base64url")}`;
  }

  /** Throws FORBIDDEN for what is none, or none any more; NOT_FOUND. */
  async open(capability: string): Promise<Bytes> {
    const text = this.#parts.seal.unseal(capability, PURPOSE);
    const [sha256, until] = text === null ? ["", 0] : (JSON.parse(text) as [string, number]);
    if (until < this.#parts.clock.wall().getTime())
      throw new Fault("FORBIDDEN", "this URL is good no more, or never was; an instantiation makes a new one");
    const found = await this.#fileOf(sha256);
    if (found === null) throw new Fault("NOT_FOUND", "the package of this image is on board no more");
    return found;
  }

  async #fileOf(sha256: string): Promise<Bytes | null> {
    const { db, reader } = this.#parts;
    for (const one of await readPackages(db, "vnf")) {
      const image = one.onboarding === "ONBOARDED" && one.content?.images.find((i) => i.checksum.hash === sha256);
      if (image) return reader.artifact(one, image.path);
    }
    return null;
  }
}
