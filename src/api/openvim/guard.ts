import type { TlsOptions } from "node:tls";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Fault } from "../../lib/fault.ts";
import type { TenantId } from "../../model/ids.ts";
import type { Caller, Role } from "../../model/token.ts";
import { afterAnswer } from "../after-answer.ts";
import type { Gate } from "../gate.ts";
import { roleFor } from "./access.ts";
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
    const caller = await gate.admit(request, neededFor(request, port));
    const isAdmin = caller.role === "admin";
    if (!isAdmin) checkTenant(caller, doors);
    const seen = isAdmin ? doors : doorsOf(caller.tenantId as TenantId);
    askers.set(request, { doors: seen, isAdmin, caller, isStillGood: () => isStillGood(caller, gate, doors) });
  });
  const knownOf = (request: FastifyRequest): Asker | null => askers.get(request) ?? null;
  recordChanges(app, port, knownOf);
  return (request) => {
    const known = knownOf(request);
    if (known === null) throw new Error("a request came past the gate");
    return known;
  };
}

/** A token goes with its tenant, and rests while that is disabled. Throws 401 or 403. */
function checkTenant({ tenantId }: Caller, { picture }: VimDoors): void {
  const tenant = picture.tenants.get(tenantId as TenantId);
  if (!tenant) throw new Fault("UNAUTHENTICATED", "the tenant of this token is no more");
  if (!tenant.enabled) throw new Fault("FORBIDDEN", `tenant '${tenant.id}' is not enabled`);
}

async function isStillGood(caller: Caller, gate: Gate, { picture }: VimDoors): Promise<boolean> {
  const isTenantThere = caller.role === "admin" || picture.tenants.get(caller.tenantId as TenantId)?.enabled === true;
  return isTenantThere && gate.isGood(caller);
}

/** Of a path that is no route any role may hear that it is none. */
function neededFor(request: FastifyRequest, { isAdmin, base }: Port): Role {
  const { url } = request.routeOptions;
  if (url === undefined) return isAdmin ? "admin" : "viewer";
  const method = request.method === "HEAD" ? "GET" : request.method;
  return roleFor(`${method} ${url.slice(base.length)}`, isAdmin);
}

function perTenant(doors: VimDoors): (tenant: TenantId) => VimDoors {
  const made = new Map<TenantId, VimDoors>();
  return (tenant) => {
    const known = made.get(tenant) ?? tenantDoors(tenant, doors);
    made.set(tenant, known);
    return known;
  };
}

/** Methods that change nothing (RFC 9110, 9.2.1). */
const LOOKS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** After the answer is out: no switch-over waits for it. */
function recordChanges(app: FastifyInstance, { isAdmin }: Port, askerOf: (request: FastifyRequest) => Asker | null): void {
  afterAnswer(app, (request, reply) => {
    const { method, ip } = request;
    const asker = askerOf(request);
    if (asker === null || LOOKS.has(method) || reply.statusCode > 299) return;
    const { caller, doors } = asker;
    const by = caller ? `${caller.name} (token ${caller.id})` : `${isAdmin ? "administrator's" : "ordinary"} port, from ${ip}`;
    const tenantId = (caller?.tenantId ?? null) as TenantId | null;
    const what = { by, method, path: request.url.split("?")[0]!, status: reply.statusCode };
    doors.audit.changed(tenantId === null ? what : { ...what, tenantId });
  });
}
