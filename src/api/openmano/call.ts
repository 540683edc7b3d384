import type { FastifyRequest } from "fastify";
import { readBody } from "../body.ts";
import type { Query } from "../query.ts";
import { WireError } from "../wire-error.ts";
import type { OpenmanoDoors } from "./doors.ts";

/** One request, as far as a route needs it. */
export interface Call {
  readonly doors: OpenmanoDoors;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The body read as JSON or YAML. Throws 400, 406, 413 or 501. */
  readonly body: () => unknown;
  /** Whose token it is: it reaches that tenant only. Null: it reaches all. */
  readonly tenantId: string | null;
}

export const callOf = (request: FastifyRequest, doors: OpenmanoDoors, tenantId: string | null): Call => ({
  doors,
  tenantId,
  params: request.params as Record<string, string>,
  query: request.query as Query,
  body: () => readBody(typeof request.body === "string" ? request.body : "", request.headers["content-type"]),
});

/** Throws 400 for a filter: what is not filtered by must not look as if it was. */
export function noQuery({ query }: Call): void {
  const [key, value] = Object.entries(query)[0] ?? [];
  if (key !== undefined) throw new WireError(400, `Invalid query string at '${key}=${String(value)}'`);
}
