import type { Flaw } from "./flaw.ts";
import { algorithmOf, isOutside, type Manifest, readManifest } from "./manifest.ts";
import { PackageRefused, Zip } from "./zip.ts";

/** A package of ETSI GS NFV-SOL 004, looked through: its texts, and where its descriptor begins. */
export interface Csar {
  readonly entry: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly manifest: Manifest | null;
  /** Paths in the package; null: there is none. */
  readonly manifestAt: string | null;
  readonly certificateAt: string | null;
  /** What is not wrong, and worth to know. */
  readonly notes: readonly string[];
}

/** Checks a signature; answers who signed, or why it is none. */
export type SignatureCheck = (
  der: Buffer,
  signed: Buffer,
  certificate: string | null,
) => Promise<{ readonly by: string } | { readonly not: string }>;

const META = "TOSCA-Metadata/TOSCA.meta";
const TEXT = /\.(ya?ml|json|mf|meta|cert|crt|pem|cms)$/i;

/** Opens a package and checks its manifest: each file is there and is what its checksum says, and a signature holds. Null: `flaws` says why not. */
export async function openCsar(
  source: Uint8Array | string,
  file: string,
  check: SignatureCheck,
  flaws: Flaw[],
): Promise<Csar | null> {
  const refuse = (at: string, what: string, remedy: string, line: number | null = null) =>
    void flaws.push({ file: at === "" ? file : `${file}!${at}`, line, column: line === null ? null : 1, path: "", what, remedy });
  try {
    using zip = await Zip.open(source);
    const texts = new Map<string, string>();
    for (const name of zip.names.filter((n) => TEXT.test(n))) texts.set(name, (await zip.text(name))!);
    const meta = texts.has(META) ? metaOf(texts.get(META)!) : null;
    const entry = meta?.get("entry-definitions") ?? onlyRootYaml(zip);
    if (entry === null)
      refuse(
        "",
        "nothing says which of its files is the descriptor",
        `put it alone at the root, or write ${META} with Entry-Definitions`,
      );
    else if (!texts.has(entry))
      refuse(
        meta ? META : "",
        `Entry-Definitions names ${entry}, which is not in the package`,
        "write the path of a YAML file in it",
      );
    const manifestAt = meta?.get("etsi-entry-manifest") ?? (entry === null ? null : entry.replace(/\.ya?ml$/, ".mf"));
    const isNamed = meta?.has("etsi-entry-manifest") ?? false;
    const text = manifestAt === null ? undefined : texts.get(manifestAt);
    if (isNamed && text === undefined)
      refuse(META, `ETSI-Entry-Manifest names ${manifestAt}, which is not in the package`, "put it there");
    const notes: string[] = [];
    if (text === undefined) notes.push("it has no manifest, so nothing was compared with checksums");
    const manifest = text === undefined ? null : readManifest(text);
    if (manifest) {
      await checkFiles(zip, manifest, manifestAt!, refuse, notes);
      const certificate = texts.get(certificateAt(meta, manifestAt!)) ?? null;
      await checkSignature(manifest, certificate, manifestAt!, check, refuse, notes);
    }
    if (flaws.length > 0 || entry === null) return null;
    const there = (path: string | null) => (path !== null && texts.has(path) ? path : null);
    const certificate = manifestAt === null ? null : certificateAt(meta, manifestAt);
    return { entry, texts, manifest, manifestAt: there(manifestAt), certificateAt: there(certificate), notes };
  } catch (e) {
    if (!(e instanceof PackageRefused)) throw e;
    refuse(e.about, e.message, e.remedy);
    return null;
  }
}

type Refuse = (at: string, what: string, remedy: string, line?: number | null) => void;

/** The blocks of TOSCA.meta, by name in small letters. */
function metaOf(text: string): Map<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, key, value] = /^\s*([A-Za-z-]+)\s*:(.*)$/.exec(line) ?? [];
    return key === undefined ? [] : [[key.toLowerCase(), value!.trim()] as const];
  });
  return new Map(pairs);
}

function onlyRootYaml(zip: Zip): string | null {
  const found = zip.names.filter((n) => !n.includes("/") && /\.ya?ml$/i.test(n));
  return found.length === 1 ? found[0]! : null;
}

async function checkFiles(zip: Zip, manifest: Manifest, at: string, refuse: Refuse, notes: string[]): Promise<void> {
  for (const { line, what } of manifest.wrong) refuse(at, what, "write Source, Algorithm and Hash of a file", line);
  const listed = new Set<string>();
  for (const { source, algorithm, hash, line } of manifest.files) {
    if (listed.has(source)) refuse(at, `${source} stands there twice`, "leave one of them", line);
    listed.add(source);
    const isThere = isOutside(source) || zip.has(source);
    if (isOutside(source)) notes.push(`${source} is outside the package and was not fetched`);
    if (!isThere) refuse(at, `there is no ${source} in the package`, "put it there, or remove it here", line);
    else {
      const known = algorithmOf(algorithm);
      if (known === null) refuse(at, `${algorithm} is no algorithm that is good enough`, "write SHA-256 or SHA-512", line);
      else if (!isOutside(source) && (await zip.digest(source, known)) !== hash)
        refuse(at, `${source} is not what its checksum says`, "make the manifest again, or ask who made the package", line);
    }
  }
  const unlisted = zip.names.filter((n) => !listed.has(n) && n !== at && !/\.(cms|cert|crt|sig)$/i.test(n));
  if (manifest.files.length === 0 || unlisted.length === 0) return;
  const said = `${unlisted.slice(0, 5).join(", ")}${unlisted.length > 5 ? ", …" : ""} ${unlisted.length === 1 ? "is" : "are"} in no block of the manifest`;
  if (manifest.signature !== null) refuse(at, `${said}, so the signature says nothing about it`, "list every file");
  else notes.push(said);
}

const certificateAt = (meta: ReadonlyMap<string, string> | null, manifestAt: string): string =>
  meta?.get("etsi-entry-certificate") ?? manifestAt.replace(/\.mf$/, ".cert");

async function checkSignature(
  manifest: Manifest,
  certificate: string | null,
  at: string,
  check: SignatureCheck,
  refuse: Refuse,
  notes: string[],
): Promise<void> {
  if (manifest.signature === null) return;
  const { der, signed } = manifest.signature;
  const found = await check(der, Buffer.from(signed, "utf8"), certificate);
  if ("not" in found) refuse(at, `its signature does not hold: ${found.not}`, "do not use this package; ask who made it");
  else notes.push(`signed by ${found.by}`);
}
