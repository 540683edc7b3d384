import { finished } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/**
 * Calls `does` once for each request, when its answer is out or nobody is there any more to take it. Fastify's own `onResponse` leaves out
 * whoever hangs up early: what he asked for is done all the same.
 */
export function afterAnswer(app: FastifyInstance, does: (request: FastifyRequest, reply: FastifyReply) => void): void {
  app.addHook("onSend", (request, reply, payload, done) => {
    finished(reply.raw, { readable: false }, () => does(request, reply));
    done(null, payload);
  });
}
