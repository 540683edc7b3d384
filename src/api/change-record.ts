import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ApiChange, ApiRefusal } from "../model/mano-event.ts";
import type { Caller } from "../model/token.ts";
import { afterAnswer } from "./after-answer.ts";
import type { RefusalRoom } from "./refusal-room.ts";

/** Methods that change nothing (RFC 9110, 9.2.1). */
const LOOKS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** A change that was refused for who asked, or for how things stand. What is malformed is the sender's own matter. */
const REFUSED: ReadonlySet<number> = new Set([401, 403, 404, 409, 412, 422]);
/** Characters of what a client writes of itself, and of a path that leads nowhere. */
const WORDS_MAX = 300;

/** Where it is written down who changed what, and who was not let. */
export interface ChangeRecord {
  changed(what: ApiChange): void;
  refused(what: ApiRefusal): void;
}

/** After each answer: who asked for a change, and what came of it. Never a query or a body. `isNone`: such a request changes nothing. */
export function recordChanges(
  app: FastifyInstance,
  record: ChangeRecord,
  callerOf: (request: FastifyRequest) => Caller | null,
  room: RefusalRoom,
  isNone: (request: FastifyRequest) => boolean = () => false,
): void {
  afterAnswer(app, (request, reply) => {
    const { method, url } = request;
    const { statusCode: status } = reply;
    if (LOOKS.has(method) || isNone(request)) return;
    const caller = callerOf(request);
    const path = url.split("?")[0]!.slice(0, WORDS_MAX);
    const tenant = caller?.tenantId ? { tenantId: caller.tenantId } : {};
    const what = { by: askerIn(request, caller), method, path, status, ...tenant };
    if (status <= 299) record.changed(what);
    if (!REFUSED.has(status)) return;
    const leftOut = room.take(caller?.id ?? request.ip);
    if (leftOut !== null) record.refused({ ...what, ...(leftOut > 0 && { leftOut }) });
  });
}

/** Who asks, in words, for records. */
export function askerIn(request: FastifyRequest, caller: Caller | null): string {
  const from = `${(request.headers["user-agent"] ?? "a client").slice(0, WORDS_MAX)} at ${request.ip}`;
  return caller === null ? from : `${caller.name} (token ${caller.id}), ${from}`;
}
