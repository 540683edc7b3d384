import { type Blueprints, compile, type KnownVnfds, NONE_KNOWN, type Outcome } from "./compile.ts";
import type { Flaw } from "./flaw.ts";
import { readScenario } from "./openmano-scenario.ts";
import { readOpenmanoVnf } from "./openmano-vnf.ts";
import { readPlain } from "./plain.ts";
import { readNsd } from "./sol006-nsd.ts";
import { readVnfd } from "./sol006-vnfd.ts";
import { Source } from "./source.ts";
import { Spot } from "./spot.ts";

/** In which words a descriptor is written. */
export type Form = "plain" | "SOL006" | "OpenMANO" | "SOL001" | "unknown";

/** A descriptor as it was read: what it became, or everything that is wrong with it. */
export interface Reading {
  readonly form: Form;
  readonly outcome: Outcome | null;
  readonly flaws: readonly Flaw[];
}

/** Reads a text (YAML, of which JSON is a part) in whichever form, and compiles its protection. `file`: its name in what is told. */
export function readText(text: string, file: string, known: KnownVnfds = NONE_KNOWN): Reading {
  const source = Source.read(text, file);
  if (source.flaws.length > 0) return { form: "unknown", outcome: null, flaws: source.flaws };
  const root = Spot.root(source);
  const form = formOf(root);
  if (form === "plain") {
    const descriptor = readPlain(source);
    return { form, outcome: source.flaws.length > 0 ? null : { descriptor, protection: [] }, flaws: source.flaws };
  }
  const blueprints = form === "SOL006" ? readSol006(root) : form === "OpenMANO" ? readOpenmano(root) : null;
  if (blueprints === null) {
    source.refuse(
      [],
      "this is no descriptor that is known here",
      "write nfv: { vnfd: […], nsd: […] } (SOL006), or see docs/how-to/write-a-descriptor.md",
    );
    return { form: "unknown", outcome: null, flaws: source.flaws };
  }
  return { form, ...compiled(blueprints, known, source.flaws) };
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
