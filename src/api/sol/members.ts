import { Fault } from "../../lib/fault.ts";
import { type Filter, passes } from "./filter.ts";

/** A place in the order of a list. It stands in the markers of pages, and so in requests. */
export type Key = readonly (string | number)[];

/** One of a list, not yet as it is shown. */
export interface Member {
  readonly key: Key;
  show(): object;
}

/** `next`: where the part after this one begins; null: there is none. */
export interface Part {
  readonly members: readonly Member[];
  readonly next: Key | null;
}

/**
 * A list in an order that stays, of which a part is read at a time: a page of a long list costs what the page costs. `of` the values of a key;
 * `behind` gives up to `limit` of those behind a key (null: from the first) that may pass the filter; others may be among them.
 */
export class Members {
  readonly of: readonly ("string" | "number")[];
  readonly behind: (after: Key | null, limit: number, filter: Filter) => Promise<Part>;

  constructor(of: Members["of"], behind: Members["behind"]) {
    this.of = of;
    this.behind = behind;
  }
}

export interface ShownPage {
  readonly items: readonly object[];
  /** Of the next page; null: this is the last. */
  readonly marker: string | null;
}

/** Rows that are read, looked at and shown without a turn of the event loop in between. */
const PART_MAX = 100;
/** Parts that one request may look through: who filters for little is given a page with less, and a marker, before it costs the others too much. */
const PARTS_MAX = 100;
const FORM = 3;

/** The page of those that pass, behind a marker. Throws INVALID for what is no marker of this list. */
export async function pageOfMembers(all: Members, filter: Filter, marker: string | undefined, size: number): Promise<ShownPage> {
  const found: { readonly key: Key; readonly body: object }[] = [];
  let after = marker === undefined ? null : keyIn(marker, all.of);
  for (let parts = 1; ; parts++) {
    // One more than a page holds says whether there is another.
    const limit = filter.length === 0 ? Math.min(PART_MAX, size + 1 - found.length) : PART_MAX;
    const { members, next } = await all.behind(after, limit, filter);
    for (const one of members) {
      const body = one.show();
      if (passes(filter, body)) found.push({ key: one.key, body });
    }
    if (next === null || found.length > size) break;
    if (parts === PARTS_MAX) return { items: found.map((i) => i.body), marker: markerOf(next) };
    after = next;
    await new Promise((go) => setImmediate(go));
  }
  const items = found.slice(0, size);
  const last = items.at(-1);
  return { items: items.map((i) => i.body), marker: found.length > size && last ? markerOf(last.key) : null };
}

/** A list that is in memory, oldest first, of which only what is asked for is shown. `placeOf` decides among those of one moment, and is never another's. */
function membersOf<T extends Dated>(all: readonly T[], placeOf: (one: T) => string, show: (one: T) => object): Members {
  const inOrder = all.map((one) => ({ key: [one.createdAt, placeOf(one)] as const, show: () => show(one) }));
  inOrder.sort((a, b) => inTime(a.key, b.key));
  return new Members(["string", "string"], async (after, limit) => {
    // By comparison, not by number: those before it, and itself, may have been deleted since.
    const found = after === null ? 0 : inOrder.findIndex(({ key }) => inTime(key, after) > 0);
    const from = found < 0 ? inOrder.length : found;
    const members = inOrder.slice(from, from + limit);
    return { members, next: from + limit < inOrder.length ? members.at(-1)!.key : null };
  });
}

interface Dated {
  /** ISO 8601. */
  readonly createdAt: string;
}

const inTime = (a: Key, b: Key): number => compared(a[0]!, b[0]!) || compared(a[1]!, b[1]!);
const compared = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

/** What has an id of its own. */
export const identified = <T extends Dated & { readonly id: string }>(all: readonly T[], show: (one: T) => object): Members =>
  membersOf(all, (one) => one.id, show);

/** One of a list that is in memory, which is looked at when it is to be shown. */
export interface Listed<T> extends Dated {
  readonly place: string;
  readonly look: () => T;
}

export const placedAndShown = <T>(all: readonly Listed<T>[], show: (one: T) => object): Members =>
  membersOf(
    all,
    (one) => one.place,
    (one) => show(one.look()),
  );

const markerOf = (key: Key): string => Buffer.from(JSON.stringify([FORM, ...key])).toString("base64url");

function keyIn(marker: string, of: Members["of"]): Key {
  const [form, ...key] = read(marker);
  const isOne = form === FORM && key.length === of.length && of.every((type, i) => isOf(type, key[i]));
  if (isOne) return key as Key;
  throw new Fault("INVALID", "nextpage_opaque_marker: it is none of ours; ask for the list without it, and follow its Link");
}

const isOf = (type: "string" | "number", value: unknown): boolean =>
  type === "string" ? typeof value === "string" : Number.isInteger(value) && (value as number) >= 0;

function read(marker: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(marker, "base64url").toString("utf8"));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
