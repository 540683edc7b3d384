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

function without(value: unknown, paths: readonly AttributePath[]): object {
  if (Array.isArray(value)) return value.map((v) => without(v, paths));
  if (typeof value !== "object" || value === null) return value as unknown as object;
  const left = Object.entries(value).flatMap(([key, v]) => {
    const mine = paths.filter(([first]) => first === key).map((p) => p.slice(1));
    if (mine.some((rest) => rest.length === 0)) return [];
    return [[key, mine.length === 0 ? v : without(v, mine)] as const];
  });
  return Object.fromEntries(left);
}

function only(value: unknown, paths: readonly AttributePath[]): object {
  if (Array.isArray(value)) return value.map((v) => only(v, paths));
  if (typeof value !== "object" || value === null) return value as unknown as object;
  const kept = Object.entries(value).flatMap(([key, v]) => {
    const mine = paths.filter(([first]) => first === key).map((p) => p.slice(1));
    if (mine.length === 0) return [];
    return [[key, mine.some((rest) => rest.length === 0) ? v : only(v, mine)] as const];
  });
  return Object.fromEntries(kept);
}
