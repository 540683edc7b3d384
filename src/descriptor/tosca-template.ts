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

export class Template {
  readonly sources: Source[] = [];
  readonly nodes: NodeTemplate[] = [];
  readonly policies: Spot[] = [];
  readonly #types = new Map<string, Spot>();
  readonly #groups = new Map<string, Spot>();
  readonly #load: Loader;

  constructor(entry: Source, load: Loader) {
    this.#load = load;
    const roots = this.#gather(entry, []);
    for (const root of roots)
      for (const [name, type] of root.get("node_types").entries("node types")) this.#types.set(name, type);
    for (const root of roots) {
      const topology = this.#withInputs(root.get("topology_template"));
      for (const [name, spot] of topology.get("node_templates").entries("node templates")) {
        const type = spot.object("a node template").get("type").text("a node type");
        this.nodes.push({ name, spot, type, kind: this.#kindOf(type, spot) });
      }
      for (const [name, group] of topology.get("groups").entries("groups")) this.#groups.set(name, group);
      for (const policy of topology.get("policies").items("policies"))
        this.policies.push(...policy.entries("a policy").map(([, p]) => p));
    }
    this.topologies = roots.map((root) => this.#withInputs(root.get("topology_template")));
  }

  readonly topologies: readonly Spot[];

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

  /** The entry, and all that it imports; what imports itself is refused. */
  #gather(source: Source, above: readonly string[]): Spot[] {
    if (this.sources.some((s) => s.file === source.file)) return [];
    this.sources.push(source);
    if (this.sources.length > FILES_MAX) {
      source.refuse(["imports"], "more files are imported than any template has", `import at most ${FILES_MAX}`);
      return [];
    }
    const root = Spot.root(source);
    const chain = [...above, source.file];
    const imports = root
      .get("imports")
      .items("imports")
      .flatMap((spot) => this.#import(pathOf(spot), chain));
    return [root, ...imports];
  }

  #import(reference: Spot, chain: readonly string[]): Spot[] {
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
    const text = this.#load(full);
    if (text === null) {
      reference.refuse(`there is no ${full} in the package`, "put it there, or remove the import");
      return [];
    }
    return this.#gather(Source.read(text, full), chain);
  }

  /** Up the chain of what a type is derived from, to one of ETSI's. */
  #kindOf(type: string, node: Spot): string {
    const seen = new Set<string>();
    for (let at = type; ; ) {
      if (at.startsWith("tosca.nodes.nfv.")) return at.slice("tosca.nodes.nfv.".length);
      const parent = this.#types.get(at)?.get("derived_from");
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
  #withInputs(topology: Spot): Spot {
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
