import type { FastifyInstance, FastifyRequest } from "fastify";
import { Fault } from "../lib/fault.ts";
import type { Caller, Role } from "../model/token.ts";
import { type Gate, NotLetIn } from "./gate.ts";

export interface Admission {
  /** Null: tokens are not asked for here. */
  readonly gate: Gate | null;
  /** Null: it is for all. */
  readonly neededFor: (request: FastifyRequest) => Role | null;
  /** A token goes with its tenant. */
  readonly hasTenant: (id: string) => Promise<boolean>;
}

/** Has every request looked at before anything else is done about it. Answers who asked; null: no token was asked for. */
export function admitTo(
  app: FastifyInstance,
  { gate, neededFor, hasTenant }: Admission,
): (request: FastifyRequest) => Caller | null {
  if (gate === null) return () => null;
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.addHook("onRequest", async (request) => {
    const needed = neededFor(request);
    if (needed === null) return;
    try {
      const caller = await gate.admit(request, needed);
      callers.set(request, caller);
      if (!(await isTenantThere(caller, hasTenant))) throw new Fault("UNAUTHENTICATED", "the tenant of this token is no more");
    } catch (e) {
      if (e instanceof NotLetIn && e.caller !== null) callers.set(request, e.caller); // For the record alone: nothing is done for it.
      throw e;
    }
  });
  return (request) => callers.get(request) ?? null;
}

export const isTenantThere = async ({ tenantId }: Caller, hasTenant: Admission["hasTenant"]): Promise<boolean> =>
  tenantId === null || hasTenant(tenantId);
