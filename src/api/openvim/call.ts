import type { FastifyRequest } from "fastify";
import type { TenantId } from "../../model/ids.ts";
import type { Caller } from "../../model/token.ts";
import { readBody } from "../body.ts";
import type { Query } from "../query.ts";
import { WireError } from "../wire-error.ts";
import type { VimDoors } from "./doors.ts";
import type { Asker } from "./guard.ts";

/** One request, as far as a route needs it. */
export interface Call {
  readonly doors: VimDoors;
  readonly isAdmin: boolean;
  /** Who asks; null: tokens are not asked for here. */
  readonly caller: Caller | null;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The body read as JSON or YAML. Throws 400, 406, 413 or 501. */
  readonly body: () => unknown;
  /** Such as `http://127.0.0.1:9080/openvim`. */
  readonly base: string;
}

export const callOf = (request: FastifyRequest, { doors, isAdmin, caller }: Asker): Call => ({
  doors,
  isAdmin,
  caller,
  params: request.params as Record<string, string>,
  query: request.query as Query,
  body: () => readBody(typeof request.body === "string" ? request.body : "", request.headers["content-type"]),
  base: baseOf(request),
});

/** As the caller reached us. */
export const baseOf = (request: FastifyRequest): string => `${request.protocol}://${request.headers.host ?? "localhost"}/openvim`;

/** Throws 401 on the ordinary port: it is what makes the original's clients repeat the request on the administrator's. Of a known caller 403. */
export function needAdmin(call: Call, sentence = "Needed admin privileges"): void {
  if (!call.isAdmin) throw new WireError(call.caller === null ? 401 : 403, sentence);
}

/** The tenant of the path: one that exists, or `any` for an administrator. */
export function tenantOf(call: Call): TenantId | "any" {
  const tenant = call.params.tenant!;
  if (tenant === "any") {
    needAdmin(call);
    return "any";
  }
  if (!call.doors.picture.tenants.has(tenant as TenantId)) throw new WireError(404, `tenant '${tenant}' not found`);
  return tenant as TenantId;
}

/** A tenant of the path that things can belong to. */
export function oneTenantOf(call: Call): TenantId {
  const tenant = tenantOf(call);
  if (tenant === "any") throw new WireError(400, "Invalid tenant 'any' with this command");
  return tenant;
}
