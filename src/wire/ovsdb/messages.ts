/*
 * OVSDB as JSON-RPC 1.0 (RFC 7047): the shapes we send and read, and the readers that turn wire values into ours.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `<condition>` (5.1). */
export type Condition = readonly [column: string, test: "==" | "includes", value: Json];
/** `<operation>` (5.2), those we use. */
export type Operation =
  | { readonly op: "select"; readonly table: string; readonly where: readonly Condition[]; readonly columns: readonly string[] }
  | {
      readonly op: "insert";
      readonly table: string;
      readonly row: { readonly [column: string]: Json };
      readonly "uuid-name": string;
    }
  | {
      readonly op: "update";
      readonly table: string;
      readonly where: readonly Condition[];
      readonly row: { readonly [column: string]: Json };
    }
  | {
      readonly op: "mutate";
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly (readonly [column: string, mutator: "insert" | "delete", value: Json])[];
    };

export type Row = Readonly<Record<string, Json>>;
/** `<table-updates>` (4.1.6): table, row uuid, and the row before and after. */
export type TableUpdates = Readonly<Record<string, Readonly<Record<string, { readonly old?: Row; readonly new?: Row }>>>>;

/** One result of a transaction (4.1.3): rows, a uuid, a count, or an error. */
export interface OperationResult {
  readonly rows?: readonly Row[];
  readonly uuid?: Json;
  readonly count?: number;
  readonly error?: string;
  readonly details?: string;
}

export type Incoming =
  | { readonly kind: "reply"; readonly id: number; readonly result: Json; readonly error: Json }
  | { readonly kind: "update"; readonly updates: TableUpdates }
  | { readonly kind: "echo"; readonly id: Json; readonly params: Json }
  | { readonly kind: "other" };

const isObject = (v: unknown): v is Record<string, Json> => typeof v === "object" && v !== null && !Array.isArray(v);

/** What a message means. Unknown ones are `other`, as a later server may have more to say. */
export function readMessage(message: unknown): Incoming {
  if (!isObject(message)) return { kind: "other" };
  const { method, id = null, params = null, result = null, error = null } = message;
  if (method === "echo") return { kind: "echo", id, params };
  if (method === "update" && Array.isArray(params) && isObject(params[1]))
    return { kind: "update", updates: params[1] as TableUpdates };
  if (method === undefined && typeof id === "number") return { kind: "reply", id, result, error };
  return { kind: "other" };
}

export const request = (method: string, id: number, params: Json): string => JSON.stringify({ method, id, params });
export const echoReply = (id: Json, params: Json): string => JSON.stringify({ id, result: params, error: null });

/** An optional column's value: `["set", []]` is how OVSDB says none (5.1). */
export const optionOf = (value: Json | undefined): Json =>
  Array.isArray(value) && value[0] === "set" ? ((value[1] as Json[])[0] ?? null) : (value ?? null);

/** A map column of strings; `["map", [[key, value], …]]` on the wire (5.1). */
export const mapOf = (value: Json | undefined): ReadonlyMap<string, string> =>
  Array.isArray(value) && value[0] === "map" ? new Map(value[1] as readonly (readonly [string, string])[]) : new Map();

/** All values of a set column; a set of one travels as the value itself. */
export const valuesOf = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) && value[0] === "set" ? (value[1] as readonly Json[]) : value === undefined ? [] : [value];

/** The text of a `["uuid", text]` pair. */
export const uuidOf = (value: Json): string => (Array.isArray(value) && value[0] === "uuid" ? String(value[1]) : "");
