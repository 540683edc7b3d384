import { ROUTES } from "../../src/api/mano/routes.ts";
import { SOL_TABLES } from "../../src/api/sol/tables.ts";
import { API_VERSIONS, isApiName } from "../../src/api/sol/versions.ts";
import type { Chance } from "../../test/chaos/chance.ts";
import type { EtsiOperation } from "../../test/harness/etsi-schema.ts";
import { madeFrom, type Schema, type Source, spoiled } from "./values.ts";

export interface ManoFuzzed {
  /** With the names of its parameters; null: a path or method of none. */
  readonly operation: string | null;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

const JSON_TYPE = "application/json";
const STRANGE = [
  "nope",
  "%00",
  "a%00b",
  "%F0%9F%98%80",
  "%2e%2e%2f",
  "%zz",
  "'",
  "x".repeat(300),
  "null",
  "__proto__",
  "constructor",
];
const METHODS = ["PATCH", "DELETE", "POST", "PUT", "GET", "HEAD"];
const TYPES = ["text/plain", "application/xml", "application/yaml", "multipart/form-data", "application/zip", "", "x/", ";"];
const BROKEN = [
  "",
  "{",
  "[1,",
  "nul",
  '{"a":1}}',
  "\ufeff{}",
  "[".repeat(5_000),
  '"'.repeat(99),
  "\u0000",
  "null",
  "[]",
  "1",
  '"x"',
];
const QUERIES = [
  ...["all_fields", "exclude_default", "fields=id", "fields=", "exclude_fields=id", "fields=zz", "filter=(eq,id,x)", "filter="],
  ...[
    "filter=(eq,id",
    "filter=(cont,id,a,b);(neq,zz/y,1)",
    "filter=(gt,_links,1)",
    "filter=(eq,__proto__,1)",
    "zz=1",
    "=",
    "%",
    "a[b]=c",
  ],
  ...["nextpage_opaque_marker=x", "nextpage_opaque_marker=", "include_signatures", "include_signatures=x", "limit=-1", "since=x"],
];
const ACCEPTS = ["application/json", "*/*", "text/plain", "application/zip", "text/html", "", "application/problem+json", "x"];
const CONDITIONS = [
  ...[{ "if-match": '"x"' }, { "if-match": "*" }, { "if-match": "x" }, { "if-unmodified-since": "yesterday" }],
  ...[{ "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" }, { range: "bytes=0-1" }, { range: "bytes=9-1" }, { range: "x" }],
];

/** So many ids of one name are remembered. */
const KEPT = 40;

/** An endless course of requests to a MANO; the same from the same seed and the same answers. */
export class ManoRequests {
  readonly #operations: readonly EtsiOperation[];
  readonly #chance: Chance;
  readonly #contents: readonly string[];
  /** By the name that ETSI has for them, such as nsdId; and by the path of the list they are in. */
  readonly #known = new Map<string, string[]>();

  /** `etsi`: the operations of ETSI's definitions; empty: ours alone are asked for. `contents`: descriptors, for what is uploaded. */
  constructor(etsi: readonly EtsiOperation[], chance: Chance, contents: readonly string[]) {
    this.#operations = [...etsi, ...ours()];
    this.#chance = chance;
    this.#contents = contents;
  }

  /** Takes in the ids of a reply. */
  learn(path: string, body: unknown): void {
    const list = path.split("?")[0]!;
    for (const thing of Array.isArray(body) ? body : [body]) {
      if (typeof thing !== "object" || thing === null) continue;
      for (const [name, value] of Object.entries(thing)) {
        if (typeof value !== "string" || !/^id$|Id$/.test(name)) continue;
        const at = name !== "id" ? name : list.includes(value) ? list.slice(0, list.indexOf(value) - 1) : list;
        const ids = this.#known.get(at) ?? [];
        if (!ids.includes(value)) this.#known.set(at, [value, ...ids].slice(0, KEPT));
      }
    }
  }

  /** The lists there are. */
  lists(): string[] {
    return [...new Set(this.#operations.filter((o) => o.method === "GET" && !o.path.includes("{")).map((o) => o.path))];
  }

  next(): ManoFuzzed {
    const chance = this.#chance;
    const operation = chance.one(this.#operations);
    const isStray = chance.is(0.03);
    const body = this.#body(operation);
    const path = this.#filled(operation.path);
    return {
      operation: isStray ? null : `${operation.method} ${operation.path}`,
      method: isStray ? chance.one(METHODS) : operation.method,
      path: `${path}${isStray && chance.is(0.3) ? "/more" : ""}${this.#query(operation)}`,
      headers: { ...this.#headers(path), ...(body?.type ? { "content-type": body.type } : {}) },
      body: body?.text ?? null,
    };
  }

  #filled(path: string): string {
    return path.replaceAll(/\{(\w+)\}/g, (_, name: string, at: number) => {
      if (this.#chance.is(0.05)) return this.#chance.one(STRANGE);
      return encodeURIComponent(this.#id(path.slice(0, at - 1)) ?? this.#id(name) ?? "00000000-0000-0000-0000-000000000000");
    });
  }

  #id(name: string): string | null {
    const ids = this.#known.get(name) ?? [];
    return ids.length === 0 || this.#chance.is(0.05) ? null : this.#chance.one(ids);
  }

  #query({ method }: EtsiOperation): string {
    const chance = this.#chance;
    const parts = Array.from({ length: chance.is(method === "GET" ? 0.3 : 0.03) ? chance.whole(1, 2) : 0 }, () =>
      chance.one(QUERIES),
    );
    return parts.length === 0 ? "" : `?${parts.join("&")}`;
  }

  #headers(path: string): Record<string, string> {
    const chance = this.#chance;
    const api = path.split("/")[1] ?? "";
    const version = isApiName(api) ? API_VERSIONS[api] : "1.0.0";
    return {
      ...(chance.is(0.03) ? { version: chance.one(["9.9.9", "x", "2", "1.0.0,2.0.0"]) } : chance.is(0.02) ? {} : { version }),
      ...(chance.is(0.05) ? { accept: chance.one(ACCEPTS) } : {}),
      ...(chance.is(0.04) ? chance.one(CONDITIONS) : {}),
    };
  }

  #body({ method, bodies, resolve }: EtsiOperation): { text: string; type: string } | null {
    const chance = this.#chance;
    const types = Object.keys(bodies);
    if (types.length === 0 && !(method === "POST" && chance.is(0.3))) return null;
    if (chance.is(0.05) || types.length === 0) return { text: chance.one(BROKEN), type: chance.one([JSON_TYPE, ...TYPES]) };
    const type = chance.is(0.03) ? chance.one(TYPES) : chance.one(types);
    const schema = (bodies[type] ?? bodies[types[0]!]) as Schema;
    if (!types[0]!.includes("json")) return { text: chance.is(0.7) ? chance.one(this.#contents) : chance.one(BROKEN), type };
    const known = (member: string) => (/[fF]lavourId$/.test(member) ? "default" : this.#id(member));
    const source: Source = { chance, ids: (member) => this.#id(member) ?? "w", known, resolve: resolve as Source["resolve"] };
    const good = madeFrom(schema, source);
    return { text: JSON.stringify(chance.is(0.45) ? spoiled(good, chance) : good) ?? "null", type };
  }
}

/** The rows of our own tables, those among them too that ETSI has no word for. */
function ours(): EtsiOperation[] {
  const resolve = (ref: string): object => {
    throw new Error(`our bodies refer to nothing: ${ref}`);
  };
  const rows = [...SOL_TABLES.flat(), ...ROUTES] as readonly {
    readonly is: string;
    readonly body?: object;
    readonly takes?: readonly string[];
    readonly streams?: true;
  }[];
  return rows.map(({ is, body, takes, streams }) => {
    const [method = "", path = ""] = is.split(" ");
    const byDefault = method === "PATCH" ? "application/merge-patch+json" : JSON_TYPE;
    const types = body === undefined && !streams ? [] : (takes ?? [byDefault]);
    const bodies = Object.fromEntries(types.map((type) => [type, body ?? {}]));
    return { method, path: path.replaceAll(/:(\w+)|\*/g, (_, name = "artifactPath") => `{${name}}`), bodies, resolve };
  });
}
