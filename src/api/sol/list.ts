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

const PARAMETERS: ReadonlySet<string> = new Set([
  "filter",
  "all_fields",
  "fields",
  "exclude_fields",
  "exclude_default",
  "nextpage_opaque_marker",
]);

/** What a query of a list asks for: filtered, then cut into pages, then each with its selected attributes. Throws INVALID. */
export async function listing(all: Members, query: Query, rules: ListRules, pageSize: number): Promise<Listing> {
  const unknown = Object.keys(query).find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) throw new Fault("INVALID", noSuchParameter(unknown, rules));
  for (const [name, value] of Object.entries(query))
    if (typeof value !== "string") throw new Fault("INVALID", `${name}: it stands there more than once; write it once`);
  const select = parseSelector(query, rules);
  const filter = query.filter === undefined ? [] : parseFilter(query.filter as string, attributesOf(rules));
  const after = query.nextpage_opaque_marker as string | undefined;
  const { items, marker } = await pageOfMembers(all, filter, after, pageSize);
  return { items: items.map(select), next: marker === null ? null : withMarker(query, marker) };
}

/** Releases before 2.6.1 had `?attribute.op=value` for a filter: whoever sends that must not take the whole list for its answer. */
function noSuchParameter(name: string, rules: ListRules): string {
  const asFilter = attributesOf(rules).includes(name.split(/[./]/)[0]!) ? `; a filter is written ?filter=(eq,${name},value)` : "";
  return `there is no parameter ${JSON.stringify(name.slice(0, 80))} here, but ${[...PARAMETERS].join(", ")}${asFilter}`;
}

const withMarker = (query: Query, marker: string): string =>
  new URLSearchParams({ ...(query as Record<string, string>), nextpage_opaque_marker: marker }).toString();
