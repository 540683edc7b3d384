import type { TSchema } from "typebox";
import { VERSION } from "../../lib/version.ts";
import type { Columns } from "../query.ts";
import { roleFor } from "./access.ts";
import { error } from "./replies.ts";
import { events } from "./replies-ours.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** OpenAPI 3.1, as far as it is written here. */
export interface OpenApi {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string; readonly description?: string }[];
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
  /** One of these is enough; an empty one: no token is needed. The words are roles, the least that will do. */
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: Content;
}

/** The port that the document is of. */
export interface Served {
  /** Such as `http://127.0.0.1:9080/openvim`. */
  readonly url: string;
  readonly isAdmin: boolean;
  /** Tokens are asked for. */
  readonly isGuarded: boolean;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required?: true;
  readonly description?: string;
  readonly schema: object;
}

type Content = Readonly<Record<string, { readonly schema: object }>>;

const ABOUT = `The API of OpenVIM, with what Sempre adds. Every success has status 200 and a body. Bodies are JSON, or YAML where the
content type (or \`Accept\`) says application/yaml. An error is \`{"error": {"code", "type", "description"}}\` with that status. Lists have
100 rows unless \`limit\` says otherwise. The administrator's port serves the same paths; what only it may do answers 401 on the other, and 403 a
token whose role is too small. The words at an operation's security are roles: the least that will do. A viewer looks, an operator changes what is its
tenant's, an admin may do all.`;

const SCHEMES = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "a token that `sempre token create` made, of a tenant and a role (RFC 6750)",
  },
  xAuthToken: {
    type: "apiKey",
    in: "header",
    name: "X-Auth-Token",
    description: "the same token, as OpenStack's clients send it",
  },
};

/** The document of everything this API serves, from the schemas that check and the table that routes. */
export function openApi(served: Served): OpenApi {
  const components = new Components();
  const all = ROUTES.map((route) => operationOf(route, components));
  const paths: Record<string, Record<string, Operation>> = {};
  for (const { path, method, operation, route } of [...all, ...besides(components)])
    paths[path] = { ...paths[path], [method]: { ...operation, security: securityOf(route, served) } };
  const tags = [...new Set(Object.values(paths).flatMap((p) => Object.values(p).flatMap((o) => o.tags)))];
  return {
    openapi: "3.1.0",
    info: { title: "Sempre VIM", version: VERSION, description: ABOUT.replaceAll("\n", " ") },
    servers: [{ url: served.url }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: { schemas: components.schemas, securitySchemes: SCHEMES },
  };
}

/** From the rule that lets in, so that both say the same. */
function securityOf(route: string | null, { isAdmin, isGuarded }: Served): Operation["security"] {
  if (route === null) return [{}];
  const roles = [roleFor(route, isAdmin)];
  const asked = Object.keys(SCHEMES).map((scheme) => ({ [scheme]: roles }));
  return isGuarded ? asked : [{}, ...asked];
}

/** Schemas with a title stand once in the document, and are referred to. */
class Components {
  readonly schemas: Record<string, object> = {};

  refer(schema: TSchema | object): object {
    const { title } = schema as { title?: string };
    if (title === undefined) return this.#inside(schema);
    this.schemas[title] ??= this.#inside(schema);
    return { $ref: `#/components/schemas/${title}` };
  }

  #inside(schema: object): object {
    const part = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(part);
      return typeof value === "object" && value !== null ? this.refer(value) : value;
    };
    // Of a schema's own members those that hold schemas; `enum`, `const` and the like stay as they are.
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, VALUES.has(key) ? value : part(value)]));
  }
}

const VALUES = new Set(["enum", "const", "required", "default", "examples"]);

interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Omit<Operation, "security">;
  /** As the rules name it; null: it is for everybody. */
  readonly route: string | null;
}

function operationOf(route: Route, components: Components): Placed {
  const [verb, url] = route.is.split(" ") as [string, string];
  const path = url.replace(/:(\w+)/g, "{$1}");
  const operation: Placed["operation"] = {
    operationId: operationId(verb, url),
    summary: route.says,
    ...descriptionOf(route),
    tags: [tagOf(url)],
    parameters: [...pathParameters(url), ...queryParameters(route.asks), ...flagParameters(route.flags)],
    ...(route.takes && { requestBody: { required: true, content: bodies(components.refer(route.takes)) } }),
    responses: responses(route, components),
  };
  return { path, method: verb.toLowerCase(), operation, route: route.is };
}

const operationId = (verb: string, url: string): string =>
  verb.toLowerCase() +
  url
    .split("/")
    .filter((s) => s !== "")
    .map((s) => s.replace(":", "by-").replaceAll(/(^|[-_])(\w)/g, (_, _dash, letter: string) => letter.toUpperCase()))
    .join("");

const ADMIN = { only: "Only on the administrator's port.", sometimes: "Sometimes only on the administrator's port." };
function descriptionOf({ admin, ours }: Route): { description?: string } {
  const said = [admin && ADMIN[admin], ours && "OpenVIM does not have it."].filter((s) => s !== undefined);
  return said.length === 0 ? {} : { description: said.join(" ") };
}

/** The thing that a path is about: its last word that is no parameter and no verb. */
const tagOf = (url: string): string => {
  const words = url.split("/").filter((s) => s !== "" && !s.startsWith(":"));
  return words[0] === "network" ? "networks" : (words[0] ?? "about");
};

const ABOUT_PARAMETER: Readonly<Record<string, string>> = {
  tenant: "a tenant's uuid; `any` on the administrator's port, for everybody's",
  id: "its uuid",
  action: "`attach` or `detach`",
  bindId: "the uuid of the network it is led into; to DELETE, any word",
  copyId: "the uuid of the second one",
  memberId: "of the member",
};

const pathParameters = (url: string): Parameter[] =>
  [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name: name!,
    in: "path",
    required: true,
    ...(ABOUT_PARAMETER[name!] && { description: ABOUT_PARAMETER[name!]! }),
    schema: { type: "string", minLength: 1 },
  }));

function queryParameters(asks: Columns | undefined): Parameter[] {
  if (asks === undefined) return [];
  const columns = [...asks.shown, ...(asks.more ?? [])];
  const field = { type: "array", items: { type: "string", enum: columns } };
  const filter = (name: string): Parameter => ({
    name,
    in: "query",
    description: asks.ignored?.includes(name) ? "taken, and without effect" : "equal, whatever the case; `null`: not set",
    schema: { type: "string" },
  });
  return [
    { name: "field", in: "query", description: "show only these", schema: field },
    {
      name: "limit",
      in: "query",
      description: "at most so many rows; 0: all",
      schema: { type: "integer", minimum: 0, default: 100 },
    },
    ...columns.map(filter),
  ];
}

const flagParameters = (flags: Route["flags"] = {}): Parameter[] =>
  Object.entries(flags).map(([name, description]) => ({
    ...{ name, in: "query", description },
    schema: { type: "boolean", default: false },
  }));

const bodies = (schema: object): Content => ({ "application/json": { schema }, "application/yaml": { schema } });

const REASONS: Readonly<Record<string, string>> = {
  "400": "what was asked is not valid; nothing was changed",
  "401": "no good token came with it; where none is asked for: the administrator's port is needed",
  "403": "the token has too small a role, or is of another tenant",
  "404": "there is no such thing",
  "405": "not in this state",
  "406": "a content type that is neither JSON nor YAML",
  "409": "in conflict with what is there",
  "413": "the body is too large",
  "429": "too many tokens that are none came from this address; wait",
  default: "anything else",
};

/** What a token, or its absence, is answered with: RFC 6750, 3, and RFC 6585, 4. */
const HEADERS: Readonly<Record<string, Response["headers"]>> = {
  "401": { "WWW-Authenticate": { schema: { type: "string" } } },
  "403": { "WWW-Authenticate": { schema: { type: "string" } } },
  "429": { "Retry-After": { schema: { type: "integer" }, description: "seconds" } },
};

function refused(codes: readonly string[], components: Components): Operation["responses"] {
  const content = bodies(components.refer(error));
  const said = (code: string): Response => ({
    description: REASONS[code]!,
    ...(HEADERS[code] && { headers: HEADERS[code] }),
    content,
  });
  return Object.fromEntries(codes.map((code) => [code, said(code)]));
}

function responses(route: Route, components: Components): Operation["responses"] {
  const changes = route.is.startsWith("GET") ? [] : ["405", "409"];
  const more = route.takes ? ["406", "413"] : [];
  return {
    "200": { description: "done", content: bodies(components.refer(route.gives)) },
    ...refused(["400", "401", "403", "404", ...changes, ...more, "429", "default"], components),
  };
}

/** What is served beside the table of routes. */
function besides(components: Components): Placed[] {
  const get = (path: string, summary: string, tag: string, content: Content, parameters: Parameter[] = []): Placed => ({
    path,
    method: "get",
    operation: {
      ...{
        operationId: operationId("GET", path === "/" ? "/root" : path.replaceAll(".", "-")),
        summary,
        tags: [tag],
        parameters,
      },
      responses: { "200": { description: "done", content }, ...(path !== "/" && refused(["401", "403", "429"], components)) },
    },
    route: path === "/" ? null : `GET ${path}`,
  });
  const since: Parameter = {
    ...{ name: "since", in: "query", description: "the number of the last event that is known; left out: from now on" },
    schema: { type: "integer", minimum: 0 },
  };
  const eventContent = { ...bodies(components.refer(events)), "text/event-stream": { schema: { type: "string" } } };
  return [
    get("/", "says that it works", "about", { "text/html": { schema: { type: "string", const: "works" } } }),
    get("/openapi.json", "this document", "about", { "application/json": { schema: { type: "object" } } }),
    get("/docs", "this document as a page", "about", { "text/html": { schema: { type: "string" } } }),
    get("/events", "a page of events, or with `Accept: text/event-stream` all of them as they come", "events", eventContent, [
      since,
    ]),
  ];
}
