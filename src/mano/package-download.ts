import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { Fault } from "../lib/fault.ts";
import { VERSION } from "../lib/version.ts";
import type { CallbackPolicy } from "../notify/callback-policy.ts";

/** Client credentials of OAuth 2.0 (RFC 6749, 4.4), for the server that a package is downloaded from. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientPassword: string;
  readonly tokenEndpoint: string;
}

const REDIRECTS_MAX = 5;
/** For the first byte of an answer, and between any two. */
const SILENCE_MS_MAX = 60_000;
const TOKEN_BYTES_MAX = 64 * 1024;

/** Throws INVALID for what we do not download from. A name is resolved when it is used. */
export function checkOrigin(policy: CallbackPolicy, uri: string, what: string): URL {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new Fault("INVALID", `${what}: want an http or https URL`);
  if (url.username !== "" || url.password !== "")
    throw new Fault("INVALID", `${what}: a name and password in the URL are seen by everybody; give client credentials`);
  try {
    policy.checkAddress(url);
  } catch (e) {
    throw new Fault("INVALID", `${what}: ${(e as Error).message}`, {}, { cause: e });
  }
  return url;
}

/**
 * What is at a URL, as it comes. Redirects are followed, a bounded number, each only to where the policy lets us go, and never out of TLS; credentials go to
 * the first server only. Throws INVALID with what the server answers, or why it does not.
 */
export async function* download(
  policy: CallbackPolicy,
  uri: string,
  credentials: ClientCredentials | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const token = credentials === null ? null : await tokenOf(policy, credentials, signal);
    const answer = await answerOf(policy, checkOrigin(policy, uri, "addressInformation"), token, signal);
    const length = Number(answer.headers["content-length"] ?? Number.NaN);
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      yield chunk;
    }
    if (!Number.isNaN(length) && bytes !== length) throw new Error(`${bytes} of ${length} bytes came`);
  } catch (e) {
    if (e instanceof Fault || signal.aborted) throw e;
    throw new Fault(
      "INVALID",
      `it cannot be downloaded: ${e instanceof Error ? e.message || String(e) : String(e)}`,
      {},
      { cause: e },
    );
  }
}

async function answerOf(policy: CallbackPolicy, first: URL, token: string | null, signal: AbortSignal): Promise<IncomingMessage> {
  let url = first;
  for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
    const isOwn = url.origin === first.origin;
    const answer = await ask(policy, url, {
      signal,
      headers: { accept: "application/zip, */*", ...(token !== null && isOwn && { authorization: `Bearer ${token}` }) },
    });
    const { statusCode: status = 0, headers } = answer;
    if (status === 200) {
      if (headers["content-type"]?.startsWith("text/html"))
        throw refuse(answer, "the server answers with a page for people (text/html)");
      return answer;
    }
    if (status < 300 || status > 399 || headers.location === undefined) throw refuse(answer, `the server answers ${status}`);
    answer.destroy();
    const next = checkOrigin(policy, new URL(headers.location, url).href, `${url.origin} redirects`);
    if (next.protocol !== "https:" && next.protocol !== url.protocol)
      throw new Error(`${url.origin} sends to a ${next.protocol} URL: want one that is as safe`);
    url = next;
  }
  throw new Error(`more than ${REDIRECTS_MAX} redirects`);
}

function refuse(answer: IncomingMessage, why: string): Error {
  answer.destroy();
  return new Error(why);
}

async function tokenOf(policy: CallbackPolicy, credentials: ClientCredentials, signal: AbortSignal): Promise<string> {
  const { clientId, clientPassword, tokenEndpoint } = credentials;
  const words = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientPassword)}`; // RFC 6749, 2.3.1.
  const headers = {
    authorization: `Basic ${Buffer.from(words).toString("base64")}`,
    "content-type": "application/x-www-form-urlencoded",
    accept: "application/json",
  };
  const url = checkOrigin(policy, tokenEndpoint, "tokenEndpoint");
  const answer = await ask(policy, url, { method: "POST", signal, headers }, "grant_type=client_credentials");
  if (answer.statusCode !== 200) throw refuse(answer, `tokenEndpoint answers ${answer.statusCode}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > TOKEN_BYTES_MAX) throw refuse(answer, "tokenEndpoint answers with no token");
    chunks.push(chunk);
  }
  const token = tokenIn(Buffer.concat(chunks).toString());
  if (token === null) throw new Error("tokenEndpoint: the answer has no access_token (RFC 6749, 5.1)");
  return token;
}

function tokenIn(answer: string): string | null {
  try {
    const { access_token: token } = JSON.parse(answer) as { access_token?: unknown };
    return typeof token === "string" && /^[\x21-\x7e]+$/.test(token) ? token : null;
  } catch {
    return null;
  }
}

/** One request, to an address that the policy lets us go to. Ends when nothing comes for too long. */
function ask(policy: CallbackPolicy, url: URL, options: RequestOptions, body?: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const lookup = policy.lookupFor(url) as NonNullable<RequestOptions["lookup"]>;
  const make = url.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { "user-agent": `sempre/${VERSION}`, ...options.headers };
  const sent = make(url, { ...options, headers, lookup, agent: false, timeout: SILENCE_MS_MAX });
  sent.once("response", resolve);
  sent.on("error", reject);
  sent.once("timeout", () => sent.destroy(new Error(`nothing came for ${SILENCE_MS_MAX / 1_000} s`)));
  sent.end(body);
  return promise;
}
