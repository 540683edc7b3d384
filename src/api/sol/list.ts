import { Fault } from "../../lib/fault.ts";
import { parseFilter, passes } from "./filter.ts";
import { pageOf } from "./page.ts";
import { attributesOf, type ListRules, parseSelector } from "./selector.ts";

export type Query = Readonly<Record<string, unknown>>;

export interface Listing {
  readonly items: readonly object[];
  /** The query of the next page, to stand behind `?`; null: this is the last. */
  readonly next: string | null;
}

/** What a query of a list asks for: filtered, then cut into pages, then each with its selected attributes. Throws INVALID. */
export function listing(all: readonly (object & { id: string })[], query: Query, rules: ListRules, pageSize: number): Listing {
  for (const [name, value] of Object.entries(query))
    if (typeof value !== "string") throw new Fault("INVALID", `${name}: it stands there more than once; write it once`);
  const select = parseSelector(query, rules);
  const filter = query.filter === undefined ? [] : parseFilter(query.filter as string, attributesOf(rules));
  const found = filter.length === 0 ? all : all.filter((one) => passes(filter, one));
  const { items, marker } = pageOf(found, query.nextpage_opaque_marker as string | undefined, pageSize);
  return { items: items.map(select), next: marker === null ? null : withMarker(query, marker) };
}

const withMarker = (query: Query, marker: string): string =>
  new URLSearchParams({ ...(query as Record<string, string>), nextpage_opaque_marker: marker }).toString();
