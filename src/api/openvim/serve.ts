import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Clock } from "../../lib/clock.ts";
import { CLOCK_HEADER, clockText } from "../../lib/clock-id.ts";
import type { Log } from "../../lib/log.ts";
import { VIM_ID_HEADER } from "../../lib/vim-id.ts";
import { eventPage, sinceOf, streamEvents, wantsStream } from "../event-stream.ts";
import { NotLetIn } from "../gate.ts";
import { makeHttp } from "../http.ts";
import { methodsAt } from "../methods.ts";
import { jsonText, yamlText } from "../reply-text.ts";
import { errorBody, WireError } from "../wire-error.ts";
import { baseOf, callOf } from "./call.ts";
import { serveConsoles } from "./console.ts";
import { Documents } from "./documents.ts";
import type { VimDoors } from "./doors.ts";
import { type Guarded, guard } from "./guard.ts";
import { ROUTES } from "./routes.ts";

const BASE = "/openvim";
const BESIDE = ["", "/events", "/openapi.json", "/docs"].map((path) => ({ method: "GET", url: `${BASE}${path}` }));
const ALL = BESIDE.concat(ROUTES.map(({ is }) => ({ method: is.split(" ")[0]!, url: `${BASE}${is.split(" ")[1]}` })));

/** The OpenVIM API on one port; without a gate whoever reaches a server made with `isAdmin` is the administrator. */
export function serveOpenvim(
  doors: VimDoors,
  isAdmin: boolean,
  { clock, log }: { clock: Clock; log: Log },
  guarded: Guarded = {},
): FastifyInstance {
  const app = makeHttp(guarded.tls, {
    answer: (error, request, reply) => {
      void reply.header("access-control-allow-origin", "*");
      answerError(error, request, reply, log);
    },
    broken: (status, sentence) => jsonText(errorBody(new WireError(status, sentence))),
  });
  app.addHook("onRequest", (_request, { raw }, next) => {
    // On the raw reply, so that an event stream, which writes its own, has them too.
    raw.setHeader("access-control-allow-origin", "*");
    raw.setHeader(CLOCK_HEADER, clockText(clock));
    raw.setHeader(VIM_ID_HEADER, doors.identity);
    next();
  });
  const askerOf = guard(app, doors, { isAdmin, base: BASE, gate: guarded.gate ?? null });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
  app.setNotFoundHandler(answerUnrouted);

  serveConsoles(app, BASE, doors, log);
  app.get(`${BASE}/`, (_request, reply) => reply.type("text/html; charset=UTF-8").send("works"));
  app.get(`${BASE}/events`, async (request, reply) => {
    const { doors: seen, isStillGood } = askerOf(request);
    if (wantsStream(request) && request.method === "GET") return streamEvents(reply, seen.events, sinceOf(request), isStillGood);
    return send(request, reply, { events: await eventPage(seen.events, sinceOf(request)) });
  });
  const documents = new Documents({ isAdmin, isGuarded: guarded.gate !== undefined });
  app.get(`${BASE}/openapi.json`, (request, reply) =>
    wantsYaml(request) ? sendYaml(reply, documents.yaml(baseOf(request))) : sendJson(reply, documents.json(baseOf(request))),
  );
  app.get(`${BASE}/docs`, (request, reply) => reply.type("text/html; charset=UTF-8").send(documents.page(baseOf(request))));
  for (const { is, does } of ROUTES) {
    const [method, url] = is.split(" ") as [HTTPMethods, string];
    app.route({
      method,
      url: `${BASE}${url}`,
      handler: async (request, reply) => send(request, reply, await does(callOf(request, askerOf(request)))),
    });
  }
  return app;
}

/** Nothing is there, or only other methods are; a browser's program asks beforehand (OPTIONS) what it may. */
function answerUnrouted(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split("?")[0]!;
  const allow = methodsAt(ALL, decoded(path)).join(", ");
  if (allow === "") return send(request, reply.status(404), errorBody(new WireError(404, `Not found: '${path}'`)));
  void reply.header("allow", allow);
  if (request.method !== "OPTIONS") return send(request, reply.status(405), errorBody(new WireError(405, "Method not allowed.")));
  void reply.header("access-control-allow-methods", allow).header("access-control-allow-headers", "*");
  return reply.status(200).send();
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** JSON, or YAML for those who ask for it. */
const send = (request: FastifyRequest, reply: FastifyReply, value: unknown): FastifyReply =>
  wantsYaml(request) ? sendYaml(reply, yamlText(value)) : sendJson(reply, jsonText(value));

const wantsYaml = (request: FastifyRequest): boolean => (request.headers.accept ?? "").includes("application/yaml");
const sendYaml = (reply: FastifyReply, text: string): FastifyReply => reply.type("application/yaml").send(text);
// By a serializer of our own: else the framework would add a charset, which JSON has none of (RFC 8259, 11). As bytes it would leave
// in a second piece, behind the headers.
const sendJson = (reply: FastifyReply, text: string): FastifyReply =>
  reply.header("content-type", "application/json").serializer(asItIs).send(text);
const asItIs = (text: unknown): string => text as string;

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const body = errorBody(error);
  if (error instanceof NotLetIn) void reply.headers(error.headers);
  if (body.error.code >= 500)
    log.error({ err: error, method: request.method, path: request.url.split("?")[0] }, "a request failed");
  void send(request, reply.status(body.error.code), body);
}
