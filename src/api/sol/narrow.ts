import type { Filter } from "./filter.ts";

// What a filter asks of attributes that are columns of the store: rows that cannot pass are not read. Whatever is read is held against the whole filter after it.

/** Values of which an attribute must have one; undefined: the filter does not say. */
export function oneOf(filter: Filter, attribute: string): readonly string[] | undefined {
  const asked = filter.filter(({ op, path }) => (op === "eq" || op === "in") && path.length === 1 && path[0] === attribute);
  return asked[0]?.values;
}

/** ISO 8601 in UTC, as they are kept. */
export interface Span {
  readonly from?: string;
  readonly to?: string;
}

/** From when to when, both included, a time may be. */
export function between(filter: Filter, attribute: string): Span {
  let span: Span = {};
  for (const { op, path, values } of filter) {
    const ms = path.length === 1 && path[0] === attribute ? Date.parse(values[0]!) : Number.NaN;
    if (Number.isNaN(ms) || !DATE_TIME.test(values[0]!)) continue;
    const at = new Date(ms).toISOString();
    if (op === "gt" || op === "gte" || op === "eq") span = { ...span, from: later(span.from, at) };
    if (op === "lt" || op === "lte" || op === "eq") span = { ...span, to: earlier(span.to, at) };
  }
  return span;
}

/** Others are compared by their letters, so nothing is narrowed by them. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/;

const later = (a: string | undefined, b: string): string => (a !== undefined && a > b ? a : b);
const earlier = (a: string | undefined, b: string): string => (a !== undefined && a < b ? a : b);
