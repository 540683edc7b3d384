import { idOf } from "./compare.ts";

/** Lists that hold things of everybody: what is in them before the first exchange is nobody's concern. */
export const COMMON_LISTS = [
  "/tenants",
  "/any/datacenters",
  "/hosts",
  "/networks",
  "/ports",
  "/openflow/controller",
  "/openflow/mapping",
];

type Row = Readonly<Record<string, unknown>>;

/** What our server had before the recording begins. */
export class RowsBefore {
  readonly #rows = new Map<string, readonly Row[]>();
  readonly #ids = new Set<string>();

  /** The whole of a common list. */
  saw(path: string, body: unknown): void {
    const rows = rowsOf(body)?.rows ?? [];
    this.#rows.set(path, rows);
    for (const row of rows) if (idOf(row) !== null) this.#ids.add(idOf(row)!);
  }

  /** Of what is behind it. */
  sawIds(ids: readonly string[]): void {
    for (const id of ids) this.#ids.add(id);
  }

  /** Also of a row that shows some of its columns only, without its id. */
  has(row: unknown): boolean {
    const id = idOf(row);
    if (id !== null) return this.#ids.has(id);
    const shown = Object.entries(row ?? {});
    const isOf = (known: Row) => shown.every(([k, v]) => JSON.stringify(known[k]) === JSON.stringify(v));
    return shown.length > 0 && [...this.#rows.values()].some((rows) => rows.some(isOf));
  }

  /** A list with a limit is asked for as many rows more as were there before: they come first. */
  withRoom(path: string): string {
    const limit = limitOf(path);
    return limit === null ? path : path.replace(/(?<=[?&]limit=)\d+/, String(limit + this.#countOf(path)));
  }

  /** The rows that would have come with this limit if there had been none before. */
  withoutThem(path: string, body: unknown): unknown {
    const limit = limitOf(path);
    const list = rowsOf(body);
    if (limit === null || list === null || list.rows.length > limit + this.#countOf(path)) return body;
    return { [list.name]: list.rows.filter((row) => !this.has(row)).slice(0, limit) };
  }

  #countOf(path: string): number {
    return this.#rows.get(path.split("?")[0]!)?.length ?? 0;
  }
}

function limitOf(path: string): number | null {
  const [list, query] = path.split("?");
  const limit = /(?:^|&)limit=(\d{1,6})(?:&|$)/.exec(query ?? "")?.[1];
  return limit === undefined || !COMMON_LISTS.includes(list!) ? null : Number(limit);
}

function rowsOf(body: unknown): { readonly name: string; readonly rows: readonly Row[] } | null {
  const [name, rows] = Object.entries(body ?? {})[0] ?? [];
  return name !== undefined && Array.isArray(rows) ? { name, rows } : null;
}
