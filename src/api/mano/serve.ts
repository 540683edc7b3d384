import type { TlsOptions } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Role } from "../../model/token.ts";
import { admitTo, isTenantThere } from "../admission.ts";
import { askerIn, recordChanges } from "../change-record.ts";
import { eventPage, sinceOf, streamEvents, wantsStream } from "../event-stream.ts";
import { type Gate, NotLetIn } from "../gate.ts";
import { makeHttp } from "../http.ts";
import { type OAuth2Parts, serveOAuth2, TOKEN_ENDPOINT } from "../oauth2.ts";
import { type RefusalRoom, refusalRoom } from "../refusal-room.ts";
import { FaultWithHeaders, problemOf } from "../sol/problem.ts";
import type { BoundRoute } from "../sol/route.ts";
import { type NO_METHOD, type SolSettings, serveSol, versionHeader } from "../sol/serve.ts";
import { ACCESS } from "./access.ts";
import type { ManoDoors } from "./doors.ts";
import { ROUTES } from "./routes.ts";

const EVENTS = "/mano/v1/events";
/** For VIMs, which have no token: what stands in the path is as good as one, for this file. */
const IMAGE = "/mano/v1/images/:capability";

/** Packages hold descriptors and small files; disk images go to the VIM. */
const PACKAGE_BYTES_MAX = 64 * 2 ** 20;

/** How its port is guarded; left out: it is open. */
export interface Guarded {
  readonly gate?: Gate;
  readonly tls?: TlsOptions;
  /** Issues access tokens. */
  readonly oauth2?: OAuth2Parts;
  /** For those of all listeners; left out: it has a room of its own. */
  readonly refusals?: RefusalRoom;
}

/** ETSI's interfaces: the rows of all their tables, and how they are addressed. */
export interface Sol extends SolSettings {
  readonly routes: readonly BoundRoute[];
}

export interface Served {
  /** Of who asks: a tenant; null: of none. */
  readonly doorsFor: (tenant: string | null) => ManoDoors;
  readonly hasTenant: (id: string) => Promise<boolean>;
}

/** The MANO's API. The caller listens. */
export function serveMano(
  { doorsFor, hasTenant }: Served,
  sol: Sol,
  log: Log,
  { gate, tls, oauth2, refusals = refusalRoom() }: Guarded = {},
): FastifyInstance {
  const app = makeHttp(tls, {
    answer: (error, request, reply) => void sendProblem(reply, error, request, log),
    broken: (status, sentence) => JSON.stringify(problemOf(Object.assign(new Error(sentence), { statusCode: status }))),
  });
  app.addContentTypeParser("application/zip", { parseAs: "buffer", bodyLimit: PACKAGE_BYTES_MAX }, (_request, body, done) =>
    done(null, body),
  );
  const callerOf = admitTo(app, { gate: gate ?? null, neededFor, hasTenant });
  const doorsOf = (request: FastifyRequest) => doorsFor(callerOf(request)?.tenantId ?? null);
  recordChanges(app, doorsFor(null), callerOf, refusals, (request) => request.routeOptions.url === TOKEN_ENDPOINT); // It changes nothing.
  app.setErrorHandler((error, request, reply) => void sendProblem(reply, error, request, log));
  app.setNotFoundHandler((request, reply) => void sendProblem(reply, noSuchRoute(request, sol.routes), request, log));
  if (oauth2) serveOAuth2(app, oauth2);
  app.get(EVENTS, async (request, reply) => {
    const caller = callerOf(request);
    const isStillGood = async () =>
      caller === null || gate === undefined || ((await gate.isGood(caller)) && (await isTenantThere(caller, hasTenant)));
    const { events } = doorsOf(request);
    if (wantsStream(request)) return streamEvents(reply, events, sinceOf(request), isStillGood);
    return reply.send({ events: await eventPage(events, sinceOf(request)) });
  });
  app.get(IMAGE, async (request, reply) => {
    const { size, open } = await doorsFor(null).image((request.params as { capability: string }).capability);
    const headers = { "content-type": "application/octet-stream", "content-length": size, "cache-control": "no-store" };
    return reply.headers(headers).send(request.method === "HEAD" ? "" : await open(0, Math.max(0, size - 1)));
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
          doors: doorsOf(request),
          params,
          query,
          body,
          by: askerIn(request, callerOf(request)),
        });
        if (location) void reply.header("location", location(value as { id: string }));
        return gives === 204 ? reply.status(204).send() : reply.status(gives).send(value);
      },
    });
  }
  serveSol(app, sol.routes, sol, (request) => ({ by: askerIn(request, callerOf(request)), caller: callerOf(request) }));
  return app;
}

/** Of a path that is no route any role may hear that it is none. */
function neededFor({ method, routeOptions: { url, config } }: FastifyRequest): Role | null {
  if (url === TOKEN_ENDPOINT || url === IMAGE) return null;
  if (url === undefined || (config as Partial<typeof NO_METHOD>).noMethod) return "viewer";
  if (url.endsWith("/api_versions")) return "viewer";
  return ACCESS[`${method === "HEAD" ? "GET" : method} ${url}`] ?? "admin";
}

function noSuchRoute(request: FastifyRequest, sol: readonly BoundRoute[]): Fault {
  const ours = ROUTES.map((r) => r.is).join(", ");
  const etsis = [...new Set(sol.map((r) => r.is.split("/").slice(1, 3).join("/")))].map((root) => `/${root}/…`).join(", ");
  return new Fault(
    "NOT_FOUND",
    `there is no ${request.method} ${request.url.split("?")[0]}; there are: ${ours}, GET ${EVENTS}, and ETSI's ${etsis}`,
  );
}

function sendProblem(reply: FastifyReply, error: unknown, request: FastifyRequest, log: Log): FastifyReply {
  const problem = problemOf(error);
  if (!reply.hasHeader("version")) void reply.headers(versionHeader(request.url));
  if (error instanceof NotLetIn || error instanceof FaultWithHeaders) void reply.headers(error.headers);
  if (problem.status >= 500)
    log.error({ err: error, method: request.method, path: request.url.split("?")[0] }, "a request failed");
  return reply
    .status(problem.status)
    .header("content-type", "application/problem+json")
    .serializer((text: unknown) => text as string) // Else the framework would add a charset, which JSON has none of.
    .send(JSON.stringify(problem));
}
