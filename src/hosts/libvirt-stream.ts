import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { inTime, openStream } from "./stream.ts";

/** Where a libvirtd listens: on a unix socket of this machine, or for TLS on another one. */
export type LibvirtAt = { readonly socketPath: string } | { readonly tls: LibvirtTls };

/** For the log. */
export const addressOf = (at: LibvirtAt): string => ("tls" in at ? `${at.tls.host}:${at.tls.port} (TLS)` : at.socketPath);

export interface LibvirtTls {
  /** The name or address that its certificate must be for. */
  readonly host: string;
  readonly port: number;
  readonly files: LibvirtTlsFiles;
}

/** Who we are to libvirt, and whose word we believe, as PEM files. Read at each connection: a renewed one counts from the next on. */
export interface LibvirtTlsFiles {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** LIBVIRTD_TLS_PORT. */
export const TLS_PORT = 16_514;

/** Connecting, the TLS handshake and libvirtd's word that our certificate will do, together: a peer that is half open says nothing. */
const OPEN_MAX_MS = 5_000;

/** Throws HOST_UNREACHABLE with a reason that says what to do. The caller owns the socket. */
export async function openLibvirtStream(at: LibvirtAt, clock: Clock): Promise<Socket> {
  if ("socketPath" in at) return openStream({ path: at.socketPath }, "libvirtd");
  const socket = connect({ host: at.tls.host, port: at.tls.port, secureContext: tlsContext(at.tls.files) });
  try {
    await inTime(clock, OPEN_MAX_MS, `a TLS connection to libvirtd at ${place(at.tls)}`, accepted(socket));
    return socket;
  } catch (e) {
    socket.destroy();
    if (e instanceof Fault && e.code === "TIMEOUT") throw unreachable(at.tls, `no answer within ${OPEN_MAX_MS} ms`, e);
    throw unreachable(at.tls, wordsOf(e, at.tls), e);
  }
}

/** Reads our certificate and looks whether it fits. Throws CONFIG naming the file and what is wrong with it. */
export function tlsContext({ caFile, certFile, keyFile }: LibvirtTlsFiles): SecureContext {
  const [ca, cert, key] = [caFile, certFile, keyFile].map(read) as [string, string, string];
  const ours = certificate(certFile, cert);
  certificate(caFile, ca);
  if (Date.parse(ours.validTo) < Date.now())
    throw new Fault("CONFIG", `${certFile}: our certificate for libvirt expired at ${ours.validTo}: want a new one there`);
  try {
    return createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" });
  } catch (e) {
    throw new Fault(
      "CONFIG",
      `${certFile} and ${keyFile} are no certificate and its key: ${(e as Error).message}`,
      {},
      { cause: e },
    );
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (e) {
    throw new Fault("CONFIG", `a certificate for libvirt: ${(e as Error).message}`, { path }, { cause: e });
  }
}

function certificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (e) {
    throw new Fault("CONFIG", `${path} is no certificate in PEM: ${(e as Error).message}`, { path }, { cause: e });
  }
}

/** What libvirtd sends when it has looked at our certificate and takes it (virNetClientSetTLSSession). */
const WELCOME = 1;
/** It ended the connection, or spoke of TLS, after its own certificate was found good: what it does not take is ours. */
const NOT_WELCOME = "NOT_WELCOME";

/** Resolves when both sides have found the other's certificate good. In TLS 1.3 the handshake ends before the server has looked at ours. */
function accepted(socket: TLSSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const notWelcome = (cause?: Error) => reject(Object.assign(new Error(cause?.message ?? "it closed"), { code: NOT_WELCOME }));
  socket.on("error", (e) => (socket.authorized ? notWelcome(e) : reject(e)));
  socket.on("close", () =>
    socket.authorized ? notWelcome() : reject(new Error("it closed the connection during the TLS handshake")),
  );
  const look = () => {
    const byte = (socket.read(1) as Buffer | null)?.[0];
    if (byte === undefined) return;
    if (byte !== WELCOME) return notWelcome();
    socket.removeAllListeners();
    resolve();
  };
  socket.once("secureConnect", () => {
    socket.setNoDelay(true);
    socket.on("readable", look);
  });
  return promise;
}

const place = ({ host, port }: LibvirtTls): string => `${host}:${port}`;
const unreachable = (tls: LibvirtTls, why: string, cause: unknown): Fault =>
  new Fault("HOST_UNREACHABLE", `libvirtd at ${place(tls)}: ${why}`, {}, { cause });

/** What is wrong in words of an operator, and what to do. */
function wordsOf(e: unknown, { host, files }: LibvirtTls): string {
  const { code, message } = e as { code?: string; message: string };
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED): libvirtd must be started with --listen, or virtproxyd-tls.socket be active";
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired: it needs a new one, or one of both clocks is wrong";
    case "CERT_NOT_YET_VALID":
      return "its certificate is not valid yet: look at the clocks of both machines";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is not for ${host}: ${message}`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return `its certificate is of an authority that ${files.caFile} does not have (${code})`;
    case NOT_WELCOME:
      return `it does not take our certificate ${files.certFile}: look at its ca_file and tls_allowed_dn_list, and at its log (${message})`;
    default:
      return message;
  }
}
