import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { Fault } from "../lib/fault.ts";
import type { ControllerSecrets } from "../model/sdn-controller.ts";

/** Throws INVALID, and says which of them is wrong. Whether the controller takes them is seen when it is asked. */
export function checkTls({ caCert, clientCert, clientKey }: ControllerSecrets): void {
  checkCertificate("tls.ca_cert", caCert);
  checkCertificate("tls.client_cert", clientCert);
  if (clientCert === null && clientKey !== null)
    throw new Fault("INVALID", "tls.client_key is there without tls.client_cert: give the certificate that it is the key of");
  if (clientCert === null) return;
  if (clientKey === null) throw new Fault("INVALID", "tls.client_cert is there without tls.client_key: give its key, in PEM");
  try {
    createSecureContext({ cert: clientCert, key: clientKey });
  } catch (e) {
    const isOther = /mismatch/.test((e as Error).message);
    const why = isOther
      ? "is not the key of tls.client_cert"
      : "holds no key that can be read: want one in PEM, without a passphrase";
    throw new Fault("INVALID", `tls.client_key ${why}`);
  }
}

function checkCertificate(member: string, pem: string | null): void {
  if (pem === null) return;
  try {
    new X509Certificate(pem);
  } catch {
    throw new Fault("INVALID", `${member} holds no certificate that can be read: want it in PEM (-----BEGIN CERTIFICATE-----)`);
  }
}
