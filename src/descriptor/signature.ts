import { fromBER } from "asn1js";
import { Certificate, ContentInfo, SignedData } from "pkijs";
import type { SignatureCheck } from "./csar.ts";

const COMMON_NAME = "2.5.4.3";

/**
 * Checks a CMS signature (RFC 5652, SOL004 4.3.5) over the bytes before it: that whoever has the key of its certificate signed exactly these. Whether that
 * certificate may be believed is another question, which no authority is asked.
 */
export const checkCms: SignatureCheck = async (der, signed, certificate) => {
  try {
    const data = signedDataIn(der);
    if (data === null) return { not: "it is no CMS" };
    if (data.signerInfos.length === 0) return { not: "nobody signed it" };
    if ((data.certificates ?? []).length === 0) {
      const attached = certificate === null ? null : certificateOf(certificate);
      if (attached === null) return { not: "neither it nor the package has the certificate of who signed" };
      data.certificates = [attached];
    }
    const inside = data.encapContentInfo.eContent?.getValue();
    if (inside !== undefined && !Buffer.from(inside).equals(signed)) return { not: "it is about another manifest" };
    const result = await data.verify({ signer: 0, data: bufferOf(signed), checkChain: false, extendedMode: true });
    if (!result.signatureVerified) return { not: "the manifest is not what was signed" };
    return { by: `${nameOf(result.signerCertificate)}, whose certificate was compared with no authority's` };
  } catch (e) {
    return { not: e instanceof Error && e.message !== "" ? e.message : whatIs(e) };
  }
};

function signedDataIn(der: Buffer): SignedData | null {
  const parsed = fromBER(bufferOf(der));
  if (parsed.offset === -1) return null;
  try {
    return new SignedData({ schema: new ContentInfo({ schema: parsed.result }).content });
  } catch {
    return null; // Whatever it is, it is not of that shape.
  }
}

const whatIs = (e: unknown): string => String((e as { message?: string } | null)?.message || "it cannot be read");

function certificateOf(pem: string): Certificate | null {
  const [, body] = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem) ?? [];
  return body === undefined ? null : Certificate.fromBER(bufferOf(Buffer.from(body.replaceAll(/\s/g, ""), "base64")));
}

function nameOf(certificate: Certificate | null | undefined): string {
  const name = certificate?.subject.typesAndValues.find((t) => String(t.type) === COMMON_NAME);
  return name ? `CN=${String(name.value.valueBlock.value)}` : "somebody";
}

/** Exactly these bytes, where a Buffer may be a part of a larger one. */
const bufferOf = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;
