import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";

/** ETSI's own definitions. They stand beside the repository, not in it; SEMPRE_ETSI names another folder. */
const FOLDER = process.env.SEMPRE_ETSI ?? join(import.meta.dirname, "../../../shared/reference/etsi");

/** One request and what was answered. `path`: with the query. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** As a text; "" where there is none. Null: it is no JSON and is not looked into. */
  readonly body: string | null;
}

interface Reply {
  readonly content?: Record<string, { readonly schema?: object }>;
  readonly $ref?: string;
}
interface RequestBody {
  readonly content?: Record<string, { readonly schema?: object }>;
  readonly $ref?: string;
}
interface Operation {
  readonly responses: Record<string, Reply>;
  readonly requestBody?: RequestBody;
}

/** One operation that ETSI describes. */
export interface EtsiOperation {
  readonly method: string;
  /** From the API's root, with `{names}`. */
  readonly path: string;
  /** Of its body, by content type; empty: it has none. */
  readonly bodies: Readonly<Record<string, object>>;
  /** What a `$ref` within the bodies names. */
  readonly resolve: (ref: string) => object;
}
interface Definition {
  readonly name: string;
  readonly servers?: readonly { readonly url: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly responses?: Record<string, Reply>;
    readonly requestBodies?: Record<string, RequestBody>;
    readonly schemas: Record<string, object>;
  };
}

/** Where a definition has by a slip a list of what is one: its text, and SOL002 of the same path, have one. */
const ONE_OF_A_LIST = new Set(["SOL003-VNFLifecycleManagement get /vnf_snapshots/{vnfSnapshotInfoId}"]);

/** Of which specification replies are where two that have the path contradict one another; null: they do not. */
export function oneOfTwo(path: string): string | null {
  if (path.startsWith("/vnfpkgm/v2/vnf_packages")) return "SOL005"; // About checksums; SOL005 is the one that writes.
  return path.startsWith("/vnflcm/v2/vnf_snapshots") ? "SOL003" : null; // About VNFCs of a snapshot; SOL003 is the one that has all of it.
}

/** What SOL013 table 6.4-1 lets every resource answer, whether its definition repeats it or not. */
const ANYWHERE = new Set([400, 401, 403, 404, 405, 406, 412, 413, 414, 415, 416, 422, 429, 500, 503, 504]);

/** Holds what we answer and send against ETSI's OpenAPI definitions. */
export class EtsiDefinitions {
  readonly #definitions: readonly Definition[];
  readonly #ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true, logger: false });
  readonly #compiled = new Map<string, ValidateFunction>();

  private constructor(definitions: readonly Definition[]) {
    this.#definitions = definitions;
    (formats as unknown as (ajv: Ajv) => void)(this.#ajv);
    // ETSI means these by it; ajv-formats' own "url" takes no address of a private net.
    this.#ajv.addFormat("url", (text: string) => URL.canParse(text));
    this.#ajv.addFormat("URI", (text: string) => URL.canParse(text, "http://relative.example"));
    this.#ajv.addFormat("MAC", /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i);
    this.#ajv.addFormat("IP", (text: string) => isIP(text) !== 0);
    for (const definition of definitions) this.#ajv.addSchema(definition, definition.name);
  }

  /** Null where they are not there: a test says so and is skipped. */
  static load(): EtsiDefinitions | null {
    if (!existsSync(FOLDER)) return null;
    const names = readdirSync(FOLDER).filter((f) => f.endsWith(".json"));
    const read = (f: string) => JSON.parse(readFileSync(join(FOLDER, f), "utf8")) as Definition;
    return new EtsiDefinitions(names.map((f) => ({ ...read(f), name: f.replace(/\.json$/, "") })));
  }

  /** All that a server of these definitions is asked; what it asks of others, by notifications, is not among it. */
  operations(): EtsiOperation[] {
    return this.#definitions.filter((d) => !/Notification$|APIVersion$/.test(d.name)).flatMap(operationsOf);
  }

  /** Whether a definition has this path. */
  has(path: string, only = "SOL00"): boolean {
    return this.#definitions.some((d) => d.name.startsWith(only) && templateOf(d, path.split("?")[0]!) !== null);
  }

  /** Everything in which a reply is other than the definitions say that have its path; `only`: those whose names begin so, such as "SOL003". */
  violations(exchange: Exchange, only = "SOL00"): string[] {
    const path = exchange.path.split("?")[0]!;
    const isVersions = path.endsWith("/api_versions");
    const found = this.#definitions.flatMap((d) => {
      const template = d.name.startsWith(only) ? templateOf(d, path) : null;
      return template === null ? [] : [{ d, template }];
    });
    if (found.length === 0) return [`no definition has ${path}`];
    const general = [...(isVersions ? [] : headersWrong(exchange)), ...bodyless(exchange)];
    const having = found.filter(({ d, template }) => exchange.method.toLowerCase() in d.paths[template]!);
    return [
      ...general,
      ...(having.length > 0 ? having : found).flatMap(({ d, template }) => this.#against(d, template, exchange)),
    ];
  }

  /** What is wrong with a structure, such as "NsdOnBoardingNotification" of a file such as "SOL005-NSDManagementNotification". */
  structure(definition: string, schema: string, value: unknown): string[] {
    return this.#validate(`${definition}#/components/schemas/${schema}`, value, `${definition} ${schema}`);
  }

  #against(d: Definition, template: string, { method, status, headers, body }: Exchange): string[] {
    const where = `${d.name} ${method} ${template} ${status}`;
    const operation = d.paths[template]![method.toLowerCase()];
    if (operation === undefined) return status === 405 ? this.#problem(d, where, body, headers) : [`${where}: no such operation`];
    if (status >= 400) {
      const isKnown = ANYWHERE.has(status) || String(status) in operation.responses;
      return [...(isKnown ? [] : [`${where}: no such status`]), ...this.#problem(d, where, body, headers)];
    }
    const reply = operation.responses[status];
    if (reply === undefined) return [`${where}: no such status, but ${Object.keys(operation.responses).join(", ")}`];
    if (body === "" && (status === 202 || status === 204)) return []; // What its texts say; some of its schemas have a body there all the same.
    const [at, content] = this.#contentOf(d, template, method.toLowerCase(), status, reply);
    if (content?.["application/json"]?.schema === undefined || body === null) return [];
    if (!headers.get("content-type")?.startsWith("application/json"))
      return [`${where}: Content-Type ${headers.get("content-type")}`];
    const isOne = ONE_OF_A_LIST.has(`${d.name} ${method.toLowerCase()} ${template}`);
    const value: unknown = JSON.parse(body);
    return this.#validate(`${at}/content/application~1json/schema`, isOne ? [value] : value, where);
  }

  /** Where a reply is described, as a JSON pointer, and its contents. */
  #contentOf(d: Definition, template: string, method: string, status: number, reply: Reply): [string, Reply["content"]] {
    if (reply.$ref === undefined) return [`${d.name}#/paths/${escaped(template)}/${method}/responses/${status}`, reply.content];
    const name = reply.$ref.replace("#/components/responses/", "");
    return [`${d.name}#/components/responses/${escaped(name)}`, d.components.responses?.[name]?.content];
  }

  #problem(d: Definition, where: string, body: string | null, headers: Headers): string[] {
    if (!headers.get("content-type")?.startsWith("application/problem+json"))
      return [`${where}: Content-Type ${headers.get("content-type")}, not application/problem+json`];
    return body === null ? [] : this.#validate(`${d.name}#/components/schemas/ProblemDetails`, JSON.parse(body), where);
  }

  #validate(ref: string, value: unknown, where: string): string[] {
    const validate = this.#compiled.get(ref) ?? this.#ajv.compile({ $ref: ref });
    this.#compiled.set(ref, validate);
    return validate(value) ? [] : validate.errors!.map((e) => `${where}: ${e.instancePath || "the body"} ${e.message}`);
  }
}

function operationsOf(d: Definition): EtsiOperation[] {
  const resolve = (ref: string) =>
    ref
      .split("/")
      .slice(1)
      .reduce((at, key) => (at as Record<string, object>)[key.replaceAll("~1", "/").replaceAll("~0", "~")]!, d as object);
  return Object.entries(d.paths).flatMap(([template, methods]) =>
    METHODS.flatMap((method): EtsiOperation[] => {
      const operation = methods[method];
      if (operation === undefined) return [];
      const { $ref, content } = operation.requestBody ?? {};
      const { content: named } = ($ref === undefined ? {} : resolve($ref)) as RequestBody;
      const bodies = Object.entries(content ?? named ?? {}).map(([type, { schema = {} }]) => [type, schema] as const);
      return [{ method: method.toUpperCase(), path: `${rootOf(d)}${template}`, bodies: Object.fromEntries(bodies), resolve }];
    }),
  );
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

const rootOf = (d: Definition): string => new URL(d.servers?.[0]?.url ?? "http://127.0.0.1/").pathname.replace(/\/$/, "");

const escaped = (key: string): string => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));

/** The template of a definition that a path follows; one without parameters before one with. */
function templateOf(d: Definition, path: string): string | null {
  const root = rootOf(d);
  if (!path.startsWith(`${root}/`)) return null;
  const below = path.slice(root.length);
  const follows = Object.keys(d.paths).filter((t) => {
    const pattern = t.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{artifactPath}", ".+");
    return new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(below);
  });
  return follows.sort((a, b) => a.split("{").length - b.split("{").length)[0] ?? null;
}

function headersWrong({ path, status, headers }: Exchange): string[] {
  const wrong: string[] = [];
  if (!/^\d+\.\d+\.\d+/.test(headers.get("version") ?? "")) wrong.push(`${path} ${status}: no Version in the reply`);
  const location = headers.get("location");
  if (status === 201 && !URL.canParse(location ?? "")) wrong.push(`${path} 201: Location ${location} is no absolute URI`);
  if (location !== null && !URL.canParse(location)) wrong.push(`${path} ${status}: Location ${location} is no absolute URI`);
  return wrong;
}

const bodyless = ({ path, status, body }: Exchange): string[] =>
  (status === 202 || status === 204) && body !== null && body !== "" ? [`${path} ${status}: it has a body`] : [];
