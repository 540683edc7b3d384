import type { ExternalFile } from "../descriptor/content.ts";
import type { PnfdReading } from "../descriptor/pnfd.ts";
import type { Reading } from "../descriptor/read.ts";
import type { PackedFile } from "../descriptor/zip.ts";
import { FAULTS, Fault } from "../lib/fault.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Descriptor, Nsd, Vnfd } from "../model/descriptor.ts";
import type { ManoEventBody } from "../model/mano-event.ts";
import type {
  Artifact,
  DescriptorPackage,
  PackageChange,
  PackageContent,
  PackageFailure,
  PackageKind,
  PartsOfPackage,
  SoftwareImage,
  Upload,
} from "../model/package.ts";
import { type DescriptorRecord, deleteDescriptor } from "../store/mano-catalogue.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Merged } from "./catalogue.ts";

const EVENT = { nsd: "nsd.changed", vnf: "package.changed", pnfd: "pnfd.changed" } as const;

/** What is heard of a package that was changed so. */
export const eventOf = (
  { id, kind, operational, content, failure }: DescriptorPackage,
  change: PackageChange["change"],
): ManoEventBody => ({ type: EVENT[kind], change, id, operational, about: aboutOf(content), failure });

/** Throws DESCRIPTOR where a content is not of the kind that it was sent as. */
export function checkKind(kind: PackageKind, { vnfds, nsds }: Descriptor): void {
  const said = `it has ${nsds.length} NSD(s) and ${vnfds.length} VNFD(s)`;
  if (kind === "nsd" && nsds.length !== 1)
    throw new Fault("DESCRIPTOR", `${said}, and an NSD was announced; send one NSD here, and VNFDs to /vnfpkgm/v2/vnf_packages`);
  if (kind === "vnf" && (nsds.length > 0 || vnfds.length !== 1))
    throw new Fault(
      "DESCRIPTOR",
      `${said}, and a VNF package was announced; send one VNFD here, and NSDs to /nsd/v2/ns_descriptors`,
    );
}

/** Throws CONFLICT where what is announced is on board already, under another id. */
export function checkNew({ records, added }: Merged, id: string): void {
  if (added.some((r) => r.id === id)) return;
  const kind = records.some((r) => r.kind === "nsd") ? "nsd" : "vnfd";
  const had = records.find((r) => r.kind === kind)!;
  throw new Fault(
    "CONFLICT",
    `${kind} ${had.body.id} version ${had.body.version} is on board as ${had.id}; delete that, or give this a new version`,
  );
}

/** What came of a content: what it says of itself. */
export function contentOf(
  body: Nsd | Vnfd,
  upload: Upload,
  { parts }: Reading,
  files: readonly PackedFile[],
  outside: readonly ExternalFile[] = [],
): PackageContent {
  const blueprint = "blueprint" in body ? body.blueprint : undefined;
  return {
    descriptorId: body.id,
    version: body.version,
    name: body.name,
    provider: ("designer" in body ? body.designer : blueprint?.provider) ?? null,
    softwareVersion: blueprint?.softwareVersion ?? null,
    checksum: { algorithm: "SHA-256", hash: upload.sha256 },
    artifacts: withSets([...artifactsOf(files, parts ?? null), ...outside.map(artifactOf)], parts?.sets ?? {}),
    images: imagesOf(blueprint?.images ?? [], outside),
    parts: keptOf(parts ?? null),
  };
}

interface Taken {
  readonly record: DescriptorRecord;
  /** As it was announced; null: it was not. */
  readonly announced: DescriptorPackage | null;
  readonly upload: Upload;
  readonly content: PackageContent;
  readonly uses: readonly string[];
  readonly at: string;
}

/** A package whose content was taken in. */
export const onBoard = ({ record, announced, upload, content, uses, at }: Taken): DescriptorPackage => ({
  id: record.id,
  kind: record.kind === "nsd" ? "nsd" : "vnf",
  onboarding: "ONBOARDED",
  operational: "ENABLED",
  userDefinedData: announced?.userDefinedData ?? {},
  failure: null,
  upload: { type: upload.type, bytes: upload.bytes, sha256: upload.sha256 },
  origin: null,
  ...(announced?.access && { access: announced.access }),
  content,
  uses,
  createdAt: announced?.createdAt ?? at,
  modifiedAt: at,
});

/** What came of a PNFD. */
export function pnfdContentOf({ pnfd, parts }: PnfdReading, upload: Upload, files: readonly PackedFile[]): PackageContent {
  const { id, version, name, provider } = pnfd!;
  return {
    descriptorId: id,
    version,
    name,
    provider,
    softwareVersion: null,
    checksum: { algorithm: "SHA-256", hash: upload.sha256 },
    artifacts: artifactsOf(files, parts),
    images: [],
    parts: keptOf(parts),
  };
}

const keptOf = (parts: PartsOfPackage | null): PartsOfPackage | null =>
  parts && { descriptor: parts.descriptor, manifest: parts.manifest, certificate: parts.certificate };

/** Files of a package that do not say what it is. */
function artifactsOf(files: readonly PackedFile[], parts: PartsOfPackage | null): Artifact[] {
  const ofItself = new Set([...(parts?.descriptor ?? []), parts?.manifest, parts?.certificate, "TOSCA-Metadata/TOSCA.meta"]);
  return files
    .filter((f) => !ofItself.has(f.path))
    .map(({ path, bytes, sha256 }) => ({ path, bytes, checksum: { algorithm: "SHA-256", hash: sha256 } }));
}

/** SOL005 9.5.3.2 of the images that came with it. */
const imagesOf = (images: NonNullable<VnfBlueprint["images"]>, outside: readonly ExternalFile[]): SoftwareImage[] =>
  images.flatMap(({ id, name, version, containerFormat, diskFormat, minDisk, minRam, file }) => {
    if (file === undefined) return [];
    const checksum = { algorithm: "SHA-256" as const, hash: file.sha256 };
    const from = outside.find((f) => f.uri === file.path);
    const where = from ? { path: from.path, uri: from.uri } : { path: file.path };
    return [{ id, name, version, containerFormat, diskFormat, minDisk, minRam, bytes: file.bytes, checksum, ...where }];
  });

const artifactOf = ({ path, bytes, sha256, uri }: ExternalFile): Artifact => ({
  ...{ path, bytes, checksum: { algorithm: "SHA-256", hash: sha256 }, uri },
});

const withSets = (artifacts: readonly Artifact[], sets: Readonly<Record<string, string>>): Artifact[] =>
  artifacts.map((a) => {
    const source = a.uri ?? a.path;
    return Object.hasOwn(sets, source) ? { ...a, set: sets[source]! } : a; // A file may be called "constructor".
  });

/** What is told of a content. */
const aboutOf = (content: PackageContent | null): PackageChange["about"] =>
  content && {
    descriptorId: content.descriptorId,
    version: content.version,
    name: content.name,
    provider: content.provider,
    softwareVersion: content.softwareVersion,
  };

/** The descriptor of a package, and the VNFD that was made for an NSD. */
export async function deleteDescriptorsOf(tx: ManoStore, { id, kind, uses }: DescriptorPackage): Promise<void> {
  const made =
    kind === "nsd"
      ? (await tx.selectFrom("descriptor").select("vnfd_id").where("id", "=", id).executeTakeFirst())?.vnfd_id
      : null;
  await deleteDescriptor(tx, id);
  if (!made || uses.includes(made) || (await readPackage(tx, made)) !== null) return;
  const others = await tx.selectFrom("descriptor").select("id").where("vnfd_id", "=", made).execute();
  if (others.length === 0) await deleteDescriptor(tx, made);
}

/** Why something is not on board. */
export function failureOf(e: unknown): PackageFailure {
  if (e instanceof Fault) return { status: FAULTS[e.code].http, title: FAULTS[e.code].text, detail: e.detail };
  return { status: 500, title: "internal error", detail: "a bug of ours; the log has more" };
}

/** RFC 7396, of one level: ETSI's KeyValuePairs. */
export function mergePatched(
  data: DescriptorPackage["userDefinedData"],
  patch: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...data, ...patch }).filter(([, value]) => value !== null));
}
