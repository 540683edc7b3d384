import { type Blueprints, compile, type KnownVnfds, NONE_KNOWN, type Outcome } from "./compile.ts";
import { openCsar, type SignatureCheck } from "./csar.ts";
import type { Flaw } from "./flaw.ts";
import { type ListedOutside, outsideOf } from "./manifest.ts";
import { readScenario } from "./openmano-scenario.ts";
import { readOpenmanoVnf } from "./openmano-vnf.ts";
import { readPlain } from "./plain.ts";
import { readNsd } from "./sol006-nsd.ts";
import { readVnfd } from "./sol006-vnfd.ts";
import { Source } from "./source.ts";
import { Spot } from "./spot.ts";
import { withCarried } from "./sw-images.ts";
import { isNsd, readToscaNsd } from "./tosca-nsd.ts";
import { type Loader, Template } from "./tosca-template.ts";
import { readToscaVnfd } from "./tosca-vnfd.ts";
import { PackageRefused, type PackedFile, Zip } from "./zip.ts";

/** In which words a descriptor is written. */
export type Form = "plain" | "SOL006" | "OpenMANO" | "SOL001" | "unknown";

/** A descriptor as it was read: what it became, or everything that is wrong with it. */
export interface Reading {
  readonly form: Form;
  readonly outcome: Outcome | null;
  readonly flaws: readonly Flaw[];
  /** What is not wrong, and worth to know. */
  readonly notes: readonly string[];
  /** Of a package: paths of its files that say what it is; left out: it is none, or cannot be read. */
  readonly parts?: PackageParts;
}

export interface PackageParts {
  /** The descriptor, first the file in which it begins. */
  readonly descriptor: readonly string[];
  readonly manifest: string | null;
  readonly certificate: string | null;
  /** What its manifest names by URL. */
  readonly outside: readonly ListedOutside[];
  /** Source → the id of its set, of artifacts that are not for the MANO. */
  readonly sets: Readonly<Record<string, string>>;
}

/** Reads a descriptor or a package of one, from what a file holds. `file`: its name in what is told. */
export async function readDescriptorFile(bytes: Uint8Array, file: string, known: KnownVnfds = NONE_KNOWN): Promise<Reading> {
  if (Zip.isOne(bytes)) return (await readPackageFile(bytes, file, known)).reading;
  const refused = (what: string, remedy: string): Reading => unread([{ file, line: null, column: null, path: "", what, remedy }]);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b)
    return refused("this is a tar.gz, which is not opened", "send the descriptor in it, or a zip (SOL004)");
  try {
    return readText(new TextDecoder("utf-8", { fatal: true }).decode(bytes), file, known);
  } catch (e) {
    if (!(e instanceof TypeError)) throw e;
    return refused("it is neither a zip nor a text (not a text in UTF-8)", "send YAML, JSON or a package (SOL004)");
  }
}

/** What it needs is loaded where there is a signature. */
export const checkCms: SignatureCheck = async (...signature) => (await import("./signature.ts")).checkCms(...signature);

/** What was read of a package, and every file of it; none where it is refused. */
export interface PackageReading {
  readonly reading: Reading;
  readonly files: readonly PackedFile[];
}

/** Reads a package: what a file holds, or the path of one that is too large to be held. `outside`: what was fetched of it before, by URL. */
export async function readPackageFile(
  source: Uint8Array | string,
  file: string,
  known: KnownVnfds,
  outside: readonly PackedFile[] = [],
): Promise<PackageReading> {
  const flaws: Flaw[] = [];
  const csar = await openCsar(source, file, checkCms, flaws);
  const files = csar === null ? [] : await filesIn(source, file, flaws);
  if (csar === null || flaws.length > 0) return { reading: unread(flaws), files: [] };
  const descriptor = new Set([csar.entry]);
  const load: Loader = (path) => {
    const text = csar.texts.get(path) ?? null;
    if (text !== null) descriptor.add(path);
    return text;
  };
  const reading = readText(csar.texts.get(csar.entry)!, csar.entry, known, load, [...files, ...outside]);
  const inside = (f: Flaw): Flaw => ({ ...f, file: `${file}!${f.file}` });
  const named = { outside: csar.manifest ? outsideOf(csar.manifest) : [], sets: csar.manifest?.sets ?? {} };
  const parts = { descriptor: [...descriptor], manifest: csar.manifestAt, certificate: csar.certificateAt, ...named };
  const told = { flaws: reading.flaws.map(inside), notes: [...csar.notes, ...reading.notes] };
  return { reading: { ...reading, ...told, parts }, files: told.flaws.length > 0 ? [] : files };
}

async function filesIn(source: Uint8Array | string, file: string, flaws: Flaw[]): Promise<PackedFile[]> {
  try {
    using zip = await Zip.open(source);
    return await zip.files(); // Before it is closed.
  } catch (e) {
    if (!(e instanceof PackageRefused)) throw e;
    flaws.push({ file: `${file}!${e.about}`, line: null, column: null, path: "", what: e.message, remedy: e.remedy });
    return [];
  }
}

const unread = (flaws: readonly Flaw[]): Reading => ({ form: "unknown", outcome: null, flaws, notes: [] });

/**
 * Reads a text (YAML, of which JSON is a part) in whichever form, and compiles its protection. `load`: gives what a template imports. `files`: of the
 * package that it came in; null: in none.
 */
export function readText(
  text: string,
  file: string,
  known: KnownVnfds = NONE_KNOWN,
  load: Loader = () => null,
  files: readonly PackedFile[] | null = null,
): Reading {
  const source = Source.read(text, file);
  if (source.flaws.length > 0) return unread(source.flaws);
  const root = Spot.root(source);
  const form = formOf(root);
  if (form === "plain") {
    const descriptor = readPlain(source);
    const isGood = source.flaws.length === 0;
    return { form, outcome: isGood ? { descriptor, protection: [] } : null, flaws: source.flaws, notes: [] };
  }
  if (form === "SOL001") return { form, ...readTosca(source, load, known, files), notes: [] };
  const read = form === "OpenMANO" ? readOpenmano(root) : readSol006(root);
  const { flaws } = source;
  return { form, ...compiled(withCarried(read, files, flaws), known, flaws), notes: [] };
}

function readTosca(source: Source, load: Loader, known: KnownVnfds, files: readonly PackedFile[] | null) {
  const template = Template.read(source, load);
  const read = isNsd(template) ? { vnfs: [], nss: [readToscaNsd(template)] } : { vnfs: [readToscaVnfd(template)], nss: [] };
  const flaws = template.sources.flatMap((s) => s.flaws);
  return compiled(withCarried(read, files, flaws, true), known, flaws);
}

function compiled(blueprints: Blueprints, known: KnownVnfds, flaws: Flaw[]): { outcome: Outcome | null; flaws: readonly Flaw[] } {
  const outcome = flaws.length > 0 ? null : compile(blueprints, known, flaws);
  return { outcome, flaws: distinct(flaws) };
}

/** The same mistake may be met on several ways. */
function distinct(flaws: readonly Flaw[]): Flaw[] {
  const seen = new Set<string>();
  return flaws.filter((f) => {
    const key = JSON.stringify(f);
    return seen.has(key) ? false : seen.add(key);
  });
}

/** Words that only SOL006 has in a VNFD or an NSD. */
const SOL006_WORDS = [
  "product-name",
  "df",
  "int-cpd",
  "virtual-compute-desc",
  "sw-image-desc",
  "ext-cpd",
  "virtual-link-desc",
  "vnfd-id",
  "designer",
  "provider",
];

function formOf(root: Spot): Form {
  if (root.get("tosca_definitions_version").isThere) return "SOL001";
  if (root.get("nfv").isThere) return "SOL006";
  if (root.get("vnf").isThere || root.get("scenario").isThere || root.get("topology").isThere) return "OpenMANO";
  const isSol006 = (list: Spot): boolean => {
    const inner = list.get("vnfd").isThere
      ? list.get("vnfd")
      : list.get("nsd").isThere && !Array.isArray(list.value)
        ? list.get("nsd")
        : list;
    const first = new Spot(root.source, [], Array.isArray(inner.value) ? inner.value[0] : inner.value);
    return !Array.isArray(list.value) || SOL006_WORDS.some((word) => first.get(word).isThere);
  };
  const lists = [root.get("vnfd"), root.get("nsd")].filter((l) => l.isThere);
  if (lists.length === 0) return "plain";
  return lists.some(isSol006) ? "SOL006" : "plain";
}

const readOpenmano = (root: Spot): Blueprints =>
  root.get("vnf").isThere ? { vnfs: [readOpenmanoVnf(root)], nss: [] } : { vnfs: [], nss: [readScenario(root)] };

/** `nfv: { vnfd, nsd }` of ETSI, `vnfd: {…}` and `nsd: { nsd: […] }` of OSM. */
function readSol006(root: Spot): Blueprints {
  const nfv = root.get("nfv").isThere ? root.get("nfv").object("vnfd and nsd") : root;
  const vnfds = nfv.get("vnfd");
  const nsds = nfv.get("nsd");
  const inner = (spot: Spot, key: string): Spot => (Array.isArray(spot.value) || !spot.get(key).isThere ? spot : spot.get(key));
  const blueprints = {
    vnfs: inner(vnfds, "vnfd").items("VNFDs").map(readVnfd),
    nss: inner(nsds, "nsd").items("NSDs").map(readNsd),
  };
  if (blueprints.vnfs.length + blueprints.nss.length === 0)
    nfv.refuse("there is neither a vnfd nor an nsd in it", "write at least one");
  return blueprints;
}
