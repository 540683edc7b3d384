import { Fault } from "../../lib/fault.ts";
import { type AttributePath, attributePath } from "./attribute-path.ts";

// Attribute selectors, SOL013 5.3: all_fields, fields, exclude_fields, exclude_default.

/** The attributes of what a list holds, by their names in ETSI's tables. */
export interface ListRules {
  /** Simple ones, and those that must be there: no selector takes them away. */
  readonly always: readonly string[];
  /** Structures and lists that may be missing. */
  readonly complex: readonly string[];
  /** Of these, or within them (`a/b`), what is left out where nobody asks for it (what the definition says of `exclude_default`). */
  readonly byDefaultLeftOut: readonly string[];
}

export const attributesOf = ({ always, complex }: ListRules): string[] => [...always, ...complex];

/** What of each member of a list is shown. */
export type Selector = (resource: object) => object;

export interface Selecting {
  readonly all_fields?: unknown;
  readonly fields?: unknown;
  readonly exclude_fields?: unknown;
  readonly exclude_default?: unknown;
}

/** Throws INVALID for parameters that do not go together (SOL013 table 5.3.2.3-1), and for attributes that are none. */
export function parseSelector(query: Selecting, rules: ListRules): Selector {
  const given = (["all_fields", "fields", "exclude_fields", "exclude_default"] as const).filter((p) => query[p] !== undefined);
  const asked = given.join("+");
  for (const flag of ["all_fields", "exclude_default"] as const)
    if (query[flag] !== undefined && query[flag] !== "") throw new Fault("INVALID", `${flag}: it has no value; write ?${flag}`);
  if (asked === "all_fields") return (resource) => resource;
  if (asked === "" || asked === "exclude_default")
    return (resource) =>
      without(
        resource,
        rules.byDefaultLeftOut.map((a) => a.split("/")),
      );
  if (asked === "exclude_fields") return excluding(query.exclude_fields, rules);
  const fields = asked === "fields" || asked === "fields+exclude_default" ? pathsOf("fields", query.fields, rules) : null;
  if (fields === null)
    throw new Fault("INVALID", `${given.join(", ")} do not go together; send one of them, or exclude_default with fields`);
  const kept = asked === "fields" ? [] : rules.complex.filter((a) => !rules.byDefaultLeftOut.includes(a)).map((a) => [a]);
  return (resource) => only(resource, [...rules.always.map((a) => [a]), ...kept, ...fields]);
}

function pathsOf(name: string, value: unknown, rules: ListRules): AttributePath[] {
  if (typeof value !== "string" || value === "")
    throw new Fault("INVALID", `${name}: want names of attributes with , between them`);
  return value.split(",").map((text) => attributePath(text, attributesOf(rules), name));
}

function excluding(value: unknown, rules: ListRules): Selector {
  const paths = pathsOf("exclude_fields", value, rules);
  const kept = paths.find(([first]) => !rules.complex.includes(first!));
  if (kept)
    throw new Fault("INVALID", `exclude_fields: ${kept[0]} is always there; leave out some of ${rules.complex.join(", ")}`);
  return (resource) => without(resource, paths);
}

/** What is left out is not read: it may be made only then. */
function without(value: unknown, paths: readonly AttributePath[]): object {
  return picked(value, (key, v) => {
    const mine = restOf(paths, key);
    if (mine.some((rest) => rest.length === 0)) return LEFT_OUT;
    return mine.length === 0 ? v() : without(v(), mine);
  });
}

function only(value: unknown, paths: readonly AttributePath[]): object {
  return picked(value, (key, v) => {
    const mine = restOf(paths, key);
    if (mine.length === 0) return LEFT_OUT;
    return mine.some((rest) => rest.length === 0) ? v() : only(v(), mine);
  });
}

const LEFT_OUT = Symbol("left out");

/** What stands behind the first step of those that begin with this key. */
const restOf = (paths: readonly AttributePath[], key: string): AttributePath[] =>
  paths.filter(([first]) => first === key).map((p) => p.slice(1));

/** An object with what `pick` makes of each of its members, and a list with what becomes of each of its own. */
function picked(value: unknown, pick: (key: string, value: () => unknown) => unknown): object {
  if (Array.isArray(value)) return value.map((v) => picked(v, pick));
  if (typeof value !== "object" || value === null) return value as unknown as object;
  const found: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    const v = pick(key, () => (value as Readonly<Record<string, unknown>>)[key]);
    if (v !== LEFT_OUT) found.push([key, v]);
  }
  return Object.fromEntries(found);
}
