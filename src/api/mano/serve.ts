import type { TlsOptions } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { FAULTS, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Caller, Role } from "../../model/token.ts";
import { eventPage, sinceOf, streamEvents, wantsStream } from "../event-stream.ts";
import { type Gate, NotLetIn } from "../gate.ts";
import { makeHttp } from "../http.ts";
import { ACCESS } from "./access.ts";
import type { ManoDoors } from "./doors.ts";
import { ROUTES } from "./routes.ts";

const EVENTS = "/mano/v1/events";

/** Packages hold descriptors and small files; disk images go to the VIM. */
const PACKAGE_BYTES_MAX = 64 * 2 ** 20;

/** How its port is guarded; left out: it is open. */
export interface Guarded {
  readonly gate?: Gate;
  readonly tls?: TlsOptions;
}

/** The MANO's API. The caller listens. */
export function serveMano(doors: ManoDoors, log: Log, { gate, tls }: Guarded = {}): FastifyInstance {
  const app = makeHttp(tls);
  app.addContentTypeParser("application/zip", { parseAs: "buffer", bodyLimit: PACKAGE_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  );
  const callerOf = guard(app, gate ?? null);
  app.addHook("onResponse", (request, reply, done) => {
    done();
    const { method, url } = request;
    if (method === "GET" || method === "HEAD" || reply.statusCode > 299) return;
    doors.changed({ by: byOf(request, callerOf(request)), method, path: url.split("?")[0]!, status: reply.statusCode });
  });
  app.setErrorHandler((error, request, reply) => void sendProblem(reply, problemOf(error), error, request, log));
  app.setNotFoundHandler((request, reply) => void sendProblem(reply, noSuchRoute(request), null, request, log));
  app.get(EVENTS, async (request, reply) => {
    const caller = callerOf(request);
    const isStillGood = async () => caller === null || gate === undefined || gate.isGood(caller);
    if (wantsStream(request)) return streamEvents(reply, doors.events, sinceOf(request), isStillGood);
    return reply.send({ events: await eventPage(doors.events, sinceOf(request)) });
  });
  for (const { is, gives, does, location } of ROUTES) {
    const [method, url] = is.split(" ") as [HTTPMethods, string];
    app.route({
      method,
      url,
      handler: async (request, reply) => {
        const { params, query, body } = request as {
          params: Record<string, string>;
          query: Record<string, string>;
          body: unknown;
        };
        const value = await does({
          doors,
          params,
          query,
          body,
          by: byOf(request, callerOf(request)),
        });
        if (location) void reply.header("location", location(value as { id: string }));
        return gives === 204 ? reply.status(204).send() : reply.status(gives).send(value);
      },
    });
  }
  return app;
}

/** Has every request looked at before anything else is done about it. Answers who asked; null: no token is asked for. */
function guard(app: FastifyInstance, gate: Gate | null): (request: FastifyRequest) => Caller | null {
  if (gate === null) return () => null;
  const callers = new WeakMap<FastifyRequest, Caller>();
  app.addHook("onRequest", async (request) => {
    callers.set(request, await gate.admit(request, neededFor(request)));
  });
  return (request) => callers.get(request) ?? null;
}

/** Of a path that is no route any role may hear that it is none. */
function neededFor({ method, routeOptions: { url } }: FastifyRequest): Role {
  if (url === undefined) return "viewer";
  return ACCESS[`${method === "HEAD" ? "GET" : method} ${url}`] ?? "admin";
}

/** Who asks, in words, for records. */
function byOf(request: FastifyRequest, caller: Caller | null): string {
  const from = `${request.headers["user-agent"] ?? "a client"} at ${request.ip}`;
  return caller === null ? from : `${caller.name} (token ${caller.id}), ${from}`;
}

/** RFC 7807, as SOL013 6.3 asks for. `code` is ours: the same word as in logs and journal. */
interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
}

function problemOf(e: unknown): Problem {
  if (e instanceof Fault) return { status: FAULTS[e.code].http, title: FAULTS[e.code].text, detail: detailOf(e), code: e.code };
  const status = (e as { statusCode?: number } | null)?.statusCode;
  if (status !== undefined && status < 500) {
    return { status, title: FAULTS.INVALID.text, detail: e instanceof Error ? e.message : String(e), code: "INVALID" };
  }
  return { status: 500, title: "internal error", detail: "a bug of ours; the log has more", code: "INTERNAL" };
}

/** What is special about it; the title says the rest. */
const detailOf = (e: Fault): string => e.message.slice(FAULTS[e.code].text.length + 2);

function noSuchRoute(request: FastifyRequest): Problem {
  const there = [...ROUTES.map((r) => r.is), `GET ${EVENTS}`].join(", ");
  const { http: status, text: title } = FAULTS.NOT_FOUND;
  return {
    status,
    title,
    detail: `there is no ${request.method} ${request.url.split("?")[0]}; there are: ${there}`,
    code: "NOT_FOUND",
  };
}

function sendProblem(reply: FastifyReply, problem: Problem, error: unknown, request: FastifyRequest, log: Log): FastifyReply {
  if (error instanceof NotLetIn) void reply.headers(error.headers);
  if (problem.status >= 500)
    log.error({ err: error, method: request.method, path: request.url.split("?")[0] }, "a request failed");
  return reply.status(problem.status).type("application/problem+json").send(JSON.stringify(problem));
}
