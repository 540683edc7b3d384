import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { createSecureContext, type TlsOptions, type Server as TlsServer } from "node:tls";
import { Fault } from "../lib/fault.ts";

/** Where a daemon's certificate is, by path: secrets stand in no settings. */
export interface TlsFiles {
  /** PEM: the certificate, then those between it and its authority. */
  readonly cert: string;
  readonly key: string;
  /** PEM: the authorities whose certificates clients must show (mutual TLS). Left out: they need none. */
  readonly clientCa?: string | undefined;
}

/** Reads them and looks whether they fit together. Throws CONFIG naming the setting, the file and what is wrong with it. */
export function readTls(files: TlsFiles, setting: string): TlsOptions {
  const read = (name: keyof TlsFiles, path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (e) {
      throw new Fault("CONFIG", `${setting}.${name}: ${(e as Error).message}`, { path }, { cause: e });
    }
  };
  const cert = read("cert", files.cert);
  const ca = files.clientCa === undefined ? null : read("clientCa", files.clientCa);
  const options: TlsOptions = {
    minVersion: "TLSv1.2",
    cert,
    key: read("key", files.key),
    ...(ca !== null && { ca, requestCert: true, rejectUnauthorized: true }),
  };
  try {
    new X509Certificate(cert);
    if (ca !== null) new X509Certificate(ca);
    createSecureContext(options);
  } catch (e) {
    const which = Object.values(files).join(", ");
    throw new Fault("CONFIG", `${setting}: ${which} are no certificate and its key: ${(e as Error).message}`, {}, { cause: e });
  }
  return options;
}

/** New connections see the new certificate; those that are open stay. */
export function renewTls(server: Server, options: TlsOptions): void {
  (server as unknown as TlsServer).setSecureContext(options);
}
