import type { TlsOptions } from "node:tls";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { VERSION } from "../../lib/version.ts";
import type { Role } from "../../model/token.ts";
import { admitTo } from "../admission.ts";
import { recordChanges } from "../change-record.ts";
import { type Gate, NotLetIn } from "../gate.ts";
import { makeHttp } from "../http.ts";
import { methodsAt } from "../methods.ts";
import { type RefusalRoom, refusalRoom } from "../refusal-room.ts";
import { jsonText, yamlText } from "../reply-text.ts";
import { errorBody, WireError } from "../wire-error.ts";
import { callOf } from "./call.ts";
import type { OpenmanoDoors } from "./doors.ts";
import { ROUTES } from "./routes.ts";

export const OPENMANO_PATH = "/openmano";

const TEXTS: Readonly<Record<string, string>> = {
  "/": "works",
  "/version": `openmanod version 8.0.0 (Sempre ${VERSION})`,
};
const ALL = [
  ...Object.keys(TEXTS).map((path) => ({ method: "GET", url: `${OPENMANO_PATH}${path}` })),
  ...ROUTES.map(({ is }) => ({ method: is.split(" ")[0]!, url: `${OPENMANO_PATH}${is.split(" ")[1]}` })),
];

/** How its port is guarded; left out: it is open, as the original is. */
export interface Guarded {
  readonly gate?: Gate;
  readonly tls?: TlsOptions;
  /** For those of all listeners; left out: it has a room of its own. */
  readonly refusals?: RefusalRoom;
}

export interface Served {
  readonly doors: OpenmanoDoors;
  readonly hasTenant: (id: string) => Promise<boolean>;
}

/** OpenMANO's API. The caller listens, or hands it what comes for `OPENMANO_PATH`. */
export function serveOpenmano(
  { doors, hasTenant }: Served,
  log: Log,
  { gate, tls, refusals = refusalRoom() }: Guarded = {},
): FastifyInstance {
  const app = makeHttp(tls, {
    answer: (error, request, reply) => {
      void reply.header("access-control-allow-origin", "*");
      answerError(error, request, reply, log);
    },
    broken: (status, sentence) => jsonText(errorBody(new WireError(status, sentence))),
  });
  app.addHook("onRequest", (_request, { raw }, next) => {
    raw.setHeader("access-control-allow-origin", "*");
    next();
  });
  const callerOf = admitTo(app, { gate: gate ?? null, neededFor, hasTenant });
  recordChanges(app, doors, callerOf, refusals);
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler(answerUnrouted);
  for (const [path, text] of Object.entries(TEXTS))
    app.get(`${OPENMANO_PATH}${path}`, (_request, reply) => reply.type("text/html; charset=UTF-8").send(text));
  for (const { is, does } of ROUTES) {
    const [method, url] = is.split(" ") as [HTTPMethods, string];
    app.route({
      method,
      url: `${OPENMANO_PATH}${url}`,
      handler: async (request, reply) =>
        send(request, reply, await does(callOf(request, doors, callerOf(request)?.tenantId ?? null))),
    });
  }
  return app;
}

const ROLES = new Map(ROUTES.map(({ is, for: role }) => [`${is.split(" ")[0]} ${OPENMANO_PATH}${is.split(" ")[1]}`, role]));

/** The word that somebody listens, and what a browser asks before it may send a token, are for all. */
function neededFor(request: FastifyRequest): Role | null {
  const { url } = request.routeOptions;
  if (request.method === "OPTIONS" || url === `${OPENMANO_PATH}/`) return null;
  const method = request.method === "HEAD" ? "GET" : request.method;
  const isText = url === `${OPENMANO_PATH}/version`;
  return url === undefined || isText ? "viewer" : (ROLES.get(`${method} ${url}`) ?? "admin");
}

/** Nothing is there: 405, as the original answers whatever it does not know. */
function answerUnrouted(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split("?")[0]!;
  const allow = methodsAt(ALL, path).join(", ") || "OPTIONS";
  void reply.header("allow", allow);
  if (request.method !== "OPTIONS") return send(request, reply.status(405), errorBody(new WireError(405, "Method not allowed.")));
  void reply
    .header("access-control-allow-methods", "POST, GET, PUT, DELETE, OPTIONS")
    .header("access-control-allow-headers", "*");
  return reply.status(200).send();
}

const wantsYaml = (request: FastifyRequest): boolean => (request.headers.accept ?? "").includes("application/yaml");

/** JSON, or YAML for those who ask for it. By a serializer of our own: else the framework would add a charset. */
function send(request: FastifyRequest, reply: FastifyReply, value: unknown): FastifyReply {
  const [type, text] = wantsYaml(request) ? ["application/yaml", yamlText(value)] : ["application/json", jsonText(value)];
  return reply.header("content-type", type).serializer(asItIs).send(text);
}
const asItIs = (text: unknown): string => text as string;

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const body = errorBody(meant(error));
  if (error instanceof NotLetIn) void reply.headers(error.headers);
  if (body.error.code >= 500)
    log.error({ err: error, method: request.method, path: request.url.split("?")[0] }, "a request failed");
  void send(request, reply.status(body.error.code), body);
}

/** What a VIM says to a client's wish is told with the VIM's status; two requests that meet in the store are a conflict. */
function meant(error: unknown): unknown {
  if (error instanceof Fault && error.code === "VIM_REFUSED") {
    const status = Number(error.about.status ?? 0);
    return status >= 400 && status < 500 && status !== 401 && status !== 403 ? new WireError(status, error.detail) : error;
  }
  const isConstraint = error instanceof Error && /constraint failed/i.test(error.message);
  return isConstraint ? new WireError(409, "another request has changed what this one is about; ask again") : error;
}
