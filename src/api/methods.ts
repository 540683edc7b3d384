import type { HTTPMethods } from "fastify";

/** Paths as routes write them, such as `/networks/:id`, and the methods each has. */
export interface Patterned {
  readonly method: string;
  readonly url: string;
}

/** What may be asked of a path that exists, for `Allow` (RFC 9110, 10.2.1); empty where nothing is there. */
export function methodsAt(routes: readonly Patterned[], path: string): HTTPMethods[] {
  const segments = segmentsOf(path);
  const here = routes.filter(({ url }) => matches(segmentsOf(url), segments)).map((r) => r.method as HTTPMethods);
  if (here.length === 0) return [];
  const more: HTTPMethods[] = here.includes("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"];
  return [...new Set([...here, ...more])].sort();
}

const segmentsOf = (path: string): string[] => path.split("/").filter((s) => s !== "");

const matches = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length === path.length && pattern.every((p, i) => p.startsWith(":") || p === path[i]);
