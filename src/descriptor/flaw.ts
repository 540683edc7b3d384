import type { Place } from "../model/blueprint.ts";

/** One thing that is wrong with a descriptor: where, what, and what to do about it. */
export interface Flaw extends Place {
  readonly what: string;
  readonly remedy: string;
}

/** `file:line:column: path: what; remedy`, as compilers and editors have it. */
export function flawText({ file, line, column, path, what, remedy }: Flaw): string {
  const position = line === null ? file : `${file}:${line}:${column ?? 1}`;
  return `${position}: ${path ? `${path}: ` : ""}${what}; ${remedy}`;
}

/** `["vnfd", 0, "vdu"]` as people write it: `vnfd[0].vdu`. */
export const pathText = (keys: readonly (string | number)[]): string =>
  keys.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${key}`)).join("");

export const quote = (name: string): string => JSON.stringify(name);

/** What to write instead, of names that are there. */
export const oneOf = (names: readonly string[]): string =>
  names.length > 0 ? `write one of ${names.join(", ")}` : "there is none to choose from";
