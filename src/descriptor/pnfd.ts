import { openCsar } from "./csar.ts";
import type { Flaw } from "./flaw.ts";
import { checkCms, type PackageParts } from "./read.ts";
import { Source } from "./source.ts";
import { asWritten } from "./spot.ts";

/** What is kept of a PNFD: who it says it is. Nothing is made of a PNF here, so nothing else of it is believed or refused. */
export interface Pnfd {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly provider: string | null;
}

export interface PnfdReading {
  readonly pnfd: Pnfd | null;
  readonly flaws: readonly Flaw[];
  readonly parts: PackageParts | null;
}

/** Reads a PNFD (SOL006, or SOL001) or a package of one. */
export async function readPnfd(given: Uint8Array | string, isPackage: boolean, file: string): Promise<PnfdReading> {
  if (!isPackage) return { ...inText(new TextDecoder().decode(given as Uint8Array), file), parts: null };
  const flaws: Flaw[] = [];
  const csar = await openCsar(given, file, checkCms, flaws);
  if (csar === null) return { pnfd: null, flaws, parts: null };
  const parts = {
    descriptor: [csar.entry],
    manifest: csar.manifestAt,
    certificate: csar.certificateAt,
    outside: [],
    sets: csar.manifest?.sets ?? {},
  };
  return { ...inText(csar.texts.get(csar.entry)!, `${file}!${csar.entry}`), parts };
}

type Tree = Readonly<Record<string, unknown>>;
const tree = (value: unknown): Tree => (typeof value === "object" && value !== null ? (value as Tree) : {});
const text = (value: unknown): string | null => (typeof value === "string" || typeof value === "number" ? String(value) : null);

function inText(written: string, file: string): { pnfd: Pnfd | null; flaws: readonly Flaw[] } {
  const source = Source.read(written, file);
  if (source.flaws.length > 0) return { pnfd: null, flaws: source.flaws };
  const found = inSol006(tree(source.value)) ?? inTosca(tree(source.value));
  if (found === null)
    source.refuse([], "there is no PNFD in it", "write nfv.pnfd (SOL006), or a node of type tosca.nodes.nfv.PNF (SOL001)");
  const { path = [], id = null, version = null, name = null, provider = null } = found ?? {};
  if (found !== null && id === null) source.refuse(path, "the PNFD has no id", "write one: a UUID or a name of its own");
  if (found !== null && version === null) source.refuse(path, "the PNFD has no version", "write one");
  return {
    flaws: source.flaws,
    pnfd: source.flaws.length > 0 ? null : { id: id!, version: version!, name: name ?? id!, provider },
  };
}

interface Found {
  readonly path: readonly (string | number)[];
  readonly id: string | null;
  readonly version: string | null;
  readonly name: string | null;
  readonly provider: string | null;
}

function inSol006(root: Tree): Found | null {
  const isWrapped = "nfv" in root;
  const value = isWrapped ? tree(root.nfv).pnfd : root.pnfd;
  if (value === undefined) return null;
  const one = tree(Array.isArray(value) ? value[0] : value);
  const path = [...(isWrapped ? ["nfv"] : []), "pnfd", ...(Array.isArray(value) ? [0] : [])];
  return { path, id: text(one.id), version: text(one.version), name: text(one.name), provider: text(one.provider) };
}

/** A node of the type PNF, or of one that is derived from it. */
function inTosca(root: Tree): Found | null {
  const types = tree(root.node_types);
  const nodes = tree(tree(root.topology_template).node_templates);
  const isPnf = (type: unknown): boolean => {
    const seen = new Set<unknown>();
    for (let t = type; !seen.has(t); t = tree(types[asWritten(t)]).derived_from) {
      if (t === "tosca.nodes.nfv.PNF") return true;
      seen.add(t);
    }
    return false;
  };
  const node = Object.keys(nodes).find((n) => isPnf(tree(nodes[n]).type));
  if (node === undefined) return null;
  const { descriptor_id, version, name, provider } = tree(tree(nodes[node]).properties);
  const path = ["topology_template", "node_templates", node];
  return { path, id: text(descriptor_id), version: text(version), name: text(name), provider: text(provider) };
}
