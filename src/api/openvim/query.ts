import { WireError } from "./wire-error.ts";

/** Rows of a list when the caller names no limit, as in OpenVIM. */
const LIMIT_DEFAULT = 100;

export type Wire = Record<string, unknown>;
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;
/** The original compares in MySQL, which knows no case; Python clients send True and False. */
const same = (value: unknown, wanted: string): boolean =>
  wanted === "null" ? value === null || value === undefined : String(value).toLowerCase() === wanted.toLowerCase();

/**
 * OpenVIM's list: `field=` chooses columns, `limit=` rows, every other key of `columns` (or of `ignored`, which is accepted and
 * has no effect) must equal. Throws a 400 for any other key.
 */
export function listed(rows: Iterable<Wire>, query: Query, columns: readonly string[], ignored: readonly string[] = []): Wire[] {
  const fields = listOf(query.field);
  const limit = limitOf(query.limit);
  const wanted = Object.entries(query).filter(([key]) => key !== "field" && key !== "limit" && !ignored.includes(key));
  for (const [key, value] of wanted) {
    if (!columns.includes(key)) throw new WireError(400, `Invalid query string at '${key}=${listOf(value)[0]}'`);
  }
  const found: Wire[] = [];
  for (const row of rows) {
    if (found.length >= limit) break;
    if (wanted.every(([key, value]) => listOf(value).every((v) => same(row[key], v)))) found.push(row);
  }
  return found.map((row) => {
    // A field that the list does not show by itself, such as a net's bind_net, is shown to those who ask for it.
    const chosen = fields.filter((f) => f in row || columns.includes(f));
    const shown = chosen.length > 0 ? chosen : columns;
    return Object.fromEntries([...shown, "links"].filter((c) => c in row).map((c) => [c, row[c]]));
  });
}

function limitOf(text: string | readonly string[] | undefined): number {
  if (text === undefined) return LIMIT_DEFAULT;
  const limit = Number(listOf(text)[0]);
  if (!Number.isInteger(limit) || limit < 1) throw new WireError(400, `Invalid query string at 'limit=${listOf(text)[0]}'`);
  return limit;
}

/** Without members that are null, as most of OpenVIM's replies are. */
export const withoutNulls = (row: Wire): Wire =>
  Object.fromEntries(Object.entries(row).filter(([, v]) => v !== null && v !== undefined));
