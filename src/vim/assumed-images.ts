import { createHash } from "node:crypto";
import type { Image } from "../model/vim-picture.ts";
import { saveImage } from "../store/vim-picture.ts";
import type { VimEvents } from "./events.ts";
import type { Content, ImageContents } from "./image-making.ts";
import type { Picture } from "./picture.ts";

const DONE = { status: "ACTIVE", progress: 100, lastError: null } as const;

/** Images of which no file is looked at: each path is believed, each copy is made in no time. As in test mode. */
export class AssumedImages implements ImageContents {
  readonly #picture: Picture;
  readonly #events: VimEvents;

  constructor(picture: Picture, events: VimEvents) {
    this.#picture = picture;
    this.#events = events;
  }

  /** The checksum is OpenVIM's in its test mode: of the path. */
  async contentOf({ path, checksum }: Pick<Image, "path" | "checksum">): Promise<Content> {
    const md5 = createHash("md5").update(path).digest("hex");
    return { ...DONE, file: null, format: null, virtualBytes: null, checksum: checksum ?? md5 };
  }

  async checkTarget(): Promise<void> {}

  begin({ id }: Image): void {
    const make = async () => {
      const image = this.#picture.images.get(id);
      if (image === undefined) return;
      const made = { ...image, ...DONE };
      await saveImage(this.#picture.db, made);
      this.#picture.images.set(id, made);
      this.#events.push({ type: "image.status", imageId: id, status: made.status });
    };
    void this.#picture.change(make).catch(() => {}); // The store was closed: it stays in BUILD.
  }

  async gone(): Promise<void> {}
}
