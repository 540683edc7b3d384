import type { TlsOptions } from "node:tls";
import Fastify, { type FastifyInstance } from "fastify";
import { Fault } from "../lib/fault.ts";

/** The largest request body: a descriptor or a host's topology is some tens of kilobytes. */
const BODY_BYTES_MAX = 4 * 2 ** 20;

/**
 * A server with what all dialects share: no log of its own, connections that end when it ends, TLS where it is given. Bodies are left as text: each
 * dialect reads its own content types and answers its own errors.
 */
export function makeHttp(tls?: TlsOptions): FastifyInstance {
  const app = Fastify({
    ...(tls && { https: tls }),
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
  }) as FastifyInstance;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  return app;
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
