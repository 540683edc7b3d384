import { stringify as toYaml } from "yaml";
import type { OpenApi, Operation } from "../../src/api/openvim/openapi.ts";
import type { Chance } from "../../test/chaos/chance.ts";
import { madeFrom, type Schema, type Source, spoiled } from "./values.ts";

export interface Fuzzed {
  /** As the document writes it, such as `GET /networks/{id}`; null: a path or method of none. */
  readonly operation: string | null;
  readonly method: string;
  /** With `/openvim` before it. */
  readonly url: string;
  readonly admin: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Words in the place of an id that is none. */
const STRANGE = [
  "nope",
  "%00",
  "a%00b",
  "%F0%9F%98%80",
  "..",
  "%2e%2e%2f",
  "%",
  "%zz",
  "'",
  "all",
  "any",
  "x".repeat(299),
  "x".repeat(301),
  "null",
];
/** What a member of a body names. */
const KIND_OF: Readonly<Record<string, string>> = {
  tenant_id: "tenants",
  network_id: "networks",
  net_id: "networks",
  bind_net: "networks",
  imageRef: "images",
  flavorRef: "flavors",
  hostId: "hosts",
};
const METHODS = ["PATCH", "DELETE", "POST", "PUT", "GET", "OPTIONS", "HEAD"];
const TYPES = [
  "application/json",
  "application/json; charset=utf-8",
  "text/plain",
  "application/xml",
  "application/yaml",
  "multipart/form-data",
  "",
];
const BROKEN = [
  "",
  "{",
  "[1,",
  "nul",
  '{"a":1}}',
  '{"a":\u0000}',
  "\ufeff{}",
  "--- [",
  "a: &a [*a]",
  "[".repeat(5_000),
  '"'.repeat(99),
  "\u0000",
];

/** An endless course of requests from the document, good and bad; the same from the same seed and the same answers. */
export class Requests {
  readonly #chance: Chance;
  readonly #api: OpenApi;
  readonly #all: readonly (readonly [string, string, Operation])[];
  readonly #made: readonly (readonly [string, string, Operation])[];
  /** Ids by the first word of the path that made them. */
  readonly #known = new Map<string, string[]>();

  constructor(api: OpenApi, chance: Chance) {
    this.#api = api;
    this.#chance = chance;
    this.#all = Object.entries(api.paths).flatMap(([path, ops]) =>
      Object.entries(ops).map(([method, op]) => [path, method, op] as const),
    );
    this.#made = this.#all.filter(([path, method]) => method === "post" && !path.includes("{action}"));
  }

  /** A thing was made: later requests are about it too. */
  learn(kind: string, id: string): void {
    const ids = this.#known.get(kind) ?? [];
    if (ids.length === 0 || this.#chance.is(0.2)) ids.unshift(id);
    else ids.push(id);
    if (ids.length > KEPT) ids.splice(this.#chance.whole(1, KEPT - 1), 1);
    this.#known.set(kind, ids);
  }

  /** It is gone: it is asked for as often as any other that is not there. */
  forget(kind: string, id: string): void {
    this.#known.set(kind, this.#known.get(kind)?.filter((known) => known !== id) ?? []);
  }

  knows(kind: string, id: string): boolean {
    return this.#known.get(kind)?.includes(id) === true;
  }

  next(): Fuzzed {
    const chance = this.#chance;
    const [path, verb, operation] = this.#operation();
    const isStray = chance.is(0.03);
    const body = operation.requestBody ? this.#body(operation) : chance.is(0.02) ? this.#broken() : null;
    return {
      operation: isStray ? null : `${verb.toUpperCase()} ${path}`,
      method: isStray ? chance.one(METHODS) : verb.toUpperCase(),
      url: `/openvim${this.#filled(path)}${isStray && chance.is(0.3) ? "/more" : ""}${this.#query(operation)}`,
      admin: chance.is(0.8),
      headers: {
        ...(body?.type ? { "content-type": body.type } : {}),
        ...(chance.is(0.1) ? { accept: "application/yaml" } : {}),
      },
      body: body?.text ?? null,
    };
  }

  /** Any of them; what makes things twice as often as what deletes them, so that there is something to ask about. */
  #operation(): readonly [string, string, Operation] {
    const drawn = this.#chance.one(this.#all);
    return drawn[1] === "delete" && this.#chance.is(0.7) ? this.#chance.one(this.#made) : drawn;
  }

  #filled(path: string): string {
    const chance = this.#chance;
    return path.replace(/(\w+\/)?\{(\w+)\}/g, (_, before = "", name: string) => {
      if (chance.is(0.06)) return `${before}${chance.one(STRANGE)}`;
      if (name === "tenant") return chance.is(0.1) ? "any" : this.#id("tenants");
      if (name === "action") return chance.one(["attach", "detach"]);
      const kind = before === "network/" ? "networks" : before.slice(0, -1);
      return `${before}${this.#id(name === "bindId" || name === "copyId" ? "networks" : kind)}`;
    });
  }

  /** Often the eldest of its kind: so that much is about the same things, and servers find their tenant's images and flavors. */
  #id(kind?: string): string {
    const ids = kind === undefined ? [...this.#known.values()].flat() : (this.#known.get(kind) ?? []);
    if (ids.length === 0 || this.#chance.is(0.03)) return "00000000-0000-0000-0000-000000000000";
    return this.#chance.is(0.4) ? ids[0]! : this.#chance.one(ids);
  }

  #query({ parameters = [] }: Operation): string {
    const chance = this.#chance;
    const asked = parameters.filter((p) => p.in === "query" && chance.is(0.12));
    const parts = asked.map(
      (p) => `${encodeURIComponent(p.name)}=${chance.one(["null", "True", "true", "x", "0", "7", "%00", "id", this.#id()])}`,
    );
    if (chance.is(0.03)) parts.push(chance.one(["zz=1", "limit=-1", "field=zz", "limit=1e9", "a[b]=c", "=", "%", "__proto__=1"]));
    return parts.length === 0 ? "" : `?${parts.join("&")}`;
  }

  #body({ requestBody }: Operation): { text: string; type: string } {
    const chance = this.#chance;
    if (chance.is(0.05)) return this.#broken();
    const resolve = (ref: string) => this.#api.components.schemas[ref.split("/").at(-1)!] as Schema;
    const source: Source = { chance, ids: (member) => this.#id(KIND_OF[member]), resolve };
    const good = madeFrom(requestBody!.content["application/json"]!.schema as Schema, source);
    const value = chance.is(0.45) ? spoiled(good, chance) : good;
    if (chance.is(0.1)) return { text: toYaml(value ?? null), type: "application/yaml" };
    return { text: JSON.stringify(value) ?? "null", type: chance.is(0.03) ? chance.one(TYPES) : "application/json" };
  }

  #broken(): { text: string; type: string } {
    return { text: this.#chance.one(BROKEN), type: this.#chance.one(["application/json", "application/yaml"]) };
  }
}

/** So many of each kind are remembered: others are asked for no more. */
const KEPT = 60;
