import type { TlsOptions } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { TenantId } from "../../model/ids.ts";
import type { Caller, Role } from "../../model/token.ts";
import type { Gate } from "../gate.ts";
import { ACCESS } from "./access.ts";
import type { VimDoors } from "./doors.ts";
import { tenantDoors } from "./tenant-doors.ts";

/** How a port is guarded; left out: it is open, as the original is. */
export interface Guarded {
  readonly gate?: Gate;
  readonly tls?: TlsOptions;
}

/** Who asks, and the doors that are open to it. */
export interface Asker {
  readonly doors: VimDoors;
  readonly isAdmin: boolean;
  /** Null: tokens are not asked for here. */
  readonly caller: Caller | null;
  readonly isStillGood: () => Promise<boolean>;
}

interface Port {
  readonly isAdmin: boolean;
  readonly base: string;
  readonly gate: Gate | null;
}

/** The word that somebody listens, for those who look whether it does; and what a browser asks before it may send a token. */
const isForAll = (request: FastifyRequest, base: string): boolean =>
  request.routeOptions.url === `${base}/` || request.method === "OPTIONS";

/**
 * Has every request of a server looked at before anything else is done about it, whatever routes it has or gets; and who changed
 * something written down. Answers who asked.
 */
export function guard(app: FastifyInstance, doors: VimDoors, port: Port): (request: FastifyRequest) => Asker {
  const { gate, base } = port;
  const anybody: Asker = { doors, isAdmin: port.isAdmin, caller: null, isStillGood: async () => true };
  if (gate === null) {
    recordChanges(app, port, () => anybody);
    return () => anybody;
  }
  const doorsOf = perTenant(doors);
  const askers = new WeakMap<FastifyRequest, Asker>();
  app.addHook("onRequest", async (request) => {
    if (isForAll(request, base)) return;
    const caller = await gate.admit(request, port.isAdmin ? "admin" : neededFor(request, base));
    const isAdmin = caller.role === "admin";
    const seen = isAdmin ? doors : doorsOf(caller.tenantId as TenantId);
    askers.set(request, { doors: seen, isAdmin, caller, isStillGood: () => gate.isGood(caller) });
  });
  const askerOf = (request: FastifyRequest) => askers.get(request) ?? { ...anybody, isAdmin: false };
  recordChanges(app, port, askerOf);
  return askerOf;
}

/** Of a path that is no route any role may hear that it is none. */
function neededFor(request: FastifyRequest, base: string): Role {
  const { url } = request.routeOptions;
  if (url === undefined) return "viewer";
  const method = request.method === "HEAD" ? "GET" : request.method;
  return ACCESS[`${method} ${url.slice(base.length)}`] ?? "admin";
}

function perTenant(doors: VimDoors): (tenant: TenantId) => VimDoors {
  const made = new Map<TenantId, VimDoors>();
  return (tenant) => {
    const known = made.get(tenant) ?? tenantDoors(tenant, doors);
    made.set(tenant, known);
    return known;
  };
}

/** After the answer is out: no switch-over waits for it. */
function recordChanges(app: FastifyInstance, { isAdmin }: Port, askerOf: (request: FastifyRequest) => Asker): void {
  app.addHook("onResponse", (request, reply, done) => {
    done();
    const { method, ip } = request;
    if (method === "GET" || method === "HEAD" || reply.statusCode > 299) return;
    const { caller, doors } = askerOf(request);
    const by = caller ? `${caller.name} (token ${caller.id})` : `${isAdmin ? "administrator's" : "ordinary"} port, from ${ip}`;
    const tenantId = (caller?.tenantId ?? null) as TenantId | null;
    const what = { by, method, path: request.url.split("?")[0]!, status: reply.statusCode };
    doors.audit.changed(tenantId === null ? what : { ...what, tenantId });
  });
}
