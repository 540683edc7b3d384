import { Fault } from "../lib/fault.ts";
import type { DiskFormat } from "../model/vim-picture.ts";
import { runBehind } from "./background.ts";

/** A file somebody brought may be made to keep its reader busy for ever: CPU seconds and bytes of address space that looking at it may take. */
const LOOK_LIMITS = ["--cpu=30", "--as=2147483648", "--"] as const;
const FORMATS: ReadonlySet<string> = new Set<DiskFormat>(["raw", "qcow2"]);

/** What a file is to QEMU. `virtualBytes`: the size of the disk that a guest sees. */
export interface DiskFile {
  readonly format: DiskFormat;
  readonly virtualBytes: number;
}

interface ImgInfo {
  readonly format: string;
  readonly "virtual-size": number;
  readonly "backing-filename"?: string;
  readonly "format-specific"?: { readonly data?: { readonly "data-file"?: string } };
}

/**
 * Looks at a disk file. Its format is found once, here, and given by name ever after: a guest that writes another format's header into its
 * raw disk must not change what its host reads. Throws INVALID for a format that is not taken, and for a file that names others, which
 * a guest would read through it.
 */
export async function lookAtDisk(path: string, signal?: AbortSignal): Promise<DiskFile> {
  const text = await runBehind("prlimit", [...LOOK_LIMITS, "qemu-img", "info", "--output=json", "-U", path], { signal }).catch(
    (cause: unknown) => {
      if (cause instanceof Fault && cause.code === "COMMAND_FAILED")
        throw new Fault("INVALID", `${path} is no disk image: ${cause.message}`, {}, { cause });
      throw cause;
    },
  );
  const info = JSON.parse(text) as ImgInfo;
  if (!FORMATS.has(info.format))
    throw new Fault("INVALID", `${path} is ${info.format}: want raw or qcow2 (qemu-img convert -O qcow2 makes one of it)`);
  const other = info["backing-filename"] ?? info["format-specific"]?.data?.["data-file"];
  if (other !== undefined)
    throw new Fault(
      "INVALID",
      `${path} leads to another file, ${other}: want one that stands alone (qemu-img convert -O qcow2 makes one of it)`,
    );
  return { format: info.format as DiskFormat, virtualBytes: info["virtual-size"] };
}

export interface CopyOptions {
  /** 0 to 100. */
  readonly onProgress?: ((percent: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A copy that stands alone, without what the disk was made over, as qcow2. The source must not be written to meanwhile. */
export async function copyDisk(
  from: { readonly file: string; readonly format: DiskFormat },
  to: string,
  { onProgress, signal }: CopyOptions = {},
): Promise<void> {
  const onLine = (line: string) => {
    for (const [, percent] of line.matchAll(/\(([\d.]+)\/100%\)/g)) onProgress?.(Number(percent));
  };
  await runBehind("qemu-img", ["convert", "-p", "-f", from.format, "-O", "qcow2", from.file, to], { onLine, signal });
}

/** Gives a disk that nobody uses another size. */
export async function resizeQcow2(path: string, bytes: number): Promise<void> {
  await runBehind("qemu-img", ["resize", "-q", "-f", "qcow2", path, String(bytes)]);
}
