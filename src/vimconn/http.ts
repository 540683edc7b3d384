import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../lib/clock.ts";
import { CLOCK_HEADER } from "../lib/clock-id.ts";
import { Fault } from "../lib/fault.ts";
import { VIM_ID_HEADER, vimIdOf } from "../lib/vim-id.ts";
import { RowCutter } from "./rows.ts";
import { VimSecrets } from "./secrets.ts";
import { VimClock } from "./vim-clock.ts";

/** Sockets kept open between requests: three for an inventory's parallel questions, so one is warm for the change of a bind. */
const FREE_SOCKETS_MAX = 8;
/** Requests in flight at once: a burst of moves goes out whole, a runaway loop does not drown the VIM. */
const SOCKETS_MAX = 64;
/** The largest answer believed: an inventory of ten thousand ports is about 3 MB. */
const ANSWER_BYTES_MAX = 32_000_000;
/** Of a list that are read without a turn of the event loop in between: a millisecond of work. */
const ROWS_BYTES = 32_768;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What is asked for a list. */
export interface ListAnswer extends Answer {
  /** False: it is no such list, and `body` is all that came; else what came beside the rows. */
  readonly isList: boolean;
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly text: string | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** JSON over HTTP to one VIM, on sockets that stay open. */
export class VimHttp implements Disposable {
  readonly #access: VimSecrets;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  readonly #clock: Clock;
  /** What its answers tell of the VIM's clock. */
  readonly vimClock = new VimClock();
  /** What the VIM called itself in its last answer; null: it does not say. */
  vimId: string | null = null;

  constructor(clock: Clock, access: VimSecrets = new VimSecrets(null)) {
    this.#clock = clock;
    this.#access = access;
    this.#http = new HttpAgent(KEPT);
    this.#https = new HttpsAgent({ ...KEPT, ...access.tls });
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * One request and its answer, whatever its status. Starts sending before it returns. Throws VIM_UNREACHABLE when no
   * whole answer came within `timeoutMs`.
   */
  ask(method: string, url: URL, body: unknown, timeoutMs: number, signal?: AbortSignal): Promise<Answer> {
    const text = body === undefined ? null : JSON.stringify(body);
    const read = async (res: IncomingMessage) => ({ status: res.statusCode ?? 0, body: parsed(await readAll(res)) });
    return new Promise((settle, fail) => this.#send({ method, url, text, timeoutMs, signal }, read, settle, fail, true));
  }

  /**
   * A GET of a list, whose rows are handed to `take` as they come, some at a time with turns of the event loop in between: a list of thousands keeps
   * nobody else waiting while it is read. Throws as `ask`.
   */
  list(url: URL, key: string, take: (row: unknown) => void, timeoutMs: number, signal: AbortSignal): Promise<ListAnswer> {
    const read = (res: IncomingMessage) => readList(res, key, take);
    return new Promise((settle, fail) =>
      this.#send({ method: "GET", url, text: null, timeoutMs, signal }, read, settle, fail, true),
    );
  }

  /** A GET whose answer does not end; resolves with the open answer. Its socket is its own. */
  open(url: URL, timeoutMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((settle, fail) => {
      const headers = { accept: "text/event-stream", ...this.#access.headers };
      const askedAt = this.#clock.now();
      const req = requestOf(url)(url, { headers, agent: false, signal, ...this.#access.tls });
      const timer = setTimeout(() => req.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      req.on("response", (res) => {
        clearTimeout(timer);
        if (res.statusCode === 401) this.#access.wereRefused();
        this.#hear(res, askedAt);
        settle(res);
      });
      req.on("error", (e) => {
        clearTimeout(timer);
        fail(unreachable("GET", url, e));
      });
      req.end();
    });
  }

  #send<A extends Answer>(
    asked: Asked,
    read: (res: IncomingMessage) => Promise<A>,
    settle: (a: A) => void,
    fail: (e: Fault) => void,
    mayRepeat: boolean,
  ): void {
    const { method, url, text, timeoutMs, signal } = asked;
    const type = text === null ? {} : { "content-type": "application/json" };
    const headers = { accept: "application/json", ...type, ...this.#access.headers };
    const agent = url.protocol === "https:" ? this.#https : this.#http;
    const askedAt = this.#clock.now();
    const req = requestOf(url)(url, { method, headers, agent, ...(signal && { signal }) });
    const timer = setTimeout(() => req.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    req.on("response", (res) => {
      this.#hear(res, askedAt);
      read(res)
        .then((answer) => {
          if (answer.status === 401) this.#access.wereRefused();
          settle(answer);
        })
        .catch((e: unknown) => fail(unreachable(method, url, e)))
        .finally(() => clearTimeout(timer));
    });
    req.on("error", (e) => {
      clearTimeout(timer);
      // The VIM closed an idle socket in the same moment: it has not read this request, so it is asked once more on a new one.
      if (mayRepeat && wasStale(req, e)) this.#send(asked, read, settle, fail, false);
      else fail(unreachable(method, url, e));
    });
    req.end(text ?? undefined);
  }

  #hear(res: IncomingMessage, askedAt: number): void {
    this.vimId = vimIdOf(res.headers[VIM_ID_HEADER]);
    this.vimClock.heard(res.headers[CLOCK_HEADER], askedAt, this.#clock.now());
  }
}

const KEPT = { keepAlive: true, maxSockets: SOCKETS_MAX, maxFreeSockets: FREE_SOCKETS_MAX, scheduling: "lifo" } as const;
const requestOf = (url: URL) => (url.protocol === "https:" ? httpsRequest : httpRequest);

const wasStale = (req: ClientRequest, e: Error): boolean =>
  req.reusedSocket && ["ECONNRESET", "EPIPE"].includes((e as NodeJS.ErrnoException).code ?? "");

const unreachable = (method: string, url: URL, e: unknown): Fault =>
  new Fault(
    "VIM_UNREACHABLE",
    `${method} ${url.href}: ${e instanceof Error ? e.message || e.name : String(e)}`,
    { url: url.href },
    { cause: e },
  );

async function readAll(res: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(res)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(res: IncomingMessage): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of res as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    yield chunk;
  }
}

async function readList(res: IncomingMessage, key: string, take: (row: unknown) => void): Promise<ListAnswer> {
  const status = res.statusCode ?? 0;
  if (status !== 200) return { status, body: parsed(await readAll(res)), isList: false };
  try {
    return { status, ...(await readRows(res, new RowCutter(key), take)) };
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    return { status, body: e.message, isList: false };
  }
}

async function readRows(
  res: IncomingMessage,
  cutter: RowCutter,
  take: (row: unknown) => void,
): Promise<Omit<ListAnswer, "status">> {
  for await (const chunk of chunksOf(res)) {
    for (let at = 0; at < chunk.length; at += ROWS_BYTES) {
      for (const row of cutter.push(chunk.subarray(at, at + ROWS_BYTES))) take(row);
      await new Promise((go) => setImmediate(go));
    }
  }
  return cutter.end();
}

/** JSON, or the text itself where it is none: a proxy's error page is shown as it is. */
function parsed(bytes: Buffer): unknown {
  const text = bytes.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 500);
  }
}
