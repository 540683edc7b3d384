import { createHash } from "node:crypto";
import type { Given } from "../descriptor/aside.ts";
import type { ExternalFile } from "../descriptor/content.ts";
import type { ListedOutside } from "../descriptor/manifest.ts";
import { Fault } from "../lib/fault.ts";
import { nameUuid } from "../lib/name-uuid.ts";
import type { ArtifactAccess, DescriptorPackage, Origin } from "../model/package.ts";
import type { PackageFiles } from "../store/package-files.ts";
import type { Catalogue } from "./catalogue.ts";
import { checkKind } from "./package-content.ts";

/** More are no package, but somebody who has us knock at doors. */
const OUTSIDE_MAX = 64;
/** One that comes so slowly does not come. */
const LONGEST_MS = 3_600_000;

export interface FetchingParts {
  readonly files: PackageFiles;
  readonly download: (origin: Origin, signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** What is outside a package did not come: the package itself is right, and is kept. */
export class NotFetched extends Error {
  override readonly cause: Fault;

  constructor(cause: Fault) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/** Files that hold what is of it, among those of packages. */
export function fileIdsOf({ id, onboarding, upload, content }: DescriptorPackage): string[] {
  if (upload === null || onboarding === "UPLOADING") return [];
  return [id, ...(content?.artifacts ?? []).flatMap(({ uri }) => (uri === undefined ? [] : [fileIdOf(id, uri)]))];
}

/**
 * Reads a content, and again with what its manifest names by URL when that has come, where it was announced (`preset`). Throws DESCRIPTOR with all that is
 * wrong, NotFetched.
 */
export async function readWhole(
  given: Given,
  preset: DescriptorPackage | null,
  { catalogue, sees, ...parts }: FetchingParts & { readonly catalogue: Catalogue; readonly sees: (id: string) => boolean },
  signal: AbortSignal | null,
) {
  const first = await catalogue.read(given, [], sees);
  if (preset) checkKind(preset.kind, first.outcome.descriptor);
  const listed = first.reading.parts?.outside ?? [];
  if (preset === null || signal === null || listed.length === 0) return { ...first, outside: [] };
  const outside = await fetchOutside(preset.id, listed, preset.access ?? [], parts, signal);
  return { ...(await catalogue.read(given, outside, sees)), outside };
}

/** The name of the file that holds an artifact from outside a package, among those of packages. */
export const fileIdOf = (packageId: string, uri: string): string => nameUuid(`${packageId} ${uri}`);

/** The path that it is given in the package: no packer writes such a folder. */
export function pathOfExternal(uri: string): string {
  const last =
    new URL(uri).pathname
      .split("/")
      .at(-1)!
      .replaceAll(/[^A-Za-z0-9._-]/g, "_") || "artifact";
  return `external-${nameUuid(uri)}/${last}`;
}

/**
 * Fetches what the manifest of a package names by URL, from there or from where the access that was given says (decision 0111). All of it or nothing: what does
 * not come, or is not what its checksum says, throws NotFetched and leaves none of the files.
 */
async function fetchOutside(
  packageId: string,
  listed: readonly ListedOutside[],
  access: readonly ArtifactAccess[],
  { files, download }: FetchingParts,
  signal: AbortSignal,
): Promise<ExternalFile[]> {
  const came: ExternalFile[] = [];
  try {
    if (listed.length > OUTSIDE_MAX)
      throw new Fault("INVALID", `the manifest names ${listed.length} artifacts by URL; at most ${OUTSIDE_MAX} are fetched`);
    for (const one of listed) {
      const { overrideUri = null, sealedAuth = null } = access.find((a) => a.uri === one.uri) ?? {};
      const late = AbortSignal.timeout(LONGEST_MS);
      const coming = download({ uri: overrideUri ?? one.uri, sealedAuth }, AbortSignal.any([signal, late]));
      came.push(await fetchOne(packageId, one, coming, files).catch((e: unknown) => Promise.reject(told(one, e, late.aborted))));
    }
    return came;
  } catch (e) {
    for (const { uri } of listed) await files.remove(fileIdOf(packageId, uri));
    throw e instanceof Fault ? new NotFetched(e) : e;
  }
}

async function fetchOne(
  packageId: string,
  { uri, algorithm, hash }: ListedOutside,
  coming: AsyncIterable<Uint8Array>,
  files: PackageFiles,
): Promise<ExternalFile> {
  const [md5, sha512] = [createHash("md5"), createHash("sha512")];
  async function* hashed() {
    for await (const chunk of coming) {
      md5.update(chunk);
      sha512.update(chunk);
      yield chunk;
    }
  }
  const id = fileIdOf(packageId, uri);
  const received = await files.receive(id, hashed());
  const { bytes, sha256 } = received;
  const file = { uri, path: pathOfExternal(uri), bytes, md5: md5.digest("hex"), sha256, sha512: sha512.digest("hex") };
  if (file[algorithm] !== hash) {
    await files.discard(received);
    throw new Fault("INVALID", `it is not what its checksum in the manifest says: its ${algorithm} is ${file[algorithm]}`);
  }
  await files.keep(received, id);
  return file;
}

/** Which of them, and why; without the query, which may be a secret. */
function told({ uri }: ListedOutside, e: unknown, isLate: boolean): unknown {
  const why = isLate ? `it did not come within ${LONGEST_MS / 60_000} min` : e instanceof Fault ? e.detail : null;
  if (why === null) return e;
  const at = URL.canParse(uri) ? new URL(uri) : null;
  const shown = at === null ? uri.slice(0, 200) : `${at.origin}${at.pathname}`;
  const code = e instanceof Fault ? e.code : "INVALID";
  return new Fault(code, `artifact ${shown}: ${why}`, {}, { cause: e });
}
