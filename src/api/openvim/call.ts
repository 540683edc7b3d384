import type { FastifyRequest } from "fastify";
import { parse as parseYaml } from "yaml";
import type { TenantId } from "../../model/ids.ts";
import type { VimDoors } from "./doors.ts";
import type { Query } from "./query.ts";
import { WireError } from "./wire-error.ts";

/** One request, as far as a route needs it. */
export interface Call {
  readonly doors: VimDoors;
  readonly isAdmin: boolean;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The body read as JSON or YAML. Throws 400, 406 or 501. */
  readonly body: () => unknown;
  /** Such as `http://127.0.0.1:9080/openvim`. */
  readonly base: string;
}

export const callOf = (request: FastifyRequest, doors: VimDoors, isAdmin: boolean): Call => ({
  doors,
  isAdmin,
  params: request.params as Record<string, string>,
  query: request.query as Query,
  body: () => readBody(request),
  base: `http://${request.headers.host ?? "localhost"}/openvim`,
});

function readBody(request: FastifyRequest): unknown {
  const text = typeof request.body === "string" ? request.body : "";
  const type = request.headers["content-type"] ?? "application/json";
  if (type.includes("application/json")) return parsed("json", () => JSON.parse(text));
  if (type.includes("application/yaml")) return parsed("yaml", () => parseYaml(text));
  if (type.includes("application/xml")) throw new WireError(501, "Content-Type: application/xml not supported yet.");
  throw new WireError(406, `Content-Type: ${type} not supported`);
}

function parsed(format: string, read: () => unknown): unknown {
  try {
    return read();
  } catch (e) {
    throw new WireError(400, `Invalid ${format} format ${(e as Error).message}`);
  }
}

/** Throws 401 on the ordinary port: it is what makes the original's clients repeat the request on the administrator's. */
export function needAdmin(call: Call, sentence = "Needed admin privileges"): void {
  if (!call.isAdmin) throw new WireError(401, sentence);
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
export function oneTenantOf(call: Call, verb: string): TenantId {
  const tenant = tenantOf(call);
  if (tenant === "any") throw new WireError(400, `Invalid tenant 'any' with method ${verb}`);
  return tenant;
}
