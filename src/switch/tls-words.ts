/** Why no TLS connection came about, in words of an operator and with what to do; null: it is about something else. */
export function tlsWords(code: string, message: string): string | null {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired: it needs a new one, or one of both clocks is wrong";
    case "CERT_NOT_YET_VALID":
      return "its certificate is not valid yet: look at the clocks of both machines";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is for somebody else: ${message}`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return `its certificate is of an authority that is not believed (${code}): give its authority as tls.ca_cert of this controller`;
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
    case "EPROTO":
      return `it speaks no TLS there (${code}): take tls away from this controller, or name its port for HTTPS`;
    case "ECONNRESET":
      return "it closed the connection before it answered (ECONNRESET): it may miss a certificate of ours, or not take it; look at tls.client_cert of this controller";
    default:
      return /^ERR_SSL_.*(CERTIFICATE|ALERT|UNKNOWN_CA)/.test(code)
        ? `it does not take our certificate (${code}): look at tls.client_cert of this controller, and at whom it believes`
        : null;
  }
}
