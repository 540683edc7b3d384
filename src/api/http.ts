import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Fault } from "../lib/fault.ts";

/** The largest request body: a descriptor or a host's topology is some tens of kilobytes. */
const BODY_BYTES_MAX = 4 * 2 ** 20;

/** How a dialect answers what never becomes a request of a route. */
export interface Unrouted {
  /** A path that is no URL, or too long. */
  readonly answer: (error: Error, request: FastifyRequest, reply: FastifyReply) => void;
  /** The body, in JSON, of an answer to what is no HTTP. */
  readonly broken: (status: number, sentence: string) => string;
}

/**
 * A server with what all dialects share: no log of its own, connections that end when it ends, TLS where it is given. Bodies are
 * left as text: each dialect reads its own content types and answers its own errors.
 */
export function makeHttp(tls?: TlsOptions, unrouted?: Unrouted): FastifyInstance {
  const app = Fastify({
    ...(tls && { https: tls }),
    ...(unrouted && {
      frameworkErrors: unrouted.answer,
      clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => refuseBroken(error, socket, unrouted),
    }),
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  }) as FastifyInstance;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  return app;
}

/** Has a guest answer what comes to a host's server at `path` and below it. Before the host listens; the guest never does. */
export async function shareServer(host: FastifyInstance, guest: FastifyInstance, path: string): Promise<void> {
  await Promise.all([host.ready(), guest.ready()]);
  const isGuests = (url: string) => url.startsWith(path) && (url.length === path.length || "/?".includes(url[path.length]!));
  host.server.removeAllListeners("request");
  host.server.on("request", (request, reply) => (isGuests(request.url ?? "") ? guest : host).routing(request, reply));
}

const BROKEN: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "the headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request did not come to its end in time"],
};

/** What Node could not read as HTTP; nothing is told of it but this, and the connection ends. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket, { broken }: Unrouted): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, sentence] = BROKEN[error.code ?? ""] ?? [400, `this is no HTTP: ${error.message}`];
  const body = broken(status, sentence);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/**
 * Listens, and answers the port (a setting of 0 lets the system choose). Throws CONFIG naming the port and the setting to
 * change when somebody else has it.
 */
export async function listenHttp(app: FastifyInstance, at: { host: string; port: number; setting: string }): Promise<number> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code !== "EADDRINUSE" && code !== "EACCES" && code !== "EADDRNOTAVAIL") throw e;
    const why = { EADDRINUSE: "is in use", EACCES: "needs more rights", EADDRNOTAVAIL: "is not an address of this machine" }[
      code
    ];
    throw new Fault(
      "CONFIG",
      `${at.host}:${at.port} ${why}: end the other program or change ${at.setting}`,
      { port: at.port },
      { cause: e },
    );
  }
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : at.port;
}
