import { Fault } from "../../lib/fault.ts";
import { parseFilter } from "./filter.ts";
import { type Members, pageOfMembers } from "./members.ts";
import { attributesOf, type ListRules, parseSelector } from "./selector.ts";

export type Query = Readonly<Record<string, unknown>>;

export interface Listing {
  readonly items: readonly object[];
  /** The query of the next page, to stand behind `?`; null: this is the last. */
  readonly next: string | null;
}

/** What a query of a list asks for: filtered, then cut into pages, then each with its selected attributes. Throws INVALID. */
export async function listing(all: Members, query: Query, rules: ListRules, pageSize: number): Promise<Listing> {
  for (const [name, value] of Object.entries(query))
    if (typeof value !== "string") throw new Fault("INVALID", `${name}: it stands there more than once; write it once`);
  const select = parseSelector(query, rules);
  const filter = query.filter === undefined ? [] : parseFilter(query.filter as string, attributesOf(rules));
  const after = query.nextpage_opaque_marker as string | undefined;
  const { items, marker } = await pageOfMembers(all, filter, after, pageSize);
  return { items: items.map(select), next: marker === null ? null : withMarker(query, marker) };
}

const withMarker = (query: Query, marker: string): string =>
  new URLSearchParams({ ...(query as Record<string, string>), nextpage_opaque_marker: marker }).toString();
