import type { ImageFiles, WholeFile } from "../hosts/image-files.ts";
import type { CopyOptions } from "../hosts/qemu-img.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ImageId } from "../model/ids.ts";
import type { Image, ImageSource } from "../model/vim-picture.ts";
import { saveImage } from "../store/vim-picture.ts";
import { hasDisk } from "./disk-plan.ts";
import type { VimEvents } from "./events.ts";
import type { Picture } from "./picture.ts";

/** Downloads at once: more would only share the line and the disk. */
const AT_ONCE_MAX = 2;

/** A copy gives way to a server that starts, and waits for a host that is away; after so many times nobody waits for it any more. */
const COPIES_MAX = 30;
/** Before a copy that gave way is begun anew, ms. */
const AGAIN_AFTER_MS = 2_000;

export interface ImageMakingParts {
  readonly picture: Picture;
  readonly files: ImageFiles;
  readonly events: VimEvents;
  readonly clock: Clock;
  readonly log: Log;
  /** Copies a disk of a server, running or not, into a file. Throws STOPPED where it gave way to the server, NOT_FOUND. */
  readonly copyDisk: (source: ImageSource, to: string, options: CopyOptions) => Promise<void>;
}

/** The content of an image as its row is to say it. */
export type Content = Pick<Image, "file" | "format" | "virtualBytes" | "checksum" | "status" | "progress" | "lastError">;

/** Who knows what images have in them. */
export interface ImageContents {
  /** What a new image at this path has: at once where it is a file, else later. Throws INVALID. */
  contentOf(asked: Pick<Image, "path" | "metadata" | "checksum">): Promise<Content>;
  /** Where a copy is to go. Throws INVALID, CONFLICT. */
  checkTarget(path: string): Promise<void>;
  /** Begins to make an image that is in BUILD. */
  begin(image: Image): void;
  /** Its row is gone: whatever is made of it ends, and its file goes. */
  gone(image: Image): Promise<void>;
}

interface Job {
  readonly end: AbortController;
  readonly done: Promise<void>;
}

/**
 * Brings about the content of images that are not there yet. Each is begun anew after a crash: what was half there is swept away, and nothing of it
 * was ever used.
 */
export class ImageMaking implements ImageContents, AsyncDisposable {
  readonly #parts: ImageMakingParts;
  readonly #jobs = new Map<ImageId, Job>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(parts: ImageMakingParts) {
    this.#parts = parts;
  }

  /** At the start of the daemon: what was acknowledged and is not there is made, what is there and nobody has is deleted. */
  async start(): Promise<void> {
    const { picture, files } = this.#parts;
    const images = [...picture.images.values()];
    await files.sweep(new Set(images.flatMap((i) => i.file ?? [])));
    for (const image of images) if (image.status === "BUILD") this.begin(image);
  }

  async contentOf({ path, metadata, checksum }: Pick<Image, "path" | "metadata" | "checksum">): Promise<Content> {
    const { files } = this.#parts;
    for (const extra of [metadata?.kernel, metadata?.initrd]) if (extra !== undefined) await files.check(extra);
    if (isUrl(path)) return { ...LATER, checksum };
    const whole = await files.look(path, wantedOf({ checksum, metadata }));
    return { ...contentOf(whole), ...(hasDisk({ metadata }) ? {} : { format: null, virtualBytes: null }) };
  }

  checkTarget(path: string): Promise<void> {
    return this.#parts.files.checkTarget(path);
  }

  begin(image: Image): void {
    const end = new AbortController();
    const done = this.#make(image, end.signal).finally(() => this.#jobs.delete(image.id));
    this.#jobs.set(image.id, { end, done });
  }

  async gone({ id, file }: Image): Promise<void> {
    const job = this.#jobs.get(id);
    job?.end.abort(new Error("the image was deleted"));
    await job?.done;
    await this.#parts.files.remove(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { end } of this.#jobs.values()) end.abort(new Error("the VIM ends"));
    await Promise.all([...this.#jobs.values()].map((job) => job.done));
  }

  async #make(image: Image, signal: AbortSignal): Promise<void> {
    const { files, log } = this.#parts;
    try {
      const whole = await this.#inTurn(() => this.#content(image, signal));
      const isKept = await this.#save(image.id, contentOf(whole), whole);
      if (!isKept) await files.remove(whole.file);
    } catch (err) {
      if (signal.aborted) return; // The next start of the daemon begins it anew, unless it was deleted.
      log.warn({ err, image: image.id }, "an image could not be made");
      await this.#save(image.id, { status: "ERROR", lastError: err instanceof Fault ? err.detail : String(err) });
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  #content({ id, path, source, metadata, checksum }: Image, signal: AbortSignal): Promise<WholeFile> {
    signal.throwIfAborted();
    const onProgress = (percent: number) => this.#progress(id, Math.min(99, Math.floor(percent)));
    const options = { onProgress, signal };
    if (source !== null) {
      const to = path.startsWith(PROVISIONAL) ? null : path;
      return this.#parts.files.write(id, (part) => this.#copied(source, part, options), to, signal);
    }
    return this.#parts.files.fetch(id, path, wantedOf({ checksum, metadata }), options);
  }

  async #copied(source: ImageSource, to: string, options: CopyOptions & { readonly signal: AbortSignal }): Promise<void> {
    for (let copies = 1; ; copies++) {
      try {
        return await this.#parts.copyDisk(source, to, options);
      } catch (err) {
        const isLater = err instanceof Fault && (err.code === "STOPPED" || err.code === "HOST_UNREACHABLE");
        if (!isLater || options.signal.aborted || copies === COPIES_MAX) throw err;
      }
      await this.#parts.clock.sleep(AGAIN_AFTER_MS, options.signal);
    }
  }

  /** Shown, and not worth a write: after a crash it begins at 0 again. */
  #progress(id: ImageId, progress: number): void {
    const { images } = this.#parts.picture;
    const image = images.get(id);
    if (image?.status === "BUILD" && image.progress !== progress) images.set(id, { ...image, progress });
  }

  /** False where the image is gone. */
  #save(id: ImageId, change: Partial<Image>, whole?: WholeFile): Promise<boolean> {
    const { picture, events, clock } = this.#parts;
    return picture.change(async () => {
      const image = picture.images.get(id);
      if (image === undefined) return false;
      const told = whole?.sha256 ? { metadata: { ...image.metadata, sha256: whole.sha256 } } : {};
      const where = whole && image.path.startsWith(PROVISIONAL) ? { path: whole.file } : {};
      const made = { ...image, ...change, ...told, ...where, updatedAt: clock.wall().toISOString() };
      await saveImage(picture.db, made);
      picture.images.set(id, made);
      const lastError = made.lastError === null ? {} : { lastError: made.lastError };
      events.push({ type: "image.status", imageId: id, status: made.status, ...lastError });
      return true;
    });
  }
}

/** OpenVIM's path of an image that a server's disk is being copied to, until it is known where it goes. */
export const PROVISIONAL = "/provisional/path/";

export const isUrl = (path: string): boolean => /^https?:\/\//i.test(path);

export const LATER: Content = {
  ...{ file: null, format: null, virtualBytes: null, checksum: null, status: "BUILD", progress: 0, lastError: null },
};

const wantedOf = ({ checksum, metadata }: Pick<Image, "checksum" | "metadata">) => ({
  md5: checksum?.toLowerCase(),
  sha256: metadata?.sha256?.toLowerCase(),
});

const contentOf = ({ file, format, virtualBytes, md5 }: WholeFile): Content => ({
  ...{ file, format, virtualBytes, checksum: md5, status: "ACTIVE", progress: 100, lastError: null },
});
