import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { mayAs, ROLES, type Role, type Token } from "../model/token.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import type { TokenBook } from "./token-book.ts";

/** Where clients fetch their access tokens (SOL013, 8.3.3). It asks for a client's secret itself, and so for no token. */
export const TOKEN_ENDPOINT = "/oauth2/token";

export interface OAuth2Parts {
  readonly book: TokenBook;
  readonly access: AccessTokens;
  readonly realm: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Why no token is issued, in the words of RFC 6749, 5.2. */
class Declined extends Error {
  readonly error: "invalid_request" | "invalid_client" | "invalid_scope" | "unsupported_grant_type";

  constructor(error: Declined["error"], description: string) {
    super(description);
    this.error = error;
  }
}

interface Credentials {
  readonly id: string;
  readonly secret: string;
}

/**
 * `POST /oauth2/token`: the client credentials grant (RFC 6749, 4.4). A client is a token of the store: its id, and as secret either its
 * whole text or the part after the id.
 */
export function serveOAuth2(app: FastifyInstance, parts: OAuth2Parts): void {
  const attempts = new FailedAttempts(() => parts.clock.now());
  app.post(TOKEN_ENDPOINT, async (request, reply) => {
    void reply.headers({ "cache-control": "no-store", pragma: "no-cache" }).type("application/json; charset=utf-8");
    try {
      return reply.send(JSON.stringify(await issue(request, parts)));
    } catch (e) {
      if (!(e instanceof Declined)) throw e;
      return decline(e, request, reply, parts, attempts);
    }
  });
}

async function issue(request: FastifyRequest, { book, access }: OAuth2Parts) {
  const form = formIn(request);
  const credentials = credentialsIn(request, form);
  const grant = form.get("grant_type");
  if (grant === null) throw new Declined("invalid_request", "grant_type is missing; want grant_type=client_credentials");
  if (grant !== "client_credentials")
    throw new Declined("unsupported_grant_type", `there is no grant ${grant.slice(0, 80)} here; want client_credentials`);
  const client = await clientOf(credentials, book);
  return access.issue(client, roleIn(form.get("scope"), client.role));
}

function formIn({ headers, body }: FastifyRequest): URLSearchParams {
  const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded" || typeof body !== "string")
    throw new Declined("invalid_request", "want a form: Content-Type: application/x-www-form-urlencoded");
  const form = new URLSearchParams(body);
  const twice = [...new Set(form.keys())].find((key) => form.getAll(key).length > 1);
  if (twice !== undefined) throw new Declined("invalid_request", `${twice.slice(0, 80)} is given more than once`);
  return form;
}

/** RFC 6749, 2.3.1: by Basic authentication, or in the form; one of them. */
function credentialsIn({ headers }: FastifyRequest, form: URLSearchParams): Credentials {
  const { authorization } = headers;
  const [id, secret] = [form.get("client_id"), form.get("client_secret")];
  if (authorization === undefined) {
    if (id === null || secret === null)
      throw new Declined("invalid_client", "want a client's id and secret, by Basic authentication");
    return { id, secret };
  }
  if (secret !== null) throw new Declined("invalid_request", "client_secret is given twice: in the form and by Authorization");
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization) ?? [];
  const [name, ...rest] = Buffer.from(encoded ?? "", "base64")
    .toString("utf8")
    .split(":");
  if (encoded === undefined || rest.length === 0) throw new Declined("invalid_client", "want Authorization: Basic");
  const shown = { id: formDecoded(name!), secret: formDecoded(rest.join(":")) };
  if (id !== null && id !== shown.id) throw new Declined("invalid_request", "client_id is another one than in Authorization");
  return shown;
}

/** Clients encode their id and secret as in a form; many do not: ours hold nothing that would be changed by it. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

async function clientOf({ id, secret }: Credentials, book: TokenBook): Promise<Token> {
  const whole = secret.startsWith("sempre_") ? secret : `sempre_${id}_${secret}`;
  const found = await book.find(whole);
  if (typeof found !== "string" && found.id === id) return found;
  const why =
    found === "expired" ? "this client is good no more: it has expired or was revoked" : "this client is not known here";
  throw new Declined("invalid_client", why);
}

/** The widest role that is asked for; nothing: the client's own. */
function roleIn(scope: string | null, own: Role): Role {
  const asked = (scope ?? "").split(" ").filter((word) => word !== "");
  if (asked.length === 0) return own;
  const unknown = asked.find((word) => !(ROLES as readonly string[]).includes(word));
  if (unknown !== undefined)
    throw new Declined("invalid_scope", `there is no scope ${unknown.slice(0, 80)}; there are ${ROLES.join(", ")}`);
  const widest = ROLES.findLast((role) => asked.includes(role))!;
  if (!mayAs(own, widest)) throw new Declined("invalid_scope", `this client has the role ${own}, and may not be ${widest}`);
  return widest;
}

function decline(
  { error, message }: Declined,
  request: FastifyRequest,
  reply: FastifyReply,
  { realm, log }: OAuth2Parts,
  attempts: FailedAttempts,
): FastifyReply {
  const answer = (status: number, description: string) =>
    reply.status(status).send(JSON.stringify({ error, error_description: description }));
  if (error !== "invalid_client") return answer(400, message);
  const waitMs = attempts.waitOf(request.ip);
  if (waitMs !== null) {
    const seconds = Math.ceil(waitMs / 1_000);
    void reply.header("retry-after", String(seconds));
    return answer(429, `no good client came from ${request.ip} too often; wait ${seconds} s`);
  }
  attempts.failed(request.ip);
  log.warn({ address: request.ip, why: message }, "a client was turned away");
  void reply.header("www-authenticate", `Basic realm="${realm}"`);
  return answer(401, message);
}
