import { WireError } from "./wire-error.ts";

/** Rows of a list when the caller names no limit, as in OpenVIM. */
const LIMIT_DEFAULT = 100;

export type Wire = Record<string, unknown>;
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a list can be asked for. */
export interface Columns {
  /** Shown where no `field=` chooses others, and good for filtering. */
  readonly shown: readonly string[];
  /** Ours: shown to those who choose them, and good for filtering. */
  readonly more?: readonly string[];
  /** Filters that are taken and have no effect. */
  readonly ignored?: readonly string[];
  /** Shown whatever is chosen. */
  readonly always?: readonly string[];
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === "string" ? [value] : value;
/** The original compares in MySQL, which knows no case; Python clients send True and False. */
const same = (value: unknown, wanted: string): boolean =>
  wanted === "null" ? value === null || value === undefined : String(value).toLowerCase() === wanted.toLowerCase();

const invalid = (key: string, value: string) => new WireError(400, `Invalid query string at '${key}=${value}'`);

/**
 * OpenVIM's list: `field=` chooses columns, `limit=` rows (0: all), every other key must be a column and equal. Throws a 400 for any
 * other key or field.
 */
export function listed(rows: Iterable<Wire>, query: Query, columns: Columns): Wire[] {
  const { limit, wanted, shown } = readQuery(query, columns);
  const found: Wire[] = [];
  for (const row of rows) {
    if (found.length >= limit) break;
    if (wanted.every(([key, value]) => same(row[key], value))) found.push(only(row, shown));
  }
  return found;
}

/** One thing with the columns that `field=` chooses; all of it where it chooses none. Throws as `listed`. */
export function chosen(row: Wire, query: Query, columns: Columns): Wire {
  const { shown } = readQuery(query, columns);
  return query.field === undefined ? row : only(row, shown);
}

function only(row: Wire, columns: readonly string[]): Wire {
  const shown: Wire = {};
  for (const column of columns) if (column in row) shown[column] = row[column];
  return shown;
}

/** A word of a query that is `true` or `false`; left out it is false. Throws a 400 for another value. */
export function flagged(query: Query, key: string): boolean {
  const value = query[key];
  if (value !== undefined && value !== "true" && value !== "false")
    throw new WireError(400, `Invalid query string at '${key}=${String(value)}'; '${key}' is true or false`);
  return value === "true";
}

function readQuery(query: Query, { shown, more = [], ignored = [], always = [] }: Columns) {
  const fields = listOf(query.field);
  const isKnown = (column: string) => shown.includes(column) || more.includes(column);
  const stray = fields.find((f) => !isKnown(f));
  if (stray !== undefined) throw invalid("field", stray);
  const wanted: [string, string][] = [];
  for (const [key, value] of Object.entries(query)) {
    if (key === "field" || key === "limit") continue;
    const values = listOf(value);
    if (!isKnown(key) && !ignored.includes(key)) throw invalid(key, values[0] ?? "");
    if (!ignored.includes(key)) wanted.push(...values.map((v): [string, string] => [key, v]));
  }
  return { limit: limitOf(query.limit), wanted, shown: [...(fields.length > 0 ? fields : shown), ...always] };
}

function limitOf(text: string | readonly string[] | undefined): number {
  const last = listOf(text).at(-1);
  if (last === undefined) return LIMIT_DEFAULT;
  if (!/^\d{1,9}$/.test(last)) throw invalid("limit", last);
  return Number(last) || Number.POSITIVE_INFINITY;
}

/** Without members that are null, as most of OpenVIM's replies are. */
export function withoutNulls(row: Wire): Wire {
  const kept: Wire = {};
  for (const key of Object.keys(row)) if (row[key] !== null && row[key] !== undefined) kept[key] = row[key];
  return kept;
}
