import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { Callback } from "../../model/subscription.ts";
import { type callbackAuthentication, callbackIn } from "../callback-body.ts";

export interface AskedCallback {
  readonly callback: Callback;
  /** The client certificate of our settings is shown to it. */
  readonly isShownOurCertificate: boolean;
}

/** TLS_CERT without a certificate in the request means the one that was provisioned out of band (SOL013 8.3.4): that of our settings. Throws INVALID. */
export function askedCallback(
  uri: string,
  asked: Static<typeof callbackAuthentication> | undefined,
  hasOurCertificate: boolean,
): AskedCallback {
  const types = asked === undefined ? [] : [asked.authType].flat();
  if (!types.includes("TLS_CERT") || asked?.paramsTls?.certificate !== undefined)
    return { callback: callbackIn(uri, asked), isShownOurCertificate: false };
  if (!hasOurCertificate)
    throw new Fault(
      "INVALID",
      "authentication: TLS_CERT needs a certificate to show: mano.callbacks.clientCertificate in the settings, or paramsTls",
    );
  const others = types.filter((type) => type !== "TLS_CERT");
  const rest = others.length === 0 || asked === undefined ? undefined : { ...asked, authType: others };
  return { callback: callbackIn(uri, rest), isShownOurCertificate: true };
}
