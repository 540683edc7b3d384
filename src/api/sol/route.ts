import type { Readable } from "node:stream";
import type { TSchema } from "typebox";
import type { Caller } from "../../model/token.ts";
import type { ListRules } from "./selector.ts";

/** One request, as far as a route needs it. `body` has been checked against the route's schema. */
export interface SolCall<D> {
  readonly doors: D;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
  /** The body of a route that `streams`, to be read to its end; null: there is none. */
  readonly stream: Readable | null;
  /** Of the body, in small letters and without parameters; "" where there is none. */
  readonly contentType: string;
  /** Of what the route offers, the one that the client takes. */
  readonly accepted: string;
  /** Who asks, in words, for records. */
  readonly by: string;
  /** Null: no token is asked for. */
  readonly caller: Caller | null;
  /** Where we are reached, without a slash at its end: for URIs that are not in `_links`. */
  readonly apiRoot: string;
}

/**
 * One route of an interface of SOL002, SOL003 or SOL005: a row of that interface's table. `serve.ts` does what all have in common, so that
 * `does` only asks its doors and shows what they answer. Paths in `_links` and `location` begin at the API's root (`/nsd/v2/…`).
 */
export interface SolRoute<D> {
  readonly is: `${"GET" | "POST" | "PUT" | "PATCH" | "DELETE"} /${string}`;
  /** Status of success; an `Answer` may have another. The body of 202 and 204 is empty. */
  readonly gives: 200 | 201 | 202 | 204;
  readonly does: (call: SolCall<D>) => unknown;
  /** Where what was made, or the state of what was asked for, is found. */
  // biome-ignore lint/suspicious/noExplicitAny: each row knows what its own `does` answers.
  readonly location?: (made: any) => string;
  /** Of the body. Left out: the route has none, unless it streams. */
  readonly body?: TSchema;
  /** Content types of the body; left out: application/json, and application/merge-patch+json for PATCH. */
  readonly takes?: readonly string[];
  /** The body is not read beforehand. */
  readonly streams?: true;
  /** Content types of the answer; left out: application/json. */
  readonly offers?: readonly string[];
  /** It answers a list, or `Members` to be read a part at a time: filtered, selected and paged by these. */
  readonly lists?: ListRules;
}

/** A row with the doors it goes through. */
export type BoundRoute = SolRoute<unknown>;

/** A table with the doors its rows go through, handed over by the composition root. */
export const bound = <D>(table: readonly SolRoute<D>[], doors: D): BoundRoute[] =>
  table.map((route) => ({ ...route, does: (call) => route.does({ ...call, doors }) }));

/** The same, where the doors are those of whoever asks: of a tenant; null: of none. */
export const boundFor = <D>(table: readonly SolRoute<D>[], doorsFor: (tenant: string | null) => D): BoundRoute[] =>
  table.map((route) => ({ ...route, does: (call) => route.does({ ...call, doors: doorsFor(call.caller?.tenantId ?? null) }) }));

/** An answer that is more than a body in JSON. */
export class Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | Readable | null;

  constructor(status: number, headers: Record<string, string>, body: string | Buffer | Readable | null = null) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** A resource and when it was last changed (ISO 8601), for `Last-Modified`. */
export class Dated {
  readonly body: object;
  readonly modifiedAt: string;

  constructor(body: object, modifiedAt: string) {
    this.body = body;
    this.modifiedAt = modifiedAt;
  }
}

/** A resource that shows more than its own state, such as what has come about since: its ETag is of `state`, and who changes it is not refused for the rest. */
export class Stated {
  readonly body: object;
  readonly state: object;

  constructor(body: object, state: object) {
    this.body = body;
    this.state = state;
  }
}
