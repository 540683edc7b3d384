import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { VimEvent } from "../../src/model/vim-event.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** It is answered when this is. */
  readonly after?: Promise<unknown>;
  /** What goes out in place of HTTP. */
  readonly raw?: string;
  /** Nothing is ever answered. */
  readonly isSilent?: boolean;
}

interface Tls {
  readonly key: string;
  readonly cert: string;
  /** Clients must show a certificate of this authority. */
  readonly ca?: string;
}

/** A subscriber's server, as real as they come: it listens, and answers as it is told. */
export class Receiver implements AsyncDisposable {
  readonly #server;
  readonly #isTls: boolean;
  /** Everything asked of it, in order. */
  readonly requests: Request[] = [];
  /** Events of the notifications it has accepted, in order, repeats too. */
  readonly events: VimEvent[] = [];
  /** How the next requests are answered. */
  reply: (request: Request) => Reply = () => ({ status: 204 });
  /** Called with each notification before it is answered. */
  onNotification: (events: readonly VimEvent[]) => void = () => {};

  private constructor(tls: Tls | undefined) {
    this.#isTls = tls !== undefined;
    const serve = (req: IncomingMessage, res: ServerResponse) => void this.#serve(req, res).catch(() => res.destroy());
    this.#server = tls
      ? createTlsServer({ ...tls, ...(tls.ca && { requestCert: true, rejectUnauthorized: true }) }, serve)
      : createServer(serve);
  }

  static async start({ port = 0, tls }: { port?: number; tls?: Tls } = {}): Promise<Receiver> {
    const receiver = new Receiver(tls);
    await new Promise<void>((done) => receiver.#server.listen(port, "127.0.0.1", done));
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#isTls ? "https" : "http"}://127.0.0.1:${this.port}/hook`;
  }

  /** Without those that came again. */
  get seqs(): number[] {
    return [...new Set(this.events.map((e) => e.seq))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<unknown>((done) => this.#server.close(done));
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of req.setEncoding("utf8")) text += chunk;
    const request = { method: req.method!, path: req.url!, headers: req.headers, text };
    this.requests.push(request);
    const isNotification = req.method === "POST" && text.startsWith('{"notification"');
    const events = isNotification ? (JSON.parse(text) as { notification: { events: VimEvent[] } }).notification.events : [];
    if (isNotification) this.onNotification(events);
    const { status = 204, headers = {}, body = "", after, raw, isSilent = false } = this.reply(request);
    if (isSilent) return;
    await after;
    if (raw !== undefined) {
      res.socket!.end(raw);
      return;
    }
    if (status < 300) this.events.push(...events);
    res.writeHead(status, headers).end(body);
  }
}
