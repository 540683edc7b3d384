import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, type Node, type ParsedNode, parseDocument } from "yaml";
import type { Place } from "../model/blueprint.ts";
import { type Flaw, pathText } from "./flaw.ts";

/** A descriptor is a page or two; more is a mistake or an attack. */
export const DESCRIPTOR_CHARS_MAX = 256 * 1024;
const NODES_MAX = 20_000;
const DEPTH_MAX = 40;
const ALIASES_MAX = 64;

export type Key = string | number;

/** One file of YAML or JSON as it was read: its value, and where each part of it stands. What is found wrong with it gathers in `flaws`. */
export class Source {
  readonly file: string;
  readonly value: unknown;
  readonly flaws: Flaw[] = [];
  readonly #root: ParsedNode | null;
  readonly #lines: LineCounter;

  private constructor(file: string, value: unknown, root: ParsedNode | null, lines: LineCounter) {
    this.file = file;
    this.value = value;
    this.#root = root;
    this.#lines = lines;
  }

  /** Reads a text, without believing any of it: what is too large, too deep, repeated or refers to itself is refused. */
  static read(text: string, file: string): Source {
    const lines = new LineCounter();
    const refused = (what: string, remedy: string, offset: number | null = null): Source => {
      const source = new Source(file, null, null, lines);
      const at = offset === null ? null : lines.linePos(offset);
      source.flaws.push({ file, line: at?.line ?? null, column: at?.col ?? null, path: "", what, remedy });
      return source;
    };
    if (text.length > DESCRIPTOR_CHARS_MAX)
      return refused(`the file has ${text.length} characters`, `write at most ${DESCRIPTOR_CHARS_MAX}`);
    const deep = tooDeep(text);
    if (deep !== null) return refused("the file is nested too deeply", `write at most ${DEPTH_MAX} levels`, deep);
    try {
      // Its own look for repeated keys takes a time that grows with the square of their number; ours is below.
      const yaml = parseDocument(text, { uniqueKeys: false, prettyErrors: false, lineCounter: lines, logLevel: "silent" });
      const wrong = yaml.errors[0];
      if (wrong) return refused(`the file is not YAML: ${wrong.message}`, "mend it; JSON is YAML too", wrong.pos[0]);
      const root = yaml.contents;
      const tree = new Tree();
      if (root !== null) tree.walk(root, [], 0);
      if (tree.wrong) return refused(tree.wrong.what, tree.wrong.remedy, tree.wrong.offset);
      return new Source(file, yaml.toJS({ maxAliasCount: ALIASES_MAX }), root, lines);
    } catch (e) {
      return refused(
        `the file is not usable YAML: ${e instanceof Error ? e.message.split("\n")[0] : String(e)}`,
        "write it without anchors and aliases",
      );
    }
  }

  /** Where a part stands; of one that is missing, where its next parent does. `ofKey`: where its name stands and not its value. */
  place(path: readonly Key[], ofKey = false): Place {
    let node: Node | null | undefined = this.#root as Node | null;
    let offset = 0;
    for (const [i, key] of path.entries()) {
      if (node?.range) offset = node.range[0];
      if (!isCollection(node)) break;
      const isLast = i === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(key));
        if (!pair) break;
        const keyAt = (pair.key as Node | null)?.range?.[0];
        if (keyAt !== undefined) offset = keyAt;
        if (isLast && ofKey) break;
        node = pair.value as Node | null;
      } else node = node.items[Number(key)] as Node | null;
      if (isLast && isScalar(node) && node.range) offset = node.range[0];
      else if (isLast && node?.range && !isMap(node)) offset = node.range[0];
    }
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.file, line: line || 1, column: col || 1, path: pathText(path) };
  }

  refuse(path: readonly Key[], what: string, remedy: string, ofKey = false): void {
    this.flaws.push({ ...this.place(path, ofKey), what, remedy });
  }
}

/** Looks through what was parsed, before any of it is made into values. */
class Tree {
  wrong: { readonly what: string; readonly remedy: string; readonly offset: number } | null = null;
  #nodes = 0;

  walk(node: unknown, path: readonly Key[], depth: number): void {
    if (this.wrong !== null) return;
    this.#nodes += 1;
    const at = (node as Node | null)?.range?.[0] ?? 0;
    if (this.#nodes > NODES_MAX)
      this.wrong = { what: `the file has more than ${NODES_MAX} values`, remedy: "write less", offset: at };
    else if (depth > DEPTH_MAX)
      this.wrong = { what: "the file is nested too deeply", remedy: `write at most ${DEPTH_MAX} levels`, offset: at };
    else if (isMap(node)) this.#walkMap(node.items, path, depth);
    else if (isCollection(node)) for (const [i, item] of node.items.entries()) this.walk(item, [...path, i], depth + 1);
  }

  #walkMap(items: readonly unknown[], path: readonly Key[], depth: number): void {
    const seen = new Set<string>();
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const key = isScalar(pair.key) ? String(pair.key.value) : isAlias(pair.key) ? `*${pair.key.source}` : "";
      const here = [...path, key];
      if (seen.has(key)) {
        const offset = (pair.key as Node | null)?.range?.[0] ?? 0;
        this.wrong ??= { what: `${pathText(here)} stands there twice`, remedy: "remove one of them", offset };
      }
      seen.add(key);
      this.walk(pair.value, here, depth + 1);
    }
  }
}

/** Where brackets go deeper than any descriptor does, before a parser that descends by calls meets them; null: nowhere. */
function tooDeep(text: string): number | null {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === "[" || c === "{") depth += 1;
    else if (c === "]" || c === "}") depth = Math.max(0, depth - 1);
    else if (c === "\n" && depth === 0) continue;
    if (depth > DEPTH_MAX * 4) return i;
  }
  return null;
}
