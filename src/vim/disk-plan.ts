import { basename, join } from "node:path";
import { type DiskBus, type DiskSpec, devNames } from "../hosts/domain-devices.ts";
import type { OwnDisk, OwnFiles } from "../hosts/server-disks.ts";
import { Fault } from "../lib/fault.ts";
import type { ImageId } from "../model/ids.ts";
import type { ExtendedDevice } from "../model/numa.ts";
import type { Image, Server, ServerPort, VimPicture } from "../model/vim-picture.ts";
import { seedTexts } from "./cloud-init.ts";

/** The files that are to be a server's own, and what its domain has of them and of others'. Pure. */
export interface DiskPlan {
  readonly own: OwnFiles;
  readonly disks: readonly DiskSpec[];
  readonly rawDevices: readonly string[];
}

const BYTES_PER_GIB = 2 ** 30;

/** `folder`: where the server's own files are. */
export function diskPlan(picture: VimPicture, server: Server, ports: readonly ServerPort[], folder: string): DiskPlan {
  const image = picture.images.get(server.imageId)!;
  const own: OwnDisk[] = [];
  const disks: DiskSpec[] = [];
  const bus = busOf(image);
  const add = (name: string, from: Image | null, gib: number | null, more: Partial<DiskSpec>) => {
    const disk = ownDisk(join(folder, `${name}.qcow2`), from, gib);
    own.push(disk);
    disks.push({ path: disk.file, format: "qcow2", device: "disk", bus, ...more });
  };
  if (hasDisk(image)) add("root", image, server.diskGiB, { vpci: image.metadata?.vpci });
  else if ((server.diskGiB ?? 0) > 0) add("root", null, server.diskGiB, {}); // A kernel's guest has its disk empty.

  const devices = server.extended?.devices ?? [];
  const rawDevices: string[] = [];
  for (const [i, device] of devices.entries()) {
    const its = device.imageRef === undefined ? null : (picture.images.get(device.imageRef as ImageId) ?? null);
    const { vpci } = device;
    if (device.type === "xml") rawDevices.push(rawXml(device, its));
    else if (device.type === "cdrom")
      disks.push({ path: fileOf(its!), format: its!.format ?? "raw", device: "cdrom", bus: "ide" });
    else add(`disk${i + 1}`, its, device.size ?? null, { vpci, ...(device.type === "usb" && { bus: "usb" }) });
  }
  const seed = server.cloudConfig && {
    file: join(folder, "seed.iso"),
    texts: seedTexts(server, server.cloudConfig, ports, picture.nets),
  };
  if (seed) disks.push({ path: seed.file, format: "raw", device: bus === "ide" ? "cdrom" : "disk", bus, readOnly: true });
  return { own: { disks: own, seed }, disks, rawDevices };
}

/** By which a disk of a server is known to who copies it. */
export const diskName = ({ file }: Pick<OwnDisk, "file">): string => basename(file, ".qcow2");

/** The guest's name of a disk. */
export function devOf(disks: readonly DiskSpec[], path: string): string {
  const dev = devNames(disks)[disks.findIndex((d) => d.path === path)];
  if (dev === undefined) throw new Fault("NOT_FOUND", `no disk ${path}`);
  return dev;
}

/** How a caller says which disk he means: by the name its device was given, or by the image it was made from; else the first. */
export interface MeantDisk {
  readonly dev?: string | null | undefined;
  readonly imageRef?: string | undefined;
}

/** Null: the server has no such disk. */
export function diskMeant(picture: VimPicture, server: Server, { dev, imageRef }: MeantDisk): string | null {
  const devices = server.extended?.devices ?? [];
  const named = (is: (d: ExtendedDevice) => boolean) => {
    const at = devices.findIndex((d) => (d.type === "disk" || d.type === "usb") && is(d));
    return at === -1 ? null : `disk${at + 1}`;
  };
  if (dev !== undefined && dev !== null) return named((d) => d.dev === dev);
  if (imageRef !== undefined && imageRef !== server.imageId) return named((d) => d.imageRef === imageRef);
  return hasDisk(picture.images.get(server.imageId)!) || (server.diskGiB ?? 0) > 0 ? "root" : null;
}

/** With a kernel alone an image is the initial RAM disk, and no disk. */
export const hasDisk = ({ metadata }: Pick<Image, "metadata">): boolean =>
  metadata?.kernel === undefined || metadata.initrd !== undefined;

/** Rows of before there was a column for it are of images that stand where their path says. */
export const fileOf = ({ file, path }: Image): string => file ?? path;

/** OpenVIM's rule: virtio, unless the image says so or is of a system that has no driver for it. */
const busOf = ({ metadata }: Image): DiskBus =>
  metadata?.bus === "ide" || (metadata?.bus === undefined && metadata?.os_type?.toLowerCase() === "windows") ? "ide" : "virtio";

function ownDisk(file: string, from: Image | null, gib: number | null): OwnDisk {
  const bytes = Math.max((gib ?? 0) * BYTES_PER_GIB, from?.virtualBytes ?? 0);
  if (from === null) return { file, from: null, isCopy: false, bytes };
  const isCopy = from.metadata?.use_incremental === "no";
  return { file, from: { file: fileOf(from), format: from.format ?? "raw" }, isCopy, bytes };
}

/** OpenVIM's places to fill in a device that is written as XML. */
function rawXml({ xml = "", vpci }: ExtendedDevice, image: Image | null): string {
  const filled = vpci === undefined ? xml : xml.replaceAll("__vpci__", vpci);
  if (image === null) return filled;
  return filled.replaceAll("__file__", fileOf(image)).replaceAll("__format__", image.format ?? "raw");
}
