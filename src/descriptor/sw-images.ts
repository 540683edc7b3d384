import type { SwImageBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { SoftwareOfVdu } from "../model/descriptor.ts";
import type { Blueprints } from "./compile.ts";
import type { Flaw } from "./flaw.ts";
import { quote } from "./flaw.ts";
import { algorithmOf } from "./manifest.ts";
import type { Spot } from "./spot.ts";
import { resolvePath } from "./tosca-template.ts";
import { gigabytes, sizeBytes } from "./units.ts";
import type { PackedFile } from "./zip.ts";

const GB = 2 ** 30;
const CONTAINERS = { aki: "AKI", ami: "AMI", ari: "ARI", bare: "BARE", docker: "DOCKER", ova: "OVA", ovf: "OVF" } as const;
const DISKS = {
  ...{ aki: "AKI", ami: "AMI", ari: "ARI", iso: "ISO", qcow2: "QCOW2", raw: "RAW", vdi: "VDI", vhd: "VHD" },
  ...{ vhdx: "VHDX", vmdk: "VMDK" },
} as const;
const BY_EXTENSION: Readonly<Record<string, string>> = {
  img: "RAW",
  raw: "RAW",
  iso: "ISO",
  vmdk: "VMDK",
  vdi: "VDI",
  vhd: "VHD",
};

/** The `sw-image-desc` of SOL006 that names an artifact; null: it names none, so the image is the VIM's. Its sizes are in GB. */
export function swImageOf(image: Spot): SwImageBlueprint | null {
  if (!image.get("image").isThere) return null;
  const bytes = (key: string) => Math.round((gigabytes(image.get(key), key, 1_000_000) ?? 0) * GB);
  const formats = { container: image.get("container-format"), disk: image.get("disk-format") };
  return {
    id: image.get("id").text("an id"),
    name: image.first("name", "image", "id").text("the name of the image"),
    ...described(image, image.get("image").text("a path in the package, or a URL"), formats),
    minDisk: bytes("min-disk"),
    minRam: bytes("min-ram"),
    at: image.at,
  };
}

/** SOL001's `sw_image_data` with the artifact of type SwImage beside it, which may have its properties by itself. */
export function toscaSwImage(id: string, node: Spot): SwImageBlueprint | null {
  const [artifact] = node
    .get("artifacts")
    .entries("artifacts")
    .map(([, a]) => a)
    .filter((a) => a.get("type").value === "tosca.artifacts.nfv.SwImage");
  if (!artifact) return null;
  const written = node.get("properties").get("sw_image_data");
  const data = written.isThere ? written : artifact.get("properties");
  const bytes = (key: string) => sizeBytes(data.get(key), key) ?? 0;
  const formats = { container: data.get("container_format"), disk: data.get("disk_format") };
  return {
    id,
    name: data.get("name").text("the name of the image"),
    ...described(data, artifact.get("file").text("a path in the package, or a URL"), formats),
    minDisk: bytes("min_disk"),
    minRam: bytes("min_ram"),
    at: artifact.at,
  };
}

function described(image: Spot, artifact: string, { container, disk }: { readonly container: Spot; readonly disk: Spot }) {
  const extension = artifact.split(".").at(-1)!.toLowerCase();
  return {
    version: image.get("version").textOr("", "a version"),
    checksum: checksumOf(image.get("checksum")),
    containerFormat: container.word<string>(CONTAINERS, "a container format") ?? "BARE",
    diskFormat: disk.word<string>(DISKS, "a disk format") ?? BY_EXTENSION[extension] ?? "QCOW2",
    artifact,
  };
}

/** What a hash is that stands alone, by its digits. */
const BY_LENGTH: Readonly<Record<number, string>> = {
  32: "MD5",
  40: "SHA-1",
  56: "SHA-224",
  64: "SHA-256",
  96: "SHA-384",
  128: "SHA-512",
};

/** `{ algorithm, hash }`, a list of such, or the hash alone as older descriptors have it. */
function checksumOf(spot: Spot): SwImageBlueprint["checksum"] {
  const [first] = spot.items("checksums");
  if (first === undefined) return null;
  const isPair = first.get("hash").isThere || first.get("algorithm").isThere;
  const hash = (isPair ? first.get("hash") : first).words("a checksum in hexadecimal", 128).toLowerCase();
  const algorithm = isPair ? first.get("algorithm").text("SHA-256 or SHA-512") : (BY_LENGTH[hash.length] ?? "unknown");
  return { algorithm, hash };
}

const isUrl = (artifact: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(artifact);
/** Where it may be in the package: relative to its root, and before that to the file that names it where that is TOSCA's (1.3, 3.6.7). */
function pathsOf({ artifact, at }: SwImageBlueprint, isTosca: boolean): string[] {
  if (isUrl(artifact)) return [artifact];
  const ofFile = isTosca ? resolvePath(at!.file, artifact) : null;
  return [...(ofFile === null ? [] : [ofFile]), artifact.replace(/^(\.?\/)+/, "")];
}

/**
 * VNFDs with the files that their images are. One that no file is of is the VIM's, unless the descriptor says a checksum of it and came in a package: then
 * the file is missing, which goes to `flaws`, as does a file that its checksum is not of, or is not good enough for. `files` null: they came in none.
 */
export function withCarried(read: Blueprints, files: readonly PackedFile[] | null, flaws: Flaw[], isTosca = false): Blueprints {
  const carriedIn = (image: SwImageBlueprint) => carried(image, pathsOf(image, isTosca), files, flaws);
  return { ...read, vnfs: read.vnfs.map((vnf) => carriedBy(vnf, carriedIn)) };
}

function carriedBy(vnf: VnfBlueprint, carriedIn: (image: SwImageBlueprint) => SwImageBlueprint | null): VnfBlueprint {
  const { images: described = [], ...rest } = vnf;
  const images = described.flatMap((image) => carriedIn(image) ?? []);
  const carrying = (all: VnfBlueprint["vdus"]) =>
    all.map(({ imageId, ...vdu }) => (imageId !== undefined && images.some((i) => i.id === imageId) ? { ...vdu, imageId } : vdu));
  const vdus = carrying(vnf.vdus);
  const others = vnf.others && { others: vnf.others.map((of) => ({ ...of, vdus: carrying(of.vdus) })) };
  return images.length === 0 ? { ...rest, vdus, ...others } : { ...rest, vdus, images, ...others };
}

function carried(
  image: SwImageBlueprint,
  paths: readonly string[],
  files: readonly PackedFile[] | null,
  flaws: Flaw[],
): SwImageBlueprint | null {
  const file = paths.map((path) => files?.find((f) => f.path === path)).find((f) => f !== undefined);
  const path = file?.path ?? paths[0]!;
  const refuse = (what: string, remedy: string) => void flaws.push({ ...image.at!, what, remedy });
  if (!file) {
    const isMissing = files !== null && image.checksum !== null && !isUrl(path);
    if (isMissing)
      refuse(`there is no ${path} in the package, which is image ${quote(image.id)}`, "put it there, or leave `image` out");
    return null;
  }
  const algorithm = image.checksum && algorithmOf(image.checksum.algorithm);
  if (image.checksum && algorithm === null)
    refuse(`${quote(image.checksum.algorithm)} is no algorithm that is good enough for ${path}`, "write SHA-256 or SHA-512");
  if (algorithm && image.checksum && file[algorithm] !== image.checksum.hash)
    refuse(
      `${path} is not what the checksum of image ${quote(image.id)} says`,
      `write ${file[algorithm]}, or put the right file there`,
    );
  const { bytes, sha256, md5 } = file;
  return { ...image, file: { path, bytes, sha256, md5 } };
}

/** What a VDU is to have of the image that comes with its VNFD; null: the VIM has it. */
export function softwareOf({ id: vnfd, images = [] }: VnfBlueprint, imageId: string | undefined): SoftwareOfVdu | null {
  const image = images.find((i) => i.id === imageId);
  if (image?.file === undefined) return null;
  const { path, sha256, md5 } = image.file;
  return { vnfd, image: image.id, path, sha256, md5 };
}
