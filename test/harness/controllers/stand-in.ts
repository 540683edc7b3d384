import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SwitchTable } from "./table.ts";

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  /** As JSON; text as it is; undefined: nothing. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export const ok = (body?: unknown): Answer => ({ status: 200, body });

/** What a test may do to a controller. */
export class Faults {
  /** Added to each answer, ms; also to those that are under way. */
  slowMs = 0;
  /** So many of the next requests are answered 503. */
  busy = 0;
  /** Writes that are accepted and have no effect on the switch: "lies on success". */
  isLie: (asked: Asked) => boolean = () => false;
}

/** A controller behind HTTP: it stands in for one that cannot run here, as its sources, its documents and those who ran it say. */
export abstract class StandIn implements AsyncDisposable {
  readonly table: SwitchTable;
  readonly faults = new Faults();
  /** All requests, the oldest first. */
  readonly asked: Asked[] = [];
  /** Null: it asks for nobody. */
  abstract readonly login: { readonly user: string; readonly password: string } | null;
  /** The switch is connected with it. */
  isConnected = true;
  /** In the place of `login`. */
  token: string | null = null;
  #server: Server;
  readonly #listener: RequestListener;

  constructor(table: SwitchTable) {
    this.table = table;
    this.#listener = (request, reply) => {
      void this.#serve(request).then(({ status, body, headers }) => {
        const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
        reply.writeHead(status, { ...(typeof body === "object" ? { "content-type": "application/json" } : {}), ...headers });
        reply.end(text);
      });
    };
    this.#server = createServer(this.#listener);
  }

  /** By TLS only, from when it listens. */
  byTls(options: ServerOptions): this {
    this.#server = createTlsServer(options, this.#listener);
    return this;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** What it remembers is lost, and the switch connects anew. */
  abstract restart(): void;
  /** The switch connects anew: it lost what stood in it, or not. */
  abstract reconnect(isEmpty: boolean): void;

  protected abstract answer(asked: Asked, isLie: boolean): Answer;

  async #serve(request: IncomingMessage): Promise<Answer> {
    const asked: Asked = {
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      body: parsed(await textOf(request)),
    };
    this.asked.push(asked);
    for (const at = performance.now(); performance.now() - at < this.faults.slowMs; ) await sleep(10);
    if (this.faults.busy > 0) {
      this.faults.busy--;
      return { status: 503, body: "Service Unavailable" };
    }
    if (!this.#isKnown(asked)) return { status: 401, body: "" };
    return this.answer(asked, asked.method !== "GET" && this.faults.isLie(asked));
  }

  #isKnown({ headers }: Asked): boolean {
    if (this.token !== null) return headers["authorization"] === `Bearer ${this.token}`;
    if (this.login === null) return true;
    const { user, password } = this.login;
    return headers["authorization"] === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** Undefined: there was nothing; a text that is no JSON stays a text. */
function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
