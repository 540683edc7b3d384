import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { Fault } from "../../lib/fault.ts";
import type { Caller } from "../../model/token.ts";
import { apiRootOf, withAbsoluteLinks } from "./address.ts";
import { bodyText, checkedJson } from "./body.ts";
import { listing, type Query } from "./list.ts";
import { acceptable, understood } from "./media-type.ts";
import { checkConditions, etagOf, httpDate, isConditional, type State } from "./precondition.ts";
import { FaultWithHeaders } from "./problem.ts";
import { Answer, type BoundRoute, Dated, type SolCall, Stated } from "./route.ts";
import { API_VERSIONS, type ApiName, apiVersionInformation, isApiName, majorOf, versionFor } from "./versions.ts";

export interface SolSettings {
  /** What clients reach us by, such as `https://mano.example.com:9090`; left out: what each request was addressed to. */
  readonly apiRoot?: string | undefined;
  /** Members of a list that one page holds. */
  readonly pageSize: number;
}

/** Who asks: in words for records, and the token. */
export type Asker = (request: FastifyRequest) => { readonly by: string; readonly caller: Caller | null };

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
/** What a route is given in `config`: such a path exists, but not this method of it. Any role may hear that. */
export const NO_METHOD = { noMethod: true } as const;
/** Nor with these: whoever looks what a path takes reads it from `Allow`. */
const NEVER = ["OPTIONS", "TRACE"] as const;
/** The second is what some clients call it. */
const MERGE_PATCH = ["application/merge-patch+json", "application/mergepatch+json"];
const JSON_TYPE = "application/json";

/** Serves tables of SOL routes: what SOL013 asks of every one of them is done here. */
export function serveSol(app: FastifyInstance, routes: readonly BoundRoute[], settings: SolSettings, asker: Asker): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    const serving = new Serving(routes, settings, asker);
    for (const path of new Set(routes.map((r) => pathOf(r.is)))) serving.path(scope, path);
    for (const api of new Set(routes.map((r) => apiOf(r.is)))) serving.versions(scope, api);
    done();
  });
}

const pathOf = (is: string): string => is.split(" ")[1]!;

function apiOf(is: string): ApiName {
  const [, api = "", major] = pathOf(is).split("/");
  if (!isApiName(api) || major !== `v${majorOf(api)}`) throw new Error(`${is} is in no interface that we have: see versions.ts`);
  return api;
}

class Serving {
  readonly #routes: readonly BoundRoute[];
  readonly #settings: SolSettings;
  readonly #asker: Asker;
  /** Conditional changes of one resource go one after the other: else two could see the same state, and both change it. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(routes: readonly BoundRoute[], settings: SolSettings, asker: Asker) {
    this.#routes = routes;
    this.#settings = settings;
    this.#asker = asker;
  }

  /** All methods of one path. */
  path(scope: FastifyInstance, url: string): void {
    const mine = this.#routes.filter((r) => pathOf(r.is) === url);
    const get = mine.find((r) => r.is.startsWith("GET ")) ?? null;
    for (const route of mine) {
      const method = route.is.split(" ")[0] as HTTPMethods;
      scope.route({ method, url, handler: (request, reply) => this.#serve(route, get, request, reply) });
    }
    refuseOthers(
      scope,
      url,
      mine.map((r) => r.is.split(" ")[0]!),
    );
  }

  /** `api_versions` with and without the major version (SOL013 9.3). It asks for no Version: it is where a client learns of them. */
  versions(scope: FastifyInstance, api: ApiName): void {
    for (const url of [`/${api}/api_versions`, `/${api}/v${majorOf(api)}/api_versions`]) {
      scope.get(url, async (request, reply) => {
        acceptable(request.headers.accept, [JSON_TYPE]);
        return sendJson(reply.header("version", API_VERSIONS[api]), apiVersionInformation(api, this.#apiRoot(request)));
      });
      refuseOthers(scope, url, ["GET"]);
    }
  }

  async #serve(route: BoundRoute, get: BoundRoute | null, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const api = apiOf(route.is);
    void reply.header("version", API_VERSIONS[api]); // Of what is refused before it is known which one is meant.
    void reply.header("version", versionFor(api, headerOf(request, "version")));
    const accepted = acceptable(request.headers.accept, route.offers ?? (hasNoBody(route) ? ["*/*"] : [JSON_TYPE]));
    try {
      const call = await this.#callOf(route, request, accepted);
      const value = await this.#done(route, get, call, request);
      return await this.#send(route, call, value, reply);
    } catch (e) {
      if (request.body instanceof Readable) request.body.resume(); // Who still sends reads the answer only then.
      throw e;
    }
  }

  async #callOf(route: BoundRoute, request: FastifyRequest, accepted: string): Promise<SolCall<unknown>> {
    const { params, query } = request as unknown as Pick<SolCall<unknown>, "params" | "query">;
    const stream = request.body instanceof Readable ? request.body : null;
    const takesBody = route.body !== undefined || route.streams === true;
    const contentType = takesBody && stream !== null ? understood(request.headers, takenBy(route)) : "";
    const text = route.streams || route.body === undefined || stream === null ? "" : await bodyText(stream);
    return {
      doors: null,
      params,
      query,
      headers: request.headers as Record<string, string | undefined>,
      body: route.body === undefined ? null : checkedJson(text, route.body),
      stream: route.streams ? stream : null,
      contentType,
      accepted,
      ...this.#asker(request),
      apiRoot: this.#apiRoot(request),
    };
  }

  /** Does it; under a condition, only when the resource is as it asks. */
  async #done(route: BoundRoute, get: BoundRoute | null, call: SolCall<unknown>, request: FastifyRequest): Promise<unknown> {
    if (request.method === "GET" || request.method === "HEAD" || get === null || get.lists || get.offers) return route.does(call);
    const resource = JSON.stringify([pathOf(route.is), call.params]); // However its path is spelled.
    const before = this.#turns.get(resource) ?? Promise.resolve();
    const mine = before
      .catch(() => {}) // Its failure is its caller's.
      .then(async () => {
        if (isConditional(request.headers)) checkConditions(request.headers, stateOf(await get.does(call)));
        return route.does(call);
      });
    this.#turns.set(resource, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(resource) === mine) this.#turns.delete(resource);
    }
  }

  async #send(route: BoundRoute, call: SolCall<unknown>, value: unknown, reply: FastifyReply): Promise<FastifyReply> {
    if (value instanceof Answer)
      return reply
        .status(value.status)
        .headers(value.headers)
        .send(value.body ?? undefined);
    const shown = value instanceof Dated || value instanceof Stated ? value.body : value;
    if (route.location) void reply.header("location", `${call.apiRoot}${route.location(shown)}`);
    void reply.status(route.gives);
    if (hasNoBody(route)) return reply.send();
    if (route.lists) return this.#sendList(route, call, shown as Parameters<typeof listing>[0], reply);
    if (route.is.startsWith("GET ")) {
      const { etag, modifiedAt } = stateOf(value);
      void reply.header("etag", etag);
      if (modifiedAt !== null) void reply.header("last-modified", httpDate(modifiedAt));
    }
    return sendJson(reply, withAbsoluteLinks(shown, call.apiRoot));
  }

  async #sendList(route: BoundRoute, call: SolCall<unknown>, all: Parameters<typeof listing>[0], reply: FastifyReply) {
    const { items, next } = await listing(all, call.query as Query, route.lists!, this.#settings.pageSize);
    if (next !== null) void reply.header("link", `<${call.apiRoot}${pathOf(route.is)}?${next}>; rel="next"`);
    return sendJson(reply, withAbsoluteLinks(items, call.apiRoot));
  }

  #apiRoot(request: FastifyRequest): string {
    const { localAddress, localPort } = request.socket;
    return apiRootOf(this.#settings.apiRoot, {
      protocol: request.protocol,
      host: request.headers.host,
      localAddress,
      localPort,
    });
  }
}

const takenBy = (route: BoundRoute): readonly string[] =>
  route.takes ?? (route.is.startsWith("PATCH ") ? [...MERGE_PATCH, JSON_TYPE] : [JSON_TYPE]);

/** Then any `Accept` will do. */
const hasNoBody = ({ gives }: BoundRoute): boolean => gives === 202 || gives === 204;

function stateOf(value: unknown): State {
  if (value instanceof Dated) return { etag: etagOf(value.body), modifiedAt: value.modifiedAt };
  return { etag: etagOf(value instanceof Stated ? value.state : value), modifiedAt: null };
}

const headerOf = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : value;
};

/** By a serializer of our own: else the framework would add a charset, which JSON has none of (RFC 8259, 11). */
const sendJson = (reply: FastifyReply, value: unknown): FastifyReply =>
  reply.header("content-type", JSON_TYPE).serializer(asItIs).send(JSON.stringify(value));
const asItIs = (text: unknown): string => text as string;

/** 405 with what there is instead, for the methods that a path has not (SOL013 table 6.4-1). */
function refuseOthers(scope: FastifyInstance, url: string, there: readonly string[]): void {
  const allow = METHODS.filter((m) => there.includes(m)).join(", ");
  scope.route({
    method: [...METHODS, ...NEVER].filter((m) => !there.includes(m)),
    url,
    config: NO_METHOD,
    handler: (request) => {
      const path = request.url.split("?")[0]!;
      throw new FaultWithHeaders("NO_SUCH_METHOD", `${path} takes ${allow}, not ${request.method}`, { allow });
    },
  });
}

/** For answers that come about before a route has its turn: `Version` of the interface that a path is in, whatever version was asked for. */
export function versionHeader(path: string): Record<string, string> {
  const api = path.split(/[/?]+/)[1] ?? "";
  return isApiName(api) ? { version: API_VERSIONS[api] } : {};
}

/** Throws NOT_FOUND in the words that all tables use. */
export function notFound(kind: string, id: string, list: string): never {
  throw new Fault("NOT_FOUND", `there is no ${kind} ${id}; GET ${list} lists those there are`, { id });
}
