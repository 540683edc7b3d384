import type { FastifyRequest } from "fastify";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { type Caller, mayAs, type Role } from "../model/token.ts";
import { FailedAttempts } from "./failed-attempts.ts";

/** Why a request was not let in, for `WWW-Authenticate` (RFC 6750, 3) and `Retry-After`. */
export class NotLetIn extends Fault {
  readonly headers: Readonly<Record<string, string>>;
  /** Who it was, where that is known. */
  readonly caller: Caller | null;

  constructor(
    code: "INVALID" | "UNAUTHENTICATED" | "FORBIDDEN" | "TOO_MANY_ATTEMPTS",
    detail: string,
    headers: Record<string, string>,
    caller: Caller | null = null,
  ) {
    super(code, detail);
    this.headers = headers;
    this.caller = caller;
  }
}

/** Where tokens are known. */
export interface KnownTokens {
  /** Whose a text is; or why it is nobody's. */
  find(text: string): Promise<Caller | "unknown" | "expired">;
  /** Whether who was found before would still be. */
  isGood(caller: Caller): Promise<boolean>;
}

export interface GateParts {
  readonly tokens: KnownTokens;
  /** What is guarded, in a word: `WWW-Authenticate` names it. */
  readonly realm: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Lets in who shows a token that is good for what it asks. */
export class Gate {
  readonly #parts: GateParts;
  readonly #attempts: FailedAttempts;
  /** Requests that showed nothing: no guesses, so they are answered as they are; the log has the first of them. */
  readonly #unasked: FailedAttempts;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#attempts = new FailedAttempts(() => parts.clock.now());
    this.#unasked = new FailedAttempts(() => parts.clock.now());
  }

  /**
   * Who asks. Throws NotLetIn: 401 without a good token, 400 for what cannot be read as one (RFC 6750, 3.1), 403 with one of too small a
   * role, 429 for an address that has shown too many that were none. A good token is let in from there too: nobody can lock others out.
   */
  async admit(request: FastifyRequest, needed: Role): Promise<Caller> {
    const shown = shownBy(request);
    const token = typeof shown === "string" ? shown : await this.#parts.tokens.find(shown.text);
    if (typeof token === "string") throw this.#turnedAway(request, token);
    if (!mayAs(token.role, needed)) throw this.#tooSmall(token, needed);
    return token;
  }

  /** Whether it would still be let in: for answers that do not end. */
  isGood(caller: Caller): Promise<boolean> {
    return this.#parts.tokens.isGood(caller);
  }

  #turnedAway(request: FastifyRequest, why: keyof typeof WHY): NotLetIn {
    const { realm, log } = this.#parts;
    const isGuess = why === "unknown" || why === "expired";
    const attempts = isGuess ? this.#attempts : this.#unasked;
    const waitMs = attempts.waitOf(request.ip);
    if (waitMs === null) {
      attempts.failed(request.ip);
      log.warn({ address: request.ip, method: request.method, path: pathOf(request), why }, "a request was turned away");
    } else if (isGuess) {
      const seconds = Math.ceil(waitMs / 1_000);
      return new NotLetIn("TOO_MANY_ATTEMPTS", `no good token came from ${request.ip} too often; wait ${seconds} s`, {
        "retry-after": String(seconds),
      });
    }
    const { code, error, sentence } = WHY[why];
    return new NotLetIn(code, sentence, { "www-authenticate": `Bearer realm="${realm}"${error && `, error="${error}"`}` });
  }

  #tooSmall(caller: Caller, needed: Role): NotLetIn {
    const header = `Bearer realm="${this.#parts.realm}", error="insufficient_scope"`;
    const why = `it needs the role ${needed}, and this token has ${caller.role}`;
    return new NotLetIn("FORBIDDEN", why, { "www-authenticate": header }, caller);
  }
}

const WHY = {
  missing: {
    code: "UNAUTHENTICATED",
    error: "",
    sentence: "it needs a token: Authorization: Bearer … (sempre token create makes one)",
  },
  malformed: {
    code: "INVALID",
    error: "invalid_request",
    sentence: "Authorization cannot be read; send Authorization: Bearer and one token (RFC 6750, 2.1)",
  },
  unknown: { code: "UNAUTHENTICATED", error: "invalid_token", sentence: "this token is not known here" },
  expired: {
    code: "UNAUTHENTICATED",
    error: "invalid_token",
    sentence: "this token is good no more: it has expired or was revoked",
  },
} as const;

const pathOf = (request: FastifyRequest): string => request.url.split("?")[0]!;

/** Who comes so has shown no token, but what another scheme asks for. */
const OTHER_SCHEMES = /^(basic|digest|negotiate|ntlm) /i;

/** RFC 6750, 2.1, or as OpenStack's clients send it. */
function shownBy({ headers }: FastifyRequest): { readonly text: string } | "missing" | "malformed" {
  const { authorization, "x-auth-token": xAuthToken } = headers;
  const [, token] = /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? "") ?? [];
  const text = token ?? xAuthToken;
  if (typeof text === "string") return { text };
  return authorization === undefined || OTHER_SCHEMES.test(authorization) ? "missing" : "malformed";
}
