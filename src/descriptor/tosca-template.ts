import { oneOf, quote } from "./flaw.ts";
import { Source } from "./source.ts";
import { asWritten, Spot } from "./spot.ts";

// A TOSCA service template (Simple Profile in YAML 1.x) with what it imports, as far as ETSI GS NFV-SOL 001 uses it. Nothing is ever fetched: ETSI's
// own types are known by name, and other imports come out of the same package.

/** Reads a file of the package by its path; null: there is none. */
export type Loader = (path: string) => string | null;

const FILES_MAX = 32;

export interface NodeTemplate {
  readonly name: string;
  readonly spot: Spot;
  /** ETSI's type that it is, or is derived from, without `tosca.nodes.nfv.`; its own where that is none of them. */
  readonly kind: string;
  readonly type: string;
}

/** What one file has of a template. */
interface Piece {
  readonly topology: Spot;
  readonly nodes: readonly NodeTemplate[];
  readonly policies: readonly Spot[];
  readonly groups: readonly (readonly [string, Spot])[];
}

/** The files of a template, and what they define. */
interface Ground {
  readonly sources: Source[];
  readonly types: Map<string, Spot>;
  readonly load: Loader;
}

export class Template {
  readonly sources: Source[];
  readonly nodes: readonly NodeTemplate[];
  readonly policies: readonly Spot[];
  readonly topologies: readonly Spot[];
  readonly #types: ReadonlyMap<string, Spot>;
  readonly #groups: ReadonlyMap<string, Spot>;
  readonly #pieces: readonly Piece[];
  readonly #ground: Ground;

  private constructor(ground: Ground, pieces: readonly Piece[]) {
    this.#ground = ground;
    this.#pieces = pieces;
    this.#types = ground.types;
    this.sources = ground.sources;
    this.nodes = pieces.flatMap((p) => p.nodes);
    this.policies = pieces.flatMap((p) => p.policies);
    this.#groups = new Map(pieces.flatMap((p) => p.groups));
    this.topologies = pieces.map((p) => p.topology);
  }

  static read(entry: Source, load: Loader): Template {
    const ground: Ground = { sources: [], types: new Map(), load };
    const roots = gather(ground, entry, []);
    for (const root of roots)
      for (const [name, type] of root.get("node_types").entries("node types")) ground.types.set(name, type);
    return new Template(
      ground,
      roots.map((root) => pieceOf(ground, root)),
    );
  }

  /** Ids of the deployment flavours that have files of their own with VDUs (SOL001 6.11.2); none: it is not divided into such. */
  get flavours(): string[] {
    const ids = this.#pieces.filter(hasVdus).flatMap((p) => flavourOf(p) ?? []);
    const all = [...new Set(ids)];
    return all.length > 1 ? all : [];
  }

  /** The template without the files of its other flavours. */
  inFlavour(id: string): Template {
    const others = this.flavours.filter((f) => f !== id);
    return new Template(
      this.#ground,
      this.#pieces.filter((p) => !hasVdus(p) || !others.includes(flavourOf(p) ?? "")),
    );
  }

  of(kind: string): NodeTemplate[] {
    return this.nodes.filter((n) => n.kind === kind);
  }

  /** The default of a property in the definition of a type. */
  defaultOf(type: string, property: string): unknown {
    return this.#types.get(type)?.get("properties").get(property).get("default").value;
  }

  /** What a requirement points at; refuses a node that is not there, and one that is not of this kind. */
  target(node: NodeTemplate, requirement: string, ...kinds: readonly string[]): NodeTemplate[] {
    return requirementsOf(node.spot)
      .filter(([name]) => name === requirement)
      .flatMap(([, spot]) => {
        const reference = spot.get("node").isThere ? spot.get("node") : spot;
        const found = this.nodes.find((n) => n.name === reference.value && kinds.includes(n.kind));
        if (!found)
          reference.refuse(
            `there is no ${kinds.join(" or ")} ${reference.said}`,
            oneOf(this.nodes.filter((n) => kinds.includes(n.kind)).map((n) => n.name)),
          );
        return found ?? [];
      });
  }

  /** Policies of ETSI's type that are about this node, by itself or as one of a group. */
  policiesOf(node: string, type: string): Spot[] {
    return this.policies.filter((p) => {
      if (asWritten(p.get("type").value) !== `tosca.policies.nfv.${type}`) return false;
      return p
        .get("targets")
        .items("targets")
        .some((t) => {
          const group = this.#groups.get(asWritten(t.value));
          if (group)
            return group
              .get("members")
              .items("members")
              .some((m) => m.value === node);
          if (!this.nodes.some((n) => n.name === t.value))
            t.refuse(`there is no node ${t.said}`, oneOf(this.nodes.map((n) => n.name)));
          return t.value === node;
        });
    });
  }
}

function pieceOf(ground: Ground, root: Spot): Piece {
  const topology = withInputs(root.get("topology_template"));
  const nodes = topology
    .get("node_templates")
    .entries("node templates")
    .map(([name, spot]) => {
      const type = spot.object("a node template").get("type").text("a node type");
      return { name, spot, type, kind: kindOf(ground, type, spot) };
    });
  const policies = topology
    .get("policies")
    .items("policies")
    .flatMap((policy) => policy.entries("a policy").map(([, p]) => p));
  return { topology, nodes, policies, groups: topology.get("groups").entries("groups") };
}

const hasVdus = ({ nodes }: Piece): boolean => nodes.some((n) => n.kind === "Vdu.Compute");

/** Of which deployment flavour a file is, by what it is substituted for, else by the VNF in it. */
function flavourOf({ topology, nodes }: Piece): string | undefined {
  const written = [topology.get("substitution_mappings"), ...nodes.filter((n) => n.kind === "VNF").map((n) => n.spot)];
  const id = written.map((s) => s.get("properties").get("flavour_id")).find((s) => s.isThere && s.value !== "");
  return id && asWritten(id.value);
}

/** The entry, and all that it imports; what imports itself is refused. */
function gather(ground: Ground, source: Source, above: readonly string[]): Spot[] {
  if (ground.sources.some((s) => s.file === source.file)) return [];
  ground.sources.push(source);
  if (ground.sources.length > FILES_MAX) {
    source.refuse(["imports"], "more files are imported than any template has", `import at most ${FILES_MAX}`);
    return [];
  }
  const root = Spot.root(source);
  const chain = [...above, source.file];
  const imports = root
    .get("imports")
    .items("imports")
    .flatMap((spot) => imported(ground, pathOf(spot), chain));
  return [root, ...imports];
}

function imported(ground: Ground, reference: Spot, chain: readonly string[]): Spot[] {
  const path = reference.text("the path of a file");
  if (path === "" || /etsi_nfv_sol001_\w+_types[\w.-]*\.ya?ml$/.test(path)) return [];
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) {
    reference.refuse(
      `${quote(path)} would have to be fetched, and nothing is`,
      "put the file into the package and write its path",
    );
    return [];
  }
  const full = resolvePath(chain.at(-1)!, path);
  if (full === null) reference.refuse(`${quote(path)} leads out of the package`, "write a path inside it");
  if (full === null) return [];
  if (chain.includes(full)) {
    reference.refuse(`${full} imports itself, by way of ${chain.join(", ")}`, "remove one of these imports");
    return [];
  }
  const text = ground.load(full);
  if (text === null) {
    reference.refuse(`there is no ${full} in the package`, "put it there, or remove the import");
    return [];
  }
  return gather(ground, Source.read(text, full), chain);
}

/** Up the chain of what a type is derived from, to one of ETSI's. */
function kindOf({ types }: Ground, type: string, node: Spot): string {
  const seen = new Set<string>();
  for (let at = type; ; ) {
    if (at.startsWith("tosca.nodes.nfv.")) return at.slice("tosca.nodes.nfv.".length);
    const parent = types.get(at)?.get("derived_from");
    if (!parent?.isThere) return type;
    if (seen.has(at)) {
      parent.refuse(`type ${quote(at)} is derived from itself`, "derive it from one of tosca.nodes.nfv");
      node.get("type").refuse(`type ${quote(type)} is derived from itself`, "write another type");
      return type;
    }
    seen.add(at);
    at = asWritten(parent.value);
  }
}

/** `{ get_input: x }` is its default; one without a default cannot be known here. */
function withInputs(topology: Spot): Spot {
  const inputs = topology.get("inputs");
  const put = (value: unknown, path: readonly (string | number)[]): unknown => {
    if (Array.isArray(value)) return value.map((v, i) => put(v, [...path, i]));
    if (typeof value !== "object" || value === null) return value;
    const name = (value as { get_input?: unknown }).get_input;
    if (typeof name === "string" && Object.keys(value).length === 1) {
      const input = inputs.get(name);
      if (!input.isThere) topology.source.refuse(path, `there is no input ${quote(name)}`, oneOf(inputs.keys()));
      return input.get("default").value;
    }
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, put(v, [...path, k])]));
  };
  return new Spot(topology.source, topology.path, put(topology.value, topology.path));
}

/** `path`, `{ file: path }`, `{ name: path }` and `{ name: { file: path } }` are all written. */
function pathOf(spot: Spot): Spot {
  const [name] = spot.keys();
  if (name === undefined || spot.get("file").isThere) return name === undefined ? spot : spot.get("file");
  return spot.get(name).keys().length > 0 ? spot.get(name).get("file") : spot.get(name);
}

export function requirementsOf(node: Spot): [string, Spot][] {
  return node
    .get("requirements")
    .items("requirements")
    .flatMap((r) => r.entries("a requirement"));
}

/** A path of one file as another in the package writes it; null: it leads out. */
export function resolvePath(from: string, to: string): string | null {
  const parts = to.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const part of to.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join("/");
}
