import { Fault } from "../lib/fault.ts";
import type { ControllerSecrets } from "../model/sdn-controller.ts";
import { ControllerHttps } from "./rest-https.ts";
import { tlsWords } from "./tls-words.ts";

/** How to reach a controller and who we are to it. */
export interface ControllerAccess {
  /** In logs and errors. */
  readonly name: string;
  /** Such as `http://10.0.0.1:8181`. */
  readonly url: string;
  /** Null: the controller asks for nobody. */
  readonly user: string | null;
  /** Asked for with each request, so that whoever changes it need not tell us. Never told to anybody but the controller. */
  readonly password: () => string;
  /** A bearer token, in the place of both. */
  readonly token?: () => string | null;
  /** For a `url` that begins with https; left out or null: what this machine believes. */
  readonly tls?: ControllerSecrets | null;
}

export interface RestAnswer {
  readonly status: number;
  /** As JSON where it is that, else the text. */
  readonly body: unknown;
  readonly location: string | null;
}

/** A controller that says nothing for so long is not there; it is asked again a moment later anyway. */
const LIMIT_MS = 5_000;
/** The largest answer believed: a table of ten thousand entries is about 10 MB in the longest of the dialects. */
const ANSWER_BYTES_MAX = 64_000_000;
/** Of an answer that is no JSON, so much is shown. */
const SHOWN_MAX = 300;

/** JSON over HTTP to one controller, on connections that stay open. */
export class ControllerHttp {
  readonly #access: ControllerAccess;
  readonly #limitMs: number;
  readonly #https: ControllerHttps | null;

  constructor(access: ControllerAccess, limitMs = LIMIT_MS) {
    this.#access = access;
    this.#limitMs = limitMs;
    this.#https = access.tls ? new ControllerHttps(access.tls) : null;
  }

  /** Throws CONTROLLER_UNREACHABLE without a whole answer in time, or where it says "not now"; and CONTROLLER_REFUSED for a status that is not among `good`. */
  async ask(method: string, path: string, good: readonly number[], body?: unknown): Promise<RestAnswer> {
    const answer = await this.#once(method, path, body).catch((e: unknown) => {
      // An idle connection that the controller closed in the same moment: every request of ours may be asked twice.
      if (isStale(e)) return this.#once(method, path, body);
      throw e;
    });
    if (good.includes(answer.status)) return answer;
    const what = `it answered ${answer.status}${hint(answer.status)}: ${shown(answer.body)}`;
    throw NOT_NOW.has(answer.status) ? this.#unreachable(method, path, what) : this.refused(method, path, what);
  }

  /** The controller answered, and the answer says no. */
  refused(method: string, path: string, what: string): Fault {
    const { name, url } = this.#access;
    return new Fault("CONTROLLER_REFUSED", `${name}: ${method} ${url}${path}: ${what}`, { controller: name, error: what });
  }

  async #once(method: string, path: string, body: unknown): Promise<RestAnswer> {
    const { url } = this.#access;
    const asking = {
      method,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...this.#authorization(),
      },
      body: body === undefined ? null : JSON.stringify(body),
      redirect: "manual", // Else our password goes wherever it points.
      signal: AbortSignal.timeout(this.#limitMs),
    } as const;
    try {
      const reply = await (this.#https ? this.#https.fetch(`${url}${path}`, asking) : fetch(`${url}${path}`, asking));
      return { status: reply.status, body: parsed(await textOf(reply)), location: reply.headers.get("location") };
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      const why = isLate(cause) ? `no answer within ${this.#limitMs} ms` : reasonOf(cause, this.#https !== null);
      throw this.#unreachable(method, path, why, cause);
    }
  }

  #unreachable(method: string, path: string, why: string, cause?: unknown): Fault {
    const { name, url } = this.#access;
    return new Fault("CONTROLLER_UNREACHABLE", `${name}: ${method} ${url}${path}: ${why}`, { controller: name }, { cause });
  }

  /** RFC 6750, RFC 7617. */
  #authorization(): { authorization: string } | Record<never, never> {
    const { user, password, token } = this.#access;
    const bearer = token?.() ?? null;
    if (bearer !== null) return { authorization: `Bearer ${bearer}` };
    return user === null ? {} : { authorization: `Basic ${Buffer.from(`${user}:${password()}`).toString("base64")}` };
  }
}

/** Of a controller that starts, or of a proxy before one that is not there: asked again later it may say something else. */
const NOT_NOW: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
const hint = (status: number): string =>
  status === 401 || status === 403 ? " (look at the user and the password, or the token, of this controller)" : "";
const isLate = (e: unknown): boolean => e instanceof Error && (e.name === "TimeoutError" || e.name === "AbortError");
const codeOf = (e: unknown): string => String(((e as Error | null)?.cause as { code?: string } | undefined)?.code ?? "");
const isStale = (e: unknown): boolean =>
  e instanceof Fault && ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(e.cause));
const reasonOf = (e: unknown, isTls: boolean): string => {
  const [code, message] = [codeOf(e), e instanceof Error ? e.message : String(e)];
  return (isTls ? tlsWords(code, message) : null) ?? [code, message].filter((t) => t !== "").join(" ");
};

async function textOf(reply: { readonly body: AsyncIterable<Uint8Array> | null }): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of reply.body ?? []) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** For an error: short, whatever the controller sends. */
export const shown = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body)).slice(0, SHOWN_MAX);
