import { X509Certificate } from "node:crypto";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { createSecureContext } from "node:tls";
import { VERSION } from "../lib/version.ts";
import type { Callback } from "../model/subscription.ts";
import type { CallbackPolicy } from "./callback-policy.ts";

/** A receiver that is well takes milliseconds; one that keeps a database may take seconds. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Of an answer nothing but its status counts; a longer one is cut. A token is some kilobytes at most. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** A token is not used in the last moments of its life: it has a way to go. */
const TOKEN_MARGIN_MS = 30_000;

/** The subscriber did not accept. The message is for people and holds no secret. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** How long it asks us to wait (`Retry-After`), ms. */
  readonly askedMs: number | null;
  /** It may accept fewer events at once (413). */
  readonly isTooLarge: boolean;

  constructor(why: string, askedMs: number | null = null, options: ErrorOptions & { isTooLarge?: boolean } = {}) {
    super(why, options);
    this.askedMs = askedMs;
    this.isTooLarge = options.isTooLarge ?? false;
  }
}

interface Received {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/**
 * A subscriber's endpoint: one connection, kept open, to where the policy lets us go. Redirects are not followed: they would lead
 * around the policy, and carry the subscriber's secrets to somebody else.
 */
export class Endpoint implements Disposable {
  readonly #callback: Callback;
  readonly #url: URL;
  readonly #policy: CallbackPolicy;
  readonly #now: () => number;
  readonly #agent: HttpAgent;
  #token: { readonly value: string; readonly untilMs: number } | null = null;

  /** `now`: monotonic ms. Throws Error where the certificates of the callback cannot be read. */
  constructor(callback: Callback, policy: CallbackPolicy, now: () => number) {
    this.#callback = callback;
    this.#url = new URL(callback.url);
    this.#policy = policy;
    this.#now = now;
    this.#agent = this.#agentFor(this.#url);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Asks whether a receiver is there (SOL013: GET, answered 204). Throws Refusal. */
  async test(signal: AbortSignal): Promise<void> {
    const { status } = await this.#authorized("GET", null, signal);
    if (status !== 200 && status !== 204) throw refused("GET", status, null);
  }

  /** Resolves when the subscriber has accepted the notification. Throws Refusal. */
  async post(body: string, signal: AbortSignal): Promise<void> {
    const { status, headers } = await this.#authorized("POST", body, signal);
    if (status < 200 || status > 299) throw refused("POST", status, retryAfterMs(headers["retry-after"]));
  }

  async #authorized(method: Sent["method"], body: string | null, signal: AbortSignal): Promise<Received> {
    const send = async () =>
      exchange({ method, url: this.#url, headers: await this.#headers(body, signal), body }, this.#options(this.#url), signal);
    const answer = await send();
    if (answer.status !== 401 || this.#token === null) return answer;
    this.#token = null; // It was taken back before its time.
    return send();
  }

  async #headers(body: string | null, signal: AbortSignal): Promise<Record<string, string>> {
    return {
      "user-agent": `sempre/${VERSION}`,
      accept: "application/json",
      ...(body !== null && { "content-type": "application/json" }),
      ...(await this.#authorization(signal)),
    };
  }

  async #authorization(signal: AbortSignal): Promise<{ authorization?: string }> {
    const { auth } = this.#callback;
    switch (auth?.type) {
      case undefined:
        return {};
      case "BASIC":
        return { authorization: basic(auth.userName, auth.password) };
      case "BEARER":
        return { authorization: `Bearer ${auth.token}` };
      case "OAUTH2_CLIENT_CREDENTIALS":
        return { authorization: `Bearer ${await this.#accessToken(auth, signal)}` };
    }
  }

  /** RFC 6749, 4.4: kept as long as its server says, and without such a word until it is refused. */
  async #accessToken(
    { clientId, clientPassword, tokenEndpoint, scope }: Extract<Callback["auth"], { clientId: string }>,
    signal: AbortSignal,
  ): Promise<string> {
    if (this.#token !== null && this.#now() < this.#token.untilMs) return this.#token.value;
    const url = new URL(tokenEndpoint);
    const form = new URLSearchParams({ grant_type: "client_credentials", ...(scope !== null && { scope }) });
    const agent = this.#agentFor(url);
    try {
      const headers = {
        authorization: basic(formEncoded(clientId), formEncoded(clientPassword)), // RFC 6749, 2.3.1.
        "content-type": "application/x-www-form-urlencoded",
        accept: "application/json",
      };
      const sent = { method: "POST", url, headers, body: String(form) } as const;
      const token = tokenIn(await exchange(sent, { ...this.#options(url), agent }, signal).catch(ofTokenEndpoint));
      this.#token = { value: token.value, untilMs: this.#now() + token.lifeMs - TOKEN_MARGIN_MS };
      return token.value;
    } finally {
      agent.destroy();
    }
  }

  #agentFor(url: URL): HttpAgent {
    const one = { keepAlive: true, maxSockets: 1 };
    if (url.protocol === "http:") return new HttpAgent(one);
    const { ca = null, certificate = null, privateKey = null } = this.#callback.tls ?? {};
    if (ca !== null) new X509Certificate(ca); // OpenSSL overlooks what is none, and would then trust nobody.
    const secureContext = createSecureContext({
      minVersion: "TLSv1.2",
      ...(ca !== null && { ca }),
      ...(certificate !== null && { cert: certificate }),
      ...(privateKey !== null && { key: privateKey }),
    });
    return new HttpsAgent({ ...one, secureContext });
  }

  #options(url: URL): RequestOptions {
    this.#checkAddress(url);
    return { agent: this.#agent, lookup: this.#policy.lookupFor(url) as NonNullable<RequestOptions["lookup"]> };
  }

  #checkAddress(url: URL): void {
    try {
      this.#policy.checkAddress(url);
    } catch (e) {
      throw new Refusal((e as Error).message, null, { cause: e });
    }
  }
}

/** Of half a letter there is no encoding. */
const formEncoded = (text: string): string => encodeURIComponent(text.toWellFormed());
const basic = (name: string, password: string): string => `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;

const refused = (method: string, status: number, askedMs: number | null): Refusal =>
  new Refusal(
    status >= 300 && status < 400
      ? `${method} was answered ${status}, which redirects; redirects are not followed: subscribe with the address it leads to`
      : `${method} was answered ${status}`,
    askedMs,
    { isTooLarge: status === 413 },
  );

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfterMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

function ofTokenEndpoint(e: unknown): never {
  throw e instanceof Refusal ? new Refusal(`token_endpoint: ${e.message}`, e.askedMs, { cause: e }) : e;
}

function tokenIn({ status, text }: Received): { value: string; lifeMs: number } {
  if (status !== 200) throw new Refusal(`token_endpoint: POST was answered ${status}`);
  let answer: { access_token?: unknown; expires_in?: unknown } | null = null;
  try {
    answer = JSON.parse(text);
  } catch {} // Told below: what came may be anything, a secret too.
  const { access_token: value, expires_in: life } = answer ?? {};
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value))
    throw new Refusal("token_endpoint: the answer has no access_token (RFC 6749, 5.1)");
  return { value, lifeMs: typeof life === "number" ? life * 1_000 : Number.POSITIVE_INFINITY };
}

/** One request. Resolves with its answer whatever the status is; throws Refusal where none came in time. */
function exchange(sent: Sent, options: RequestOptions, signal: AbortSignal, mayRepeat = true): Promise<Received> {
  const { method, url, headers, body } = sent;
  return new Promise((settle, fail) => {
    const make = url.protocol === "https:" ? httpsRequest : httpRequest;
    const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const req = make(url, { ...options, method, headers: { ...headers, ...length }, signal });
    const timer = setTimeout(() => req.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)), ANSWER_TIMEOUT_MS);
    req.on("response", (res) => {
      textOf(res, req).then((text) => {
        clearTimeout(timer);
        settle({ status: res.statusCode ?? 0, headers: res.headers, text });
      }, fail);
    });
    req.on("error", (e) => {
      clearTimeout(timer);
      // The receiver closed an idle connection in the same moment; sending twice is allowed.
      if (mayRepeat && req.reusedSocket && !signal.aborted && (e as NodeJS.ErrnoException).code === "ECONNRESET")
        exchange(sent, options, signal, false).then(settle, fail);
      else fail(new Refusal(`${method} got no answer: ${reasonOf(e)}`, null, { cause: e }));
    });
    req.end(body ?? undefined);
  });
}

/** What came of the body: its status has said yes or no already, so a body that breaks off or does not end changes nothing. */
async function textOf(res: IncomingMessage, req: { destroy(): void }): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of res as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > ANSWER_BYTES_MAX) break;
    }
  } catch {
    // As above.
  }
  if (!res.complete) req.destroy();
  return Buffer.concat(chunks).toString();
}

function reasonOf(e: Error): string {
  const { code } = e as NodeJS.ErrnoException;
  if (code?.startsWith("HPE_")) return "what came back is no HTTP";
  return e.message || code || e.name;
}
